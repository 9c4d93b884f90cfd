"""The whole pipeline in a fresh clone: the seconds of each stage, and MLflow's share.

``dvc repro`` runs in a clone of the last commit, with empty caches. A stage lasts until DVC starts the next one, so
that DVC's own work counts. Processor seconds are those of DVC and of all processes that it has waited for. MLflow's
share is what it takes to publish all runs into a new store; in the pipeline, the stages ``fit`` and ``publish`` each
do a part of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
from ruamel.yaml import YAML

from benchmarks.measuring import command, electrode_bench
from benchmarks.parts import Options
from benchmarks.projects import ROOT

#: The models of a full study.
STUDY = (
    "control", "faraday", "rf_magpie", "boosting", "modnet", "crabnet", "modnet_physics", "crabnet_physics", "ensemble",
)  # fmt: skip
_STARTED = re.compile(r"Running stage '([^']+)'")
#: Seconds between two looks at the memory.
_LOOK = 0.5


@dataclass(frozen=True)
class Moment:
    """A point of time in a run of the pipeline."""

    stage: str
    clock: float
    processor: float


def run_sample(options: Options) -> Iterator[dict[str, Any]]:
    """The stages of ``dvc repro`` on the embedded sample."""
    clone = _clone(options.workspace.folder / "sample")
    if options.quick:
        _change_params(clone, {"fit": {"models": ["control", "boosting"]}})
    yield from _stages(clone)


def run_study(options: Options) -> Iterator[dict[str, Any]]:
    """The stages of the full study on the snapshot that was named."""
    assert options.snapshot is not None
    clone = _clone(options.workspace.folder / "study")
    command(electrode_bench("data", "use", options.snapshot.resolve()), folder=clone, runs=1, environment=_paths(clone))
    _change_params(clone, {"fit": {"models": ["control", "boosting"] if options.quick else list(STUDY)}})
    yield from _stages(clone)


def _stages(clone: Path) -> Iterator[dict[str, Any]]:
    for row in timed_stages(clone):
        yield row
    # Again, into a new store: what was published in the stages cannot be told from their other work.
    shutil.rmtree(clone / "mlruns", ignore_errors=True)
    cost = command(electrode_bench("publish"), folder=clone, runs=1, environment=_paths(clone))
    shares = {f"share_of_{name}": getattr(cost, name) / row[name] for name in ("seconds", "cpu_seconds")}
    yield {"stage": "MLflow", **cost.as_dict(), **shares}


def timed_stages(project: Path) -> Iterator[dict[str, Any]]:
    """One row for each stage that ``dvc repro`` runs in this folder, and last one for all of them.

    What DVC does before the first stage is in a row of its own, ``dvc``.

    Raises
    ------
    RuntimeError
        When DVC fails; the message is the end of its output.
    """
    moments: list[Moment] = []
    peaks: dict[str, float] = {}
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=project,
        env={**os.environ, **_paths(project)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        dvc, ended, output = psutil.Process(process.pid), threading.Event(), []
        moments.append(_moment("dvc", dvc))
        watcher = threading.Thread(target=_watch, args=(dvc, moments, peaks, ended))
        watcher.start()
        for line in process.stdout:
            output.append(line)
            if started := _STARTED.search(line):
                moments.append(_moment(started[1], dvc))
                print(f"  {started[1]}", file=sys.stderr, flush=True)
        ended.set()
        watcher.join()
        # DVC has closed its output; it keeps its times until it is waited for.
        moments.append(_moment("end", dvc))
    if process.returncode:
        raise RuntimeError(f"dvc repro failed:\n{''.join(output[-40:])}")
    for now, after in pairwise(moments):
        taken = {"seconds": after.clock - now.clock, "cpu_seconds": after.processor - now.processor}
        yield {"stage": now.stage, **taken, "peak_mb": peaks.get(now.stage)}
    taken = {"seconds": moments[-1].clock - moments[0].clock, "cpu_seconds": moments[-1].processor}
    yield {"stage": "all", **taken, "peak_mb": max(peaks.values(), default=None)}


def _moment(stage: str, dvc: psutil.Process) -> Moment:
    times = dvc.cpu_times()
    return Moment(stage, time.perf_counter(), sum(times[:4]))


def _watch(dvc: psutil.Process, moments: list[Moment], peaks: dict[str, float], ended: threading.Event) -> None:
    """Note the largest memory (MiB) of all processes together, by stage. Shared pages count once for each process."""
    while not ended.wait(_LOOK):
        with suppress(psutil.Error):
            used = 0.0
            for process in (dvc, *dvc.children(recursive=True)):
                with suppress(psutil.Error):
                    used += process.memory_info().rss / 2**20
            stage = moments[-1].stage
            peaks[stage] = max(peaks.get(stage, 0.0), used)


def _clone(to: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(to)], check=True)
    return to


def _change_params(clone: Path, changes: dict[str, dict[str, Any]]) -> None:
    yaml, path = YAML(), clone / "params.yaml"
    values = yaml.load(path)
    for section, changed in changes.items():
        values[section].update(changed)
    yaml.dump(values, path)


def _paths(clone: Path) -> dict[str, str]:
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {"PATH": programs, "PYTHONPATH": str(clone / "src"), "DVC_NO_ANALYTICS": "1"}
