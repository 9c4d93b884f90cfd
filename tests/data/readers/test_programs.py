"""Tables as people's programs write them: read to the same values, or refused with the reason."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from electrode_bench.data import readers
from electrode_bench.data.prepare import prepare
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare


@pytest.fixture
def frame(explorer_csv: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(explorer_csv))


def prepared(path: Path, content: str | bytes) -> pd.DataFrame:
    """The table of a file from which nothing is rejected."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = prepare(readers.read(path), Prepare())
    assert done.rejects.empty, done.rejects["reason"].tolist()
    return done.table


def german(frame: pd.DataFrame, **options: Any) -> str:
    return str(frame.to_csv(sep=";", decimal=",", **options))


def lines_of(text: str, *, each: str = "{}", first: str = "{}") -> str:
    header, *rows = text.splitlines()
    return "\n".join([first.format(header), *(each.format(row) for row in rows)]) + "\n"


VARIANTS = {
    "utf-16": lambda f: f.to_csv(index=False).encode("utf-16"),
    "excel unicode text": lambda f: f.to_csv(index=False, sep="\t").encode("utf-16"),
    "old mac": lambda f: f.to_csv(index=False).replace("\n", "\r"),
    "mixed line endings": lambda f: f.to_csv(index=False).replace("\n", "\r\n", 2),
    "pandas index": lambda f: f.to_csv(),
    "all quoted": lambda f: f.to_csv(index=False, quoting=csv.QUOTE_ALL),
    "r write.csv2": lambda f: german(f),
    "semicolons and points": lambda f: f.to_csv(index=False, sep=";"),
    "excel sep": lambda f: "sep=,\r\n" + f.to_csv(index=False),
    "excel sep after a mark": lambda f: b"\xef\xbb\xbfsep=;\r\n" + german(f, index=False).encode(),
    "r write.table": lambda f: lines_of(f.to_csv(index=False), each='"7",{}'),
    "trailing commas": lambda f: lines_of(f.to_csv(index=False), each="{},", first="{},"),
    "trailing commas in rows": lambda f: lines_of(f.to_csv(index=False), each="{},,"),
    "comments": lambda f: "# exported by a program\n#\n" + f.to_csv(index=False),
    "blanks after commas": lambda f: f.to_csv(index=False).replace(",", ", "),
    "line break in the header": lambda f: f.to_csv(index=False).replace("Average Voltage", '"Average\nVoltage\n(V)"'),
    "iupac": lambda f: f.to_csv(index=False).replace("Average Voltage", "Average Voltage / V"),
    "square brackets": lambda f: f.to_csv(index=False).replace("Volumetric Capacity", "Volumetric Capacity [Ah/L]"),
    "units": lambda f: f.assign(**{"Average Voltage": f["Average Voltage"] * 1000}).rename(
        columns={"Average Voltage": "Average Voltage (mV)"}).to_csv(index=False),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_of_programs_are_read_to_the_same_values(variant: str, tmp_path: Path, frame: pd.DataFrame) -> None:
    plain = prepared(tmp_path / "plain.csv", frame.to_csv(index=False))
    pd.testing.assert_frame_equal(prepared(tmp_path / "x.csv", VARIANTS[variant](frame)), plain)


def test_a_row_of_units_is_read(tmp_path: Path, frame: pd.DataFrame) -> None:
    units = {"Average Voltage": "mV", "Gravimetric Capacity": "mAh/g", "Volumetric Capacity": "(Ah/L)"}
    header, *rows = frame.to_csv(index=False).splitlines()
    row = ",".join(units.get(name, "") for name in frame.columns)
    (tmp_path / "x.csv").write_text("\n".join([header, row, *rows]))
    raw = readers.read(tmp_path)
    assert list(raw.frame["line"]) == [3, 4, 5]
    assert {column: made.factor for column, made in raw.conversions.items()} == {"average_voltage": 0.001}


def test_line_breaks_in_cells_and_open_quotation_marks(tmp_path: Path, explorer_csv: str) -> None:
    header, first, second, third = explorer_csv.splitlines()
    structure = '"Full Formula (X4)\nSites (1)\n  #  SP  a\n  0  Fe  0"'
    (tmp_path / "x.csv").write_text(f"{header},host\n{first},{structure}\n{second},{structure}\n{third},{structure}\n")
    raw = readers.read(tmp_path)
    assert raw.rejects.empty
    assert list(raw.frame["line"]) == [2, 6, 10]

    # Two stray quotation marks make one row with the right number of fields, in which two others would be lost.
    fields = second.split(",")
    opening = ",".join([*fields[:9], '"' + fields[9], *fields[10:]])
    closing = ",".join(['x",' + third.split(",")[0], *third.split(",")[10:]])
    (tmp_path / "x.csv").write_text("\n".join([header, opening, first, closing, third]))
    raw = readers.read(tmp_path)
    assert list(raw.frame["line"]) == [3, 5]
    assert raw.rejects["line"].tolist() == [2, 4]
    assert raw.rejects["reason"][0] == "a quotation mark is not closed"


def test_a_point_among_decimal_commas_is_rejected(tmp_path: Path, frame: pd.DataFrame) -> None:
    """1.100 is 1100 in German, and 1.1 elsewhere."""
    (tmp_path / "x.csv").write_text(german(frame, index=False).replace(";1100", ";1.100"))
    raw = readers.read(tmp_path)
    assert list(raw.frame["line"]) == [2, 4]
    assert raw.rejects["reason"].tolist() == ["the number '1.100,0' has a point where others have decimal commas"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Max Voltage Step", "Average Voltage", "the column 'Average Voltage' occurs twice; keep one"),
        (
            "Max Voltage Step",
            "average_voltage",
            "'Average Voltage' and 'average_voltage' are the same quantity; keep one",
        ),
        (
            "Gravimetric Energy",
            "Gravimetric Capacity (C/g)",
            "the column 'Gravimetric Capacity' occurs twice; keep one",
        ),
        ("Average Voltage", "Average Voltage (V vs. SHE)", "is against 'SHE', which cannot be converted"),
        ("Max Delta Volume", "Max Delta Volume (A3)", "is in 'A3', which cannot be converted to fraction"),
    ],
)
def test_ambiguous_headers_are_refused(tmp_path: Path, explorer_csv: str, old: str, new: str, message: str) -> None:
    (tmp_path / "x.csv").write_text(explorer_csv.replace(old, new))
    with pytest.raises(UserError) as error:
        readers.read(tmp_path)
    assert message in str(error.value)


