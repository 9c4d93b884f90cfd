from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from electrode_bench.core.schema import SHARE_THRESHOLDS
from electrode_bench.evaluation.share_sets import ShareSets, interval_of

SHARES = np.array([0.1, 0.2, 1 / 3, 0.5, 0.5, 2 / 3, 0.75, 1.0, 1.0])
SETS = ShareSets.learn(SHARES, np.ones(len(SHARES)), predicted=None)


def _cumulative(probability: dict[int, float]) -> np.ndarray:
    row = np.zeros(len(SHARE_THRESHOLDS) + 1)
    row[list(probability)] = list(probability.values())
    return np.cumsum(row)[None, :-1]


def test_the_ends_of_intervals_are_the_shares_of_the_calibration_rows() -> None:
    half, whole = interval_of(np.array([0.5, 1.0]))
    assert (SETS.low[half], SETS.high[half], SETS.low[whole], SETS.high[whole]) == (0.5, 0.5, 1.0, 1.0)
    # No row lies between 0.8 and 0.9: the thresholds.
    assert (SETS.low[9], SETS.high[9]) == (0.8, 0.9)


def test_a_set_holds_the_intervals_that_are_probable_enough_and_those_between() -> None:
    half, whole = interval_of(np.array([0.5, 1.0]))
    outlying = SETS.outlyingness(_cumulative({int(half): 0.3, int(whole): 0.7}), np.array([1.0]))
    assert outlying[0, whole] == 0.0
    # Between 1/2 and 1 nothing is probable, but what lies between belongs to the set.
    assert outlying[0, half:whole].tolist() == pytest.approx([0.7] * (whole - half))
    assert outlying[0, 0] == 1.0
    ends = [SETS.ends(np.array([cut]), outlying) for cut in (0.6, 0.7 + 1e-9)]
    assert [(low[0], high[0]) for low, high in ends] == [(1.0, 1.0), (0.5, 1.0)]
    scores = SETS.score(np.array([1.0, 0.75, 0.5, 0.1]), np.repeat(outlying, 4, axis=0))
    assert scores.tolist() == pytest.approx([0, 0.7, 0.7, 1.0])


def test_a_margin_moves_the_ends_outwards_by_a_factor() -> None:
    whole = interval_of(np.array([1.0]))[0]
    outlying = SETS.outlyingness(_cumulative({int(whole): 1.0}), np.array([1.0]))
    score = SETS.score(np.array([np.exp(0.05)]), outlying, margin=np.array([0.1]))
    assert score.tolist() == pytest.approx([0.5])


def test_without_a_distribution_it_is_learned_from_similar_predictions() -> None:
    share = np.array([1.0] * 90 + [0.5] * 10 + [0.5] * 50)
    predicted = np.array([0.99] * 100 + [0.5] * 50)
    sets = ShareSets.learn(share, np.ones(150), predicted=predicted)
    half, whole = interval_of(np.array([0.5, 1.0]))
    assert sets.distribution is not None
    # 90 and 10 votes, and 2 votes with the distribution of all shares: 0.6 and 0.4.
    assert sets.distribution[whole][whole] == pytest.approx(91.2 / 102)
    assert sets.distribution[whole][half] == pytest.approx(10.8 / 102)
    assert np.sum(sets.distribution, axis=1).tolist() == pytest.approx([1.0] * 12)
    # The most central interval is that of the median, also where the prediction is above the limit.
    assert sets.outlyingness(None, np.array([1.3, 0.5])).argmin(axis=1).tolist() == [whole, half]


@given(
    arrays(float, (3, 11), elements=st.floats(0, 1)),
    st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3),
    st.floats(0, 1),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_a_share_lies_in_the_set_if_and_only_if_its_score_is_at_most_the_cutoff(
    probabilities: np.ndarray, share: list[float], cut: float, wider: bool
) -> None:
    at, outlying = np.array(share), SETS.outlyingness(np.sort(probabilities, axis=1), np.ones(3))
    margin = np.full(3, 0.2) if wider else None
    score = SETS.score(at, outlying, margin=margin)
    low, high = SETS.ends(np.full(3, cut), outlying)
    stretch = np.exp(0.2 * cut) if wider else 1.0
    inside = (at >= low / stretch - 1e-9) & (at <= high * stretch + 1e-9)
    # At the very end, rounding decides.
    clear = np.abs(score - cut) > 1e-6
    assert (inside == (score <= cut))[clear].all()
    assert (low <= high).all()


def test_it_survives_json() -> None:
    learned = ShareSets.learn(SHARES, np.ones(len(SHARES)), predicted=SHARES)
    for sets in (SETS, learned):
        assert ShareSets.from_json(json.loads(json.dumps(sets.to_json()))) == sets
