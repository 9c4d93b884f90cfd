"""Full disks and read-only folders."""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chaos import checks
from chaos.cases import Kind, Outcome, World
from chaos.commands import run
from chaos.kills import remove
from chaos.template import cleared_by

#: Commands that write.
WRITING = (
    "prepare", "featurize elements", "map", "split", "fit rf_magpie grouped", "compare", "report", "sweep", "predict",
    "screen", "promote", "adopt", "fit faraday grouped", "publish",
)  # fmt: skip

#: Folders that are made read-only, below the project.
FOLDERS = (
    "results",
    ".cache",
    "mlruns",
    ".",
    "results/fit",
    ".cache/folds",
    "results/compare",
    "sweeps",
    ".cache/features",
)

#: Any user without rights, where the harness runs as root, whom read-only folders do not stop.
NOBODY = 65534


def full(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Run a command on a disk with a little space left, then with enough."""
    for case in cases:
        rng, name = world.random("disk", case), WRITING[case % len(WRITING)]
        argv = world.template.commands()[name]
        with _small_disk(world, rng) as (root, limits, how, free):
            for path in cleared_by(argv):
                remove(root / path)
            ended = run(root, argv, inside=limits)
            problems = [*checks.finishes_or_explains(ended), *checks.nothing_half_written(root, world.template)]
            free()
            again = run(root, argv)
            problems += [*checks.finishes(again), *_equal(world, name, root)]
        yield Outcome("disk", case, f"{how} during `{name}`", tuple(problems), injected=ended.code != 0)


def _equal(world: World, name: str, root: Path) -> Iterator[str]:
    if name != "publish":
        yield from checks.results_are_equal(root, world.template, below=("results", "screened.csv"))


Small = tuple[Path, Callable[[], None], str, Callable[[], None]]


@contextmanager
def _small_disk(world: World, rng: random.Random) -> Iterator[Small]:
    """A project on a full disk: its folder, limits of a command, the disk in words, and what makes space.

    As root this is a file system of its own in memory (tmpfs). Others get a limit on the size of each file
    (RLIMIT_FSIZE), which fails in the same calls with another error.
    """
    left = int(2 ** rng.uniform(8, 18))
    mount = Path(tempfile.mkdtemp(prefix="disk-", dir=str(world.folder)))
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(mount)], capture_output=True, check=False
    ).returncode == 0  # fmt: skip
    try:
        root = world.template.copy(mount / "project", links=False)
        filler = mount / "filler"
        if mounted:

            def fill() -> None:
                space = os.statvfs(mount)
                with filler.open("wb") as file:
                    os.posix_fallocate(file.fileno(), 0, max(space.f_bavail * space.f_bsize - left, 1))

            # Before the command, but after its old outputs have gone: in the forked process.
            yield root, fill, f"a full disk (tmpfs, {left} bytes left)", lambda: filler.unlink(missing_ok=True)
        else:
            limit = (left, resource.RLIM_INFINITY)
            yield root, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit), f"RLIMIT_FSIZE {left}", lambda: None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(mount)], check=False)
        shutil.rmtree(mount, ignore_errors=True)


def read_only(world: World, cases: Sequence[int]) -> Iterator[Outcome]:
    """Run a command where a folder cannot be written, then where it can."""
    for case in cases:
        rng, name = world.random("readonly", case), WRITING[case % len(WRITING)]
        argv = world.template.commands()[name]
        written = [str(Path(path).parent if "." in Path(path).name[1:] else path) for path in cleared_by(argv)]
        folder = rng.choice([*(written or ["sweeps"]) * 2, *FOLDERS])
        with world.project(links=False) as root:
            for path in cleared_by(argv):
                remove(root / path)
            (root / folder).mkdir(parents=True, exist_ok=True)
            modes = {
                path: path.stat().st_mode for path in (root / folder, *(root / folder).rglob("*")) if path.is_dir()
            }
            _own(root)
            for writable in modes:
                writable.chmod(0o555)
            ended = run(root, argv, inside=_without_rights(root))
            problems = [*checks.finishes_or_explains(ended), *checks.nothing_half_written(root, world.template)]
            for writable, mode in modes.items():
                writable.chmod(mode)
            again = run(root, argv, inside=_without_rights(root))
            problems += [*checks.finishes(again), *_equal(world, name, root)]
        yield Outcome(
            "readonly", case, f"{folder} read-only during `{name}`", tuple(problems), injected=ended.code != 0
        )


def _own(root: Path) -> None:
    """Give the project to the user who has no rights."""
    if os.geteuid() == 0:
        root.parent.chmod(0o755)
        for path in (root, *root.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def _without_rights(root: Path) -> Callable[[], None]:
    def become() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        os.environ["HOME"] = str(root)

    return become


KINDS = (
    Kind("disk", "full disks", full, short=5, long=140),
    Kind("readonly", "read-only folders", read_only, short=4, long=140),
)
