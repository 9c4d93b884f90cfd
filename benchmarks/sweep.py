"""What a sweep costs beside its fits: trials a minute with 1 and 2 workers, and milliseconds a trial by what took them.

Usage: python benchmarks/sweep.py [--trials 40] [--model rf_magpie]   in a project whose split and features are made.
Studies and runs go to a temporary folder. Compare numbers of one go only: machines here are noisy. Beside each time
of the clock stands the processor's (cpu), which another program on the machine changes little; waiting for a disk is
in the clock's alone. The thirds of a study show what grows with its trials.
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

from electrode_bench import params
from electrode_bench.fitting.executor import Local
from electrode_bench.project import Layout
from electrode_bench.tasks import tune as stage
from electrode_bench.tracking import provenance
from electrode_bench.tracking import studies as sweep_tracking
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning import driver
from electrode_bench.tuning import summary as studies
from electrode_bench.tuning.storage import journal, open_study, storage


class Clock:
    """Seconds by what took them: the innermost of what is under way, so that nothing counts twice."""

    def __init__(self) -> None:
        self.wall: Counter[str] = Counter()
        self.cpu: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._under_way = ["rest"]
        self._last = (time.perf_counter(), time.process_time())

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        self.note()
        if name == "storage":
            # The trial's own calls and the driver's are different questions.
            name = "storage_worker" if "worker" in self._under_way else "storage_driver"
        self.calls[name] += self._under_way[-1] != name
        self._under_way.append(name)
        try:
            yield
        finally:
            self.note()
            self._under_way.pop()

    def note(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self.wall[self._under_way[-1]] += now[0] - self._last[0]
        self.cpu[self._under_way[-1]] += now[1] - self._last[1]
        self._last = now

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self.of(name):
                return function(*args, **kwargs)

        return call

    def watch(self, thing: Any, kind: type, name: str) -> None:
        """Time the public methods of ``thing`` that its base class ``kind`` declares."""
        for method in (m for m in dir(kind) if not m.startswith("_") and callable(getattr(kind, m))):
            setattr(thing, method, self.timed(name, getattr(thing, method)))


@dataclass(frozen=True)
class Watched(Local):
    """One place in this process, whose calls are timed."""

    clock: Clock = field(default_factory=Clock)

    def run(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        yield from super().run(self.clock.timed("worker", function), calls)


def measured(layout: Layout, *, model: str, trials: int, workers: int, folder: Path) -> list[dict[str, float]]:
    """The whole sweep; with one worker, which runs in this process, then its thirds."""
    given = params.load(layout.params)
    setting, *_ = stage.settings(layout, given, model=model, nested=False)
    # Whole trials: what pruning saves is another question.
    setting = replace(setting, how=setting.how.model_copy(update={"pruner": "none", "sampler": "tpe"}))
    url, own, clock = journal(folder), Layout(folder), Clock()
    clock.watch(storage(url), BaseStorage, "storage")
    marks: list[tuple[Counter[str], Counter[str], Counter[str]]] = []

    def progress(done: int, _: int) -> None:
        clock.note()
        if done * 3 // trials >= len(marks):
            marks.append((clock.wall.copy(), clock.cpu.copy(), clock.calls.copy()))

    with open_store(own) as store:
        opened = open_study(setting, url=url, trials=trials)
        clock.watch(opened.study.sampler, BaseSampler, "sampler")
        ledger = sweep_tracking.Ledger(store, setting, opened, provenance=provenance.of(layout), url=url)
        ledger.began = clock.timed("tracking", ledger.began)  # type: ignore[method-assign]
        ledger.ended = clock.timed("tracking", ledger.ended)  # type: ignore[method-assign]
        executor = Watched(clock=clock) if workers == 1 else Local(workers)
        began = time.perf_counter()
        driver.run(
            setting, opened, url=url, trials=trials, seconds=None, executor=executor, book=ledger, progress=progress
        )
        wall = time.perf_counter() - began
    fits = studies.table(opened.study, space=setting.space)["seconds"]
    whole = {"workers": workers, "trials_a_minute": 60 * trials / wall, "seconds_a_trial_in_the_worker": fits.mean()}
    # What is not fitting; with one worker nothing runs beside it.
    whole["overhead_ms_a_trial"] = 1000 * (wall - fits.sum() / workers) / trials
    if workers > 1:
        return [whole]
    edges = [trials * i // 3 for i in range(4)]
    out = [whole | _a_trial(marks[0], marks[-1], trials, fits.sum())]
    for i in range(3):
        part = fits.iloc[edges[i] : edges[i + 1]]
        which = {"trials_from": edges[i], "to": edges[i + 1]}
        out.append(which | _a_trial(marks[i], marks[i + 1], len(part), part.sum()))
    return out


def _a_trial(before: Any, after: Any, trials: int, fits: float) -> dict[str, float]:
    """Milliseconds a trial between two marks, of the clock and of the processor, and calls."""
    wall, cpu, calls = (a - b for a, b in zip(after, before, strict=True))
    out: dict[str, float] = {}
    for name in ("tracking", "storage_driver", "storage_worker", "sampler", "rest"):
        out[f"{name}_ms"], out[f"{name}_cpu_ms"] = 1000 * wall[name] / trials, 1000 * cpu[name] / trials
    # A worker's time that is neither a fit nor storage: what it costs to make a trial ready.
    out["worker_rest_ms"] = 1000 * (wall["worker"] - fits) / trials
    out["storage_calls"] = (calls["storage_driver"] + calls["storage_worker"]) / trials
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--model", default="rf_magpie")
    parser.add_argument("--one", action="store_true", help="with one worker only")
    given = parser.parse_args()
    layout = Layout(Path.cwd())
    speed = []
    for workers in (1,) if given.one else (1, 2):
        with tempfile.TemporaryDirectory() as name:
            lines = measured(layout, model=given.model, trials=given.trials, workers=workers, folder=Path(name))
        speed.append(lines[0]["trials_a_minute"])
        for line in lines:
            print(json.dumps({k: round(float(v), 2) for k, v in line.items()}))
    if not given.one:
        print(json.dumps({"speed_of_2_workers_over_1": round(speed[1] / speed[0], 2)}))


if __name__ == "__main__":
    main()
