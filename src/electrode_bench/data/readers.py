"""One reader per raw layout; all give the same raw frame: values as the file has them, under canonical names.

Layouts: the Battery Explorer's CSV export; the older CSV with one row per voltage step; a folder of
``*.jsonl.gz`` InsertionElectrodeDoc lines; a parquet file with the columns of any of these.
A line that cannot be taken apart becomes a reject here; whether a row's values can be used is for ``prepare``.
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, VOLTAGE, VOLUMETRIC
from electrode_bench.errors import UserError

#: Where a raw row or a reject stands: file name below the source, line (row of a parquet, from 1).
SOURCE_COLUMNS = ("file", "line")
REJECT_COLUMNS = ("file", "line", "battery_id", "rule", "reason")
#: The ``rule`` of a reject that no rule of params.yaml could save.
UNUSABLE = "unusable"

#: Canonical name -> column of the Battery Explorer's CSV export.
EXPLORER: Mapping[str, str] = MappingProxyType(
    {
        ID: "Battery ID",
        "battery_formula": "Battery Formula",
        "working_ion": "Working Ion",
        "formula_charge": "Formula Charge",
        FORMULA: "Formula Discharge",
        GRAVIMETRIC.key: "Gravimetric Capacity",
        VOLUMETRIC.key: "Volumetric Capacity",
        VOLTAGE.key: "Average Voltage",
        "max_delta_volume": "Max Delta Volume",
        "stability_charge": "Stability Charge",
        "stability_discharge": "Stability Discharge",
        "steps": "Steps",
    }
)

#: Canonical name -> field of InsertionElectrodeDoc; the older CSV uses the same names.
DOCUMENT: Mapping[str, str] = MappingProxyType(
    {
        ID: "battery_id",
        "battery_formula": "battery_formula",
        "working_ion": "working_ion",
        "formula_charge": "formula_charge",
        FORMULA: "formula_discharge",
        "framework_formula": "framework_formula",
        GRAVIMETRIC.key: "capacity_grav",
        VOLUMETRIC.key: "capacity_vol",
        VOLTAGE.key: "average_voltage",
        "max_delta_volume": "max_delta_volume",
        "stability_charge": "stability_charge",
        "stability_discharge": "stability_discharge",
        "thermo_type": "thermo_type",
        "steps": "num_steps",
    }
)

REQUIRED = (ID, "working_ion", "formula_charge", FORMULA, GRAVIMETRIC.key, VOLUMETRIC.key, VOLTAGE.key)
#: Columns of the raw frame, beside SOURCE_COLUMNS.
RAW_COLUMNS = tuple(dict.fromkeys([*EXPLORER, *DOCUMENT]))

#: Units that a header of the export may carry in brackets: they are the canonical ones (1 Ah/L is 1 mAh/cm3).
_HEADER_UNITS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Gravimetric Capacity": frozenset({"mAh/g"}),
        "Volumetric Capacity": frozenset({"Ah/L", "mAh/cm3", "mAh/cm³"}),
        "Average Voltage": frozenset({"V"}),
    }
)

KINDS = ("Battery Explorer CSV", "voltage-step CSV", "InsertionElectrodeDoc lines", "parquet")


@dataclass(frozen=True)
class Raw:
    """A raw snapshot.

    ``frame`` has the columns ``file``, ``line`` and RAW_COLUMNS (object dtype, None where missing);
    ``rejects`` has REJECT_COLUMNS; ``kind`` is one of KINDS.
    """

    frame: pd.DataFrame
    rejects: pd.DataFrame
    kind: str


def read(path: Path) -> Raw:
    """Read the snapshot at ``path``: a file, or a folder that holds one table or ``*.jsonl.gz`` files.

    Raises
    ------
    UserError
        When there is nothing to read, more than one snapshot, a file cannot be read to its end,
        or a column is missing.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist; bring data in with: electrode-bench data use SOURCE")
    if path.is_file():
        files, root = [path], path.parent
        if _suffix(path) is None:
            raise UserError(f"{path}: unknown kind of file; readable are .csv, .parquet and .jsonl.gz")
    else:
        root = path
        files = sorted(f for f in path.rglob("*") if f.is_file() and _suffix(f) and not _hidden(f.relative_to(path)))
        if not files:
            held = sorted(f.name for f in path.iterdir())[:3]
            holds = f"it holds {', '.join(held)}" if held else "it is empty"
            raise UserError(f"{path} has no .csv, .parquet or .jsonl.gz file ({holds}); give a folder or file that has")
    suffixes = sorted({str(_suffix(f)) for f in files})
    if len(suffixes) > 1 or (suffixes[0] in (".csv", ".parquet") and len(files) > 1):
        named = ", ".join(str(f.relative_to(root)) for f in files[:3]) + (", ..." if len(files) > 3 else "")
        raise UserError(f"{path} holds more than one snapshot ({named}); keep one, they are never pooled")
    if suffixes[0] == ".csv":
        return _read_csv(files[0], root)
    if suffixes[0] == ".parquet":
        return _read_parquet(files[0], root)
    return _read_lines(files, root)


