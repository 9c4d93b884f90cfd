"""The fold cache: fitted folds on disk, where a killed run cannot lose them.

A fold's folder is named by the digest of everything that its numbers depend on. It is there whole or not at all, and
its checksums are compared before it is read.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from electrode_bench.core.artifacts import write_json, write_table
from electrode_bench.core.folds import FoldResult
from electrode_bench.core.sealed import Damaged, read_file, set_aside
from electrode_bench.fitting.cache_entries import content, new_entry
from electrode_bench.models.base import FoldPrediction

_PREDICTIONS, _SHARE, _SHARE_VALUES, _COST = "predictions.parquet", "share.parquet", "share_values.json", "cost.json"


def fold_folder(cache: Path, key: str) -> Path:
    """The folder of a fold, whether the cache has it or not.

    Parameters
    ----------
    cache : the project's cache folder.
    key : digest of everything that the fold's numbers depend on.
    """
    return cache / "folds" / key


def store_fold(cache: Path, key: str, predicted: FoldPrediction, resources: Mapping[str, Any]) -> None:
    """Write a fitted fold.

    Parameters
    ----------
    cache, key : as of :func:`fold_folder`.
    predicted : the predictions of the test rows.
    resources : what the fit took (see :func:`~electrode_bench.fitting.resources.measured`).
    """
    with new_entry(fold_folder(cache, key)) as temporary:
        write_table(predicted.targets, temporary / _PREDICTIONS)
        if predicted.share is not None:
            write_table(predicted.share, temporary / _SHARE)
            write_json(predicted.share_values, temporary / _SHARE_VALUES)
        write_json(resources, temporary / _COST)


def read_fold(cache: Path, key: str, *, fold: str) -> FoldResult | None:
    """A fitted fold; None when the cache does not have it, or had it damaged. A damaged one is set aside."""
    folder = fold_folder(cache, key)
    files = content(folder)
    if files is None:
        return None
    try:
        predictions = pd.read_parquet(io.BytesIO(files[_PREDICTIONS]))
        share, values = None, None
        if _SHARE in files:
            share = pd.read_parquet(io.BytesIO(files[_SHARE]))
            values = tuple(json.loads(files[_SHARE_VALUES]))
        resources: dict[str, Any] = json.loads(files[_COST])
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        # Only what was damaged before it had checksums.
        set_aside(folder, f"{type(error).__name__}: {error}")
        return None
    return FoldResult(fold, predictions, resources, share, values)


def fold_resources(cache: Path, key: str) -> dict[str, Any]:
    """What the fit of a fold took: seconds, processor seconds, memory, device; {} where it is not known."""
    try:
        value: dict[str, Any] = json.loads(read_file(fold_folder(cache, key), _COST))
    except (FileNotFoundError, Damaged, ValueError):
        return {}
    return value
