from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.records import make_run

from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.core.schema import COMPOSITION_ONLY, FORMULA, ID, TARGETS, WITH_PHYSICS
from electrode_bench.errors import UserError
from electrode_bench.evaluation import scores
from electrode_bench.evaluation.metrics import SHOWN

#: Six electrodes whose values make every mean a whole number.
TABLE = pd.DataFrame(
    {
        ID: list("abcdef"),
        "working_ion": list("LLLNNN"),
        FORMULA: ["LiF", "LiCl", "LiBr", "NaF", "NaCl", "NaBr"],
        **{t: [0.0, 2.0, 4.0, 6.0, 8.0, 10.0] for t in TARGETS},
    }
).replace({"working_ion": {"L": "Li", "N": "Na"}})
CLUSTERS = pd.Series([0, 0, 1, 1, -1, -1], index=list("abcdef"), name="cluster")
FOLDS = {
    "stratified": (
        Fold("stratified", "fold-0", ("a", "b", "c"), ("d", "e", "f")),
        Fold("stratified", "fold-1", ("d", "e", "f"), ("a", "b", "c")),
    ),
    "bootstrap": (
        Fold("bootstrap", "n00002-r00", ("a", "f"), ("b", "c", "d", "e")),
        Fold("bootstrap", "n00006-r00", ("a", "a", "b", "b", "c", "c"), ("d", "e", "f")),
        Fold("bootstrap", "n00006-r01", ("d", "d", "e", "e", "f", "f"), ("a", "b", "c")),
    ),
}


def _run(model: str, protocol: str, predict) -> Run:
    truth = TABLE.set_index(ID)
    parts = []
    for fold in FOLDS[protocol]:
        for target in TARGETS:
            y = truth.loc[list(fold.test_ids), target]
            train = truth.loc[list(fold.train_ids), target]
            parts.append(
                pd.DataFrame({ID: y.index, "protocol": protocol, "fold": fold.key, "model": model, "target": target,
                              "y_true": y.to_numpy(), "y_pred": predict(y, train), "y_std": np.nan})
            )  # fmt: skip
    return make_run(pd.concat(parts, ignore_index=True), FOLDS[protocol])


def _runs() -> list[Run]:
    return [
        run
        for protocol in FOLDS
        for run in (
            _run("better", protocol, lambda y, _: y + 1.0),
            _run("control", protocol, lambda y, train: np.full(len(y), train.mean())),
        )
    ]


def _compare(runs: list[Run]) -> scores.Comparison:
    return scores.compare(runs, folds=FOLDS, table=TABLE, clusters=CLUSTERS, seed=0)


def test_the_table_has_one_row_per_run_with_the_control_first() -> None:
    table = _compare(_runs()).tables["table"]
    assert table[["protocol", "model", "title"]].to_numpy().tolist() == [
        ["stratified", "control", "CONTROL"], ["stratified", "better", "BETTER"],
        ["bootstrap", "control", "CONTROL"], ["bootstrap", "better", "BETTER"],
    ]  # fmt: skip
    # Training means 2 and 8, test rows at a distance of 4, 6 and 8 from them.
    assert table["average_voltage/mae"].tolist() == [6, 1, 6, 1]
    assert table["average_voltage/smae"].tolist() == pytest.approx([1, 1 / 6, 1, 1 / 6])
    assert table["average_voltage/mae spread"].tolist() == [0, 0, 0, 0]


def test_the_learning_curve_has_one_point_per_size() -> None:
    curve = _compare(_runs()).tables["learning_curve"]
    of = curve[(curve["model"] == "control") & (curve["metric"] == "mae") & (curve["target"] == "average_voltage")]
    assert of[["n_train", "value", "repeats"]].to_numpy().tolist() == [[2, 2, 1], [6, 6, 2]]


def test_errors_by_group_divide_by_the_control_on_the_same_rows() -> None:
    by_ion = _compare(_runs()).tables["by_ion"].set_index(["protocol", "model", "target", "working_ion"])
    row = by_ion.loc[("stratified", "better", "average_voltage", "Na")]
    assert row.to_dict() == {"mae": 1, "smae": pytest.approx(1 / 6), "bias": 1, "n": 3}
    assert (by_ion.xs("control", level="model")["smae"] == 1).all()
    by_cluster = _compare(_runs()).tables["by_cluster"].set_index(["protocol", "model", "target", "cluster"])
    # Row d (6) lies 4 from its training mean 2, row c (4) lies 4 from 8.
    assert by_cluster.loc[("stratified", "control", "average_voltage", 1), "mae"] == 4
    assert by_cluster.loc[("stratified", "control", "average_voltage", -1), "n"] == 2


