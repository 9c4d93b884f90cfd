"""Lists of candidates on disk, read in chunks, so that a list of any length fits into memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from electrode_bench.core.schema import FORMULA
from electrode_bench.errors import UserError

#: Formulas that are read and predicted at a time.
CHUNK = 20_000

#: Names of the column of formulas.
FORMULA_COLUMNS = ("formula", FORMULA)

_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def read_candidates(path: Path, *, chunk: int = CHUNK) -> Iterator[pd.DataFrame]:
    """The candidates of a file in chunks, with the columns of :func:`as_candidates`.

    A CSV, TSV or parquet file has a column ``formula`` or ``formula_discharge``, and may have a column ``working_ion``.
    Any other file has one formula per line.

    Raises
    ------
    UserError
        When the file is missing, cannot be read, or has no such column.
    """
    if not path.is_file():
        raise UserError(
            f"{path} is missing; give a CSV or parquet file with a column 'formula', "
            "or a file with one formula per line"
        )
    # The first line of a table is its header.
    line = 2 if path.suffix in (*_SEPARATORS, ".parquet") else 1
    try:
        for frame in _chunks(path, chunk):
            yield as_candidates(frame, first_line=line, where=str(path))
            line += len(frame)
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def as_candidates(frame: pd.DataFrame, *, first_line: int, where: str) -> pd.DataFrame:
    """A table of candidates with the columns line, formula, and working_ion (None where it is not given).

    Parameters
    ----------
    first_line : number of the first row.
    where : names the table in error messages.

    Raises
    ------
    UserError
        When the table has no column of formulas.
    """
    name = next((name for name in FORMULA_COLUMNS if name in frame), None)
    if name is None:
        raise UserError(f"{where} has no column 'formula' (or '{FORMULA}'); it has {', '.join(map(str, frame))}")
    ion = frame["working_ion"] if "working_ion" in frame else pd.Series([None] * len(frame))
    return pd.DataFrame(
        {
            "line": range(first_line, first_line + len(frame)),
            "formula": frame[name].to_numpy(dtype=object),
            "working_ion": ion.to_numpy(dtype=object),
        }
    )


def _chunks(path: Path, chunk: int) -> Iterator[pd.DataFrame]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        columns = [name for name in (*FORMULA_COLUMNS, "working_ion") if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=chunk, columns=columns or None):
            yield batch.to_pandas()
    elif path.suffix in _SEPARATORS:
        yield from pd.read_csv(
            path, sep=_SEPARATORS[path.suffix], dtype=str, chunksize=chunk, keep_default_na=False, na_values=[""]
        )
    else:
        with path.open(encoding="utf-8") as stream:
            while formulas := [line.strip() for _, line in zip(range(chunk), stream, strict=False)]:
                yield pd.DataFrame({"formula": formulas})


def count_candidates(path: Path) -> int:
    """How many candidates a file has, for a progress bar; line breaks within quotes of a CSV file count too."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as stream:
        lines = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    return max(lines - (path.suffix in _SEPARATORS), 0)
