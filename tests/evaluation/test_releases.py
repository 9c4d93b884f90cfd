"""Errors on the electrodes of two releases, against numbers computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from support.records import make_run

from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation.releases import COLUMNS, column, rescored

#: The old release has a, b, c; the new one A, B and D, where A and B are a and b with labels 1 higher.
OLD = pd.DataFrame({key: [0.0, 4.0, 20.0] for key in TARGETS}, index=["a", "b", "c"])
NEW = pd.DataFrame({key: [1.0, 5.0, 30.0] for key in TARGETS}, index=["A", "B", "D"])
PAIRS = pd.DataFrame({"old": ["a", "b"], "new": ["A", "B"]})
FORMULAS = pd.Series(["LiF", "LiCl", "LiBr"], index=["A", "B", "D"])


def run(model: str, labels: pd.DataFrame, predict: Callable[[pd.Series], object], *, repeats: int = 1) -> Run:
    """A model under grouped folds, each of which tests one electrode."""
    folds, parts = [], []
    for repeat in range(repeats):
        for name in labels.index:
            train = tuple(other for other in labels.index if other != name)
            folds.append(Fold("grouped", f"{repeat}-{name}", train, (name,)))
            for target in TARGETS:
                y = labels.loc[[name], target]
                parts.append(
                    pd.DataFrame({ID: [name], "protocol": "grouped", "fold": folds[-1].key, "model": model,
                                  "target": target, "y_true": y.to_numpy(), "y_pred": predict(y) + repeat,
                                  "y_std": np.nan})
                )  # fmt: skip
    return make_run(pd.concat(parts, ignore_index=True), folds)


def scores(old: list[Run], new: list[Run]) -> pd.DataFrame:
    return rescored({"old": old, "new": new}, PAIRS, {"old": OLD, "new": NEW}, FORMULAS)


def test_both_results_are_scored_against_both_labels_on_the_electrodes_of_both() -> None:
    # The old model is 2 above its labels, the new one 0.5 below its own.
    old = [run("control", OLD, lambda y: y * 0 + 2), run("m", OLD, lambda y: y + 2)]
    new = [run("control", NEW, lambda y: y * 0 + 3), run("m", NEW, lambda y: y - 0.5)]
    found = scores(old, new)
    assert list(found.columns) == list(COLUMNS)
    assert list(found["n"]) == [2] * 6
    row = found[(found["model"] == "m") & (found["target"] == "average_voltage")].iloc[0]
    maes = {("old", "old"): 2.0, ("old", "new"): 1.0, ("new", "old"): 0.5, ("new", "new"): 0.5}
    # The controls: 2 against 0 and 4; 3 against 1 and 5, and the other labels.
    controls = {("old", "old"): 2.0, ("old", "new"): 2.0, ("new", "old"): 2.0, ("new", "new"): 2.0}
    for sides, mae in maes.items():
        assert row[column("mae", *sides)] == pytest.approx(mae)
        assert row[column("smae", *sides)] == pytest.approx(mae / controls[sides])
    assert row["difference"] == pytest.approx(0.5 - 1.0)
    assert row["low"] <= row["difference"] <= row["high"]
    control = found[found["model"] == "control"]
    assert (control[[column("smae", s, s) for s in ("old", "new")]] == 1).all(axis=None)


def test_an_electrode_that_is_tested_twice_counts_once() -> None:
    once = scores([run("m", OLD, lambda y: y + 1)], [run("m", NEW, lambda y: y + 1)])
    twice = scores([run("m", OLD, lambda y: y + 1, repeats=2)], [run("m", NEW, lambda y: y + 1)])
    assert list(twice["n"]) == list(once["n"]) == [2, 2, 2]
    assert twice[column("mae", "old", "old")].tolist() == pytest.approx([1.5] * 3)
    # Without a control there is no scaled error.
    assert once[column("smae", "old", "old")].isna().all()


def test_runs_of_one_side_only_are_left_out() -> None:
    found = scores([run("m", OLD, lambda y: y), run("old", OLD, lambda y: y)], [run("m", NEW, lambda y: y)])
    assert set(found["model"]) == {"m"}
    assert scores([run("old", OLD, lambda y: y)], [run("m", NEW, lambda y: y)]).empty


def test_nothing_in_common_is_no_row() -> None:
    runs = {"old": [run("m", OLD, lambda y: y)], "new": [run("m", NEW, lambda y: y)]}
    assert rescored(runs, PAIRS.iloc[:0], {"old": OLD, "new": NEW}, FORMULAS).empty
