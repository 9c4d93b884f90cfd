"""What must hold after a fault, as functions that return what does not."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import yaml

from chaos.commands import MEMORY, Ended, run
from chaos.template import Template, digests

#: What nobody may see.
_INTERNAL = ("Traceback (most recent call last)", "a bug in electrode-bench", "a fault of the program")

#: Python's own note about an interrupt in a place where none can be raised, such as the end of an object.
_IGNORED = re.compile(r"Exception ignored in.*\nTraceback \(most recent call last\):")

#: A remedy says what to do: one of these words, usually with a command.
_REMEDY = re.compile(
    r"\b(run|restore|delete|remove|make|give|check|free|repair|create|choose|save|set|wait|correct|use|write|move|install"
    r"|close|start|name|download|keep|unpack|convert|rename|export|bring|add|leave|allow|replace|see|known|readable)\b",
    re.IGNORECASE,
)

#: Exit codes of a command that was told to stop: it may have finished before.
STOPPED = {
    signal.SIGKILL: (-signal.SIGKILL, 0),
    signal.SIGTERM: (-signal.SIGTERM, 128 + signal.SIGTERM, 130, 0),
    # 252 is DVC's own.
    signal.SIGINT: (-signal.SIGINT, 130, 252, 0),
}


def answers_equally(name: str, out: str, template: Template) -> bool:
    """Whether a command printed what it prints in an undisturbed run.

    Beside its answer, `predict` lists those of the other models that the cache holds, which a fault may have emptied.
    """
    expected = template.ended[name].out
    if name != "predict" or not out:
        return out == expected

    def own(text: str) -> object:
        said = json.loads(text)
        return {**said, "answers": [{**answer, "models": None} for answer in said["answers"]]}

    return own(out) == own(expected)


def no_crash(ended: Ended) -> Iterator[str]:
    """No traceback, hang, lost process, or too much memory."""
    name = " ".join(ended.argv)
    said = _IGNORED.sub("", ended.said)
    for words in _INTERNAL:
        if words in said:
            yield f"`{name}` says {words!r}: {_end(ended)}"
            break
    if ended.hung:
        yield f"`{name}` hangs"
    if ended.left:
        yield f"`{name}` leaves processes behind: {'; '.join(ended.left)}"
    if ended.memory > MEMORY:
        yield f"`{name}` took {ended.memory >> 20} MB"


def finishes(ended: Ended) -> Iterator[str]:
    """The command did its work."""
    yield from no_crash(ended)
    if ended.code:
        yield f"`{' '.join(ended.argv)}` ends with {ended.code}: {_end(ended)}"


def finishes_or_explains(ended: Ended, *, names: str | None = None) -> Iterator[str]:
    """The command did its work, or ends with one line that names the file and the remedy.

    Parameters
    ----------
    names : what the line must name (part of a path).
    """
    yield from no_crash(ended)
    if ended.code == 0 or ended.hung:
        return
    name = " ".join(ended.argv)
    errors = [line for line in ended.err.splitlines() if line.lower().startswith("error:")]
    # 1: the surroundings failed, such as the disk; 2: the input did.
    if ended.code not in (1, 2) or len(errors) != 1:
        yield f"`{name}` ends with {ended.code} and {len(errors)} lines of error: {_end(ended)}"
        return
    if names and names not in errors[0]:
        yield f"`{name}` does not name {names}: {errors[0]}"
    if not _REMEDY.search(errors[0]):
        yield f"`{name}` names no remedy: {errors[0]}"


def stopped(ended: Ended, number: int) -> Iterator[str]:
    """A command that was sent a signal ended by it, in silence or with one line."""
    yield from no_crash(ended)
    if ended.code not in STOPPED[signal.Signals(number)]:
        yield f"`{' '.join(ended.argv)}` ends with {ended.code} after {signal.Signals(number).name}: {_end(ended)}"


def nothing_half_written(root: Path, template: Template) -> Iterator[str]:
    """Every file in results/ is there whole or not at all. Unfinished files have names of their own."""
    for name, found in digests(root).items():
        if not Path(name).name.startswith(".") and template.digests.get(name) != found:
            yield f"{name} is not as in an undisturbed run"


def results_are_equal(root: Path, template: Template, *, below: Iterable[str] = ("results",)) -> Iterator[str]:
    """The files below these paths have the bytes of an undisturbed run's, and none is missing."""
    found = digests(root)
    for name, expected in template.digests.items():
        if name.startswith(tuple(below)) and found.get(name) != expected:
            yield f"{name} {'differs from' if name in found else 'is missing, unlike in'} an undisturbed run"


def nothing_runs(root: Path) -> Iterator[str]:
    """After `reap`, no run of the project's store is RUNNING."""
    ended = run(root, ("reap",))
    yield from finishes(ended)
    for status, number in run_states(root).items():
        if status in ("RUNNING", "SCHEDULED"):
            yield f"{number} runs are {status} after `reap`"


def run_states(root: Path) -> dict[str, int]:
    """How many runs of the project's store have each status."""
    database = root / "mlruns" / "mlflow.db"
    if not database.exists():
        return {}
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        try:
            found = connection.execute(
                "SELECT status, count(*) FROM runs WHERE lifecycle_stage = 'active' GROUP BY status"
            )
            return {str(status): int(number) for status, number in found}
        except sqlite3.OperationalError:
            return {}


def data_belongs_together(root: Path) -> Iterator[str]:
    """data/ is absent, or whole and as data.dvc says: never a mixture of two imports."""
    import hashlib

    out = yaml.safe_load((root / "data.dvc").read_text())["outs"][0]
    path = root / out["path"]
    if not (root / "data").exists():
        return
    if not path.exists():
        yield f"data.dvc names {out['path']}, and data/ does not have it"
    elif hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() != out["md5"]:
        yield f"{out['path']} is not what data.dvc says"


def finished_folds(root: Path) -> int:
    """How many fitted folds the cache holds."""
    return sum(1 for path in (root / ".cache" / "folds").glob("*") if path.is_dir() and not path.name.startswith("."))


def _end(ended: Ended) -> str:
    lines = [line for line in ended.said.splitlines() if line.strip()]
    where = [line.strip() for line in lines if "electrode_bench/" in line][-1:] or [*lines[:1], *lines[-4:-1]]
    return " | ".join([*where, *lines[-1:]])[:400]
