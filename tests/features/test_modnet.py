"""MODNet's features by hand, against matminer's featurisers, and where they are missing."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition, Element

from electrode_bench.features import FEATURE_SETS, FeatureSet, atomic_packing, featurize, has_atomic_packing
from electrode_bench.features.cache import load_or_compute
from electrode_bench.features.modnet import compute

VARIED = [
    *["Li", "O2", "H", "He", "U", "Np", "Og"],  # no pair; no free orbital; no orbitals known
    *["LiFePO4", "Li4Fe4P4O16", "KFeMn(CN)6", "Li7La3Zr2O12", "CrMnFeCoNi", "LiNaKRbCsMgCaZnFO", "LaCePrNdSmGd"],
    *["Na0.67Ni0.33Mn0.67O2", "Li0.333NbO2", "Li1.2Mn0.54Ni0.13Co0.13O2", "Li0.5CoO2", "Li10.0001Fe10O10"],
    *["HeNe", "XeF2", "HN", "AtRnFr", "PuO2", "FeC0.00001", "Al0.01Zn99.99", "CoNi", "C60", "NaK", "Li3Sb"],
]
_ORBITAL = {"s": 1, "p": 2, "d": 3, "f": 4}


@pytest.fixture(scope="module")
def matminer() -> dict[str, Any]:
    from matminer.featurizers import composition as described

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = [
            *[described.AtomicOrbitals(), described.BandCenter(), described.ElementFraction()],
            *[described.ElementProperty.from_preset("magpie"), described.IonProperty(fast=True), described.Miedema()],
            *[described.Stoichiometry(), described.TMetalFraction(), described.ValenceOrbital()],
            described.YangSolidSolution(),
        ]
    return {type(featurizer).__name__: featurizer for featurizer in made}


def expected(matminer: dict[str, Any], formula: str) -> dict[str, float]:
    """matminer's features of a formula, text as MODNet turns it into numbers, NaN where matminer fails."""
    out: dict[str, float] = {}
    composition = Composition(formula)
    for name, featurizer in matminer.items():
        labels = featurizer.feature_labels()
        if name == "IonProperty" and len(composition) > 1 and any(v != int(v) for v in composition.values()):
            values = [math.nan] * 3  # what the full search for charges ends with; fast=True does not
        else:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    values = featurizer.featurize(composition)
            except Exception:
                values = [math.nan] * len(labels)
        for label, value in zip(labels, values, strict=True):
            if "character" in label:
                out[f"{name}|{label}"] = _ORBITAL.get(value, math.nan)
            elif name == "AtomicOrbitals" and "element" in label:
                out[f"{name}|{label}"] = Element(value).Z if isinstance(value, str) else -1
            elif label != "compound possible":
                out[f"{name}|{label}"] = float(value)
    return out


def test_equals_matminer_on_varied_formulas(matminer: dict[str, Any]) -> None:
    reference = pd.DataFrame([expected(matminer, f) for f in VARIED], index=VARIED)
    got = compute(VARIED)
    assert list(got.columns) == list(reference.columns)
    np.testing.assert_allclose(got.to_numpy(), reference.to_numpy(), rtol=1e-9, atol=1e-12)


_SYMBOLS = [Element.from_Z(z).symbol for z in range(1, 119)]
_AMOUNTS = st.one_of(st.integers(1, 30).map(str), st.integers(1, 9999).map(lambda k: f"{k / 1000:.3f}"))
_FORMULAS = st.dictionaries(st.sampled_from(_SYMBOLS), _AMOUNTS, min_size=1, max_size=5).map(
    lambda parts: "".join(e + a for e, a in parts.items())
)


@settings(deadline=None, max_examples=25)
@given(formula=_FORMULAS)
def test_equals_matminer_on_any_composition(matminer: dict[str, Any], formula: str) -> None:
    cheap = {name: featurizer for name, featurizer in matminer.items() if name != "ElementProperty"}
    reference = expected(cheap, formula)
    got = compute([formula]).iloc[0][list(reference)]
    np.testing.assert_allclose(got.to_numpy(), list(reference.values()), rtol=1e-9, atol=1e-12)
    assert not np.isinf(got).any()


def test_by_hand() -> None:
    row = compute(["Li2O"]).iloc[0]
    # 14 electrons: 2 in 1s of O, 4 in 1s of two Li, 2 in 2s and 6 in 2p of O, which is full; next is Li's 2s.
    assert row[["AtomicOrbitals|HOMO_character", "AtomicOrbitals|HOMO_element"]].tolist() == [2, 8]
    assert row[["AtomicOrbitals|LUMO_character", "AtomicOrbitals|LUMO_element"]].tolist() == [1, 3]
    assert row["ElementFraction|Li"] == pytest.approx(2 / 3)
    assert row.filter(like="ElementFraction|").sum() == pytest.approx(1)
    assert row["Stoichiometry|0-norm"] == 2
    assert row["Stoichiometry|2-norm"] == pytest.approx(math.sqrt(4 / 9 + 1 / 9))
    assert row["TMetalFraction|transition metal fraction"] == 0
    # Pauling's electronegativities 0.98 and 3.44.
    assert row["IonProperty|max ionic char"] == pytest.approx(1 - math.exp(-0.25 * 2.46**2))
    assert row["IonProperty|avg ionic char"] == pytest.approx(2 / 9 * row["IonProperty|max ionic char"])
    # Li has one 2s electron, O two 2s and four 2p.
    assert row["ValenceOrbital|avg s valence electrons"] == pytest.approx(4 / 3)
    assert row["ValenceOrbital|frac p valence electrons"] == pytest.approx(4 / 8)
    assert compute(["LiFePO4"]).iloc[0]["TMetalFraction|transition metal fraction"] == pytest.approx(1 / 7)


