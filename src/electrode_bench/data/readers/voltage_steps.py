"""The older CSV export, with one row for each voltage step and the names of InsertionElectrodeDoc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from electrode_bench.data.readers.base import Reader, Reject, Row
from electrode_bench.data.readers.columns import DOCUMENT
from electrode_bench.data.readers.csv_table import match_csv, read_csv


def read(files: Sequence[Path], root: Path) -> tuple[Sequence[Row], Sequence[Reject]]:
    """The rows and rejects of the export; see :class:`~electrode_bench.data.readers.base.Reader`."""
    return read_csv(files[0], root, DOCUMENT, absent={"steps": "1"})


READER = Reader(
    name="voltage_steps",
    title="voltage-step CSV",
    suffixes=(".csv",),
    read=read,
    match=lambda path: match_csv(path, DOCUMENT),
)
