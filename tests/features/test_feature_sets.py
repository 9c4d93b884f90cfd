"""Features against matminer, by hand, and their errors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matminer.featurizers.composition import ElementProperty
from matminer.utils.data import MagpieData
from pymatgen.core import Composition, Element

from electrode_bench.core.artifacts import round_significant
from electrode_bench.core.schema import TABLE_COLUMNS
from electrode_bench.data.chemistry import canonical
from electrode_bench.errors import UserError
from electrode_bench.features import COMPOSITION_COLUMNS, FEATURE_SETS, featurize
from electrode_bench.features.composition import amounts, element_table
from electrode_bench.features.magpie import PROPERTIES, elements
from electrode_bench.features.magpie import compute as magpie

VARIED = [
    "Li",  # one element: no spread
    "LiFePO4",
    "Li3V2(PO4)3",
    "Na0.67Ni0.33Mn0.67O2",
    "Li0.333NbO2",
    "Li1.2Mn0.54Ni0.13Co0.13O2",
    "MgMnO2",
    "KFeMn(CN)6",
    "LiCoNiMn",  # four elements tie for the mode
    "LiF",  # two tie
    "Ca2Mn2O2F2",
    "Li10.0001Fe10O10",  # within the tolerance of a tie
    "Li10.01Fe10O10",  # outside it
    "HeNeArXe",  # properties missing from the table
    "AtRnFr",
    "LrRfOg2",
    "Al0.01Zn99.99",
    "LiNaKRbCsMgCaZn",
    "Li7La3Zr2O12",
    "YBa2Cu3O6.93",
    "CoNi",  # neighbours, close in all properties
]


@pytest.fixture(scope="module")
def matminer() -> ElementProperty:
    return ElementProperty.from_preset("magpie")


def test_the_table_is_matminers() -> None:
    properties = MagpieData(impute_nan=True).all_elemental_props
    expected = pd.DataFrame({name: properties[name] for name in PROPERTIES}, dtype=np.float64)
    pd.testing.assert_frame_equal(elements(), expected, check_exact=True)


def test_magpie_equals_matminer_on_varied_formulas(matminer: ElementProperty) -> None:
    expected = np.array([matminer.featurize(Composition(f)) for f in VARIED], dtype=float)
    got = magpie(VARIED)
    assert list(got.columns) == matminer.feature_labels()
    assert list(got.index) == VARIED
    np.testing.assert_allclose(got.to_numpy(), expected, rtol=1e-12, atol=1e-9)
    # To files go 12 digits (a melting point of 1234.5 K keeps 8 decimals) of reduced formulas.
    reduced = np.array([matminer.featurize(Composition(canonical(f))) for f in VARIED], dtype=float)
    np.testing.assert_allclose(_features(VARIED, "magpie").to_numpy(), reduced, rtol=1e-9, atol=1e-9)


_ELEMENTS = sorted(str(e) for e in element_table("mat2vec").index)
_AMOUNTS = st.one_of(
    st.integers(1, 30).map(str), st.integers(1, 9999).map(lambda k: f"{k / 1000:.3f}"), st.sampled_from(["1", "0.5"])
)
FORMULAS = st.dictionaries(st.sampled_from(_ELEMENTS), _AMOUNTS, min_size=1, max_size=8).map(
    lambda parts: "".join(e + a for e, a in parts.items())
)


@settings(deadline=None, max_examples=100)
@given(formulas=st.lists(FORMULAS, min_size=1, max_size=3, unique=True))
def test_magpie_equals_matminer_on_any_composition(matminer: ElementProperty, formulas: list[str]) -> None:
    expected = np.array([matminer.featurize(Composition(f)) for f in formulas], dtype=float)
    np.testing.assert_allclose(magpie(formulas).to_numpy(), expected, rtol=1e-12, atol=1e-9)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(FORMULAS, min_size=2, max_size=6, unique=True),
    st.sampled_from(["magpie", "mat2vec", "elements", "modnet"]),
)
def test_a_row_depends_on_its_formula_alone(formulas: list[str], name: str) -> None:
    # To the bit: otherwise the cache would change numbers.
    together = FEATURE_SETS[name].compute(formulas)
    alone = FEATURE_SETS[name].compute(formulas[-1:])
    assert together.iloc[-1].to_numpy().tobytes() == alone.iloc[0].to_numpy().tobytes()


def test_magpie_by_hand() -> None:
    # Li2O: atomic numbers 3, 3, 8.
    row = magpie(["Li2O"]).iloc[0]
    mean = (3 + 3 + 8) / 3
    expected = {
        "minimum": 3,
        "maximum": 8,
        "range": 5,
        "mean": mean,
        "avg_dev": (2 * (mean - 3) + (8 - mean)) / 3,
        "mode": 3,
    }
    for statistic, value in expected.items():
        assert row[f"MagpieData {statistic} Number"] == pytest.approx(value, abs=1e-12)


def test_single_element_has_exactly_no_spread() -> None:
    row = magpie(["Li0.3", "O7"])
    assert (row.filter(like="avg_dev") == 0).all(axis=None)
    assert (row.filter(like=" range ") == 0).all(axis=None)


def test_magpie_mean_has_the_studys_21_numbers() -> None:
    frame = _features(["Li2O", "NaCl"], "magpie_mean")
    assert frame.shape == (2, 21)
    assert "mean Number" not in frame
    # Electronegativities of the table: Li 0.98, O 3.44, Na 0.93, Cl 3.16.
    assert frame["mean Electronegativity"].tolist() == pytest.approx([(2 * 0.98 + 3.44) / 3, (0.93 + 3.16) / 2])
    assert frame["mean AtomicWeight"].iloc[0] == pytest.approx((2 * 6.941 + 15.9994) / 3)


def test_mat2vec_is_the_weighted_mean_of_the_vectors() -> None:
    table = element_table("mat2vec")
    frame = _features(["Li2O"], "mat2vec")
    assert frame.shape == (1, 200)
    expected = (2 * table.loc["Li"].to_numpy() + table.loc["O"].to_numpy()) / 3
    np.testing.assert_allclose(frame.to_numpy()[0], expected, rtol=1e-10)


def test_elements_are_atomic_fractions_in_the_order_of_atomic_number() -> None:
    frame = _features(["Li2O", "OgF3", "Li0.5CoO2"], "elements")
    assert list(frame.columns) == [Element.from_Z(z).symbol for z in range(1, 119)]
    assert frame.loc[0, ["Li", "O"]].tolist() == pytest.approx([2 / 3, 1 / 3])
    assert frame.loc[1, ["F", "Og"]].tolist() == [0.75, 0.25]
    assert (frame.to_numpy() > 0).sum(axis=1).tolist() == [2, 2, 3]
    # The columns do not depend on which elements occur, and a row is its composition, however it was written.
    np.testing.assert_allclose(frame.sum(axis=1), 1, rtol=1e-12)
    pd.testing.assert_frame_equal(_features(["LiCo2O4"], "elements"), frame.iloc[[2]].reset_index(drop=True))


def test_elements_of_two_parts_are_columns_under_their_names() -> None:
    parts = pd.DataFrame({"formula_charge": ["CoO2"], "formula_discharge": ["LiCoO2"]})
    frame = featurize(parts, feature_set="elements", composition="pair")
    assert frame.shape == (1, 236)
    assert frame.loc[0, ["formula_charge: Li", "formula_discharge: Li"]].tolist() == [0, 0.25]


@pytest.mark.parametrize("name", list(FEATURE_SETS))
def test_every_set_keeps_the_index_and_has_a_title(name: str) -> None:
    chosen = FEATURE_SETS[name]
    assert chosen.name == name
    assert chosen.title
    assert len(chosen.closure().digest) == 64
    parts = pd.DataFrame(
        {"formula_discharge": ["LiFePO4", "NaCl", "LiFePO4"], "working_ion": ["Li", "Na", "Li"]}, index=["c", "a", "b"]
    )
    parts.index.name = "electrode_id"
    frame = featurize(parts, feature_set=name)
    assert frame.index.equals(parts.index)
    assert (frame.dtypes == np.float64).all()
    assert frame.columns.is_unique
    assert frame.loc["c"].equals(frame.loc["b"].rename("c"))
    # What is fitted equals what a file holds.
    assert np.array_equal(frame.to_numpy(), round_significant(frame.to_numpy()), equal_nan=True)
    assert featurize(parts.iloc[:0], feature_set=name).shape == (0, frame.shape[1])


@pytest.mark.parametrize("name", list(FEATURE_SETS))
def test_scaling_a_formula_changes_nothing(name: str) -> None:
    if FEATURE_SETS[name].reads_ion:
        # Such a set counts atoms, and gets reduced formulas only.
        electrodes = pd.DataFrame({"formula_discharge": ["LiFePO4", "Li4Fe4(PO4)4"], "working_ion": "Li"})
        frame = featurize(electrodes, feature_set=name)
    else:
        frame = FEATURE_SETS[name].compute(["LiFePO4", "Li4Fe4(PO4)4"])
    np.testing.assert_allclose(frame.iloc[0], frame.iloc[1], rtol=1e-12, atol=1e-12)


def test_two_parts_are_columns_under_their_names() -> None:
    parts = pd.DataFrame({"framework_formula": ["FePO4", "CoO2"], "working_ion": ["Li", "Na"]}, index=["x", "y"])
    frame = featurize(parts, feature_set="magpie_mean", composition="framework_ion")
    assert frame.shape == (2, 42)
    assert frame.loc["x", "working_ion: mean AtomicWeight"] == pytest.approx(6.941)
    alone = _features(["FePO4", "CoO2"], "magpie_mean").set_axis(parts.index).add_prefix("framework_formula: ")
    pd.testing.assert_frame_equal(frame[alone.columns], alone)


def test_composition_columns_are_columns_of_the_table() -> None:
    assert {c for columns in COMPOSITION_COLUMNS.values() for c in columns} <= set(TABLE_COLUMNS)


def test_amounts_matrix() -> None:
    matrix = amounts(["Li2(Fe0.5Mn0.5)2(PO4)3", "O"])
    assert list(matrix.columns) == ["Fe", "Li", "Mn", "O", "P"]
    assert matrix.to_numpy().tolist() == [[1, 2, 1, 12, 3], [0, 0, 0, 1, 0]]


def test_element_not_in_the_table() -> None:
    with pytest.raises(UserError, match=r"element Cf of 'CfO2'.*feature set magpie_mean; choose another feature set"):
        _features(["LiFePO4", "CfO2"], "magpie_mean")


@pytest.mark.parametrize("formula", ["Xx2O", "", "LiFe(PO4"])
def test_formula_that_cannot_be_read(formula: str) -> None:
    with pytest.raises(UserError, match=r"formula.*correct it in the snapshot"):
        _features(["NaCl", formula], "magpie_mean")


def test_unknown_feature_set_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown feature set 'magpi'; did you mean 'magpie'\?"):
        _features(["NaCl"], "magpi")


def _features(formulas: list[str], name: str) -> pd.DataFrame:
    return featurize(pd.DataFrame({"formula_discharge": formulas}), feature_set=name)
