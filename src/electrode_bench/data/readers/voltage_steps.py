"""CSV with the names of InsertionElectrodeDoc: the older export, with one row for each voltage step, or documents.

Both may lack the number of steps, which is then unknown: a row of documents as CSV is not a single step.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from electrode_bench.data.readers.base import Contents, Reader
from electrode_bench.data.readers.columns import DOCUMENT
from electrode_bench.data.readers.csv_table import match_csv, read_csv


def read(files: Sequence[Path], root: Path) -> Contents:
    """What the export contains; see :class:`~electrode_bench.data.readers.base.Reader`."""
    return read_csv(files[0], root, DOCUMENT)


READER = Reader(
    name="voltage_steps",
    title="voltage-step CSV",
    suffixes=(".csv",),
    read=read,
    match=lambda path: match_csv(path, DOCUMENT),
)
