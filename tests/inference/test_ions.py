from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.inference.ions import named_ion


@pytest.mark.parametrize("ion", list(ION_CHARGE))
def test_a_symbol_with_or_without_its_charge_names_an_ion(ion: str) -> None:
    charge = ION_CHARGE[ion]
    written = "" if charge == 1 else str(charge)
    for text in (ion, f" {ion} ", f"{ion}{written}+", f"{ion}+{written}", f"{ion}{'+' * charge}", f"{ion}-ion"):
        assert named_ion(text) == ion, text


def test_names_of_elements_name_an_ion() -> None:
    names = {"lithium": "Li", "Sodium": "Na", "ZINC": "Zn", "aluminum": "Al", "Magnesium ion": "Mg", "li": "Li"}
    assert {name: named_ion(name) for name in names} == names


def test_missing_ions_are_none_and_unknown_ones_stay() -> None:
    assert {named_ion(v) for v in (None, np.nan, pd.NA, "", " ", "NA", "-", "nan")} == {None}
    assert [named_ion(v) for v in ("Fe3+", "Mg+", "Xx", 3)] == ["Fe3+", "Mg+", "Xx", "3"]
