"""Damaged files: what a full disk, a bad sector, an old version or a slip of the hand leaves."""

from __future__ import annotations

import json
import random
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from chaos import checks
from chaos.cases import Kind, Outcome, World
from chaos.commands import run
from chaos.kills import remove
from chaos.template import PIPELINE

Damage = Callable[[random.Random, bytes], bytes]


def _flipped(rng: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 8))):
        if data:
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _zeros_within(rng: random.Random, content: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + bytes(min(512, len(content) - at)) + content[at + 512 :]


#: Ways to damage the content of a file.
DAMAGES: dict[str, Damage] = {
    "cut short": lambda rng, content: content[: rng.randrange(len(content) + 1)],
    "zeros": lambda _, content: bytes(len(content)),
    "zeros in a block": _zeros_within,
    "flipped bits": _flipped,
    "emptied": lambda _, __: b"",
    "other bytes": lambda rng, content: rng.randbytes(len(content)),
    "something appended": lambda rng, content: content + rng.randbytes(rng.choice((1, 100, 5000))),
    "an old version": lambda rng, content: _without_a_key(rng, content),
}

#: Ways to replace a file.
REPLACED = ("a folder", "a dangling link", "nothing")


def _without_a_key(rng: random.Random, content: bytes) -> bytes:
    """JSON as a version of the program wrote it that did not have one of the keys; other files are cut in two."""
    try:
        value = json.loads(content)
        del value[rng.choice(sorted(value))]
    except (ValueError, TypeError, IndexError, KeyError):
        return content[: len(content) // 2]
    return json.dumps(value).encode()


#: Files of a project, and the commands that read them: those that must refuse what is damaged, or not be changed by it.
#: The names are patterns; a case takes one file of those that match.
FILES: dict[str, tuple[str, ...]] = {
    "results/prepare/table.parquet": ("compare", "report", "predict", "show"),
    "results/prepare/card.json": ("report", "map"),
    "results/featurize/magpie_mean.parquet": ("fit rf_magpie grouped", "predict"),
    "results/featurize/*.parquet": ("fit faraday grouped", "fit crabnet grouped"),
    "results/map/map.parquet": ("compare", "report"),
    "results/map/summary.json": ("report",),
    "results/split/folds.parquet": ("fit rf_magpie grouped", "compare"),
    "results/split/digest.json": ("fit rf_magpie grouped", "compare", "report"),
    "results/fit/*/grouped/predictions.parquet": ("compare", "publish", "report"),
    "results/fit/*/grouped/share.parquet": ("compare", "publish"),
    "results/fit/*/grouped/cell.json": ("compare", "report", "show", "predict"),
    "results/compare/*.csv": ("show", "report"),
    "results/compare/table.csv": ("show", "report"),
    "results/compare/*.json": ("show", "predict", "report"),
    "data/cut.csv": (),
    "data.dvc": ("report",),
    "params.yaml": (),
    "mlruns/mlflow.db": ("publish", "reap"),
    "mlruns/studies.journal": ("sweep list", "reap"),
    "candidates.csv": (),
    ".cache/models/*/*": ("predict",),
    ".cache/answers/**/*": ("predict",),
}

#: Caches: whatever is damaged, the next run has the same result, as if there were no cache.
CACHES: dict[str, tuple[str, ...]] = {
    ".cache/folds/*/*": tuple(name for name in PIPELINE if name.startswith("fit")),
    ".cache/features/*": ("featurize magpie_mean", "featurize elements", "featurize redox"),
    ".cache/models/**/*": ("predict", "screen"),
    ".cache/answers/**/*": ("predict",),
}


def damage(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Damage a file of the project, and run what reads it."""
    with world.project() as root:
        for case in cases:
            rng = world.random("damage", case)
            yield _case(world, rng, "damage", case, root, FILES)


def flip(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Flip a bit in a cache, and run what reads it."""
    with world.project() as root:
        for case in cases:
            rng = world.random("cache", case)
            yield _case(world, rng, "cache", case, root, CACHES)


def _case(
    world: World, rng: random.Random, kind: str, case: int, root: Path, files: dict[str, tuple[str, ...]]
) -> Outcome:
    readable = [pattern for pattern, names in files.items() if names]
    pattern = readable[case % len(readable)]
    name = rng.choice(files[pattern])
    argv = world.template.commands().get(name, tuple(name.split()))
    found = _with_content(root, pattern)
    if not found:
        # Remembered answers belong to a state of the project's files: a copy has none before its first answer.
        run(root, argv)
        found = _with_content(root, pattern)
    if not found:
        return Outcome(kind, case, f"{pattern}: no such file", injected=False)
    path = rng.choice(found)
    how = rng.choice([*DAMAGES, *REPLACED] if kind == "damage" else ["flipped bits", "flipped bits", *DAMAGES])
    place, before = str(path.relative_to(root)), path.read_bytes()
    _spoil(rng, path, how)
    what = f"{place}: {how}, then `{' '.join(argv)}`"
    if path.is_file() and path.read_bytes() == before:
        _restore(world, root)
        return Outcome(kind, case, what, injected=False)
    ended = run(root, argv)
    if kind == "cache":
        problems = [*checks.finishes(ended), *_same(world, name, root, ended.out)]
    else:
        problems = [*checks.finishes_or_explains(ended), *_right(world, name, root, ended.code, ended.out, place)]
        if not problems and ended.code:
            problems = list(_remedied(world, root, ended.err, argv, place))
    _restore(world, root)
    return Outcome(kind, case, what, tuple(problems))


def _with_content(root: Path, pattern: str) -> list[Path]:
    """The files that a pattern names, without locks, which are empty."""
    return sorted(path for path in root.glob(pattern) if path.is_file() and path.stat().st_size)


def _right(world: World, name: str, root: Path, code: int, out: str, place: str) -> Iterator[str]:
    """A command that succeeded has the undisturbed result; one that failed has changed nothing."""
    if code == 0:
        yield from _same(world, name, root, out, but=place)
        return
    for problem in checks.results_are_equal(root, world.template):
        if not problem.startswith(place):
            yield f"after a failure, {problem}"


def _same(world: World, name: str, root: Path, out: str, but: str = "") -> Iterator[str]:
    for problem in checks.results_are_equal(root, world.template):
        # What the command does not write stays damaged.
        if not but or not problem.startswith(but):
            yield problem
    if name in ("predict", "show") and not checks.answers_equally(name, out, world.template):
        yield f"`{name}` prints something else than in an undisturbed run"


def _remedied(world: World, root: Path, err: str, argv: Sequence[str], place: str) -> Iterator[str]:
    """The remedy that the message names works."""
    line = next(line for line in err.splitlines() if line.lower().startswith("error:"))
    if re.search(r"\b(delete|remove|move it away)\b", line) or "restore" in line:
        remove(root / place)
        if "restore" in line:
            (root / place).write_bytes((world.template.root / place).read_bytes())
    steps = [_steps(command) for command in re.findall(r"(?:electrode-bench|dvc repro)[^;()\n]*", line)]
    # The stage itself first. What comes before it takes seconds, and is needed only where that was damaged.
    for chosen in ([of[-1:] for of in steps], steps):
        for step in chain.from_iterable(chosen):
            # A command does not remove a folder that stands in the place of its file; it says so.
            if "move it away" in run(root, step).err:
                remove(root / place)
                run(root, step)
        problems = list(checks.finishes(run(root, argv)))
        if not problems:
            return
    for problem in problems:
        yield f"after the remedy of '{line}': {problem}"


def _steps(command: str) -> list[tuple[str, ...]]:
    """The commands that a remedy stands for; `dvc repro STAGE` runs the stages up to it, which is done without DVC."""
    words = shlex.split(command.replace("...", "").rstrip(" .,"), posix=True) if command.count("'") % 2 == 0 else []
    words = ["cut.csv" if word == "SOURCE" else word for word in words]
    if words[:1] == ["electrode-bench"]:
        argv = tuple(words[1:])
        return [argv] if argv and not argv[-1].isupper() else []
    stages = [word for word in words[2:] if not word.startswith("-")]
    wanted = stages[0].replace("@", " ").replace("-", " ") if stages else "compare"
    steps = []
    for name, argv in PIPELINE.items():
        if name == "publish":
            break
        steps.append(argv)
        if name == wanted:
            break
    return steps


def _spoil(rng: random.Random, path: Path, how: str) -> None:
    """Damage a file. It may be a link to the original, so it is replaced and never written into."""
    content = path.read_bytes()
    path.unlink()
    if how in DAMAGES:
        path.write_bytes(DAMAGES[how](rng, content))
    elif how == "a folder":
        path.mkdir()
    elif how == "a dangling link":
        path.symlink_to(path.parent / "nowhere")


def _restore(world: World, root: Path) -> None:
    """The project as it was."""
    remove(root)
    world.template.copy(root)


KINDS = (
    Kind("damage", "damaged files", damage, short=10, long=1500, batch=5),
    Kind("cache", "flipped bits in caches", flip, short=10, long=500, batch=5),
)
