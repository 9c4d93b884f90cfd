"""The files that stages write: a file that is missing, damaged or of another version names the stage to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from electrode_bench.core import documents
from electrode_bench.core.artifacts import write_json
from electrode_bench.core.digests import digest
from electrode_bench.errors import UserError, brief


def read_table(path: Path, *, stage: str, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read a parquet file that a stage writes.

    Parameters
    ----------
    columns : that the table must have.

    Raises
    ------
    UserError
        When the file is missing, is not parquet, does not match its checksums or lacks a column; the message names the
        stage to run.
    PermissionError
        When the file may not be read.
    """
    require(path, stage=stage)
    try:
        table = pd.read_parquet(path, engine="pyarrow", page_checksum_verification=True)
    except PermissionError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise _unreadable(path, "parquet", error, stage) from error
    return _with_columns(table, path, stage, columns)


def read_csv(path: Path, *, stage: str, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Read a CSV file that a stage writes; an empty one has no rows. Parameters and errors as :func:`read_table`."""
    require(path, stage=stage)
    try:
        # Only an empty field means "no value": write_csv writes nothing else for one.
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except PermissionError:
        raise
    except pd.errors.EmptyDataError:
        return pd.DataFrame(columns=list(columns))
    except (OSError, ValueError, LookupError, OverflowError) as error:
        raise _unreadable(path, "CSV", error, stage) from error
    return _with_columns(table, path, stage, columns)


def read_json(path: Path, *, stage: str, key: str | None = None) -> Any:
    """Read a JSON object that a stage writes, or the value of one key of it; errors as :func:`read_table`."""
    require(path, stage=stage)
    try:
        content = documents.read_json(path)
    except documents.DocumentError as error:
        if isinstance(error.__cause__, PermissionError):
            raise error.__cause__ from None
        raise _unreadable(path, "JSON", error, stage) from error
    if not isinstance(content, dict) or (key is not None and key not in content):
        raise of_another_version(path, stage)
    return content if key is None else content[key]


def read_mapping(path: Path, *, stage: str, key: str) -> dict[str, Any]:
    """Read the value of a key of a JSON file where it is an object; errors as :func:`read_table`."""
    value = read_json(path, stage=stage, key=key)
    if not isinstance(value, dict):
        raise of_another_version(path, stage)
    return value


def write_record(record: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object with the digest of its content under ``digest``, atomically."""
    write_json({**record, "digest": digest(record)}, path)


def read_record(path: Path, *, stage: str, key: str | None = None) -> Any:
    """Read what :func:`write_record` wrote, without the digest, or the value of one key of it.

    Raises
    ------
    UserError
        As :func:`read_table`, and when the content does not match its digest.
    PermissionError
        When the file may not be read.
    """
    record = read_json(path, stage=stage)
    written = record.pop("digest", None)
    if written is None:
        raise of_another_version(path, stage)
    if written != digest(record):
        raise changed(path, stage)
    if key is not None and key not in record:
        raise of_another_version(path, stage)
    return record if key is None else record[key]


def of_another_version(path: Path, stage: str) -> UserError:
    """The error for a file without the content that this version writes."""
    return UserError(f"{path} was written by another version of electrode-bench; run: dvc repro -f {stage}")


def changed(path: Path, stage: str) -> UserError:
    """The error for a file that is no longer what its stage wrote."""
    return UserError(f"{path} was changed after it was written; make it again: dvc repro -f {stage}")


def require(path: Path, *, stage: str) -> None:
    """Raise a UserError that names the stage when a file is missing, or a folder is in its place."""
    if path.is_dir():
        raise UserError(f"{path} is a folder where a file belongs; move it away, then run: dvc repro -f {stage}")
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro {stage}")


def _unreadable(path: Path, form: str, error: Exception, stage: str) -> UserError:
    why = brief(error)
    return UserError(f"{path} cannot be read as {form} ({why}); make it again: dvc repro -f {stage}")


def _with_columns(table: pd.DataFrame, path: Path, stage: str, columns: Iterable[str]) -> pd.DataFrame:
    if not set(columns) <= set(table.columns):
        raise of_another_version(path, stage)
    return table
