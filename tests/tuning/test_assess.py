"""Comparisons of the tuned with the configured configuration, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.tuning.assess import CONFIGURED, MEAN, TUNED, comparison_rows, judged

FOLDS = (Fold("grouped", "fold-0", ("c", "d"), ("a", "b")), Fold("grouped", "fold-1", ("a", "b"), ("c", "d")))
#: The training mean is 7 for a and b and 2 for c and d: the control's MAE is 5 in both folds.
TRUTH = pd.DataFrame({target: [1.0, 3.0, 6.0, 8.0] for target in TARGETS}, index=list("abcd"))
FORMULAS = pd.Series(["LiFeO2", "LiCoO2", "LiNiO2", "LiMnO2"], index=list("abcd"))


def _predictions(errors: dict[str, list[float]], folds: tuple[Fold, ...]) -> pd.DataFrame:
    """Predictions with these errors on the test rows, in the order of the folds; every target alike."""
    rows = []
    for model, values in errors.items():
        remaining = iter(values)
        for fold in folds:
            for electrode in fold.test_ids:
                error = next(remaining)
                for target in TARGETS:
                    true = float(TRUTH.loc[electrode, target])
                    rows.append((electrode, fold.protocol, fold.key, model, target, true, true + error, np.nan))
    columns = [ID, "protocol", "fold", "model", "target", "y_true", "y_pred", "y_std"]
    return pd.DataFrame(rows, columns=columns)


def _rows(errors: dict[str, list[float]], folds: tuple[Fold, ...]) -> pd.DataFrame:
    return comparison_rows(_predictions(errors, folds), folds, targets=TRUTH, formulas=FORMULAS, seed=1)


def test_rows_are_those_worked_out_by_hand() -> None:
    rows = _rows({CONFIGURED: [2.0, 2.0, 1.0, 3.0], TUNED: [1.0, 1.0, 1.0, 2.0]}, FOLDS)
    assert list(rows["target"]) == [*TARGETS, MEAN]
    for row in rows.to_dict("records"):
        assert (row["n"], row["folds"]) == (4, 2)
        scale = 5.0 if row["target"] == MEAN else 1.0
        # Means over folds: 2 and 1.25 in the target's unit; the control's is 5.
        assert row["configured_mae"] == pytest.approx(2.0 / scale)
        assert row["tuned_mae"] == pytest.approx(1.25 / scale)
        assert row["difference"] == pytest.approx(-0.75 / scale)
        assert row["relative"] == pytest.approx(-0.375)
        assert row["configured_smae"] == pytest.approx(0.4)
        assert row["tuned_smae"] == pytest.approx(0.25)
        # SMAE of the folds: 0.4 and 0.4, 0.2 and 0.3.
        assert row["configured_spread"] == pytest.approx(0.0)
        assert row["tuned_spread"] == pytest.approx(math.sqrt(0.005))
        assert row["low"] < row["difference"] < row["high"]


def test_one_fold_gives_an_interval_but_no_verdict() -> None:
    rows = _rows({CONFIGURED: [2.0, 3.0], TUNED: [1.0, 1.0]}, FOLDS[:1])
    assert (rows["high"] < 0).all()
    assert rows["p"].isna().all()
    assert rows["tuned_spread"].isna().all()
    assert set(rows["verdict"]) == {"no verdict"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"low": -2.0, "high": -1.0, "p": 0.01}, "better"),
        ({"low": 1.0, "high": 2.0, "p": 0.01}, "worse"),
        ({"low": -2.0, "high": -1.0, "p": 0.2}, "tied"),
        ({"low": -2.0, "high": -1.0, "p": None, "verdict": "better"}, "no verdict"),
        ({"low": None, "high": None, "p": 0.01}, "tied"),
    ],
)
def test_the_verdict_of_a_stored_row_follows_the_one_rule(row: dict[str, Any], expected: str) -> None:
    assert judged([row])["verdict"].tolist() == [expected]


def test_the_verdicts_of_a_comparison_are_corrected_for_all_of_its_rows() -> None:
    rows = [{"low": -2.0, "high": -1.0, "p": p} for p in (0.02, 0.5, 0.6, 0.7)]
    table = judged(rows)
    assert table["p_holm"].tolist() == [0.08, 1.0, 1.0, 1.0]
    assert set(table["verdict"]) == {"tied"}
    assert judged([{**rows[0], "p": 0.012}, *rows[1:]])["verdict"].tolist() == ["better", "tied", "tied", "tied"]
