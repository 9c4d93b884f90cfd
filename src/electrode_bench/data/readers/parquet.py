"""A parquet file with the columns of the Battery Explorer's export or of InsertionElectrodeDoc."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from electrode_bench.data.limits import MOST_BYTES, check_rows, too_large
from electrode_bench.data.readers.base import RAW_COLUMNS, Contents, Reader
from electrode_bench.data.readers.columns import DOCUMENT, EXPLORER, locate, matching
from electrode_bench.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

#: Characters of a name or formula; more would be a mistake, or fill the memory when it is repeated in each row.
_LONGEST_TEXT = 10_000


def read(files: Sequence[Path], root: Path) -> Contents:
    """What the file contains; see :class:`~electrode_bench.data.readers.base.Reader`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (path,) = files
    if path.stat().st_size == 0:
        raise UserError(f"{path} is empty; write or download it again")
    try:
        with pq.ParquetFile(path) as file:
            header = list(file.schema_arrow.names)
            layout = max((EXPLORER, DOCUMENT), key=lambda layout: matching(header, layout))
            columns = locate(header, layout, path)
            count, kept = file.metadata.num_rows, [header[at] for at in columns.positions.values()]
            _check(file.metadata, file.schema_arrow, kept, path)
            # A value that is repeated is read once.
            texts = [name for name in kept if _is_text(file.schema_arrow.field(name).type)]
        table = pq.read_table(path, columns=kept, read_dictionary=texts)
        values = {column: _values(table[header[at]], header[at], path) for column, at in columns.positions.items()}
    except (pa.ArrowException, ValueError, OSError) as error:  # ValueError: names that are not UTF-8
        reason = (str(error).splitlines() or ["it is damaged"])[0]
        raise UserError(f"{path} is not readable as parquet ({reason}); write or download it again") from error
    if count == 0:
        raise UserError(f"{path} has columns but no rows; write it again")
    name, nothing = str(path.relative_to(root)), [None] * count
    rows = zip(*(values.get(column, nothing) for column in RAW_COLUMNS), strict=True)
    return Contents([(name, line, *row) for line, row in enumerate(rows, 1)], (), columns.conversions)


def _check(metadata: Any, schema: pa.Schema, names: Sequence[str], path: Path) -> None:
    """Refuse what would fill the memory, and columns that hold objects, before anything is unpacked."""
    import pyarrow as pa

    check_rows(metadata.num_rows, path)
    for name in names:
        if pa.types.is_nested(schema.field(name).type):
            raise UserError(f"{path}: the column '{name}' holds objects or lists; write text or numbers instead")
    size = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        chunks = (row_group.column(at) for at in range(row_group.num_columns))
        size += sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema in names)
    if size > MOST_BYTES:
        raise too_large(path, instead="write only the columns of a snapshot")


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _values(column: pa.ChunkedArray, name: str, path: Path) -> list[Any]:
    """The values of a column in Python's types; equal texts are one object."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values: list[Any] = []
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            values += chunk.to_pylist()
            continue
        entries = chunk.dictionary
        if _is_text(entries.type) and (pc.max(pc.binary_length(entries)).as_py() or 0) > _LONGEST_TEXT:
            raise UserError(f"{path}: the column '{name}' has text of more than {_LONGEST_TEXT:,} characters")
        known = entries.to_pylist()
        values += [None if index is None else known[index] for index in chunk.indices.to_pylist()]
    return values


READER = Reader(name="parquet", title="parquet", suffixes=(".parquet",), read=read)
