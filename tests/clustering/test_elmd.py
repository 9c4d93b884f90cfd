"""Element mover's distance: against the ElMD package, by hand, and as a metric."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrode_bench.clustering import elmd
from electrode_bench.errors import UserError

_ELEMENTS = sorted(e for e in elmd.scale() if e not in {"D", "T"})
_AMOUNTS = st.one_of(st.integers(1, 20).map(str), st.integers(1, 999).map(lambda k: f"{k / 100:.2f}"))
FORMULAS = st.dictionaries(st.sampled_from(_ELEMENTS), _AMOUNTS, min_size=1, max_size=6).map(
    lambda parts: "".join(e + a for e, a in parts.items())
)


@pytest.fixture(scope="module")
def package() -> Callable[[str, str], float]:
    """The ElMD package (GPL-3), here only as the reference."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
        warnings.filterwarnings("ignore", message="Deprecated call to `pkg_resources", category=DeprecationWarning)
        from ElMD import ElMD
    return lambda a, b: float(ElMD(a).elmd(b))


def test_equals_the_package_on_200_pairs(package: Callable[[str, str], float]) -> None:
    rng = np.random.default_rng(7)
    formulas = ["LiFePO4", "Li3V2(PO4)3", "NaCl", "Li", "Na0.67Ni0.33Mn0.67O2", "YBa2Cu3O6.93"]
    while len(formulas) < 25:
        elements = rng.choice(_ELEMENTS, size=rng.integers(1, 7), replace=False)
        formulas.append("".join(f"{e}{rng.integers(1, 13)}" for e in elements))
    got = elmd.distances(formulas[:20], formulas[-10:])
    expected = [[package(a, b) for b in formulas[-10:]] for a in formulas[:20]]
    np.testing.assert_allclose(got, expected, atol=1e-10)
    assert got.shape == (20, 10)


def test_by_hand() -> None:
    # Places: Li 11, Na 10, O 96, Cl 100. Li -> Na moves all atoms by 1; Li2O -> Na2O two thirds of them by 1;
    # LiCl -> Li2O: shares of Li 1/2 -> 2/3 and of Cl 1/2 -> O 1/3, so 1/6 goes 89 and 1/3 goes 4.
    assert elmd.distances(["Li"], ["Na"])[0, 0] == pytest.approx(1)
    assert elmd.distances(["Li2O"], ["Na2O"])[0, 0] == pytest.approx(2 / 3)
    assert elmd.distances(["LiCl"], ["Li2O"])[0, 0] == pytest.approx(89 / 6 + 4 / 3)
    assert elmd.distances(["LiFePO4"], ["Li4Fe4(PO4)4"])[0, 0] == pytest.approx(0, abs=1e-12)


@settings(deadline=None, max_examples=100)
@given(FORMULAS, FORMULAS, FORMULAS)
def test_is_a_metric(a: str, b: str, c: str) -> None:
    d = elmd.distances([a, b, c])
    assert (np.diag(d) == 0).all()
    assert (d >= 0).all()
    np.testing.assert_array_equal(d, d.T)
    assert d[0, 2] <= d[0, 1] + d[1, 2] + 1e-9
    shares = np.diff(elmd.cumulative([a, b]), axis=1, prepend=0)
    assert (d[0, 1] < 1e-9) == np.allclose(shares[0], shares[1], atol=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.lists(FORMULAS, min_size=1, max_size=12))
def test_sums_equal_those_of_the_matrix(formulas: list[str]) -> None:
    np.testing.assert_allclose(elmd.distance_sums(formulas), elmd.distances(formulas).sum(axis=1), atol=1e-9)


@settings(deadline=None, max_examples=60)
@given(st.lists(FORMULAS, min_size=1, max_size=8, unique=True), st.randoms(use_true_random=False))
def test_mean_representative_is_nearest_to_the_others_in_any_order(formulas: list[str], random: Random) -> None:
    chosen = elmd.mean_representative(formulas)
    sums = dict(zip(formulas, elmd.distances(formulas).sum(axis=1), strict=True))
    assert sums[chosen] == pytest.approx(min(sums.values()), abs=1e-7)
    shuffled = list(formulas)
    random.shuffle(shuffled)
    assert elmd.mean_representative(shuffled) == chosen


def test_mean_representative_by_hand() -> None:
    # Places 10, 11, 72: the middle one; of two, the first by name.
    assert elmd.mean_representative(["Mg", "Na", "Li"]) == "Li"
    assert elmd.mean_representative(["Na", "Li"]) == "Li"
    assert elmd.mean_representative(["Na2O", "Na4O2", "NaO"]) == "Na2O"
    with pytest.raises(ValueError, match="no formula"):
        elmd.mean_representative([])


def test_errors() -> None:
    with pytest.raises(UserError, match=r"element Rf of 'RfO2' has no place on the modified Pettifor scale; leave"):
        elmd.distances(["LiF", "RfO2"])
    with pytest.raises(UserError, match="correct it in the snapshot"):
        elmd.distances(["LiF"], ["Qq"])


def test_the_nearest_is_the_smallest_distance_in_blocks_too() -> None:
    rng = np.random.default_rng(0)
    rows, columns = (np.cumsum(rng.dirichlet(np.ones(5), size=n), axis=1) for n in (1_003, 7))
    np.testing.assert_array_equal(elmd.nearest(rows, columns), elmd.between(rows, columns).min(axis=1))
    assert elmd.nearest(rows[:0], columns).shape == (0,)


def test_a_tree_finds_the_distances_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    elements = ["Li", "Na", "Fe", "Mn", "P", "O", "H"]
    formulas = sorted({"".join(f"{e}{rng.integers(1, 6)}" for e in rng.choice(elements, 3, False)) for _ in range(120)})
    rows, others = elmd.cumulative(formulas[:70]), elmd.cumulative(formulas[60:])
    nearest, nearest_other = elmd.nearest(rows, others), elmd.nearest_other(rows)
    monkeypatch.setattr(elmd, "MOST_PAIRS", 100)
    np.testing.assert_allclose(elmd.nearest(rows, others), nearest, atol=1e-12)
    np.testing.assert_allclose(elmd.nearest_other(rows), nearest_other, atol=1e-12)
    assert (nearest == 0).sum() == 10


def test_the_nearest_among_choices_is_that_of_each_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    rows = np.cumsum(rng.dirichlet(np.ones(5), size=1_103), axis=1)
    parts = [np.arange(3, 700), np.array([0, 499, 500, 1_102]), np.array([], dtype=int)]
    choices = [(part, np.setdiff1d(np.arange(len(rows)), part)[::2]) for part in parts]
    expected = [elmd.nearest(rows[wanted], rows[others]) for wanted, others in choices]
    for found, one in zip(elmd.nearest_among(rows, choices), expected, strict=True):
        np.testing.assert_array_equal(found, one)
    monkeypatch.setattr(elmd, "MOST_PAIRS", 100)
    for found, one in zip(elmd.nearest_among(rows, choices), expected, strict=True):
        np.testing.assert_allclose(found, one, atol=1e-12)
