"""The fold cache: fitted folds on disk, where a killed run cannot lose them.

A fold's folder is named by the digest of everything that its numbers depend on. It is written under a temporary name
and renamed into place, so a fold is there whole or not at all.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.core.artifacts import write_json, write_table
from electrode_bench.core.folds import FoldResult
from electrode_bench.models.base import FoldPrediction

#: Age in seconds after which an unfinished folder cannot belong to a live run.
_ABANDONED = 86400


def store_fold(cache: Path, key: str, predicted: FoldPrediction, resources: Mapping[str, Any]) -> None:
    """Write a fitted fold.

    Parameters
    ----------
    cache : the project's cache folder.
    key : digest of everything that the fold's numbers depend on.
    predicted : the predictions of the test rows.
    resources : what the fit took (see :func:`~electrode_bench.fitting.resources.measured`).
    """
    with new_folder(cache / "folds" / key) as temporary:
        write_table(predicted.targets, temporary / "predictions.parquet")
        if predicted.share is not None:
            write_table(predicted.share, temporary / "share.parquet")
            write_json(predicted.share_values, temporary / "share_values.json")
        write_json(resources, temporary / "cost.json")


def read_fold(cache: Path, key: str, *, fold: str) -> FoldResult | None:
    """A fitted fold; None when the cache does not have it, or has it damaged."""
    folder = cache / "folds" / key
    if not folder.exists():
        # Another run may be about to put it there.
        return None
    try:
        predictions = pd.read_parquet(folder / "predictions.parquet")
        share, share_values = _read_share(folder)
    except (OSError, ValueError):
        # Damaged, for example by a full disk: fitted again.
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return FoldResult(fold, predictions, fold_resources(cache, key), share, share_values)


def _read_share(folder: Path) -> tuple[pd.DataFrame | None, tuple[float, ...] | None]:
    """The distributions of the extracted share in a fold's folder, and the values of its intervals."""
    table = folder / "share.parquet"
    if not table.exists():
        return None, None
    return pd.read_parquet(table), tuple(json.loads((folder / "share_values.json").read_text(encoding="utf-8")))


def fold_resources(cache: Path, key: str) -> dict[str, Any]:
    """What the fit of a fold took: seconds, processor seconds, memory, device; {} where it is not known."""
    try:
        value: dict[str, Any] = json.loads((cache / "folds" / key / "cost.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return value


def remove_abandoned(folder: Path) -> None:
    """Remove what killed runs left half-written; only after a day, since a live run may still be writing."""
    for part in folder.glob(".part-*"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _ABANDONED:
                shutil.rmtree(part)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that is renamed to ``folder`` when the block succeeds, and is removed when it fails."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        yield temporary
        # mkdtemp makes a private folder; the cache is shared with the group, as the umask says.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        try:
            os.replace(temporary, folder)
        except OSError:
            # Another run of the same task was first; its content is the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
