"""Lists of candidates as people's programs write them."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from electrode_bench.data.limits import LONGEST_LINE
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates import Unreadable, as_candidates, read_candidates
from electrode_bench.inference.candidates.columns import output_names


def _read(folder: Path, content: str | bytes, name: str = "a.csv", **options: Any) -> pd.DataFrame:
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return pd.concat(read_candidates(file, **options), ignore_index=True)


def _lines(read: pd.DataFrame) -> dict[int, str]:
    return {
        line: formula.reason if isinstance(formula, Unreadable) else formula
        for line, formula in zip(read["line"], read["formula"], strict=True)
    }


def test_every_kind_of_file_is_read_in_chunks(tmp_path: Path) -> None:
    formulas = ["LiCoO2", "NaCoO2", "KCoO2"]
    frame = pd.DataFrame({"name": list("abc"), "formula": formulas, "working_ion": ["Li", "Na", None]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.TSV", index=False, sep="\t")
    frame.to_parquet(tmp_path / "a.PARQUET")
    (tmp_path / "a.txt").write_text("\n".join(formulas))
    for name, first in (("a.csv", 2), ("a.TSV", 2), ("a.PARQUET", 1), ("a.txt", 1)):
        chunks = list(read_candidates(tmp_path / name, chunk=2))
        assert [len(c) for c in chunks] == [2, 1], name
        whole = pd.concat(chunks, ignore_index=True)
        assert whole["formula"].tolist() == formulas
        assert whole["line"].tolist() == [first, first + 1, first + 2]
        given_ions = [i for i in whole["working_ion"] if i]
        assert given_ions == ([] if name == "a.txt" else ["Li", "Na"])
        assert name == "a.txt" or whole["name"].tolist() == list("abc")


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        # Rows and a header that end in a comma.
        ("formula,host\nLiFeO2,FeO2,\nLiCoO2,CoO2,\n", {2: "LiFeO2", 3: "LiCoO2"}),
        ("formula,host,\nLiFeO2,FeO2,\nLiCoO2,CoO2,,,\n", {2: "LiFeO2", 3: "LiCoO2"}),
        # R's write.table: the header does not count the names of the rows. These may be formulas themselves.
        ('"formula","ion"\n"1","LiFeO2","Li"\n"2","LiCoO2","Li"\n', {2: "LiFeO2", 3: "LiCoO2"}),
        ('"formula","n"\n"FeO2","LiFeO2",1\n"CoO2","LiCoO2",2\n', {2: "LiFeO2", 3: "LiCoO2"}),
        ('"x","formula"\n"1",5,"LiFeO2"\n"2",6,""\n"3",,"LiXx"\n', {2: "LiFeO2", 3: "", 4: "LiXx"}),
        # A row that is too short, and blank rows.
        ("name,formula,x\na,LiFeO2\n\n,,\nb,LiCoO2,3\n", {2: "LiFeO2", 5: "LiCoO2"}),
        ("formula\n\n\nLiFeO2\n\nLiXx\nLiCoO2\n", {4: "LiFeO2", 6: "LiXx", 7: "LiCoO2"}),
        # Line breaks in quotation marks.
        ('name,formula\r\n"two\r\nlines",LiFeO2\r\nb,LiCoO2\r\n', {2: "LiFeO2", 4: "LiCoO2"}),
        # Excel's line, comments before the header, and other delimiters.
        ("sep=;\nname;formula\na;LiFeO2\n", {3: "LiFeO2"}),
        ("# made by hand\n\nname|formula\na|LiFeO2\n", {4: "LiFeO2"}),
        ("name\tformula\na, b\tLiFeO2\n", {2: "LiFeO2"}),
        ("formula;price\nLiNi0,5Mn1,5O4;1,5\n", {2: "LiNi0.5Mn1.5O4"}),
        # Sodium nitride, and what is no formula.
        ("formula,x\nNaN,1\nNA,2\nnull,3\n", {2: "NaN", 3: "NA", 4: "null"}),
        # A list with the suffix of a table.
        ("LiFeO2\nLiCoO2\n", {1: "LiFeO2", 2: "LiCoO2"}),
        ('name,formula\n"a,LiFeO2\nb,LiCoO2\n', {2: "a quotation mark is not closed", 3: "LiCoO2"}),
        ("name,formula\na,b,c,LiFeO2\nb,LiCoO2\nc,LiNiO2\n",
         {2: "the row has 4 fields where the header has 2", 3: "LiCoO2", 4: "LiNiO2"}),
    ],
)  # fmt: skip
def test_tables_of_many_programs(tmp_path: Path, content: str, lines: dict[int, str]) -> None:
    assert _lines(_read(tmp_path, content)) == lines


def test_a_stray_quotation_mark_costs_one_row_of_a_long_file(tmp_path: Path) -> None:
    rows = [f"{i},LiCoO2" for i in range(500)]
    rows[7] = '"7,LiCoO2'
    read = _read(tmp_path, "n,formula\n" + "\n".join(rows))
    assert len(read) == 500
    bad = {line: text for line, text in _lines(read).items() if text != "LiCoO2"}
    assert bad == {9: "a quotation mark is not closed"}


def test_plain_text_has_comments_and_blank_lines(tmp_path: Path) -> None:
    text = "# mine\nLiFePO4\n\nLiCoO2   # layered\n  NaMnO2\t\n#LiNiO2\n"
    assert _lines(_read(tmp_path, text, "a.txt")) == {2: "LiFePO4", 4: "LiCoO2", 5: "NaMnO2"}
    assert _lines(_read(tmp_path, "formula\nLiFePO4\n", "a.list")) == {2: "LiFePO4"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-8"])
def test_byte_order_marks_and_encodings(tmp_path: Path, encoding: str) -> None:
    table = _read(tmp_path, "formula\tsource\nLiFePO4\tGrößer\n".encode(encoding), "a.txt")
    assert (_lines(table), table["source"].tolist()) == ({2: "LiFePO4"}, ["Größer"])
    assert _lines(_read(tmp_path, "LiFePO4\r\nLiCoO2\r\n".encode(encoding), "b.txt")) == {1: "LiFePO4", 2: "LiCoO2"}


@pytest.mark.parametrize(
    ("header", "read", "others"),
    [
        ("formula,formula_discharge", 1, ["input_formula"]),
        ("material,composition", 1, ["material"]),
        ("composition,pretty_formula", 1, ["composition"]),
        ("pretty_formula,reduced_formula", 1, ["pretty_formula"]),
        ("reduced_formula,Formula", 1, ["reduced_formula"]),
        ("Formula Discharge,formula", 0, ["input_formula"]),
        ("energy,MATERIAL", 1, ["input_energy"]),
        (",formula", 1, ["column_1"]),
    ],
)
def test_one_rule_says_which_column_is_read(tmp_path: Path, header: str, read: int, others: list[str]) -> None:
    found = _read(tmp_path, f"{header}\nLiFeO2,LiCoO2\n")
    assert found["formula"].tolist() == [["LiFeO2", "LiCoO2"][read]]
    assert list(found.columns[3:]) == others
    frame = pd.DataFrame([["LiFeO2", "LiCoO2"]], columns=header.split(","))
    assert list(as_candidates(frame, first_line=1, where="it").columns[3:]) == others


def test_names_that_are_taken_get_a_prefix_and_a_number(tmp_path: Path) -> None:
    found = _read(tmp_path, "formula,line,rank,x,x,Working Ion\nLiFeO2,a,b,c,d,Li\n")
    assert list(found.columns) == ["line", "formula", "working_ion", "input_line", "input_rank", "x", "x_2"]
    assert found.iloc[0].tolist() == [2, "LiFeO2", "Li", "a", "b", "c", "d"]


def test_decimal_commas_of_numbers_become_points(tmp_path: Path) -> None:
    found = _read(tmp_path, "formula;price;note\nLiFeO2;1,5;a, b\nLiCoO2;-2,25e3;3\n")
    assert found["price"].tolist() == ["1.5", "-2.25e3"]
    assert found["note"].tolist() == ["a, b", "3"]


def test_excel_files_are_read(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["about", "this file"])
    sheet = book.create_sheet("candidates")
    for row in ([], ["Formula", "working_ion", "price"], ["LiFeO2", "Li", 1.5], [], ["LiCoO2", None, None, ""]):
        sheet.append(row)
    book.save(tmp_path / "a.XLSX")
    (found,) = read_candidates(tmp_path / "a.XLSX")
    assert found.iloc[:, 1:].to_numpy(dtype=object).tolist() == [["LiFeO2", "Li", 1.5], ["LiCoO2", None, None]]
    assert found["line"].tolist() == [3, 5]
    del book["candidates"]
    book.save(tmp_path / "b.xlsx")
    with pytest.raises(UserError, match=r"the first sheet of .*b.xlsx has no column of formulas; it has about, this"):
        list(read_candidates(tmp_path / "b.xlsx"))


def test_without_openpyxl_an_excel_file_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "openpyxl", None)
    with pytest.raises(UserError, match=r"needs openpyxl: pip install 'electrode-bench\[excel\]'; or save the sheet"):
        _read(tmp_path, b"PK\x03\x04", "a.xlsx")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "a.csv",
            "chemistry,x\nLiCoO2,1\n",
            "has no column of formulas; it has chemistry, x; name the column 'formula'",
        ),
        ("a.csv", "formula,formula\nLiCoO2,LiFeO2\n", "has two columns 'formula'; keep one"),
        ("a.csv", "", "is empty"),
        ("a.txt", "\n# nothing\n", "is empty"),
        ("a.parquet", "not parquet", "cannot be read"),
        ("a.xls", b"\xd0\xcf\x11\xe0", "save it as .xlsx"),
        ("a.csv.gz", b"\x1f\x8b", "unpack it first"),
        ("a.xlsx", b"PK\x03\x04", "cannot be read as an Excel file"),
        ("a.json", '[{"formula": "LiCoO2"}]', "is JSON; give a CSV"),
        ("a.jsonl", '{"formula": "LiCoO2"}\n', "is JSON; give a CSV"),
        ("a.txt", b"LiCoO2\0\0\1\2LiFePO4", "is not text"),
        ("a.csv", "X" * 140_000 + "\n", "cannot be read: field larger than field limit"),
        ("b.csv", None, "is missing"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, name: str, content: str | bytes | None, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        list(read_candidates(tmp_path / name)) if content is None else _read(tmp_path, content, name)


def test_a_parquet_file_without_formulas_is_an_error_even_when_it_is_empty(tmp_path: Path) -> None:
    for rows in ([], ["x"]):
        pd.DataFrame({"chemistry": rows}).to_parquet(tmp_path / "a.parquet")
        with pytest.raises(UserError, match="has no column of formulas; it has chemistry"):
            list(read_candidates(tmp_path / "a.parquet"))


def test_what_is_too_long_or_too_wide_is_an_error(tmp_path: Path) -> None:
    for content, message in (
        (",".join(f"x{i}" for i in range(20)), "it has x0, x1, .*, x9 and 10 more; name the column"),
        (",".join(["formula"] * 20_000), "has 20,000 columns; at most 16,384 are read"),
        ("formula\nLiCoO2\n" + "x" * (LONGEST_LINE + 1), "line 3 is longer than 16,777,216 characters"),
    ):
        with pytest.raises(UserError, match=message):
            _read(tmp_path, content)


def test_many_columns_of_one_name_are_numbered_fast() -> None:
    assert output_names(["a"] * 16_384)[-1] == "a_16384"


def test_the_formulas_may_be_the_index_of_a_table_of_pandas(tmp_path: Path) -> None:
    pd.DataFrame({"x": [1, 2]}, index=pd.Index(["LiFeO2", None], name="formula")).to_parquet(tmp_path / "a.parquet")
    (found,) = read_candidates(tmp_path / "a.parquet")
    assert found["formula"].tolist() == ["LiFeO2", None]


def test_a_workbook_that_is_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    openpyxl.Workbook().save(tmp_path / "a.xlsx")
    with zipfile.ZipFile(tmp_path / "a.xlsx", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b" " * (70 << 20))
    with pytest.raises(UserError, match="unpacks to more than 100 times its size"):
        list(read_candidates(tmp_path / "a.xlsx"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("a.csv", "formula")
    with pytest.raises(UserError, match="is a zip file but no Excel file; unpack it first"):
        list(read_candidates(tmp_path / "b.zip"))
