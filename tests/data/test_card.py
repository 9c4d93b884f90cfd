"""The data card against numbers counted by hand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from electrode_bench.data import readers
from electrode_bench.data.card import card, describe
from electrode_bench.data.prepare import Prepared, prepare
from electrode_bench.data.units import conversion
from electrode_bench.params import Prepare


@pytest.fixture
def prepared(tmp_path: Path, make_document: Any) -> Prepared:
    documents = [
        make_document(),
        make_document(battery_id="synthetic-2_Li", average_voltage=9.4),
        make_document(battery_id="synthetic-3_Mg", working_ion="Mg", formula_charge="MnO2", formula_discharge="MgMn2O4",
                      framework_formula="MnO2", capacity_grav=300.0, average_voltage=2.4),
        make_document(battery_id="synthetic-4_Li", average_voltage=5.4, formula_charge="Li0.5FePO4"),
        make_document(battery_id="synthetic-5_Li", average_voltage=None),
    ]  # fmt: skip
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, documents)))
    return prepare(readers.read(tmp_path), Prepare())


def test_counts_and_ranges(prepared: Prepared) -> None:
    made = card(prepared.table, prepared.rejects)
    assert (made["rows"], made["rejects"], made["rejects_by_rule"]) == (4, 1, {"unusable": 1})
    assert made["synthetic"] is True
    assert list(made["ions"].items())[:2] == [("Li", 3), ("Mg", 1)]
    assert len(made["ions"]) == 10
    # Voltages 3.4, 9.4, 2.4, 5.4: mean 20.6 / 4 = 5.15; deviations 1.75, 4.25, 2.75, 0.25: mean 9 / 4.
    assert made["targets"]["average_voltage"] == pytest.approx(
        {"unit": "V", "min": 2.4, "max": 9.4, "mean": 5.15, "mean_absolute_deviation": 2.25}
    )
    assert (made["discharged_formulas"], made["pairs"], made["shared"]) == (2, 3, 0.75)
    assert made["unphysical_voltages"] == 1
    # Magnesium: 300 against 270; half-charged LiFePO4: 169.89 against 84.9.
    assert made["departs_from_faraday"] == 2
    assert made["thermo_types"] == {"GGA_GGA+U": 4}
    assert json.loads(json.dumps(made)) == made


def test_one_foreign_id_makes_it_no_longer_synthetic(prepared: Prepared) -> None:
    table = prepared.table.replace({"electrode_id": {"synthetic-1_Li": "mine-1_Li"}})
    assert card(table, prepared.rejects)["synthetic"] is False


def test_describe_says_where_the_data_comes_from(prepared: Prepared) -> None:
    origin = {"source": "here[red]", "path": "/x.csv", "release": "2025-09-25", "md5": "0" * 32, "licence": "CC BY 4.0"}
    stream = io.StringIO()
    Console(file=stream, width=100).print(describe(card(prepared.table, prepared.rejects), origin))
    shown = stream.getvalue()
    for text in ("here[red]", "2025-09-25", "0" * 32, "CC BY 4.0", "4 (1 rejected)", "Li 3, Mg 1", "75%", "Synthetic"):
        assert text in shown
    assert "Average voltage (V)" in shown
    assert "9.40" in shown


def test_conversions_are_in_the_card_and_shown(prepared: Prepared) -> None:
    made = conversion("average_voltage", "Average Voltage (mV)", "mV")
    assert made is not None
    numbers = json.loads(json.dumps(card(prepared.table, prepared.rejects, {"average_voltage": made})))
    assert numbers["conversions"]["average_voltage"]["unit"] == "mV"
    assert "conversions" not in card(prepared.table, prepared.rejects)
    stream = io.StringIO()
    Console(file=stream, width=120).print(describe(numbers, {}))
    assert "'Average Voltage (mV)': mV was converted to V (times 0.001)" in stream.getvalue()


def test_a_card_of_rows_off_faradays_law_begins_with_a_warning(prepared: Prepared) -> None:
    numbers = card(prepared.table, prepared.rejects) | {"departs_from_faraday": 3}
    stream = io.StringIO()
    Console(file=stream, width=120).print(describe(numbers, {}))
    assert "WARNING: most rows violate Faraday's law" in stream.getvalue()


def test_licences_are_counted_where_documents_state_them(tmp_path: Path, make_document: Any) -> None:
    documents = [
        make_document(builder_meta={"license": "BY-C"}),
        make_document(battery_id="synthetic-2_Li", builder_meta={"license": "BY-NC"}),
        make_document(battery_id="synthetic-3_Li", builder_meta={"license": None}),
        make_document(battery_id="synthetic-4_Li", license="BY-C", builder_meta={"emmet_version": "0.86.4"}),
        # Not in the table.
        make_document(battery_id="synthetic-5_Li", average_voltage=None, builder_meta={"license": "BY-NC"}),
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, documents)))
    prepared = prepare(readers.read(tmp_path), Prepare())
    made = card(prepared.table, prepared.rejects, licences=prepared.licences)
    assert made["licences"] == {"CC BY 4.0": 2, "CC BY-NC 4.0": 1, "not stated": 1}
    stream = io.StringIO()
    Console(file=stream, width=200).print(describe(made, {"licence": "CC BY 4.0 (Materials Project)"}))
    stated = "CC BY 4.0 (2 electrodes); CC BY-NC 4.0 (1 electrode, no commercial use); not stated (1 electrode)"
    assert stated in stream.getvalue()
    assert "(Materials Project)" not in stream.getvalue()


def test_a_card_of_documents_without_licences_does_not_mention_them(prepared: Prepared) -> None:
    assert prepared.licences == {}
    assert "licences" not in card(prepared.table, prepared.rejects, licences=prepared.licences)
