"""Which electrodes are the same: by id, by id and formulas where ids repeat, by formulas where no id is shared."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from support.releases import NEW, OLD, electrode, release

from electrode_bench.core.schema import ID
from electrode_bench.data.releases.matching import match


def pairs(old: pd.DataFrame, new: pd.DataFrame, by=None) -> list[tuple[str, str]]:
    return list(match(old, new, by).pairs.itertuples(index=False, name=None))


def test_equal_ids_are_the_same_electrode_whatever_changed() -> None:
    found = match(OLD, NEW)
    assert found.by == "id"
    assert list(found.pairs["old"]) == ["moved", "refined", "same", "sodium", "spelled"]
    assert list(found.pairs["old"]) == list(found.pairs["new"])
    assert (found.unclear_old, found.unclear_new, found.repeated_old, found.repeated_new) == ((), (), 0, 0)


def test_repeated_ids_are_matched_by_formulas_and_not_by_their_numbers() -> None:
    # By content, "x" is the manganese in the old release, and the iron in the new one.
    old = release(electrode("x", "MnO2", "LiMnO2"), electrode("x", average_voltage=3.5))
    new = release(electrode("x", "MnO2", "LiMnO2", average_voltage=9.0), electrode("x", average_voltage=3.5))
    formula = {side: table.set_index("formula_discharge")[ID] for side, table in (("old", old), ("new", new))}
    found = match(old, new)
    assert sorted(found.pairs.itertuples(index=False, name=None)) == sorted(
        (formula["old"][name], formula["new"][name]) for name in ("LiFePO4", "LiMnO2")
    )
    assert (found.repeated_old, found.repeated_new) == (1, 1)


def test_of_several_with_one_id_the_last_one_left_is_the_same() -> None:
    old = release(electrode("x"), electrode("x", "MnO2", "LiMnO2"))
    new = release(electrode("x"), electrode("x", "CoO2", "LiCoO2"))
    assert len(pairs(old, new)) == 2


def test_electrodes_that_cannot_be_told_apart_are_not_compared() -> None:
    old = release(electrode("x"), electrode("x", average_voltage=3.5), electrode("y"))
    new = release(electrode("x"), electrode("x", average_voltage=3.6), electrode("y"))
    found = match(old, new)
    assert list(found.pairs["old"]) == ["y"]
    assert (found.unclear_old, found.unclear_new) == (("x", "x~2"), ("x", "x~2"))


def test_thermodynamic_data_tells_rows_with_one_id_apart() -> None:
    old = release(*(electrode("x", thermo_type=name, average_voltage=v) for name, v in (("GGA", 3.0), ("R2SCAN", 3.2))))
    new = release(*(electrode("x", thermo_type=name, average_voltage=v) for name, v in (("R2SCAN", 3.0), ("GGA", 3.2))))
    types = [table.set_index(ID)["thermo_type"] for table in (old, new)]
    found = pairs(old, new)
    assert len(found) == 2
    assert all(types[0][before] == types[1][after] for before, after in found)


def test_without_a_shared_id_formulas_decide() -> None:
    renamed = NEW.assign(**{ID: "new-" + NEW[ID]})
    found = match(OLD, renamed)
    assert found.by == "formula"
    # Two spellings are one composition; "refined" has another charged formula, and "same" and "moved" have one formula.
    assert list(found.pairs.itertuples(index=False, name=None)) == [
        ("sodium", "new-sodium"),
        ("spelled", "new-spelled"),
    ]
    assert (found.unclear_old, found.unclear_new) == (("moved", "same"), ("new-moved", "new-same"))
    assert match(OLD, NEW, "formula").by == "formula"


@given(st.permutations(range(len(OLD))), st.permutations(range(len(NEW))))
def test_the_order_of_rows_does_not_matter(first: list[int], second: list[int]) -> None:
    assert pairs(OLD.iloc[first], NEW.iloc[second]) == pairs(OLD, NEW)
