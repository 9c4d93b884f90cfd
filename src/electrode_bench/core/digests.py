"""Digests (SHA-256): of values, of tables and of files. Equal content has equal digests on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import plain, round_significant


def digest(value: Any) -> str:
    """SHA-256 (hex) of ``value``'s canonical JSON."""
    return hashlib.sha256(
        json.dumps(plain(value), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    ).hexdigest()


def digest_frame(frame: pd.DataFrame) -> str:
    """SHA-256 (hex) of a table's column names, index and cells, in their order, floats to 12 digits."""
    state = hashlib.sha256()
    state.update(json.dumps([str(c) for c in frame.columns]).encode())
    for values in [pd.Series(frame.index), *(frame[c] for c in frame.columns)]:
        if pd.api.types.is_float_dtype(values.dtype):
            numbers = round_significant(values.to_numpy(dtype=np.float64, na_value=np.nan))
            # -0.0 and 0.0 are equal numbers with different bytes.
            state.update((numbers + 0.0).tobytes())
        else:
            texts: list[str | None] = [str(v) for v in values.tolist()]
            for i in np.flatnonzero(values.isna()):
                texts[i] = None
            state.update(json.dumps(texts).encode())
    return state.hexdigest()


def digest_files(paths: Iterable[Path]) -> str:
    """SHA-256 (hex) of the names (without folders) and bytes of files, whatever their order."""
    state = hashlib.sha256()
    # Files in two folders may have the same name; then their content decides which comes first.
    for name, content in sorted((path.name, path.read_bytes()) for path in paths):
        state.update(f"{name}\x1f{len(content)}\x1f".encode())
        state.update(content)
    return state.hexdigest()
