"""What a sweep costs beside its fits: trials per minute with 1 and 2 workers, and milliseconds per trial by cause.

Usage: python benchmarks/sweep.py [--trials 40] [--model rf_magpie]   in a project that has features and folds.
Studies and runs go to a temporary folder. Compare numbers of one run only, because timings vary between runs. Beside
each wall-clock time is the processor time (cpu), which other programs on the machine hardly change; waiting for a disk
is in the wall-clock time only. The thirds of a study show what grows with the number of trials.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage

from electrode_bench.core.config import Strict
from electrode_bench.fitting.executor import Local
from electrode_bench.project import Project
from electrode_bench.tracking import provenance
from electrode_bench.tracking.store import open_store
from electrode_bench.tracking.studies import MLflowStudyLogger
from electrode_bench.tuning.driver import run_trials
from electrode_bench.tuning.plan import plan_studies
from electrode_bench.tuning.storage import journal, open_storage, open_study
from electrode_bench.tuning.study import TrialResult
from electrode_bench.tuning.summary import trial_table


class Clock:
    """Seconds by cause. Only the innermost cause counts, so that nothing counts twice."""

    def __init__(self) -> None:
        self.wall: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._causes = ["rest"]
        self._last = (time.perf_counter(), time.process_time())

    @contextmanager
    def measure(self, cause: str) -> Iterator[None]:
        self.update()
        if cause == "storage":
            # Calls of the trial and of the driver are counted apart.
            cause = "storage_worker" if "worker" in self._causes else "storage_driver"
        self.calls[cause] += self._causes[-1] != cause
        self._causes.append(cause)
        try:
            yield
        finally:
            self.update()
            self._causes.pop()

    def update(self) -> None:
        # A Counter adds up any numbers, but its type knows whole ones only.
        now = (time.perf_counter(), time.process_time())
        self.wall[self._causes[-1]] += now[0] - self._last[0]  # type: ignore[assignment]
        self.cpu[self._causes[-1]] += now[1] - self._last[1]  # type: ignore[assignment]
        self._last = now

    def timed(self, cause: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.measure(cause):
                return function(*args, **kwargs)

        return call

    def time_methods(self, thing: Any, kind: type, cause: str) -> None:
        """Time the public methods of ``thing`` that its base class ``kind`` declares."""
        for method in (m for m in dir(kind) if not m.startswith("_") and callable(getattr(kind, m))):
            setattr(thing, method, self.timed(cause, getattr(thing, method)))


@dataclass(frozen=True)
class TimedExecutor(Local):
    """One worker in this process, whose calls are timed."""

    clock: Clock = field(default_factory=Clock)

    def run(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        yield from super().run(self.clock.timed("worker", function), calls)


@dataclass(frozen=True)
class TimedLogger:
    """A logger of a study whose calls are timed."""

    logger: MLflowStudyLogger
    clock: Clock

    def on_trial_start(self, number: int, config: Strict) -> str | None:
        with self.clock.measure("tracking"):
            return self.logger.on_trial_start(number, config)

    def on_trial_end(self, result: TrialResult) -> None:
        with self.clock.measure("tracking"):
            self.logger.on_trial_end(result)

    def on_trial_lost(self, number: int, reason: str) -> None:
        self.logger.on_trial_lost(number, reason)


def measure(project: Project, *, model: str, trials: int, workers: int, folder: Path) -> list[dict[str, float]]:
    """The whole sweep; with one worker, which runs in this process, also its thirds."""
    spec, *_ = plan_studies(project, project.params(), model=model, nested=False)
    # Whole trials: what pruning saves is another question.
    spec = replace(spec, options=spec.options.model_copy(update={"pruner": "none", "sampler": "tpe"}))
    url, clock = journal(folder), Clock()
    clock.time_methods(open_storage(url), BaseStorage, "storage")
    marks: list[tuple[Counter[str], Counter[str], Counter[str]]] = []

    def progress(ended: int, _: int) -> None:
        clock.update()
        if ended * 3 // trials >= len(marks):
            marks.append((clock.wall.copy(), clock.cpu.copy(), clock.calls.copy()))

    with open_store(Project(folder)) as store:
        opened = open_study(spec, url=url, trials=trials)
        study = opened.study
        clock.time_methods(study.optuna.sampler, BaseSampler, "sampler")
        logger = MLflowStudyLogger(store, spec, opened, provenance=provenance.of(project), url=url)
        executor = TimedExecutor(clock=clock) if workers == 1 else Local(workers)
        began = time.perf_counter()
        run_trials(
            spec, study, url=url, trials=trials, seconds=None, executor=executor, logger=TimedLogger(logger, clock),
            progress=progress,
        )  # fmt: skip
        wall = time.perf_counter() - began
    fits = trial_table(study)["seconds"]
    whole = {"workers": workers, "trials_per_minute": 60 * trials / wall, "seconds_per_trial_in_worker": fits.mean()}
    # What is not fitting; with one worker nothing runs beside it.
    whole["overhead_ms_per_trial"] = 1000 * (wall - fits.sum() / workers) / trials
    if workers > 1:
        return [whole]
    edges = [trials * i // 3 for i in range(4)]
    lines = [whole | _per_trial(marks[0], marks[-1], trials, fits.sum())]
    for i in range(3):
        part = fits.iloc[edges[i] : edges[i + 1]]
        about = {"trials_from": edges[i], "to": edges[i + 1]}
        lines.append(about | _per_trial(marks[i], marks[i + 1], len(part), part.sum()))
    return lines


def _per_trial(before: Any, after: Any, trials: int, fits: float) -> dict[str, float]:
    """Milliseconds per trial between two marks, of wall clock and processor, and calls of the storage."""
    wall, cpu, calls = (a - b for a, b in zip(after, before, strict=True))
    out: dict[str, float] = {}
    for cause in ("tracking", "storage_driver", "storage_worker", "sampler", "rest"):
        out[f"{cause}_ms"], out[f"{cause}_cpu_ms"] = 1000 * wall[cause] / trials, 1000 * cpu[cause] / trials
    # A worker's time that is neither fitting nor storage: what it takes to prepare a trial.
    out["worker_rest_ms"] = 1000 * (wall["worker"] - fits) / trials
    out["storage_calls"] = (calls["storage_driver"] + calls["storage_worker"]) / trials
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--model", default="rf_magpie")
    parser.add_argument("--one", action="store_true", help="with one worker only")
    given = parser.parse_args()
    project = Project.open()
    speed = []
    for workers in (1,) if given.one else (1, 2):
        with tempfile.TemporaryDirectory() as name:
            lines = measure(project, model=given.model, trials=given.trials, workers=workers, folder=Path(name))
        speed.append(lines[0]["trials_per_minute"])
        for line in lines:
            print(json.dumps({key: round(float(value), 2) for key, value in line.items()}))
    if not given.one:
        print(json.dumps({"speedup_of_2_workers": round(speed[1] / speed[0], 2)}))


if __name__ == "__main__":
    main()
