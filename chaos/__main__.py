"""The command line of the harness; see the package."""

from __future__ import annotations

import argparse
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chaos.cases import Kind, Outcome, World
    from chaos.template import Template


#: Cases after which a line says how far it is, where there is no terminal for a progress bar.
_SAID_EVERY = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Inject faults; 0 when all of them were survived."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=(__doc__ or "").partition("\n")[0])
    version = parser.add_mutually_exclusive_group()
    version.add_argument("--short", action="store_true", help="what CI runs, within 3 minutes (the default)")
    version.add_argument("--long", action="store_true", help="200 kills, 10,000 inputs, 2,000 damaged files")
    parser.add_argument("--seed", type=int, default=1, help="another seed makes other faults (default %(default)s)")
    parser.add_argument("--only", action="append", metavar="KIND", help="only this kind of fault; may be repeated")
    parser.add_argument("--case", type=_cases, metavar="N[-M]", help="only this case, or these; needs one --only")
    parser.add_argument("--jobs", type=int, default=2, help="cases side by side (default %(default)s)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the tiny project here, and use it next time")
    options = parser.parse_args(arguments)
    if options.case is not None and len(options.only or ()) != 1:
        parser.error("--case needs one --only KIND")
    from chaos import preload

    started = time.monotonic()
    # A shell starts what runs in the background without it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    preload.everything()
    from chaos import kinds
    from chaos.cases import World, run_all

    chosen = [kind for kind in kinds.KINDS if not options.only or kind.name in options.only]
    unknown = set(options.only or ()) - {kind.name for kind in chosen}
    if unknown:
        parser.error(f"unknown kind {', '.join(sorted(unknown))}; there are {', '.join(k.name for k in kinds.KINDS)}")
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    # A user without rights works in it, too. What killed commands leave in the folder of temporary files goes with it.
    folder.chmod(0o1777)
    tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
    try:
        world = World(options.seed, _template(options.keep or folder), folder)
        tasks = kinds.plan(chosen, long=options.long, cases=options.case)
        return _report(run_all(world, tasks, jobs=options.jobs), tasks, world, started)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cases(text: str) -> range:
    """The numbers that ``N`` or ``N-M`` stands for, both ends included."""
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def _template(folder: Path) -> Template:
    """The tiny project: that in the folder where it was made with this source, else a new one."""
    from chaos import preload, template

    stored, source = folder / "template.pickle", template.source_digest()
    made: Template
    if stored.exists() and (folder / "source").read_text() == source:
        made = pickle.loads(stored.read_bytes())  # written below
        preload.more({name for ended in made.ended.values() for name in ended.modules})
        return made
    print("making a tiny project ...", file=sys.stderr)
    for old in ("template", "adopted"):
        shutil.rmtree(folder / old, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    made = template.make(folder)
    stored.write_bytes(pickle.dumps(made))
    (folder / "source").write_text(source)
    return made


def _report(
    outcomes: Iterator[Outcome], tasks: Sequence[tuple[Kind, Sequence[int]]], world: World, started: float
) -> int:
    """Show the outcomes as they come, each failure with the command that repeats it, and at last the counts.

    A run that is interrupted with Ctrl-C ends with the counts up to then.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    done: list[Outcome] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    # Without a thread of its own that refreshes it: this process forks.
    total = sum(len(cases) for _, cases in tasks)
    with Progress(*columns, console=console, disable=not console.is_terminal, auto_refresh=False) as bar:
        task = bar.add_task("faults", total=total)
        try:
            for outcome in outcomes:
                done.append(outcome)
                bar.update(task, advance=1, description=outcome.kind, refresh=True)
                if not console.is_terminal and len(done) % _SAID_EVERY == 0:
                    print(f"{len(done):,} of {total:,} cases, the last of {outcome.kind}", file=sys.stderr, flush=True)
                for problem in outcome.problems:
                    again = f"python -m chaos --seed {world.seed} --only {outcome.kind} --case {outcome.case}"
                    line = f"FAILED {outcome.what}: {problem}\n       {again}"
                    bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        except KeyboardInterrupt:
            print("interrupted; the counts up to now:", file=sys.stderr)
    written = world.template.unchanged()
    for name in written:
        print(f"FAILED {name} of the original was written into, not replaced", file=sys.stderr)
    inputs = {kind.name for kind, _ in tasks if kind.is_input}
    faults = [o for o in done if o.kind not in inputs and o.injected]
    failed = [o for o in done if o.problems]
    survived = sum(1 for o in faults if not o.problems)
    print(
        f"chaos: seed {world.seed}: {len(faults):,} faults injected, {survived:,} survived; "
        f"{sum(1 for o in done if o.kind in inputs):,} inputs read; {len(done):,} cases, "
        f"{len(failed) + len(written):,} failures; {time.monotonic() - started:.0f} s"
    )
    return 1 if failed or written else 0


if __name__ == "__main__":
    sys.exit(main())