def test_a_field_of_giant_length_costs_its_row_only(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "x.csv").write_text(explorer_csv + "mp-1," + "x" * 200_000 + "\n")
    raw = readers.read(tmp_path)
    assert len(raw.frame) == 3
    assert raw.rejects["reason"].tolist() == [
        "a field is longer than 131,072 characters; leave that column out of the export"
    ]


def test_a_hundred_thousand_columns(tmp_path: Path, explorer_csv: str) -> None:
    header, first, *_ = explorer_csv.splitlines()
    count = 100_000
    (tmp_path / "x.csv").write_text(f"{header},{','.join(f'c{i}' for i in range(count))}\n{first}{',' * count}\n")
    assert len(readers.read(tmp_path).frame) == 1


FORMS = {
    "lines": lambda docs: "\n".join(map(json.dumps, docs)),
    "lines with a mark": lambda docs: b"\xef\xbb\xbf" + "\n".join(map(json.dumps, docs)).encode(),
    "array": json.dumps,
    "indented array": lambda docs: json.dumps(docs, indent=2),
    "array in utf-16": lambda docs: json.dumps(docs, indent=1).encode("utf-16"),
    "an array on each line": lambda docs: "\n".join(json.dumps([d]) for d in docs),
    "indented objects": lambda docs: "\n".join(json.dumps(d, indent=1) for d in docs),
    "rest": lambda docs: json.dumps({"data": docs, "meta": {"total_doc": 3}}),
    "indented rest": lambda docs: json.dumps({"meta": {}, "data": docs}, indent=1),
    "old api": lambda docs: json.dumps({"valid_response": True, "response": docs}),
    "pandas split": lambda docs: pd.DataFrame(docs).to_json(orient="split"),
    "pandas table": lambda docs: pd.DataFrame(docs).drop(columns="last_updated").to_json(orient="table"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_forms_of_json(form: str, ending: str, tmp_path: Path, make_document: Any) -> None:
    documents = [make_document(battery_id=i, average_voltage=3.0 + i) for i in range(3)]
    table = prepared(tmp_path / f"x.{ending}", FORMS[form](documents))
    assert list(table["electrode_id"]) == ["0", "1", "2"]
    assert list(table["average_voltage"]) == [3.0, 4.0, 5.0]


def test_rejects_of_an_indented_array_have_their_line(tmp_path: Path, make_document: Any) -> None:
    path = tmp_path / "x.json"
    path.write_text(
        "[\n" + json.dumps(make_document()) + ",\n5,\n" + json.dumps(make_document(average_voltage="x")) + "\n]"
    )
    raw = readers.read(path)
    assert list(raw.frame["line"]) == [2, 4]
    assert raw.rejects[["line", "reason"]].to_numpy().tolist() == [[3, "the element is not a JSON object"]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"average_voltage": 1' + "0" * 5000 + "}", None),
        ('{"battery_id": "\\ud800"}', "electrode_id holds half of a character (a lone surrogate)"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "the line is not valid JSON (nested too deeply)"),
        ('{"steps": 1, "steps": 2}', "the line is not valid JSON (the field 'steps' occurs twice)"),
    ],
    ids=["large number", "lone surrogate", "deep", "field twice"],
)
def test_odd_documents_cost_their_line_only(tmp_path: Path, make_document: Any, line: str, reason: str | None) -> None:
    (tmp_path / "x.jsonl").write_text(json.dumps(make_document()) + "\n" + line + "\n")
    raw = readers.read(tmp_path)
    assert raw.rejects["reason"].tolist() == ([] if reason is None else [reason])
    assert len(prepare(raw, Prepare()).table) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "has no documents"),
        ('{"detail": "Invalid authentication"}', "holds no electrode: its first object has the fields 'detail'"),
        ('[\n{"battery_id": 1', "line 2: not valid JSON"),
        ('[{"battery_id": 1}\n', "line 1: the array is damaged or truncated"),
        ('{"battery_id": {"0": 1}}', "holds whole columns; write one object for each row, in pandas orient='records'"),
    ],
)
def test_json_without_documents_is_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UserError) as error:
        readers.read(tmp_path)
    assert message in str(error.value)


