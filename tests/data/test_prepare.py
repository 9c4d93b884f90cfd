"""Every raw row ends in the table or, with a reason, in the rejects; their order does not matter."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from electrode_bench.core.schema import TABLE_COLUMNS
from electrode_bench.data import readers
from electrode_bench.data.prepare import NothingUsable, departs_from_faraday, prepare
from electrode_bench.data.units import conversion
from electrode_bench.features import featurize
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.params import Prepare

KEEP_ALL = Prepare()


def raw_of(*changes: dict[str, Any]) -> readers.Raw:
    """A raw snapshot of one good row for each of ``changes``, with these values in place."""
    good = {
        "electrode_id": "synthetic-1_Li",
        "battery_formula": "Li0-1FePO4",
        "working_ion": "Li",
        "formula_charge": "FePO4",
        "formula_discharge": "LiFePO4",
        "gravimetric_capacity": "169.89",
        "volumetric_capacity": "611.6",
        "average_voltage": "3.4",
        "max_delta_volume": "0.05",
        "stability_charge": "0.01",
        "stability_discharge": "0",
        "framework_formula": None,
        "thermo_type": None,
        "steps": "1",
    }
    rows = [{"file": "x.csv", "line": line, **good, **change} for line, change in enumerate(changes, 2)]
    frame = pd.DataFrame(rows, columns=[*readers.SOURCE_COLUMNS, *readers.RAW_COLUMNS], dtype=object)
    rejects = pd.DataFrame(columns=list(readers.REJECT_COLUMNS), dtype=object)
    return readers.Raw(frame.astype({"line": "int64"}), rejects, "Battery Explorer CSV")


def test_table_of_the_explorers_csv(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "x.csv").write_text(explorer_csv)
    table, rejects = (p := prepare(readers.read(tmp_path), KEEP_ALL)).table, p.rejects
    assert list(table.columns) == list(TABLE_COLUMNS)
    assert rejects.empty
    assert list(table["electrode_id"]) == ["synthetic-1_Li", "synthetic-2_Mg", "synthetic-3_Li"]
    assert list(table["framework_formula"]) == ["FePO4", "MnO2", "CoO2"]
    assert list(table["thermo_type"]) == ["unknown"] * 3
    assert list(table["steps"]) == [1, 2, 1]
    assert table["theoretical_capacity_pair"].to_numpy() == pytest.approx([169.89, 270.48, 273.84], abs=0.006)
    assert not departs_from_faraday(table).any()


def test_documents_keep_what_they_give_and_tolerate_nulls(tmp_path: Path, make_document: Any) -> None:
    documents = [
        make_document(thermo_type="R2SCAN", stability_charge=None, num_steps=None, max_delta_volume=None),
        make_document(battery_id="synthetic-2_Li", battery_formula=None, framework_formula=None, average_voltage=None),
        make_document(battery_id="synthetic-3_Li", battery_formula=None, framework_formula="Fe2P2O8"),
    ]
    pd.DataFrame(documents).to_json(tmp_path / "x.jsonl", orient="records", lines=True)
    done = prepare(readers.read(tmp_path), KEEP_ALL)
    assert list(done.table["electrode_id"]) == ["synthetic-1_Li", "synthetic-3_Li"]
    assert list(done.table["thermo_type"]) == ["R2SCAN", "GGA_GGA+U"]
    assert math.isnan(done.table["stability_charge"][0])
    assert pd.isna(done.table["steps"][0])
    assert list(done.table["framework_formula"]) == ["FePO4", "FePO4"]
    assert list(done.table["battery_formula"]) == ["Li0-1FePO4", "Li0-1FePO4"]
    assert done.rejects.to_dict("records") == [
        {
            "file": "x.jsonl",
            "line": 2,
            "battery_id": "synthetic-2_Li",
            "rule": "unusable",
            "reason": "Average voltage is missing",
        }
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"electrode_id": None}, "the battery id is missing"),
        ({"electrode_id": " "}, "the battery id is missing"),
        ({"electrode_id": float("nan")}, "the battery id is missing"),
        ({"electrode_id": True}, "the battery id is missing"),
        ({"electrode_id": 1.5}, "the battery id is missing"),
        ({"electrode_id": "a\nb"}, r"the battery id holds a line break or control character: 'a\\nb'"),
        ({"working_ion": None}, "the working ion is missing"),
        ({"working_ion": "Ag"}, "unknown working ion 'Ag'; known are: Li"),
        ({"working_ion": {"element": "Li"}}, "the working ion is an object, not the symbol of an element: {'element'"),
        ({"formula_charge": None}, "charged: the formula is missing"),
        ({"formula_discharge": "Li(FePO4"}, r"discharged: the formula 'Li\(FePO4' cannot be parsed"),
        ({"formula_discharge": "LiXxO2"}, "discharged: the formula 'LiXxO2' names an unknown element: Xx"),
        ({"formula_discharge": "FePO4"}, "the discharged formula lacks the working ion Li"),
        ({"formula_charge": "MnPO4"}, "the pair's frameworks differ: charged MnPO4, discharged FePO4"),
        ({"formula_charge": "LiFePO4"}, "the charged formula holds no less Li"),
        ({"framework_formula": "??"}, r"framework: the formula '\?\?' cannot be parsed"),
        ({"gravimetric_capacity": "169 mAh/g"}, "Gravimetric capacity is no number: '169 mAh/g'"),
        ({"gravimetric_capacity": "1,169.5"}, "Gravimetric capacity is no number: '1,169.5'"),
        ({"gravimetric_capacity": "n/a"}, "Gravimetric capacity is missing"),
        ({"gravimetric_capacity": "NaN"}, "Gravimetric capacity is missing"),
        ({"gravimetric_capacity": "1e300"}, r"Gravimetric capacity is 1e\+300, beyond any electrode's"),
        ({"gravimetric_capacity": 1e-300}, "Gravimetric capacity is 1e-300 mAh/g, which is too small for an electrode"),
        ({"average_voltage": -1e7}, r"Average voltage is -1e\+07, beyond any electrode's"),
        ({"max_delta_volume": 1e300}, r"Largest volume change is 1e\+300, beyond any electrode's"),
        ({"formula_charge": "EsO2", "formula_discharge": "LiEsO2"}, "charged: Es in 'EsO2' has no known properties"),
        ({"gravimetric_capacity": "-169"}, "Gravimetric capacity is -169 mAh/g, not above 0"),
        ({"volumetric_capacity": "inf"}, "Volumetric capacity is not finite: 'inf'"),
        ({"volumetric_capacity": 0}, "Volumetric capacity is 0 mAh/cm3, not above 0"),
        ({"average_voltage": None}, "Average voltage is missing"),
        ({"average_voltage": True}, "Average voltage is no number: True"),
        ({"average_voltage": [3.4]}, "Average voltage is no number"),
        ({"average_voltage": "3_4"}, "Average voltage is no number"),
        ({"max_delta_volume": "text"}, "Largest volume change is no number: 'text'"),
        ({"stability_charge": "inf"}, "Energy above hull, charged is not finite"),
        ({"steps": "1.5"}, "Voltage steps is '1.5', not a whole number from 1"),
        ({"steps": "1e30"}, "Voltage steps is '1e30', not a whole number from 1"),
        ({"average_voltage": 10**400}, "Average voltage is no number: 1000"),
        ({"average_voltage": 10**5000}, "Average voltage is no number: a whole number too large to show"),
    ],
)
def test_unusable_row_is_rejected_with_line_and_reason(change: dict[str, Any], reason: str) -> None:
    done = prepare(raw_of({"electrode_id": "synthetic-0_Li"}, change), KEEP_ALL)
    assert list(done.table["electrode_id"]) == ["synthetic-0_Li"]
    assert len(done.rejects) == 1
    reject = done.rejects.iloc[0]
    assert (reject["file"], reject["line"], reject["rule"]) == ("x.csv", 3, "unusable")
    assert pd.Series([reject["reason"]]).str.contains(reason).all(), reject["reason"]


def test_negative_voltages_are_kept() -> None:
    assert prepare(raw_of({"average_voltage": "-7.5"}), KEEP_ALL).table["average_voltage"][0] == -7.5


def test_exact_repeats_go_to_the_rejects() -> None:
    done = prepare(raw_of({}, {"average_voltage": "3.5"}, {"average_voltage": "3.40"}), KEEP_ALL)
    assert sorted(done.table["electrode_id"]) == ["synthetic-1_Li", "synthetic-1_Li~2"]
    assert done.rejects[["line", "rule", "reason"]].to_numpy().tolist() == [[4, "unusable", "repeats line 2"]]


def test_duplicate_ids_by_rule() -> None:
    raw = raw_of({"average_voltage": "3.5"}, {"average_voltage": "3.3"}, {"electrode_id": "synthetic-1_Li~2"})
    numbered = prepare(raw, KEEP_ALL)
    # Numbered in the order of the content, passing over an id that is taken.
    voltages = dict(zip(numbered.table["electrode_id"], numbered.table["average_voltage"], strict=True))
    assert voltages == {"synthetic-1_Li": 3.3, "synthetic-1_Li~2": 3.4, "synthetic-1_Li~3": 3.5}
    assert numbered.rejects.empty

    first = prepare(raw, Prepare(duplicate_ids="first"))
    assert list(first.table["average_voltage"]) == [3.3, 3.4]
    assert list(first.rejects["line"]) == [2]
    assert list(first.rejects["rule"]) == ["duplicate_ids"]
    assert first.rejects["reason"][0] == "has the battery id of line 3, with other content"

    none = prepare(raw, Prepare(duplicate_ids="reject"))
    assert list(none.table["electrode_id"]) == ["synthetic-1_Li~2"]
    assert list(none.rejects["line"]) == [2, 3]


def test_rules_reject_by_name() -> None:
    raw = raw_of(
        {"electrode_id": "a", "thermo_type": "R2SCAN"},
        {"electrode_id": "b", "thermo_type": "GGA_GGA+U"},
        {"electrode_id": "c", "thermo_type": "GGA_GGA+U", "steps": "3"},
        {"electrode_id": "d", "thermo_type": "GGA_GGA+U", "average_voltage": "9"},
        {"electrode_id": "e", "thermo_type": "GGA_GGA+U", "average_voltage": "7", "steps": None},
    )
    rules = Prepare(thermo_types=["GGA_GGA+U"], max_steps=2, ranges={"average_voltage": (-2, 7)})
    done = prepare(raw, rules)
    assert list(done.table["electrode_id"]) == ["b", "e"]
    assert done.rejects[["battery_id", "rule"]].to_numpy().tolist() == [
        ["a", "thermo_types"],
        ["c", "max_steps"],
        ["d", "ranges"],
    ]
    assert done.rejects["reason"][2] == "Average voltage 9 V is outside -2 to 7"
    assert len(prepare(raw, KEEP_ALL).table) == 5


def test_no_usable_row_is_one_error() -> None:
    with pytest.raises(NothingUsable) as error:
        prepare(raw_of({"working_ion": "Ag"}, {"average_voltage": "x"}), KEEP_ALL)
    message = str(error.value)
    assert message.startswith("none of the 2 rows can be used; the first: x.csv, line 2: unknown working ion 'Ag'")
    assert message.endswith("correct the file, or relax `prepare` in params.yaml")
    assert "\n" not in message
    assert list(error.value.rejects["line"]) == [2, 3]


def test_rows_off_faradays_law_are_counted_not_dropped() -> None:
    table = prepare(raw_of({}, {"electrode_id": "b", "gravimetric_capacity": "180"}), KEEP_ALL).table
    assert list(departs_from_faraday(table)) == [True, False]


changes = st.fixed_dictionaries(
    {
        "electrode_id": st.sampled_from(["synthetic-1_Li", "synthetic-1_Li~2", "synthetic-2_Li"]),
        "average_voltage": st.sampled_from(["3.4", "3.9", "x", "-1"]),
        "formula_charge": st.sampled_from(["FePO4", "Li0.5FePO4"]),
        "steps": st.sampled_from(["1", "2", None]),
    }
)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(changes, max_size=12), rule=st.sampled_from(["number", "first", "reject"]), data=st.data())
def test_the_order_of_rows_does_not_matter(rows: list[dict[str, Any]], rule: Any, data: st.DataObject) -> None:
    rows = [{"electrode_id": "synthetic-0_Li"}, *rows]
    rules = Prepare(duplicate_ids=rule)
    done = prepare(raw_of(*rows), rules)
    again = prepare(raw_of(*data.draw(st.permutations(rows))), rules)
    pd.testing.assert_frame_equal(done.table, again.table)
    # Nothing is dropped in silence.
    assert len(done.table) + len(done.rejects) == len(again.table) + len(again.rejects) == len(rows)


def test_rows_with_a_probable_slip_are_kept_and_questioned_with_their_line() -> None:
    done = prepare(
        raw_of(
            {"electrode_id": "synthetic-1"},
            {"electrode_id": "synthetic-2", "formula_charge": "COO2", "formula_discharge": "LiCOO2"},
            {"electrode_id": "synthetic-3", "formula_charge": "FePO4.2H2O", "formula_discharge": "LiFePO4·2H2O"},
        ),
        KEEP_ALL,
    )
    assert len(done.table) == 3
    # A pair with water: 26801.48 / (157.757 + 2 x 18.015).
    assert done.table["theoretical_capacity_pair"][2] == pytest.approx(138.30, abs=0.01)
    assert done.questions.to_dict("records") == [
        {"file": "x.csv", "line": 3, "battery_id": "synthetic-2", "note": f"CO is carbon and oxygen; did you mean {f}?"}
        for f in ("CoO2", "LiCoO2")
    ]


def test_any_element_with_properties_can_be_prepared_and_the_others_are_rejected() -> None:
    """The shortest table of the feature sets ends at berkelium: the other elements would end ``featurize``."""
    rows = [
        {"electrode_id": f"synthetic-{s}", "formula_charge": f"{s}O2", "formula_discharge": f"Li{s}O2"} for s in SYMBOLS
    ]
    done = prepare(raw_of(*rows), KEEP_ALL)
    assert len(SYMBOLS) == 118
    assert [f"synthetic-{s}" for s in SYMBOLS[97:]] == list(done.rejects["battery_id"])
    featurize(done.table.set_index("electrode_id")[["formula_discharge"]], feature_set="magpie_mean")


@pytest.mark.parametrize("missing", [None, "", "NA", " n/a ", "NaN", "nan", "None", "null", "#N/A", "-", math.nan])
def test_a_missing_value_in_an_optional_column_is_missing(missing: Any) -> None:
    optional = ("max_delta_volume", "stability_charge", "steps", "thermo_type", "framework_formula", "battery_formula")
    done = prepare(raw_of(dict.fromkeys(optional, missing)), KEEP_ALL)
    assert done.rejects.empty
    assert done.table[["max_delta_volume", "stability_charge", "steps"]].isna().all(axis=None)
    named = done.table.loc[0, ["thermo_type", "framework_formula", "battery_formula"]].tolist()
    assert named == ["unknown", "FePO4", "Li0-1FePO4"]


@pytest.mark.parametrize(("given", "text"), [(5, "5"), (5.0, "5"), (10**12, "1000000000000"), (" mp-5 ", "mp-5")])
def test_numeric_ids_are_text(given: Any, text: str) -> None:
    assert list(prepare(raw_of({"electrode_id": given}), KEEP_ALL).table["electrode_id"]) == [text]


def test_values_in_other_units_are_converted() -> None:
    raw = raw_of({"average_voltage": "3400", "gravimetric_capacity": "611.604", "max_delta_volume": "5"})
    units = {"average_voltage": "mV", "gravimetric_capacity": "C/g", "max_delta_volume": "%"}
    conversions = {column: conversion(column, column, unit) for column, unit in units.items()}
    row = prepare(replace(raw, conversions=conversions), KEEP_ALL).table.iloc[0]
    assert row[list(units)].to_numpy(dtype=float) == pytest.approx([3.4, 169.89, 0.05], rel=1e-12)


def test_a_voltage_against_another_metal_is_rejected() -> None:
    """The difference of two reference electrodes depends on the electrolyte, so that no factor can be right."""
    against = {"average_voltage": conversion("average_voltage", "V (V vs. Na/Na+)", "V vs. Na/Na+")}
    sodium = {"working_ion": "Na", "formula_charge": "FePO4", "formula_discharge": "NaFePO4", "electrode_id": "a"}
    done = prepare(replace(raw_of(sodium, {}), conversions=against), KEEP_ALL)
    assert list(done.table["electrode_id"]) == ["a"]
    assert done.rejects["reason"][0] == "Average voltage is against Na, not against Li: 'V (V vs. Na/Na+)'"