def test_what_is_missing_and_why() -> None:
    frame = compute(["LiCo2O4", "Li0.5CoO2", "PuO2", "He", "Og"])
    ionic, edges = ["IonProperty|max ionic char", "IonProperty|avg ionic char"], "AtomicOrbitals|HOMO_energy"
    assert frame.loc["Li0.5CoO2"].isna().sum() == 2
    assert frame.loc["Li0.5CoO2", ionic].isna().all()
    others = frame.columns.difference(ionic)
    np.testing.assert_allclose(frame.loc["LiCo2O4", others], frame.loc["Li0.5CoO2", others], rtol=1e-12)
    assert frame[edges].isna().tolist() == [False, False, True, True, True]
    assert frame.loc["PuO2", "AtomicOrbitals|LUMO_element"] == -1
    assert frame.notna().loc["LiCo2O4"].all()


def test_columns_are_fixed_and_named_once() -> None:
    columns = compute(["LiF"]).columns
    assert len(columns) == 280
    assert columns.is_unique
    for formulas in ([], ["Og"], ["HeNe", "Li0.333NbO2"]):
        assert compute(formulas).columns.equals(columns)


def _holding(value: float, *, missing: bool) -> FeatureSet:
    return FeatureSet(
        name="one",
        title="One number",
        compute=lambda formulas: pd.DataFrame({"x": value}, index=pd.Index(formulas, name="formula")),
        missing=missing,
    )


@pytest.mark.parametrize(("value", "missing"), [(math.nan, False), (math.inf, False), (math.inf, True)])
def test_a_value_that_a_set_may_not_hold_is_refused(tmp_path: Path, value: float, missing: bool) -> None:
    with pytest.raises(ValueError, match="one gave no finite 'x' for 'LiF'"):
        load_or_compute(_holding(value, missing=missing), ["LiF"], folder=tmp_path)


def test_a_missing_value_is_kept_by_the_cache(tmp_path: Path) -> None:
    rows, computed = zip(
        *(load_or_compute(_holding(math.nan, missing=True), ["LiF"], folder=tmp_path) for _ in range(2)), strict=True
    )
    assert computed == (1, 0)
    assert rows[1]["x"].isna().all()
    assert FEATURE_SETS["modnet"].missing
    assert not any(FEATURE_SETS[name].missing for name in ("magpie_mean", "magpie", "mat2vec", "elements"))


def test_atomic_packing_comes_after_the_other_columns_and_is_computed_once(tmp_path: Path) -> None:
    from matminer.featurizers.composition import AtomicPackingEfficiency

    parts = pd.DataFrame({"formula_discharge": ["LiCl", "Li", "CuZr"]})
    said: list[tuple[int, int]] = []

    def features(name: str, *, packing: bool) -> pd.DataFrame:
        return featurize(
            parts, feature_set=name, atomic_packing=packing, cache=tmp_path, report=lambda *n: said.append(n)
        )

    without, frame = features("modnet", packing=False), features("modnet", packing=True)
    again = features("modnet", packing=True)
    assert said == [(3, 3), (3, 3), (0, 3)]
    assert frame.shape == (3, 285)
    pd.testing.assert_frame_equal(frame.iloc[:, :280], without, check_exact=True)
    pd.testing.assert_frame_equal(again, frame, check_exact=True)
    reference = [AtomicPackingEfficiency().featurize(Composition(f)) for f in parts["formula_discharge"]]
    np.testing.assert_allclose(frame.iloc[:, 280:], np.array(reference, dtype=float), atol=1e-6)
    assert (has_atomic_packing(frame), has_atomic_packing(without)) == (True, False)
    assert features("magpie", packing=True).shape == (3, 132)


@pytest.mark.parametrize(
    # Two elements without an efficient cluster, equal amounts, more than six elements with ties, elements that
    # matminer's table of radii lacks, fractional amounts.
    "formula",
    [
        "LiFePO4",
        "CrMnFeCoNi",
        "Cr2MnFeCoNiCuZn",
        "HeNe",
        "XeF2",
        "FeO",
        "Na0.67Ni0.33O2",
        "C60",
        "Al0.01Zn99.99",
        "NpO2",
    ],
)
def test_atomic_packing_is_matminers(formula: str) -> None:
    from matminer.featurizers.composition import AtomicPackingEfficiency

    amounts = {str(e): n for e, n in Composition(formula).get_el_amt_dict().items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No Pauling electronegativity", category=UserWarning)
        reference = AtomicPackingEfficiency().featurize(Composition(amounts))
    np.testing.assert_allclose(atomic_packing.compute([formula]).to_numpy()[0], reference, atol=1e-6)


def test_a_slow_set_is_written_as_it_goes(tmp_path: Path) -> None:
    seen: list[list[str]] = []

    def slow(formulas: list[str]) -> pd.DataFrame:
        seen.append(list(formulas))
        if "NaCl" in formulas:
            raise KeyboardInterrupt
        return pd.DataFrame({"x": 1.0}, index=pd.Index(formulas, name="formula"))

    made = FeatureSet(name="slow", title="Slow", compute=slow, batch=2)
    with pytest.raises(KeyboardInterrupt):
        load_or_compute(made, ["KBr", "LiF", "LiI", "NaCl"], folder=tmp_path)
    frame, computed = load_or_compute(made, ["KBr", "LiF", "LiI"], folder=tmp_path)
    assert (len(frame), computed) == (3, 1)
    assert seen == [["KBr", "LiF"], ["LiI", "NaCl"], ["LiI"]]
