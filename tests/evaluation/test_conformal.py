from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from crepes import ConformalRegressor
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from electrode_bench.evaluation.conformal import average, cutoff, votes


def test_the_cutoff_is_the_ninth_of_nine_scores_and_eight_are_too_few() -> None:
    scores = np.arange(1.0, 10.0)
    assert cutoff(scores, np.ones(9), 0.9) == 9.0
    assert cutoff(scores[:8], np.ones(8), 0.9) == math.inf
    assert cutoff(scores, np.ones(9), 0.5) == 5.0
    assert cutoff(np.array([]), np.array([]), 0.5) == math.inf
    # 19 votes: (19 + 1) x 0.95 is 19 exactly, however the product is rounded.
    assert cutoff(np.arange(19.0), np.ones(19), 0.95) == 18.0


def test_rows_of_a_composition_share_one_vote() -> None:
    assert votes(["b", "a", "b", "b"]).tolist() == pytest.approx([1 / 3, 1, 1 / 3, 1 / 3])
    # By hand: 18 compositions with scores of 1 to 18, the last tested twice more with a score of 0. The rank is
    # ceil(19 x 0.9) = 18 votes of 18. Two thirds of the last vote come first, so that the largest score is reached.
    compositions = [*range(1, 19), 18, 18]
    scores = np.array([*np.arange(1.0, 19.0), 0.0, 0.0])
    assert cutoff(scores, votes(pd.Series(compositions, dtype=object)), 0.9) == 18.0
    # With a vote for each row, it would be the 19th of 20 scores.
    assert cutoff(scores, np.ones(20), 0.9) == 17.0


def test_the_average_counts_compositions() -> None:
    assert average(np.array([1.0, 0.0, 0.0]), votes(["a", "b", "b"])) == pytest.approx(0.5)
    assert math.isnan(average(np.array([]), np.array([])))


@given(
    st.lists(st.floats(0, 100), min_size=20, max_size=80),
    st.sampled_from([0.5, 0.8, 0.9]),
)
@settings(max_examples=50, deadline=None)
def test_with_equal_votes_it_is_the_quantile_of_crepes(residuals: list[float], level: float) -> None:
    given_ = np.array(residuals)
    # Where (n + 1) x level is a whole number, crepes rounds 1 - level and takes the next larger residual.
    assume(not math.isclose((len(given_) + 1) * level, round((len(given_) + 1) * level)))
    regressor = ConformalRegressor().fit(residuals=given_)
    ends = regressor.predict_int(y_hat=np.array([0.0]), confidence=level)
    assert ends[0, 1] == pytest.approx(cutoff(given_, np.ones(len(given_)), level))


def test_groups_of_ones_own_are_mondrian_categories_of_crepes() -> None:
    rng = np.random.default_rng(0)
    residuals, group = rng.exponential(size=300), np.array(["Li"] * 165 + ["Na"] * 135)
    regressor = ConformalRegressor().fit(residuals=residuals, bins=group)
    ends = regressor.predict_int(y_hat=np.zeros(2), bins=np.array(["Li", "Na"]), confidence=0.9)
    own = [cutoff(residuals[group == ion], np.ones((group == ion).sum()), 0.9) for ion in ("Li", "Na")]
    assert ends[:, 1].tolist() == pytest.approx(own)


@given(st.integers(2, 60), st.integers(0, 2**31))
@settings(max_examples=40, deadline=None)
def test_it_grows_with_the_level_and_does_not_depend_on_the_order(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, composition = rng.uniform(size=n), rng.integers(0, max(n // 2, 1), n).astype(str)
    vote = votes(composition)
    found = [cutoff(scores, vote, level) for level in (0.5, 0.8, 0.9, 0.95)]
    assert found == sorted(found)
    order = rng.permutation(n)
    assert cutoff(scores[order], votes(composition[order]), 0.8) == pytest.approx(found[1])


def test_new_compositions_are_covered_at_the_level() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        scores = rng.exponential(size=60)
        covered.append(scores[-10:] <= cutoff(scores[:50], np.ones(50), 0.9))
    # 46 of 51 ranks: 0.902, with a standard error of 0.005 over the 400 draws.
    assert np.mean(covered) == pytest.approx(46 / 51, abs=0.015)
