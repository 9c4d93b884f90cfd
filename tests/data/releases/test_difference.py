"""What changed between two tables, against counts made by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from support.releases import NEW, OLD, electrode, release

from electrode_bench.core.schema import ID
from electrode_bench.data.releases.difference import difference


def test_each_electrode_has_one_status_and_says_what_changed() -> None:
    rows = difference(OLD, NEW).electrodes
    known = rows["old_id"].where(rows["old_id"].notna(), rows["new_id"])
    assert dict(zip(known, rows["status"], strict=True)) == {
        "same": "same", "moved": "relabelled", "spelled": "same", "refined": "relabelled", "sodium": "same",
        "gone": "removed", "added": "added",
    }  # fmt: skip
    what = dict(zip(known, rows["what"], strict=True))
    assert what["moved"] == "average voltage"
    assert what["refined"] == "charged formula; gravimetric capacity"
    assert what["same"] == what["gone"] == what["added"] == ""
    gone = rows[known == "gone"].iloc[0]
    assert (gone["old_formula_discharge"], gone["new_formula_discharge"]) == ("LiNiO2", gone["new_formula_discharge"])
    assert pd.isna(gone["new_average_voltage"])


def test_counts_by_ion() -> None:
    counts = difference(OLD, NEW).by_ion.set_index("ion")
    assert list(counts.index) == ["all", "Li", "Na"]
    assert counts.loc["all"].to_dict() == {
        "old": 6, "new": 6, "in_both": 5, "same": 3, "relabelled": 2, "added": 1, "removed": 1, "unclear_old": 0,
        "unclear_new": 0,
    }  # fmt: skip
    assert counts.loc["Na", ["old", "new", "same"]].tolist() == [1, 1, 1]


def test_changes_of_the_labels() -> None:
    changes = difference(OLD, NEW).changes.set_index(["target", "ion"])
    voltage = changes.loc[("average_voltage", "all")]
    # Changes: 0.0005, 0.5, 0, 0, 0. Old voltages: 3.4 four times and 3.0; mean 3.32, deviations 4 x 0.08 and 0.32.
    assert (voltage["n"], voltage["changed"]) == (5, 1)
    assert voltage["mae"] == pytest.approx(0.5005 / 5)
    assert voltage["mean"] == pytest.approx(0.5005 / 5)
    assert voltage["median"] == pytest.approx(0.0)
    assert voltage["largest"] == pytest.approx(0.5)
    assert voltage["scaled"] == pytest.approx((0.5005 / 5) / (0.64 / 5))
    assert changes.loc[("gravimetric_capacity", "Na"), "mae"] == 0
    assert changes.loc[("gravimetric_capacity", "Li"), "changed"] == 1


def test_another_ion_is_another_label_and_no_input_of_the_same_model() -> None:
    old, new = (
        release(electrode("x"), electrode("y")),
        release(electrode("x", discharged="NaFePO4", working_ion="Na"), electrode("y")),
    )
    found = difference(old, new)
    assert found.electrodes.set_index("old_id").loc["x", "what"].startswith("working ion; discharged formula")
    assert list(found.same_input()["old"]) == ["y"]
    assert found.by_ion.set_index("ion").loc["Na", "relabelled"] == 1


def test_notes_say_how_electrodes_were_matched() -> None:
    assert difference(OLD, NEW).notes() == []
    renamed = NEW.assign(**{ID: "new-" + NEW[ID]})
    by_formula = difference(OLD, renamed).notes()
    assert "by working ion and formulas, not by id" in by_formula[0]
    assert by_formula[1].startswith("2 old and 2 new electrodes share their formulas with others")
    repeated = release(electrode("x"), electrode("x", average_voltage=3.5))
    assert difference(repeated, repeated).notes()[0].startswith("1 battery ids stand for several electrodes of the old")


def test_electrodes_with_a_new_id_are_counted() -> None:
    old = release(electrode("a"), electrode("b", "MnO2", "LiMnO2"), electrode("c", "CoO2", "LiCoO2"))
    new = release(electrode("a"), electrode("new", "Mn2O4", "Li2Mn2O4"))
    (note,) = difference(old, new).notes()
    assert note.startswith("1 of the electrodes that were removed have the working ion and formulas of an added one")


def test_row_numbers_as_ids_are_recognised() -> None:
    formulas = [("FePO4", "LiFePO4"), ("MnO2", "LiMnO2"), ("CoO2", "LiCoO2")]
    old = release(*(electrode(str(i), *pair) for i, pair in enumerate(formulas)))
    new = release(*(electrode(str(i), *pair) for i, pair in enumerate(reversed(formulas))))
    (note,) = difference(old, new).notes()
    assert note.startswith("WARNING: 2 of 3 electrodes with the same id have another composition")
    assert difference(old, new, by="formula").by_ion["same"].tolist() == [3, 3]


def test_two_tables_without_a_common_electrode() -> None:
    found = difference(release(electrode("a")), release(electrode("b", "MnO2", "LiMnO2")))
    assert found.by_ion.loc[0, ["in_both", "added", "removed"]].tolist() == [0, 1, 1]
    assert found.changes.empty
    assert found.in_both.empty
    assert found.same_input().empty