def test_the_better_model_is_significantly_better_than_the_control() -> None:
    tables = _compare(_runs()).tables
    row = (
        tables["pairs"]
        .set_index(["protocol", "target", "model", "other"])
        .loc[("stratified", "average_voltage", "better", "control")]
    )
    # Errors 1 and 6 in both folds.
    assert row[["mae", "other_mae", "difference", "relative", "win_rate"]].tolist() == pytest.approx(
        [1, 6, -5, -5 / 6, 1]
    )
    assert row["low"] < -5 < row["high"] < 0
    best = tables["ranking"].query("protocol == 'stratified' and rank == 1")
    assert best[["model", "beats_control", "like_best"]].drop_duplicates().to_numpy().tolist() == [
        ["better", True, True]
    ]
    # Errors that do not fall with the training set: nothing is saved by doubling it.
    laws = tables["power_laws"].set_index(["model", "target"])
    assert laws.loc["better", "saved"].tolist() == pytest.approx([0, 0, 0])
    # Neither the grouped protocol nor leave-one-cluster-out is there.
    assert tables["leakage"].empty
    assert tables["penalties"].empty


def test_dvc_metrics_of_a_run_are_those_of_the_study() -> None:
    metrics = _compare(_runs()).metrics
    assert set(metrics) == {(p, m) for p in FOLDS for m in ("better", "control")}
    assert set(metrics["stratified", "better"]) == set(TARGETS)
    voltage = metrics["stratified", "better"]["average_voltage"]
    assert list(voltage) == [metric.key for metric in SHOWN]
    assert [voltage["mae"], voltage["smae"], voltage["r2"]] == pytest.approx([1, 1 / 6, 1 - 3 / 8])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda _: [], "there is no fitted model to compare; run: dvc repro fit"),
        (
            lambda runs: [run for run in runs if run.model != "control"],
            "bootstrap has no control; stratified has no control",
        ),
        (
            lambda runs: [run for run in runs if (run.model, run.protocol) != ("better", "bootstrap")],
            "better is missing under bootstrap",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(spoil, message: str) -> None:
    with pytest.raises(UserError) as caught:
        _compare(spoil(_runs()))
    assert message in str(caught.value)


def test_the_best_model_has_the_smallest_smae_averaged_over_targets() -> None:
    table = _compare([*_runs(), _run("worse", "stratified", lambda y, _: y + 2.0),
                      _run("worse", "bootstrap", lambda y, _: y + 2.0)]).tables["scores"]  # fmt: skip
    assert scores.best_model(table, "stratified", ["control", "worse", "better"]) == "better"
    assert scores.best_model(table, "stratified", ["control", "worse"]) == "worse"
    assert scores.best_model(table, "stratified", ["control"]) is None


def test_headline_predictions_of_the_bootstrap_are_those_of_the_largest_size() -> None:
    runs = {run.protocol: run for run in _runs() if run.model == "better"}
    assert set(scores.headline_predictions(runs["bootstrap"])["fold"]) == {"n00006-r00", "n00006-r01"}
    pd.testing.assert_frame_equal(scores.headline_predictions(runs["stratified"]), runs["stratified"].predictions)


def test_models_keep_what_they_read_and_are_ranked_together() -> None:
    physics = [run.model_copy(update={"reads": WITH_PHYSICS}) if run.model == "better" else run for run in _runs()]
    tables = _compare(physics).tables
    table = tables["table"]
    assert table.columns[-1] == "reads"
    assert dict(zip(table["model"], table["reads"], strict=True)) == {
        "control": COMPOSITION_ONLY, "better": WITH_PHYSICS,
    }  # fmt: skip
    pd.testing.assert_frame_equal(tables["pairs"], _compare(_runs()).tables["pairs"])
    assert set(tables["ranking"]["model"]) == {"control", "better"}
    # Ceilings are no models.
    assert not set(tables["ceilings"]["ceiling"]) & set(tables["scores"]["model"])


def test_an_electrode_that_is_tested_twice_counts_once_in_its_group() -> None:
    folds = {"grouped": tuple(replace(fold, protocol="grouped") for fold in FOLDS["stratified"])}
    twice = {"grouped": (*folds["grouped"], *(replace(f, key=f"repeat-1-{f.key}") for f in folds["grouped"]))}
    rows = _run("better", "stratified", lambda y, _: y + 1.0).predictions.assign(protocol="grouped")
    again = rows.assign(fold="repeat-1-" + rows["fold"], y_pred=rows["y_true"] + 3.0)
    ion = TABLE.set_index(ID)["working_ion"]
    found = scores.errors_by(pd.concat([rows, again], ignore_index=True), ion, folds=twice, table=TABLE)
    assert set(found["n"]) == {3}
    assert found["mae"].tolist() == pytest.approx([2.0] * 6)