def _suffix(path: Path) -> str | None:
    name = path.name.lower()
    return next((s for s in (".csv", ".parquet", ".jsonl.gz", ".jsonl") if name.endswith(s)), None)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


# --- tables -------------------------------------------------------------------------------------------------------


def _read_csv(path: Path, root: Path) -> Raw:
    name = str(path.relative_to(root))
    rows, rejects, header = [], [], None
    columns: dict[str, int] = {}
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    last = 0
    try:
        for fields in lines:
            line, last = last + 1, lines.line_num
            if not any(field.strip() for field in fields):
                continue
            if header is None:
                header = [field.strip() for field in fields]
                columns = _columns(header, path)
            elif len(fields) != len(header) or last > line:
                # A stray quotation mark swallows what follows up to the next one.
                reason = f"the row has {len(fields)} fields where the header has {len(header)}"
                if last > line:
                    reason = f"the row runs on to line {last}: an unclosed quotation mark"
                rejects.append(_reject(name, line, fields[columns[ID]] if columns[ID] < len(fields) else "", reason))
            else:
                rows.append((name, line, *(_blank(fields[columns[c]]) if c in columns else None for c in RAW_COLUMNS)))
    except csv.Error as error:
        raise UserError(f"{path}, line {lines.line_num}: no readable CSV ({error}); export it again") from error
    if header is None:
        raise UserError(f"{path} is empty; export it again")
    if not rows and not rejects:
        raise UserError(f"{path} has a header but no rows; export it again")
    explorer = EXPLORER[ID] in map(_bare, header)
    frame = _frame(rows)
    if not explorer and "steps" not in columns:
        # The older export: a row is one voltage step.
        frame["steps"] = "1"
    return Raw(frame, _rejects(rejects), KINDS[0] if explorer else KINDS[1])


def _text(path: Path) -> str:
    content = path.read_bytes()
    if not content.strip():
        raise UserError(f"{path} is empty; export it again")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not UTF-8 text; save the file as CSV in UTF-8") from error


def _blank(field: str) -> str | None:
    return field.strip() or None


def _read_parquet(path: Path, root: Path) -> Raw:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; write or download it again")
    try:
        columns = _columns(list(pq.read_schema(path).names), path)
        header = pq.read_schema(path).names
        table = pq.read_table(path, columns=[header[i] for i in columns.values()]).to_pydict()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is no readable parquet ({reason}); write or download it again") from error
    name = str(path.relative_to(root))
    count = len(next(iter(table.values())))
    if count == 0:
        raise UserError(f"{path} has columns but no rows; write it again")
    values = [table[header[columns[c]]] if c in columns else [None] * count for c in RAW_COLUMNS]
    rows = [(name, line, *row) for line, row in enumerate(zip(*values, strict=True), 1)]
    return Raw(_frame(rows), _rejects([]), KINDS[3])


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    """Position of each canonical column in a table whose columns are ``header``."""
    bare = [_bare(h) for h in header]
    twice = sorted({h for h in bare if bare.count(h) > 1 and h in {*EXPLORER.values(), *DOCUMENT.values()}})
    if twice:
        raise UserError(f"{path}: the column '{twice[0]}' stands twice; keep one")
    names = max((EXPLORER, DOCUMENT), key=lambda layout: len(set(layout.values()) & set(bare)))
    if not set(names.values()) & set(bare) and len(header) == 1 and re.search(r"[;\t]", header[0]):
        raise UserError(f"{path}: the columns are not separated by commas; export it as comma-separated CSV")
    for canonical in REQUIRED:
        if names[canonical] not in bare:
            raise UserError(
                f"{path}: the column '{names[canonical]}' is missing; "
                f"{_nearest_present(names[canonical], [h for h in bare if h not in names.values()])}"
            )
    for written, plain in zip(header, bare, strict=True):
        unit = written.strip().removeprefix(plain).strip(" ()")
        if unit and unit not in _HEADER_UNITS.get(plain, frozenset({unit})):
            wanted = sorted(_HEADER_UNITS[plain])[0]
            raise UserError(f"{path}: the column '{written}' is in '{unit}'; convert it to {wanted}")
    return {canonical: bare.index(name) for canonical, name in names.items() if name in bare}


