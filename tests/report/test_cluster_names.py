"""Clusters are called by what most of their electrodes have in common."""

from __future__ import annotations

import pandas as pd

from electrode_bench.report.cluster_names import Name, names


def _rows(*electrodes: tuple[int, str, str]) -> pd.DataFrame:
    return pd.DataFrame(electrodes, columns=["cluster", "working_ion", "formula_discharge"])


def test_ions_anions_and_metals_are_named_the_most_frequent_first() -> None:
    rows = _rows(
        (0, "Li", "LiFePO4"), (0, "Li", "LiFePO4"), (0, "Li", "LiMnPO4"), (0, "Na", "NaFePO4"), (0, "Na", "NaFePO4"),
        (1, "Mg", "MgTi2S4"), (-1, "Li", "LiCoO2"),
    )  # fmt: skip
    assert names(rows) == {
        0: Name("Li, Na phosphates", "Li, Na phosphates (Fe, Mn)"),
        1: Name("Mg sulfides", "Mg sulfides (Ti)"),
    }


def test_what_is_rare_is_not_named() -> None:
    common = [(0, "Li", "LiCoO2")] * 9
    assert names(_rows(*common, (0, "K", "KNiF3")))[0] == Name("Li oxides", "Li oxides (Co)")


def test_a_cluster_of_everything_is_mixed() -> None:
    metals, ions = ("Sc", "Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni"), ("Li", "Na", "K", "Rb", "Cs")
    anions = ("O2", "S2", "F4", "PO4", "SiO4", "N", "Cl3", "Se2")
    rows = [
        (0, ions[i % 5], f"{ions[i % 5]}{metal}{anion}")
        for i, (metal, anion) in enumerate(zip(metals, anions, strict=True))
    ]
    assert names(_rows(*rows))[0] == Name("K, Li compounds", "K, Li compounds (mixed metals)")


def test_a_working_ion_in_another_electrodes_framework_is_a_metal() -> None:
    assert names(_rows((0, "Li", "LiNaMnO2"), (0, "Li", "Li2Na2Mn2O4")))[0].full == "Li oxides (Mn, Na)"


def test_a_formula_that_cannot_be_read_is_passed_over() -> None:
    assert names(_rows((0, "Li", "LiCoO2"), (0, "Li", "???")))[0].short == "Li oxides"
