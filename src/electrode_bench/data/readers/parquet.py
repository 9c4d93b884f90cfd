"""A parquet file with the columns of the Battery Explorer's export or of InsertionElectrodeDoc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from electrode_bench.data.readers.base import RAW_COLUMNS, Reader, Reject, Row
from electrode_bench.data.readers.columns import DOCUMENT, EXPLORER, matching, positions
from electrode_bench.errors import UserError


def read(files: Sequence[Path], root: Path) -> tuple[Sequence[Row], Sequence[Reject]]:
    """The rows of the file; see :class:`~electrode_bench.data.readers.base.Reader`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (path,) = files
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; write or download it again")
    try:
        header = list(pq.read_schema(path).names)
        layout = max((EXPLORER, DOCUMENT), key=lambda layout: matching(header, layout))
        columns = positions(header, layout, path)
        table = pq.read_table(path, columns=[header[i] for i in columns.values()]).to_pydict()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{path} is not readable as parquet ({reason}); write or download it again") from error
    name = str(path.relative_to(root))
    count = len(next(iter(table.values())))
    if count == 0:
        raise UserError(f"{path} has columns but no rows; write it again")
    values = [table[header[columns[c]]] if c in columns else [None] * count for c in RAW_COLUMNS]
    return [(name, line, *row) for line, row in enumerate(zip(*values, strict=True), 1)], []


READER = Reader(name="parquet", title="parquet", suffixes=(".parquet",), read=read)
