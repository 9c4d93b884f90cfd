"""Features by formula or electrode on disk, so that a larger snapshot computes only what is new.

There is one parquet file for each feature set and code digest: a change of the code or of a library's version starts a
new file. Each file is sealed with a checksum. Any file of the cache may be deleted at any time.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from filelock import FileLock

from electrode_bench.core.artifacts import round_significant
from electrode_bench.core.sealed import Damaged, read_sealed, set_aside, write_sealed
from electrode_bench.features.base import FeatureSet

_KEY = "formula"

_log = logging.getLogger(__name__)


def compute(feature_set: FeatureSet, formulas: Sequence[str]) -> pd.DataFrame:
    """The features of distinct ``formulas`` (the index), to the digits that files keep."""
    frame = feature_set.compute(formulas)
    values = round_significant(frame.to_numpy())
    usable = _usable(values, feature_set)
    if not usable.all():
        row, column = np.argwhere(~usable)[0]
        raise ValueError(f"{feature_set.name} gave no finite '{frame.columns[column]}' for '{frame.index[row]}'")
    return pd.DataFrame(values, index=frame.index, columns=frame.columns)


def _usable(values: np.ndarray, feature_set: FeatureSet) -> np.ndarray:
    """Whether a row of the set may hold each of ``values``."""
    return ~np.isinf(values) if feature_set.missing else np.asarray(np.isfinite(values))


def cache_file(feature_set: FeatureSet, *, folder: Path) -> Path:
    """The file that keeps the rows of a feature set, with its code as it is now."""
    return folder / f"{feature_set.name}-{feature_set.code_digest()[:16]}.sealed"


def load_or_compute(feature_set: FeatureSet, formulas: Sequence[str], *, folder: Path) -> tuple[pd.DataFrame, int]:
    """The features of distinct ``formulas`` (the index), and how many of them were computed now.

    Processes that run at the same time wait for each other, so no formula is computed twice and no row is lost. A
    damaged cache file is set aside, and its rows are computed again.
    """
    if not formulas:
        return compute(feature_set, []), 0
    path = cache_file(feature_set, folder=folder)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        stored = _read(path, feature_set)
        new = list(formulas) if stored is None else [f for f in formulas if f not in stored.index]
        step = feature_set.batch or max(len(new), 1)
        for start in range(0, len(new), step):
            fresh = compute(feature_set, new[start : start + step])
            if stored is not None and list(fresh.columns) != list(stored.columns):
                raise ValueError(f"{path} has columns other than {feature_set.name} has; delete it")
            stored = fresh if stored is None else pd.concat([stored, fresh])
            write_sealed(
                stored.sort_index().rename_axis(_KEY).reset_index().to_parquet(index=False, compression="zstd"), path
            )
    assert stored is not None  # there is a file, or at least one formula was new
    return stored.loc[list(formulas)], len(new)


def _read(path: Path, feature_set: FeatureSet) -> pd.DataFrame | None:
    """The rows in a cache file, or None where there is none, or it was damaged."""
    _remove_earlier(path)
    try:
        frame = pd.read_parquet(io.BytesIO(read_sealed(path))).set_index(_KEY)
        whole = frame.index.is_unique and len(frame) > 0 and all(t == np.float64 for t in frame.dtypes)
        if not whole or not _usable(frame.to_numpy(), feature_set).all():
            raise Damaged("it does not hold one finite row for each formula")
    except FileNotFoundError:
        return None
    except (Damaged, KeyError, ValueError, pa.ArrowException) as error:
        set_aside(path, str(error))
        return None
    return frame


def _remove_earlier(path: Path) -> None:
    """Remove the file without a checksum that an earlier version kept: its rows are computed again in minutes."""
    earlier = path.with_suffix(".parquet")
    if earlier.exists():
        _log.warning("%s has no checksum; it was removed, and its features are computed again", earlier)
        earlier.unlink()
