"""docs/performance.md, written from the file of results, the targets and the ideas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import figures, notes
from benchmarks.markdown import paragraph, quantity, table, time, yes
from benchmarks.parts import every
from benchmarks.projects import ROOT
from benchmarks.results import FOLDER, Results
from benchmarks.sections import SECTIONS
from electrode_bench.core.artifacts import write_text

PATH = ROOT / "docs" / "performance.md"
_FIRST, _LAST = "<!-- Written by `python -m benchmarks` from benchmarks/results/", ".json -->"


def write(path: Path) -> None:
    """Write the document and its figures from a file of results."""
    results = Results.read(path)
    figures.write(results, PATH.parent / "figures")
    write_text(render(results, notes.targets(), notes.ideas()), PATH)


def render(results: Results, targets: Sequence[notes.Target], ideas: Sequence[notes.Idea]) -> str:
    """The document. Equal results give equal text."""
    sections = [
        _opening(results),
        _targets(results, targets),
        *(_section(results, title, parts, body) for title, parts, body in SECTIONS),
        _ideas(ideas),
        _measured(results),
    ]
    return "\n\n".join(sections) + "\n"


def results_of(document: str) -> Path:
    """The file of results that a document was written from."""
    first, _, _ = document.partition("\n")
    return FOLDER / f"{first.removeprefix(_FIRST).removesuffix(_LAST)}.json"


def _opening(results: Results) -> str:
    about = results.machine
    what = """What a study and an answer cost, and what the alternatives cost on the same machine. `make bench` measures
    it again and writes this page. Compare ratios, not seconds: seconds differ between machines, and wall-clock seconds
    also with what else runs. Processor seconds depend on it much less. Short tasks are measured five times, and the
    median counts."""
    where = f"""This page is of one machine: {about["processor"]}, {about["cores"]} cores, {about["memory_gib"]} GiB,
    {about["system"]}, Python {about["python"]}."""
    heading = f"{_FIRST}{about['name']}{_LAST}\n# Performance"
    return "\n\n".join([heading, paragraph(what), paragraph(where)])


def _targets(results: Results, targets: Sequence[notes.Target]) -> str:
    rows = []
    for target in targets:
        values = [(one, value) for one in target.measured if (value := one.of(results)) is not None]
        reached = [*(quantity(value, one.unit) for one, value in values), *filter(None, [target.reached])]
        met = [one.met(value) for one, value in values] + ([] if target.met is None else [target.met])
        verdict = yes(all(met)) if met else ""
        text = ", ".join(reached) or "not measured"
        rows.append((target.what, target.before, target.target, text, verdict, f"`{target.command}`"))
    return "## Targets\n\n" + table(("what", "before", "target", "reached", "met", "command"), rows, left=6)


def _section(results: Results, title: str, parts: Sequence[str], body: Callable[[Results], str]) -> str:
    measured = any(results.parts.get(part, {}).get("complete") for part in parts)
    text = body(results) if measured else f"Not measured on this machine yet: `python -m benchmarks {parts[0]}`."
    return f"## {title}\n\n{text}"


def _ideas(ideas: Sequence[notes.Idea]) -> str:
    rows = [(idea.what, idea.number, yes(idea.kept), idea.why, f"`{idea.command}`") for idea in ideas]
    head = ("idea", "what it brought", "kept", "why", "command")
    return "## Ideas that were tried\n\n" + (table(head, rows, left=5) if rows else "None is listed yet.")


def _measured(results: Results) -> str:
    order = [*every()]
    rows = []
    for name in sorted(results.parts, key=order.index):
        part = results.parts[name]
        commit = (part["commit"] or "unknown") + (", changed" if part["modified"] else "")
        load = " to ".join("?" if value is None else f"{value:.1f}" for value in part["load"])
        state = ("quick" if part["quick"] else "full") + ("" if part["complete"] else ", interrupted")
        took = time(part["seconds"]) if part.get("seconds") else ""
        rows.append((f"`{name}`", state, part["data"], part["date"], commit, load, took))
    commands = """```
make bench                                             # all parts but the long ones
python -m benchmarks startup limit                     # these parts alone; the results of the others stay
python -m benchmarks --quick --results /tmp/quick.json # small sizes, to see whether everything works
python -m benchmarks reference --snapshot FILE         # against the published packages, after `make reference`
python -m benchmarks study --snapshot FILE             # the full study on a CSV of the Battery Explorer
```"""
    text = """The load average counts the processes that run or wait for a core, before and after a part. If it is above
    the number of cores, wall-clock seconds say little. A quick part has small sizes."""
    head = ("part", "size", "data", "date", "commit", "load average", "took")
    return "\n\n".join(["## How it was measured", commands, paragraph(text), table(head, rows, left=7)])
