"""The form in which predictions of test rows are kept, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.schema import ID, SHARE_COLUMNS, SHARE_THRESHOLDS, TARGETS
from electrode_bench.models.base import Prediction, fold_prediction

ROWS = pd.Index(["a", "b"])
VALUES = (0.1, 0.2, 0.25, 1 / 3, 0.4, 0.5, 0.55, 2 / 3, 0.75, 0.85, 0.9, 1.0)


def predicted() -> Prediction:
    return Prediction.of(
        np.arange(6.0).reshape(2, 3),
        None,
        index=ROWS,
        targets=list(TARGETS),
        share=np.array([np.linspace(0, 1, 11), np.full(11, 0.25)]),
        share_values=VALUES,
    )


def test_a_prediction_is_kept_with_its_distribution() -> None:
    kept = fold_prediction(predicted(), ROWS, model="m")
    assert kept.targets[ID].tolist() == ["a", "b"] * 3
    assert kept.targets["y_pred"].tolist() == [0, 3, 1, 4, 2, 5]
    assert kept.share is not None
    assert list(kept.share.columns) == [column for column in SHARE_COLUMNS if column != "fold"]
    assert kept.share.loc[0, "share_at_most_0.15"] == 0
    assert kept.share.loc[1, "share_at_most_0.985"] == 0.25
    assert kept.share_values == VALUES
    without = fold_prediction(replace(predicted(), share=None, share_values=None), ROWS, model="m")
    assert (without.share, without.share_values) == (None, None)
    pd.testing.assert_frame_equal(without.targets, kept.targets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: {"mean": p.mean.iloc[::-1]}, "m must predict gravimetric_capacity, .* for exactly the rows"),
        (lambda p: {"mean": p.mean * np.nan}, "m predicted 6 values that are not finite"),
        (lambda _: {"share": None}, "the share that stands for each of the 12 intervals"),
        (lambda _: {"share_values": None}, "the share that stands for each of the 12 intervals"),
        (lambda _: {"share_values": VALUES[:-1]}, "the share that stands for each of the 12 intervals"),
        (lambda p: {"share": p.share.iloc[::-1]}, "the distribution of the share for exactly the rows"),
        (lambda p: {"share": p.share.iloc[:, ::-1]}, "the distribution of the share for exactly the rows"),
        (lambda p: {"share": p.share * 2}, "falls, or is not within 0 and 1"),
        (lambda p: {"share": p.share * np.nan}, "falls, or is not within 0 and 1"),
        (lambda p: {"share": 1 - p.share}, "falls, or is not within 0 and 1"),
    ],
)
def test_a_wrong_prediction_is_refused(change, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fold_prediction(replace(predicted(), **change(predicted())), ROWS, model="m")


def test_the_thresholds_ascend_within_0_and_1() -> None:
    assert list(SHARE_THRESHOLDS) == sorted({*SHARE_THRESHOLDS})
    assert 0 < SHARE_THRESHOLDS[0] < SHARE_THRESHOLDS[-1] < 1
