"""The description of a published run."""

from __future__ import annotations

import dataclasses

import pytest
from support import tracked_runs
from support.tracked_runs import Made

from electrode_bench.tracking.describe import description, with_control
from electrode_bench.tracking.store import Store

pytestmark = pytest.mark.xdist_group("tracking")


def text_of(store: Store, made: Made, **changed: str | None) -> str:
    return description(store, *made, **{"run_id": "r1", "control": None, "model_id": None, **changed})


def test_scores_and_data_are_shown(store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    text = text_of(store, (record, source))
    assert text.startswith("### RF@Magpie: Stratified")
    row = record.scores.query("fold == 'all' and target == 'average_voltage' and metric == 'smae'").iloc[0]
    assert f"{row['value']:.2f}" in text
    assert f"± {row['spread']:.2f}" in text
    assert source.data["md5"] in text
    assert "40 electrodes tested" in text
    assert "Mean ± standard deviation over 3 folds." in text


def test_synthetic_data_is_marked(store: Store, made: dict[str, Made]) -> None:
    record, source = made["rf_magpie stratified"]
    assert "**Synthetic data" in text_of(store, (record, source))
    real = dataclasses.replace(source, data=tracked_runs.data(synthetic=False, source="mine.csv"))
    text = text_of(store, (record, real))
    assert "ynthetic" not in text
    assert "mine.csv" in text


def test_the_bootstrap_is_averaged_over_its_largest_size(store: Store, made: dict[str, Made]) -> None:
    text = text_of(store, made["rf_magpie bootstrap"])
    assert "over the repeats of the largest training size: 2 folds of 40 training rows." in text


def test_control_folds_and_model_are_linked(store: Store, made: dict[str, Made]) -> None:
    text = text_of(store, made["rf_magpie stratified"])
    assert "not published on the same data and split; do not compare" in text
    assert "load_model" not in text
    linked = with_control(store, text, "c1")
    assert f"#/experiments/{store.runs}/runs/c1?" in linked
    assert "do not compare" not in linked
    whole = text_of(store, made["rf_magpie stratified"], control="c1", model_id="m1")
    assert f"#/experiments/{store.runs}/runs/c1?" in whole
    assert f"[3 runs in electrodes/folds](#/experiments/{store.folds}/runs?" in whole
    assert '`mlflow.pyfunc.load_model("models:/m1")`' in whole
    assert "this is the control" in text_of(store, made["control stratified"])
