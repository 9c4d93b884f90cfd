"""The command line of the benchmark; see docs/performance.md."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.parts import Options, Part, every
from benchmarks.parts.folds import EPOCHS
from benchmarks.projects import REAL_ROWS, Workspace
from benchmarks.results import FOLDER, recording


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the parts that were asked for; 1 when one of them failed."""
    parts = every()
    listed = "\n".join(f"  {p.name:10} {p.title}{' (only when named)' if p.separate else ''}" for p in parts.values())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures what things cost on this machine, and writes it to a file and to docs/performance.md.",
        epilog=f"parts:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure (default: all but the long ones)")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see in minutes whether everything works")
    parser.add_argument("--snapshot", type=Path, help="CSV of the Battery Explorer (default: synthetic rows)")
    parser.add_argument("--epochs", type=int, default=20, help="of the published CrabNet (default %(default)s)")
    parser.add_argument("--results", type=Path, help="file of results (default: benchmarks/results/<machine>.json)")
    parser.add_argument("--document", action="store_true", help="measure nothing, only write the document")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.parts if name not in parts]
    if unknown:
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(parts)}")
    if not 1 <= options.epochs <= EPOCHS:
        parser.error(f"--epochs must be from 1 to {EPOCHS}")
    chosen = [parts[name] for name in options.parts] or [part for part in parts.values() if not part.separate]
    if options.snapshot is None and any(part.needs_snapshot for part in chosen):
        parser.error("the full study needs --snapshot")
    path = options.results or FOLDER / f"{machine.describe()['name']}.json"
    failed = 0 if options.document else _measure(chosen, options, path)
    # A quick run is not what the document is about.
    if not options.quick:
        from benchmarks.document import write

        write(path)
    return 1 if failed else 0


def _measure(chosen: Sequence[Part], options: argparse.Namespace, path: Path) -> int:
    """Run the parts one by one; how many of them failed."""
    failed = 0
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    rows = 300 if options.quick else REAL_ROWS
    workspace = Workspace(folder, snapshot=options.snapshot, rows=rows)
    given = Options(workspace, options.quick, options.epochs, options.snapshot)
    try:
        for part in chosen:
            started = time.monotonic()
            _say(f"{part.name}: {part.title}")
            try:
                with recording(path, part.name, quick=options.quick, data=workspace.data) as recorder:
                    for row in part.run(given):
                        recorder.add(row)
                        _say("  " + ", ".join(f"{key} {_shown(value)}" for key, value in row.items()))
            except Exception as error:
                # The other parts are still worth measuring.
                failed += 1
                _say(f"error: {part.name}: {type(error).__name__}: {error}")
            _say(f"{part.name}: {time.monotonic() - started:.0f} s; results are in {path}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return failed


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
