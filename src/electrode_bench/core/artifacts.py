"""Writing results: whole or not at all, with the same bytes for the same content, and units in the metadata."""

from __future__ import annotations

import glob
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from electrode_bench.core.schema import Column

#: Significant digits that are kept. Later ones depend on the processor's vector instructions (the order of a sum), but
#: outputs must be identical to the byte.
SIGNIFICANT_DIGITS = 12


def round_significant(values: np.ndarray, digits: int = SIGNIFICANT_DIGITS) -> np.ndarray:
    """``values`` (any shape) rounded to ``digits`` significant decimal digits.

    NaN, infinities and magnitudes above 1e290 or below 1e-290 are not changed.
    """
    values = np.asarray(values, dtype=np.float64)
    out = values.copy()
    usable = np.isfinite(values) & (values != 0)
    x = values[usable]
    # Positive and negative powers are applied separately: 10.0**-300 would lose digits or underflow.
    shift = digits - 1 - np.floor(np.log10(np.abs(x))).astype(int)
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = np.power(10.0, np.maximum(shift, 0)), np.power(10.0, np.maximum(-shift, 0))
        rounded = np.round(x * up / down) / up * down
    out[usable] = np.where(np.isfinite(rounded), rounded, x)
    return out


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block succeeds, and is removed when it fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        # Left by a killed run: no write takes an hour.
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > 3600:
                left.unlink()
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes a private file; results are shared with the group, as the umask says.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(text: str, path: Path) -> None:
    """Write ``text`` as UTF-8, atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(value: Any, path: Path) -> None:
    """Write ``value`` as indented JSON with sorted keys and numbers to 12 digits, atomically. NaN becomes null."""
    write_text(json.dumps(plain(value), indent=2, sort_keys=True, allow_nan=False) + "\n", path)


def plain(value: Any) -> Any:
    """``value`` in JSON's own types: numpy scalars unwrapped, floats to 12 digits, NaN and infinities as None."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(round_significant(np.array([value]))[0]) if np.isfinite(value) else None
    return value


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write ``frame`` without its index as CSV with numbers to 12 digits, atomically."""
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")


def write_table(frame: pd.DataFrame, path: Path, columns: Mapping[str, Column] | None = None) -> None:
    """Write ``frame`` without its index as parquet with checksums, atomically.

    Each field's metadata has its label and unit.
    """
    rounded = frame.copy()
    for name in rounded.columns:
        if pd.api.types.is_float_dtype(rounded[name].dtype):
            rounded[name] = round_significant(rounded[name].to_numpy(dtype=np.float64, na_value=np.nan))
    table = pa.Table.from_pandas(rounded, preserve_index=False)
    fields = []
    for field in table.schema:
        column = (columns or {}).get(field.name)
        fields.append(
            field.with_metadata({"label": column.label, "unit": column.unit}) if column is not None else field
        )
    table = table.cast(pa.schema(fields, metadata=table.schema.metadata))
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def units(path: Path) -> dict[str, Column]:
    """Label and unit of every column of a parquet that has them."""
    schema = pq.read_schema(path)
    return {
        f.name: Column(f.name, f.metadata[b"label"].decode(), f.metadata[b"unit"].decode())
        for f in schema
        if f.metadata and b"label" in f.metadata
    }
