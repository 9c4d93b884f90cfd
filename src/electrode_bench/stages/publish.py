"""publish: every fitted cell into MLflow, with what traces it to data, split, code and seed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from electrode_bench import splits
from electrode_bench.core.artifacts import write_json
from electrode_bench.core.digests import digest
from electrode_bench.core.schema import CONTROL
from electrode_bench.data import sources
from electrode_bench.evaluation import metrics
from electrode_bench.evaluation import scores as compare
from electrode_bench.fitting import runs as runner
from electrode_bench.project import Layout, read_json, read_table
from electrode_bench.stages import compare as comparing
from electrode_bench.stages import fit
from electrode_bench.tracking import runs as tracking

#: libyaml's, where PyYAML was built with it: the other takes half a second a cell.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def run(layout: Layout, *, progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
    """Publish all cells, the control first; give where to and which. Writes ``results/publish/cells.json``.

    The file names the cells by their digests alone, so it is the same wherever they were published.
    """
    cells = sorted(comparing.cells(layout), key=lambda c: (c.model != CONTROL, c.model, c.protocol))
    runs: list[tuple[compare.CellResult, tracking.PublishedRun]] = []

    def published(_: tracking.Record, run: tracking.PublishedRun) -> None:
        runs.append((cells[len(runs)], run))
        if progress:
            progress(len(runs), len(cells))

    if progress:
        progress(0, len(cells))
    uri = tracking_uri(layout)
    records = (_record(layout, cell) for cell in cells)
    tracking.publish(layout, records, trace=trace(layout), uri=uri, progress=published)
    write_json(
        {f"{c.model}/{c.protocol}": c.about["digests"]["cell"] for c in cells},
        layout.results / "publish" / "cells.json",
    )
    return {
        "tracking_uri": uri,
        "cells": [
            {"model": c.model, "protocol": c.protocol, "run_id": r.run_id, "url": r.url, "created": r.created}
            for c, r in runs
        ],
    }


def publish_cell(layout: Layout, *, model: str, protocol: str) -> tracking.PublishedRun:
    """Publish one cell, as soon as it is fitted."""
    cell = comparing.cell(layout, model=model, protocol=protocol)
    return tracking.publish_cell(layout, _record(layout, cell), trace=trace(layout), uri=tracking_uri(layout))


def tracking_uri(layout: Layout) -> str:
    return tracking.tracking_uri(layout, os.environ)


def _record(layout: Layout, cell: compare.CellResult) -> tracking.Record:
    folds = splits.read_folds(layout.folds)[cell.protocol]
    return tracking.Record(
        about=cell.about,
        predictions=cell.predictions,
        scores=metrics.score(cell.predictions, folds, read_table(layout.table, stage="prepare")),
        costs={key: runner.cost(layout.cache, fold["cache_key"]) for key, fold in cell.about["folds"].items()},
        model=fit.final_model(layout, cell.about),
        lock_sha=lock_entry_digest(layout.root, f"fit@{cell.model}-{cell.protocol}"),
    )


def trace(layout: Layout) -> tracking.Trace:
    """Where the data and the code of this project came from."""
    commit, dirty = _git(layout.root)
    synthetic = bool(read_json(layout.card, stage="prepare")["synthetic"])
    return tracking.Trace(
        provenance={**sources.provenance(layout.root), "synthetic": synthetic},
        table=layout.table,
        commit=commit,
        dirty=dirty,
    )


def lock_entry_digest(root: Path, stage: str) -> str | None:
    """SHA-256 of a stage's entry in dvc.lock: its command, parameters, and the md5 of all it read and wrote.

    The whole file would not do: DVC rewrites it while the pipeline runs. None where there is no entry yet.
    """
    try:
        lock = yaml.load((root / "dvc.lock").read_text(encoding="utf-8"), Loader=_LOADER)
    except (OSError, yaml.YAMLError):
        return None
    entry = ((lock or {}).get("stages") or {}).get(stage)
    return digest(entry) if entry else None


def _git(root: Path) -> tuple[str | None, bool | None]:
    """The commit, and whether tracked files differ from it; (None, None) outside a repository."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None
