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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.core.artifacts import write_json, write_table
from electrode_bench.core.folds import FoldResult

#: Age in seconds after which an unfinished folder cannot belong to a live run.
_ABANDONED = 86400


def store_fold(cache: Path, key: str, predictions: pd.DataFrame, resources: dict[str, Any]) -> None:
    """Write a fitted fold.

    Parameters
    ----------
    cache : the project's cache folder.
    key : digest of everything that the fold's numbers depend on.
    predictions : electrode_id, target, y_pred, y_std of the test rows.
    resources : what the fit took (see :func:`~electrode_bench.fitting.resources.measured`).
    """
    with new_folder(cache / "folds" / key) as temporary:
        write_table(predictions, temporary / "predictions.parquet")
        write_json(resources, temporary / "cost.json")


def read_fold(cache: Path, key: str, *, fold: str) -> FoldResult | None:
    """A fitted fold; None when the cache does not have it, or has it damaged."""
    folder = cache / "folds" / key
    try:
        predictions = pd.read_parquet(folder / "predictions.parquet")
    except FileNotFoundError:
        # Another run may be about to put it there.
        return None
    except (OSError, ValueError):
        # Damaged, for example by a full disk: fitted again.
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return FoldResult(fold, predictions, fold_resources(cache, key))


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