def test_json_beside_other_files_describes_them(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "x.csv").write_text(explorer_csv)
    (tmp_path / "manifest.json").write_text("{}")
    assert len(readers.read(tmp_path).frame) == 3


def test_units_in_the_fields_of_documents(tmp_path: Path, make_document: Any) -> None:
    document = make_document()
    document["average_voltage (mV)"] = 1000 * document.pop("average_voltage")
    assert list(prepared(tmp_path / "x.json", json.dumps([document]))["average_voltage"]) == [3.4]


def test_parquet_with_nullable_types_categories_and_an_index(tmp_path: Path, make_document: Any) -> None:
    frame = pd.DataFrame([make_document(battery_id=i, num_steps=i) for i in (1, 2, 3)]).drop(
        columns=["framework", "host_structure", "adj_pairs", "electrode_object", "entries_composition_summary"]
    )
    frame["num_steps"] = frame["num_steps"].astype("Int64").where(frame["num_steps"] != 2)
    frame["working_ion"] = frame["working_ion"].astype("category")
    frame["average_voltage"] = frame["average_voltage"].astype("Float64")
    frame["formula_charge"] = frame["formula_charge"].astype("string")
    frame.set_index("battery_id").to_parquet(tmp_path / "x.parquet")
    table = prepare(readers.read(tmp_path), Prepare()).table
    assert list(table["electrode_id"]) == ["1", "2", "3"]
    assert table["steps"].isna().tolist() == [False, True, False]
