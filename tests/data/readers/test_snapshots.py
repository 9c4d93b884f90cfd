"""Each raw layout, and each way in which a file can be broken."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from electrode_bench.data import readers
from electrode_bench.errors import UserError


def write_documents(path: Path, documents: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [d if isinstance(d, str) else json.dumps(d) for d in documents]
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    return path


def test_explorer_csv(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "export.csv").write_text(explorer_csv)
    raw = readers.read(tmp_path)
    assert raw.kind == "Battery Explorer CSV"
    assert raw.rejects.empty
    assert list(raw.frame["line"]) == [2, 3, 4]
    first = raw.frame.iloc[0]
    assert (first["file"], first["electrode_id"], first["formula_discharge"]) == (
        "export.csv",
        "synthetic-1_Li",
        "LiFePO4",
    )
    assert (first["gravimetric_capacity"], first["average_voltage"], first["steps"]) == ("169.89", "3.4", "1")
    assert first["thermo_type"] is None


def test_a_file_reads_as_its_folder_does(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "export.csv").write_text(explorer_csv)
    pd.testing.assert_frame_equal(readers.read(tmp_path / "export.csv").frame, readers.read(tmp_path).frame)


def test_voltage_step_csv(tmp_path: Path, steps_csv: str) -> None:
    (tmp_path / "steps.csv").write_text(steps_csv)
    raw = readers.read(tmp_path)
    assert raw.kind == "voltage-step CSV"
    assert list(raw.frame["electrode_id"]) == ["synthetic-1_Li", "synthetic-2_Li", "synthetic-2_Li"]
    assert list(raw.frame["volumetric_capacity"]) == ["611.6", "634.4", "600.0"]
    # Documents as CSV have the same columns, and several steps.
    assert raw.frame["steps"].isna().all()


def test_documents_in_several_files(tmp_path: Path, make_document: Any) -> None:
    second = make_document(battery_id="synthetic-2_Li", average_voltage=None, stability_charge=None)
    write_documents(tmp_path / "insertion-electrodes" / "b.jsonl.gz", [second])
    write_documents(tmp_path / "insertion-electrodes" / "a.jsonl.gz", [make_document(), "", make_document()])
    (tmp_path / "insertion-electrodes" / "manifest.json").write_text("{}")
    raw = readers.read(tmp_path)
    assert raw.kind == "InsertionElectrodeDoc documents"
    assert [(f, n) for f, n in zip(raw.frame["file"], raw.frame["line"], strict=True)] == [
        ("insertion-electrodes/a.jsonl.gz", 1),
        ("insertion-electrodes/a.jsonl.gz", 3),
        ("insertion-electrodes/b.jsonl.gz", 1),
    ]
    assert raw.frame["average_voltage"][0] == 3.4
    assert raw.frame["average_voltage"][2] is None
    assert raw.frame["framework_formula"][0] == "FePO4"
    assert raw.frame["thermo_type"][0] == "GGA_GGA+U"


def test_parquet_with_either_layouts_names(tmp_path: Path, explorer_csv: str, make_document: Any) -> None:
    (tmp_path / "export.csv").write_text(explorer_csv)
    explorer = pd.read_csv(tmp_path / "export.csv")
    explorer.to_parquet(tmp_path / "explorer.parquet")
    raw = readers.read(tmp_path / "explorer.parquet")
    assert raw.kind == "parquet"
    assert list(raw.frame["line"]) == [1, 2, 3]
    assert raw.frame["volumetric_capacity"][1] == 1100.0

    pd.DataFrame([make_document(), make_document(num_steps=3)]).to_parquet(tmp_path / "documents.parquet")
    raw = readers.read(tmp_path / "documents.parquet")
    assert list(raw.frame["steps"]) == [1, 3]
    assert list(raw.frame["gravimetric_capacity"]) == [169.89, 169.89]


def test_blank_lines_byte_order_mark_and_units_in_headers_are_understood(tmp_path: Path, explorer_csv: str) -> None:
    text = explorer_csv.replace("Average Voltage", "Average Voltage (V)").replace(
        "Volumetric Capacity", "Volumetric Capacity (Ah/L)"
    )
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode() + b"\r\n,,,\r\n\r\n")
    raw = readers.read(tmp_path)
    assert len(raw.frame) == 3
    assert raw.rejects.empty
    assert list(raw.frame["average_voltage"]) == ["3.4", "2.6", "4.0"]


def test_broken_csv_rows_are_rejected_with_their_line(tmp_path: Path, explorer_csv: str) -> None:
    lines = explorer_csv.splitlines()
    lines.insert(2, "synthetic-9_Li,too,few")
    lines.insert(3, 'synthetic-8_Li,"a\nb"' + "," * 15)
    (tmp_path / "x.csv").write_text("\n".join(lines))
    raw = readers.read(tmp_path)
    assert list(raw.frame["line"]) == [2, 4, 6, 7]
    assert raw.frame["battery_formula"][1] == "a\nb"
    assert raw.rejects.to_dict("records") == [
        {
            "file": "x.csv",
            "line": 3,
            "battery_id": "synthetic-9_Li",
            "rule": "unusable",
            "reason": "the row has 3 fields where the header has 17",
        },
    ]


def test_broken_json_lines_are_rejected_with_their_line(tmp_path: Path, make_document: Any) -> None:
    path = write_documents(tmp_path / "x.jsonl.gz", [make_document(), '{"battery_id": ', "[1]"])
    content = gzip.decompress(path.read_bytes()) + b'{"battery_id": "\xff"}\n'
    path.write_bytes(gzip.compress(content))
    raw = readers.read(tmp_path)
    assert len(raw.frame) == 1
    assert list(raw.rejects["line"]) == [2, 3, 4]
    assert "not valid JSON" in raw.rejects["reason"][0]
    assert raw.rejects["reason"][1] == "the line is not a JSON object"
    assert "not valid JSON" in raw.rejects["reason"][2]


def test_missing_column_names_it_and_the_nearest(tmp_path: Path, explorer_csv: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(explorer_csv.replace("Average Voltage", "Mean Voltage"))
    with pytest.raises(UserError) as error:
        readers.read(tmp_path)
    assert str(error.value) == (
        f"{path}: the column 'Average Voltage' is missing; if it is the same quantity, "
        "rename 'Mean Voltage' to 'Average Voltage'"
    )


def test_a_suggested_rename_keeps_the_unit(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "x.csv").write_text(explorer_csv.replace("Average Voltage", "Mean potential (mV)"))
    with pytest.raises(UserError, match=r"rename 'Mean potential \(mV\)' to 'Average Voltage \(mV\)'$"):
        readers.read(tmp_path)


def test_missing_parquet_column(tmp_path: Path, make_document: Any) -> None:
    frame = pd.DataFrame([make_document()])[["battery_id", "working_ion", "formula_charge", "capacity_grav"]]
    frame.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(
        UserError,
        match=r"x\.parquet: the columns 'formula_discharge', 'capacity_vol' and 'average_voltage' are missing",
    ):
        readers.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.csv is empty; export it again"),
        (b"\n\n", "x.csv is empty; export it again"),
        (b"a;b\n1;2\n", "the columns 'Battery ID', 'Working Ion', .* are missing, and no other column is named like"),
        (b"\x1f\x8bxx", "x.csv is not CSV but a gzip file; unpack it"),
        (b"PK\x03\x04", "x.csv is not CSV but an Excel or zip file; save the sheet as CSV, or unpack it"),
        (b"Battery ID,Battery ID\n", "the column 'Battery ID' occurs twice"),
        (b"a,b\n1,2\n", "the columns 'Battery ID', 'Working Ion', "),
        (b"Battery ID,x\n1,\xff\n", r"x.csv, line 2: not UTF-8 text; save the file as CSV in UTF-8"),
        (b'Battery ID,x\n1,"2\n', r"the columns 'Working Ion', 'Formula Charge', "),
    ],
)
def test_unreadable_csv(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(UserError, match=message):
        readers.read(tmp_path)


def test_header_alone_wrong_unit_and_open_quotation_mark(tmp_path: Path, explorer_csv: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(explorer_csv.splitlines()[0] + "\n")
    with pytest.raises(UserError, match="has a header but no rows"):
        readers.read(path)
    path.write_text(explorer_csv.replace("Volumetric Capacity", "Volumetric Capacity (mAh)"))
    with pytest.raises(
        UserError, match=r"'Volumetric Capacity \(mAh\)' is in 'mAh', which cannot be converted to mAh/cm3"
    ):
        readers.read(path)
    path.write_text(explorer_csv + 'synthetic-4_Li,"Li0-1')
    rejects = readers.read(path).rejects
    assert list(rejects["line"]) == [5]
    assert rejects["reason"][0] == "a quotation mark is not closed"


def test_truncated_and_damaged_gzip(tmp_path: Path, make_document: Any) -> None:
    path = write_documents(tmp_path / "x.jsonl.gz", [make_document(battery_id=f"synthetic-{i}_Li") for i in range(50)])
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError) as error:
        readers.read(tmp_path)
    assert str(error.value) == f"{path} is truncated: the gzip stream ends too early; download it again"
    path.write_bytes(whole[:-8] + b"\0" * 8)
    with pytest.raises(UserError, match=r"x\.jsonl\.gz is damaged"):
        readers.read(tmp_path)
    path.write_bytes(b"plain text")
    with pytest.raises(UserError, match=r"x\.jsonl\.gz is not a gzip file"):
        readers.read(tmp_path)
    path.write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.jsonl\.gz is empty; download it again"):
        readers.read(tmp_path)
    path.write_bytes(gzip.compress(b"\n"))
    with pytest.raises(UserError, match=r"x\.jsonl\.gz has no documents"):
        readers.read(tmp_path)


def test_documents_of_another_kind_are_one_error(tmp_path: Path) -> None:
    write_documents(tmp_path / "x.jsonl.gz", [{"material_id": "synthetic-1"}] * 3)
    with pytest.raises(UserError, match="its first object has the fields 'material_id'"):
        readers.read(tmp_path)


def test_broken_parquet(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(UserError, match=r"x\.parquet is not readable as parquet"):
        readers.read(tmp_path)
    (tmp_path / "x.parquet").write_bytes(b"")
    with pytest.raises(UserError, match=r"x\.parquet is empty"):
        readers.read(tmp_path)


def test_more_than_one_snapshot_is_refused(tmp_path: Path, explorer_csv: str, make_document: Any) -> None:
    (tmp_path / "a.csv").write_text(explorer_csv)
    (tmp_path / "b.csv").write_text(explorer_csv)
    with pytest.raises(UserError, match=r"holds more than one snapshot \(a\.csv, b\.csv\); keep one"):
        readers.read(tmp_path)
    (tmp_path / "b.csv").unlink()
    write_documents(tmp_path / "c.jsonl.gz", [make_document()])
    with pytest.raises(UserError, match=r"more than one snapshot \(a\.csv, c\.jsonl\.gz\)"):
        readers.read(tmp_path)


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing does not exist; bring data in with: electrode-bench data use"):
        readers.read(tmp_path / "missing")
    with pytest.raises(UserError, match=rf"has no {re.escape(readers.formats())} file \(it is empty\)"):
        readers.read(tmp_path)
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"\(it holds x\.xlsx\)"):
        readers.read(tmp_path)
    with pytest.raises(UserError, match=r"x\.xlsx: unknown kind of file; readable are"):
        readers.read(tmp_path / "x.xlsx")


@pytest.mark.parametrize(
    ("materials", "expected"),
    [
        (["mp-1000", "mp-999", "mvc-1"], "mp-999_Li"),
        (["mp-aaaaccyz", "mp-aaaabzzz"], "mp-aaaabzzz_Li"),
        (["mp-aaaaaaaa", "mp-1234567"], "mp-1234567_Li"),
    ],
)
def test_a_document_without_an_id_gets_that_of_its_oldest_material(
    tmp_path: Path, make_document: Any, materials: list[str], expected: str
) -> None:
    document = make_document(material_ids=materials)
    del document["battery_id"]
    write_documents(tmp_path / "x.jsonl.gz", [document, make_document()])
    assert list(readers.read(tmp_path).frame["electrode_id"]) == [expected, "synthetic-1_Li"]


def test_the_licence_of_a_document_is_read_where_it_stands(tmp_path: Path, make_document: Any) -> None:
    documents = [
        make_document(builder_meta={"license": "BY-NC"}),
        make_document(license="BY-C", builder_meta={"license": "BY-NC"}),
        make_document(builder_meta={"license": None}),
        make_document(builder_meta="none"),
    ]
    write_documents(tmp_path / "x.jsonl.gz", documents)
    assert list(readers.read(tmp_path).frame["licence"]) == ["BY-NC", "BY-C", None, None]
