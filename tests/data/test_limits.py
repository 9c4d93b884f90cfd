"""Files that would fill the memory are refused before they do."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from electrode_bench.data import limits, readers
from electrode_bench.errors import UserError


@pytest.mark.parametrize("byte", [b" ", b"\n", b"["])
def test_a_decompression_bomb(tmp_path: Path, byte: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_FREE", 1 << 20)
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(byte * (4 << 20)))
    with pytest.raises(UserError, match="unpacks to more than 100 times its size, as only a decompression bomb does"):
        readers.read(tmp_path)


def test_too_many_rows_and_lines(tmp_path: Path, explorer_csv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    header, first, *_ = explorer_csv.splitlines()
    (tmp_path / "x.csv").write_text("\n".join([header, *[first] * 21]))
    monkeypatch.setattr(limits, "MOST_ROWS", 20)
    with pytest.raises(UserError, match=r"x\.csv has more than 20 rows"):
        readers.read(tmp_path)
    monkeypatch.setattr(limits, "MOST_LINES", 10)
    with pytest.raises(UserError, match=r"x\.csv has more than 10 lines"):
        readers.read(tmp_path)


def parquet(path: Path, document: dict[str, Any], rows: int, **columns: pa.Array) -> None:
    """Rows of one document that take little room on disk."""
    simple = {name: value for name, value in document.items() if isinstance(value, (str, int, float))}
    pq.write_table(pa.table({name: pa.array([value] * rows) for name, value in simple.items()} | columns), path)


def test_parquet_of_many_rows_of_long_texts_and_of_objects(tmp_path: Path, make_document: Any) -> None:
    path = tmp_path / "x.parquet"
    parquet(path, make_document(), limits.MOST_ROWS + 1)
    with pytest.raises(UserError, match="has more than 200,000 rows"):
        readers.read(path)
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), ["x" * 1_000_000])
    parquet(path, make_document(), 1000, battery_formula=long)
    with pytest.raises(UserError, match="the column 'battery_formula' has text of more than 10,000 characters"):
        readers.read(path)
    parquet(path, make_document(), 2, working_ion=pa.array([{"element": "Li"}] * 2))
    with pytest.raises(UserError, match="the column 'working_ion' holds objects or lists"):
        readers.read(path)


def test_a_line_without_an_end(tmp_path: Path, explorer_csv: str) -> None:
    (tmp_path / "x.csv").write_text(explorer_csv + "x" * (limits.LONGEST_LINE + 1))
    with pytest.raises(UserError, match=r"x\.csv, line 5 is longer than 16,777,216 characters"):
        readers.read(tmp_path)