def _nearest_present(name: str, others: Sequence[str]) -> str:
    if not others:
        return "no other column stands in its place; export the table again"
    lower = {other.lower(): other for other in others}
    close = difflib.get_close_matches(name.lower(), sorted(lower), n=1, cutoff=0.0)
    return f"the nearest of its columns is '{lower[close[0]]}'; rename it, or export the table again"


def _bare(header: str) -> str:
    return re.sub(r"\s*\([^()]*\)$", "", header.strip())


# --- documents ----------------------------------------------------------------------------------------------------


def _read_lines(files: Sequence[Path], root: Path) -> Raw:
    rows: list[tuple[Any, ...]] = []
    rejects: list[dict[str, Any]] = []
    for path in files:
        name = str(path.relative_to(root))
        for line, content in _numbered(path):
            if not content.strip():
                continue
            try:
                document = json.loads(content)
            except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
                rejects.append(_reject(name, line, "", f"the line is no valid JSON ({error})"))
                continue
            if not isinstance(document, dict):
                rejects.append(_reject(name, line, "", "the line is no JSON object"))
                continue
            rows.append((name, line, *(document.get(DOCUMENT[c]) for c in RAW_COLUMNS)))
    if not rows and not rejects:
        raise UserError(f"{files[0] if len(files) == 1 else root} has no lines; download it again")
    _check_fields(rows, files)
    return Raw(_frame(rows), _rejects(rejects), KINDS[2])


def _check_fields(rows: Sequence[tuple[Any, ...]], files: Sequence[Path]) -> None:
    """A field that no document has is a wrong layout, not a thousand broken rows."""
    offset = len(SOURCE_COLUMNS)
    for column in REQUIRED if rows else ():
        position = offset + RAW_COLUMNS.index(column)
        if all(row[position] is None for row in rows):
            raise UserError(
                f"{files[0]}: no document has the field '{DOCUMENT[column]}'; "
                "the lines must be InsertionElectrodeDoc documents"
            )


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a plain or gzipped file, from 1."""
    with path.open("rb") as probe:
        magic = probe.read(2)
    if not magic:
        raise UserError(f"{path} is empty; download it again")
    if path.name.lower().endswith(".gz") and magic != b"\x1f\x8b":
        raise UserError(f"{path} is no gzip file; download it again, or drop the ending .gz if it is plain text")
    try:
        with gzip.open(path) if magic == b"\x1f\x8b" else path.open("rb") as stream:
            yield from enumerate(stream, 1)
    except EOFError as error:
        raise UserError(f"{path} is truncated: the gzip stream ends too early; download it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path} is damaged ({error}); download it again") from error


# --- frames -------------------------------------------------------------------------------------------------------


def _reject(file: str, line: int, battery_id: Any, reason: str, rule: str = UNUSABLE) -> dict[str, Any]:
    return {"file": file, "line": line, "battery_id": str(battery_id), "rule": rule, "reason": reason}


def _rejects(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(REJECT_COLUMNS), dtype=object)
    return frame.astype({"line": "int64"})


def _frame(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*SOURCE_COLUMNS, *RAW_COLUMNS], dtype=object)
    return frame.astype({"line": "int64"})
