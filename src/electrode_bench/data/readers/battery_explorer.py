"""The Battery Explorer's CSV export: one row for each electrode."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from electrode_bench.data.readers.base import Contents, Reader
from electrode_bench.data.readers.columns import EXPLORER
from electrode_bench.data.readers.csv_table import match_csv, read_csv


def read(files: Sequence[Path], root: Path) -> Contents:
    """What the export contains; see :class:`~electrode_bench.data.readers.base.Reader`."""
    return read_csv(files[0], root, EXPLORER)


READER = Reader(
    name="battery_explorer",
    title="Battery Explorer CSV",
    suffixes=(".csv",),
    read=read,
    match=lambda path: match_csv(path, EXPLORER),
)
