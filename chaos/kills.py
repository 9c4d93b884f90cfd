"""Kills: SIGKILL, SIGTERM and SIGINT, at any moment or at any file event, in every command."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos import checks
from chaos.cases import Kind, Outcome, World
from chaos.commands import Ended, Trap, run
from chaos.template import adoption_digests, cleared_by

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)

#: Every command once, and those that write most twice; a case takes the one at its number, modulo their count.
ORDER = (
    "fit rf_magpie grouped", "prepare", "sweep", "featurize elements", "publish", "compare", "fit crabnet grouped",
    "data use", "split", "report", "adopt", "map", "predict", "reap", "promote", "screen", "fit control grouped",
    "dvc repro", "fit faraday grouped", "sweep",
)  # fmt: skip

DATA_USE = ("data", "use", "other.csv")
REPRO = ("dvc", "repro", "--quiet", "compare")


def kill(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Kill a command, see what it left, and let it finish."""
    for case in cases:
        rng, name = world.random("kill", case), ORDER[case % len(ORDER)]
        with world.project() as root:
            yield _case(world, rng, case, name, root)


def _case(world: World, rng: random.Random, case: int, name: str, root: Path) -> Outcome:
    argv = {**world.template.commands(), "data use": DATA_USE, "reap": ("reap",), "dvc repro": REPRO}[name]
    number = rng.choice(SIGNALS)
    for path in cleared_by(argv):
        remove(root / path)
    _set_up(name, root)
    trap = _trap(world, rng, name, number)
    ended = run(root, argv, trap=trap)
    moment = f"file event {trap.at_event}" if trap.at_event else f"{trap.after or 0:.2f} s"
    what = f"{signal.Signals(number).name} at {moment} of `{' '.join(argv)}`"
    problems = [*checks.stopped(ended, number), *_left(world, name, root, argv)]
    return Outcome("kill", case, what, tuple(problems), injected=ended.code != 0)


def _trap(world: World, rng: random.Random, name: str, number: int) -> Trap:
    """At a random file event or moment of the command, as it takes when it is not disturbed."""
    undisturbed = world.template.ended.get(name)
    if undisturbed is None:
        return Trap(number, after=rng.uniform(0, 8 if name in ("data use", "dvc repro") else 0.5))
    if rng.random() < 0.7:
        return Trap(number, at_event=rng.randint(1, max(undisturbed.events, 1)))
    return Trap(number, after=rng.uniform(0, undisturbed.seconds))


def _set_up(name: str, root: Path) -> None:
    """What some commands need before them."""
    if name == "reap":
        run(root, ("sweep", "rf_magpie", "--trials", "9", "--workers", "1"), trap=Trap(signal.SIGKILL, after=1.5))
    elif name == "dvc repro":
        run(root, ("dvc", "commit", "--force", "--quiet"))
        remove(root / "results" / "compare" / "table.csv")


def _left(world: World, name: str, root: Path, argv: tuple[str, ...]) -> Iterator[str]:
    """What is wrong after the kill, and after the command was run again."""
    template = world.template
    yield from checks.nothing_half_written(root, template)
    finished = checks.finished_folds(root)
    if name == "data use":
        yield from checks.data_belongs_together(root)
    again = run(root, argv, count=name != "dvc repro")
    yield from checks.finishes(again)
    if name.startswith("fit"):
        yield from _refitted(template.ended[name], again, finished)
    if name == "data use":
        yield from checks.data_belongs_together(root)
        if not (root / "data" / "other.csv").exists():
            yield "data/other.csv is missing"
    elif name == "adopt":
        if adoption_digests(root) != template.adopted:
            yield "params.yaml or the records of the study differ from an undisturbed run"
    elif name == "predict" and not checks.answers_equally(name, again.out, template):
        yield "the answer differs from an undisturbed run's"
    if name != "publish":
        yield from checks.results_are_equal(root, template, below=("results", "screened.csv"))
    if name in ("sweep", "reap", "publish", "promote", "dvc repro"):
        yield from checks.nothing_runs(root)


def _refitted(undisturbed: Ended, again: Ended, finished: int) -> Iterator[str]:
    if again.fits > undisturbed.fits - finished:
        yield f"{again.fits} folds were fitted although {finished} of {undisturbed.fits} were finished"


def remove(path: Path) -> None:
    """Remove a file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


KIND = Kind("kill", "kills", kill, short=20, long=200)
