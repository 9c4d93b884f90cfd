"""The file of results: what each part of the benchmark measured, with the commit and the load.

The rows of a part are written one by one, so that an interrupted benchmark loses nothing. A part that is run again
replaces its own rows only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import machine
from electrode_bench.core.artifacts import write_text
from electrode_bench.tracking.provenance import code_version

#: One measurement: names and numbers.
Row = Mapping[str, Any]

FOLDER = Path(__file__).parent / "results"
_DIGITS = 4


@dataclass
class Results:
    """The content of a file of results.

    Parameters
    ----------
    machine : see :func:`benchmarks.machine.describe`.
    parts : of each part ``commit``, ``modified`` (whether files differed from it), ``date``, ``load`` (before and after
        it), ``seconds``, ``quick``, ``data``, ``complete`` and its ``rows``.
    """

    machine: dict[str, Any]
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Results:
        """The results in a file; those of this machine, without parts, when there is no file."""
        if not path.exists():
            return cls(machine.describe())
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(content["machine"], content["parts"])

    def write(self, path: Path) -> None:
        """Replace the file."""
        content = {"machine": self.machine, "parts": self.parts}
        write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", path)

    def rows(self, part: str, **wanted: Any) -> list[Row]:
        """The rows of a part that have all these values; none when the part was not run."""
        rows = self.parts.get(part, {}).get("rows", [])
        return [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]

    def value(self, part: str, column: str, **wanted: Any) -> float | None:
        """A column of the first such row; None when there is none."""
        return next((row[column] for row in self.rows(part, **wanted) if row.get(column) is not None), None)


class Recorder:
    """Adds the rows of one part to the file as they are measured."""

    def __init__(self, path: Path, part: str, about: Mapping[str, Any]) -> None:
        self.path, self.part = path, part
        self._entry: dict[str, Any] = {**about, "rows": []}

    def add(self, row: Row) -> None:
        """Write one more row."""
        self._entry["rows"].append({key: _rounded(value) for key, value in row.items()})
        self.save()

    def save(self, **changed: Any) -> None:
        """Write the part, with these values changed."""
        self._entry.update(changed)
        results = Results.read(self.path)
        results.machine = machine.describe()
        results.parts[self.part] = self._entry
        results.write(self.path)


@contextmanager
def recording(path: Path, part: str, **about: Any) -> Iterator[Recorder]:
    """A recorder for a part that runs in the block. The part is complete if the block ends without an error."""
    code, started, before = code_version(), datetime.now(UTC), machine.load()
    recorder = Recorder(path, part, {
        "commit": code["commit"] and code["commit"][:12],
        "modified": code["modified"],
        "date": started.date().isoformat(),
        "load": [before, None],
        **about,
        "complete": False,
    })  # fmt: skip
    yield recorder
    seconds = round((datetime.now(UTC) - started).total_seconds(), 1)
    recorder.save(load=[before, machine.load()], seconds=seconds, complete=True)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if not math.isfinite(value) else float(f"{value:.{_DIGITS}g}")
    return value
