"""What a reader of a raw format is, and the raw table that every reader makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, VOLTAGE, VOLUMETRIC
from electrode_bench.data.units import Conversion

#: Where a raw row or a reject comes from: file name below the source, line (row of a parquet file, from 1).
SOURCE_COLUMNS = ("file", "line")
REJECT_COLUMNS = ("file", "line", "battery_id", "rule", "reason")

#: The ``rule`` of a reject that no choice in params.yaml could keep.
UNUSABLE = "unusable"

#: Columns of a raw table, beside SOURCE_COLUMNS.
RAW_COLUMNS = (
    ID,
    "battery_formula",
    "working_ion",
    "formula_charge",
    FORMULA,
    GRAVIMETRIC.key,
    VOLUMETRIC.key,
    VOLTAGE.key,
    "max_delta_volume",
    "stability_charge",
    "stability_discharge",
    "steps",
    "framework_formula",
    "thermo_type",
    "licence",
)

#: The raw columns that a file must have.
REQUIRED = (ID, "working_ion", "formula_charge", FORMULA, GRAVIMETRIC.key, VOLUMETRIC.key, VOLTAGE.key)


@dataclass(frozen=True)
class Raw:
    """A raw snapshot.

    ``frame`` has the columns ``file``, ``line`` and RAW_COLUMNS, with the values as the file has them (object dtype,
    None where missing); ``rejects`` has REJECT_COLUMNS; ``kind`` is the reader's title. ``conversions`` says, by raw
    column, which values are in another unit than the table's; :mod:`~electrode_bench.data.prepare` converts them.
    """

    frame: pd.DataFrame
    rejects: pd.DataFrame
    kind: str
    conversions: Mapping[str, Conversion] = field(default_factory=dict)


#: A raw row: file, line, then the values of RAW_COLUMNS.
Row = tuple[Any, ...]
Reject = Mapping[str, Any]


@dataclass(frozen=True)
class Contents:
    """What a reader finds in its files: rows, rejects, and the conversions of the columns' units by raw column."""

    rows: Sequence[Row]
    rejects: Sequence[Reject] = ()
    conversions: Mapping[str, Conversion] = field(default_factory=dict)


def no_columns(path: Path) -> int:  # noqa: ARG001
    """The match of a format whose files are known by their suffix alone."""
    return 0


@dataclass(frozen=True)
class Reader:
    """A raw format.

    A line that cannot be taken apart becomes a reject here; whether a row's values can be used is decided by
    :mod:`~electrode_bench.data.prepare`.

    Parameters
    ----------
    name : the name of the reader's module.
    title : the format's name for people.
    suffixes : endings of its files, the most common one first.
    read : (files, the folder that their names are relative to) -> what they contain. Raises a UserError when a file
        cannot be read to its end, lacks a column, or has a column in a unit that cannot be converted.
    match : how many of the format's columns a file has; of several readers for one suffix the best match is used.
    many_files : whether a snapshot may consist of several files.
    """

    name: str
    title: str
    suffixes: tuple[str, ...]
    read: Callable[[Sequence[Path], Path], Contents]
    match: Callable[[Path], int] = no_columns
    many_files: bool = False


def reject(file: str, line: int, battery_id: Any, reason: str) -> Reject:
    """A reject: a line that cannot be used whatever params.yaml says."""
    return {"file": file, "line": line, "battery_id": str(battery_id), "rule": UNUSABLE, "reason": reason}
