"""Mutual information is scikit-learn's, the ranking is what a hand computes, and awkward tables are selected from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.feature_selection import mutual_info_regression

from electrode_bench.models.modnet.feature_selection import CrossNMI, imputed, merged, rank, select, target_nmi

SEED = 5


def _information(x: np.ndarray, y: np.ndarray, seed: int = SEED) -> float:
    return float(mutual_info_regression(x[:, None], y, random_state=seed)[0])


def _frame(rows: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(rows, 4)), columns=list("abcd"))
    frame["sum"] = frame["a"] + frame["b"]
    frame["counts"] = rng.poisson(3, rows)
    frame["sparse"] = np.where(rng.random(rows) < 0.3, rng.random(rows), 0.0)
    frame["one value"] = np.where(np.arange(rows) == 7, 1.0, 0.0)
    frame["constant"] = 3.0
    return frame


def test_information_equals_that_of_scikit_learn_normalised() -> None:
    frame = _frame()
    cross = CrossNMI(frame, seed=SEED)
    own = {name: _information(frame[name].to_numpy(), frame[name].to_numpy()) for name in frame}
    np.testing.assert_allclose(cross.entropy[list(own)], list(own.values()), rtol=0, atol=1e-10)
    assert cross.names == ["a", "b", "c", "d", "sum", "counts", "sparse"]

    expected = pd.DataFrame(1.0, index=cross.names, columns=cross.names)
    for i, first in enumerate(cross.names):
        for second in cross.names[i + 1 :]:
            information = _information(frame[first].to_numpy(), frame[second].to_numpy())
            expected.loc[first, second] = expected.loc[second, first] = 2 * information / (own[first] + own[second])
    pd.testing.assert_frame_equal(cross.matrix(), expected, rtol=0, atol=1e-10)
    assert expected.loc["a", "sum"] > 5 * expected.loc["c", "d"]

    target = np.round(frame["sum"].to_numpy(), 1)
    relevance = target_nmi(frame, target, seed=SEED, cross=cross)
    varying = frame.drop(columns="constant")
    information = mutual_info_regression(varying, target, random_state=SEED)
    of_target = _information(target, target)
    by_hand = [2 * i / (of_target + own[name]) for name, i in zip(varying, information, strict=True)]
    np.testing.assert_allclose(relevance[list(varying)], by_hand, rtol=0, atol=1e-10)
    assert relevance.idxmax() == "sum"
    pd.testing.assert_series_equal(target_nmi(frame, target, seed=SEED), relevance)


tied = st.integers(5, 60).flatmap(
    lambda n: st.tuples(
        *[st.lists(st.sampled_from([0, 0, 1, 2, 2.5, -30, 1e4, 1e-3, 7.25]), min_size=n, max_size=n)] * 2
    )
)


@given(columns=tied, seed=st.integers(1, 2**32 - 1))
def test_ties_and_few_rows_also_give_the_numbers_of_scikit_learn(
    columns: tuple[list[float], list[float]], seed: int
) -> None:
    x, y = (np.array(c, dtype=float) for c in columns)
    assume(np.ptp(x) > 0)
    of_x, of_y = _information(x, x, seed), _information(y, y, seed)
    cross = CrossNMI(pd.DataFrame({"x": x, "y": y}), seed=seed)
    np.testing.assert_allclose(cross.entropy[["x", "y"]], [of_x, of_y], rtol=0, atol=1e-10)
    # With almost no information in either, the quotient consists of rounding errors.
    assume(of_x + of_y > 1e-3)
    ours = target_nmi(pd.DataFrame({"x": x}), y, seed=seed)["x"]
    assert ours == pytest.approx(2 * _information(x, y, seed) / (of_x + of_y), rel=0, abs=1e-10)


def test_equal_features_count_once_and_missing_values_are_imputed() -> None:
    frame = _frame()[["a", "b", "counts"]].assign(again=lambda f: f["a"], double=lambda f: 2 * f["a"])
    frame.loc[::5, "b"] = np.nan
    target = frame["a"].to_numpy() ** 3
    relevance = target_nmi(frame, target, seed=SEED)
    # A feature's double is another feature, though imputing scales them to the same numbers.
    assert list(relevance.index) == ["a", "b", "counts", "double"]
    b = frame["b"].to_numpy()
    low, high = np.nanmin(b), np.nanmax(b)
    by_hand = np.where(np.isnan(b), -1.0, (b - low) / (high - low) - 0.5)
    np.testing.assert_allclose(imputed(frame)["b"], by_hand, rtol=0, atol=1e-12)
    pd.testing.assert_frame_equal(imputed(frame[["a"]]), frame[["a"]])


@dataclass
class Table:
    """Redundancy given as numbers."""

    names: list[str]
    values: np.ndarray

    def row(self, position: int) -> np.ndarray:
        return self.values[position]


PAPER = Table(
    list("abcd"), np.array([[1, 0.9, 0.3, 0.05], [0.9, 1, 0.2, 0.1], [0.3, 0.2, 1, 0.6], [0.05, 0.1, 0.6, 1]])
)


def test_the_ranking_matches_a_calculation_by_hand() -> None:
    relevance = pd.Series({"a": 0.9, "b": 0.85, "c": 0.5, "d": 0.1})
    # First a. Then, with p = 4.5 and c = 0: b 0.85 / 0.9^4.5 = 1.37, c 0.5 / 0.3^4.5 = 113, d 0.1 / 0.05^4.5 = 71554.
    # Then, with p = 4.1 and c = 1e-6 and the larger redundancy with a or d: b 1.31, c 0.5 / 0.6^4.1 = 4.06.
    assert rank(relevance, PAPER, number=10) == ["a", "d", "c", "b"]
    assert rank(relevance, PAPER, number=2) == ["a", "d"]
    # Features without information in themselves, or that are not relevant to this target, are not ranked.
    assert rank(pd.Series({"z": 2.0, "c": 0.1, "b": 0.2}), PAPER, number=10) == ["b", "c"]
    assert rank(pd.Series({"z": 2.0}), PAPER, number=10) == []
    # Of the equally relevant, the first in the order of relevance.
    assert rank(pd.Series({"c": 0.5, "a": 0.5}), PAPER, number=10) == ["c", "a"]


def test_the_weights_change_with_the_number_chosen() -> None:
    names = [f"f{i}" for i in range(60)]
    redundancy = np.full((60, 60), 0.5)
    redundancy[-1, :-1] = redundancy[:-1, -1] = 0.6
    np.fill_diagonal(redundancy, 1.0)
    # Better than the others by less than (0.6 / 0.5)^4.5 = 2.3, by more than (0.6 / 0.5)^p once p has fallen:
    # the quotient is 1.5 at p = 2.2, that is n = (2.3 / 0.4)^2.5 = 79, but c = 1e-6 n^3 closes the gap before that.
    score = pd.Series(0.5, index=names).where(pd.Series(names, names) != "f59", 0.75)
    score["f0"] = 0.9
    order = rank(score, Table(names, redundancy), number=60)

    def comes_next(n: int) -> bool:
        p, c = 4.5 - 0.4 * n**0.4, 1e-6 * n**3
        return 0.75 / (0.6**p + c) > 0.5 / (0.5**p + c)

    expected = next(n for n in range(59) if comes_next(n))
    assert 5 < expected < 58
    assert order.index("f59") == expected + 1


def test_features_without_relevance_are_still_ranked() -> None:
    order = rank(pd.Series(0.0, index=list("abcd")), Table(list("abcd"), np.eye(4)), number=4)
    assert sorted(order) == list("abcd")


def test_rankings_are_merged_rank_by_rank() -> None:
    assert merged([["a", "b", "c"], ["b", "d"], ["a", "e", "f", "g"]]) == ["a", "b", "d", "e", "c", "f", "g"]
    assert merged([[], ["x"]]) == ["x"]
    assert merged([]) == []


def _targets(frame: pd.DataFrame) -> np.ndarray:
    return np.stack([frame["a"] ** 3, np.exp(frame["d"])], axis=1)


def _select(frame: pd.DataFrame, targets: np.ndarray, *, number: int = 9, rows: int = 1000, seed: int = 1) -> list[str]:
    return select(frame, targets, number=number, rows=rows, seed=seed)


def test_informative_features_come_first_and_redundant_ones_late() -> None:
    frame = _frame().assign(like_a=lambda f: 2 * f["a"] + 1e-3 * f["c"])
    chosen = _select(frame, _targets(frame), number=20)
    assert set(chosen[:2]) < {"a", "like_a", "d"}
    assert "d" in chosen[:2]
    # A tenth as relevant, but not redundant with the first two.
    assert chosen[2] == "sum"
    assert "constant" not in chosen
    assert "one value" not in chosen
    assert _select(frame, _targets(frame), number=3) == chosen[:3]


def test_the_seed_decides_the_selection_and_the_rows_used() -> None:
    frame = _frame()
    assert _select(frame, _targets(frame)) == _select(frame, _targets(frame))
    some = {tuple(_select(frame, _targets(frame), rows=20, seed=seed)) for seed in range(6)}
    assert len(some) > 1
    assert _select(frame, _targets(frame), rows=20, seed=3) in [list(s) for s in some]
    # With as many rows as there are, none is left out.
    assert _select(frame, _targets(frame), rows=120) == _select(frame, _targets(frame), rows=10**6)


def test_rows_that_were_not_drawn_do_not_matter() -> None:
    frame = _frame(60)
    targets = _targets(frame)
    chosen = _select(frame, targets, rows=30)
    irrelevant = 0
    for row in range(10):
        other = targets.copy()
        other[row] = 1e3
        irrelevant += _select(frame, other, rows=30) == chosen
    assert irrelevant >= 2


@pytest.mark.parametrize("rows", [1, 2, 4, 6])
def test_too_few_rows_for_an_estimate_select_all_varying_features(rows: int) -> None:
    frame = _frame(rows)
    expected = [c for c in frame if np.ptp(frame[c]) > 0] or list(frame)
    assert _select(frame, _targets(frame)) == expected


def test_features_with_missing_values_can_be_selected() -> None:
    frame = _frame().assign(empty=np.nan, gaps=lambda f: f["c"].where(f["d"] > 0))
    chosen = _select(frame, _targets(frame))
    assert "empty" not in chosen
    # It is missing where d is not positive.
    assert {"a", "d", "gaps"} <= set(chosen)


def test_a_constant_target_has_no_influence() -> None:
    frame = _frame()
    targets = _targets(frame)
    only = _select(frame, targets[:, :1])
    assert _select(frame, np.column_stack([targets[:, 0], np.full(len(frame), 3.0)])) == only
    assert _select(frame, np.zeros((len(frame), 2))) == [c for c in frame if c != "constant"]


def test_features_that_are_constant_in_the_rows_used() -> None:
    frame = pd.DataFrame({"a": np.zeros(400), "b": np.ones(400)})
    frame.loc[0, "a"] = 1.0
    target = np.random.default_rng(0).normal(size=(400, 1))
    assert {tuple(_select(frame, target, rows=10, seed=s)) for s in range(5)} == {("a",)}
    assert _select(frame[["b"]], target) == ["b"]
