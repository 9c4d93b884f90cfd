"""The command data diff: two releases of the data side by side."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli.console import out, say
from electrode_bench.cli.options import Json, Options
from electrode_bench.cli.output import note, print_json, spinner

if TYPE_CHECKING:
    from electrode_bench.data.releases.matching import By
    from electrode_bench.data.releases.sides import Side
    from electrode_bench.tasks.compare_releases import Releases


app = typer.Typer()


class Match(StrEnum):
    """What electrodes are matched by."""

    id = "id"
    formula = "formula"


@app.command("diff")
def data_diff(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="The older release: a source as for `data use`, the folder of a project, "
                                            "or a git commit of this project.", metavar="OLD")],
    new: Annotated[str | None, typer.Argument(help="The newer release, given in the same way.", metavar="NEW",
                                              show_default="the data of this project")] = None,
    match: Annotated[Match | None, typer.Option(help="Match electrodes by id or by formulas and working ion.",
                                                show_default="id, or formula if no id is in both")] = None,
    full: Annotated[bool, typer.Option("--full", help="The errors under every protocol, not only grouped.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Write the tables to this folder.", metavar="FOLDER")] = None,
    figure: Annotated[Path | None, typer.Option(help="Draw a figure: .svg, .png or .pdf.", metavar="FILE")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Compare two releases of the data: electrodes added, removed and relabelled, and how much labels changed.

    If OLD and NEW are projects or commits with fitted results, the errors of their models are compared, too: on the
    electrodes that both have, against the old and against the new labels. Nothing in the project is changed.

    Examples:

    electrode-bench data diff ~/mp_2023.csv ~/mp_2025.jsonl.gz --figure changes.svg

    electrode-bench data diff ~/mp_2023.csv (the data of this project is the newer one)

    electrode-bench data diff HEAD~1 HEAD (two commits, with their results)

    electrode-bench data diff ../study-2023 ../study-2025 (two projects, with their results)
    """
    from electrode_bench.tasks import compare_releases

    given: Options = context.obj
    with spinner(f"Comparing {old} and {new or 'the data of this project'}"):
        by: By | None = None if match is None else match.value
        done = compare_releases.compare(given.root, old, new, by=by, csv=csv, figure=figure)
    if as_json:
        print_json(_record(done))
        return
    _print(done, full=full)
    for path in (csv, figure):
        if path is not None:
            note(f"Written: {path}")


def _print(done: Releases, *, full: bool) -> None:
    from electrode_bench.report import releases as report

    say(f"Old: {_described(done.old)}")
    say(f"New: {_described(done.new)}")
    for line in (report.headline(done.difference), *done.notes):
        say(line)
    for table in report.tables(done.difference, done.scores, full=full):
        out().print(table, highlight=False)


def _described(side: Side) -> str:
    known = [] if side.source == Path(side.name).name else [side.source]
    known.append(f"{len(side.table):,} electrodes")
    if side.rejects:
        known.append(f"{side.rejects:,} rows rejected")
    if side.md5:
        known.append(f"md5 {side.md5}")
    return f"{side.name} ({', '.join(known)})"


def _record(done: Releases) -> dict[str, Any]:
    """Everything but the electrodes that are the same."""
    from electrode_bench.data.releases.difference import SAME

    electrodes = done.difference.electrodes
    changed = electrodes[electrodes["status"] != SAME]
    return {
        **{
            name: {
                "name": side.name, "source": side.source, "md5": side.md5, "electrodes": len(side.table),
                "rejects": side.rejects,
            }
            for name, side in (("old", done.old), ("new", done.new))
        },
        "matched_by": done.difference.matching.by,
        "notes": list(done.notes),
        "by_ion": done.difference.by_ion.to_dict("records"),
        "changes": done.difference.changes.to_dict("records"),
        "scores": None if done.scores is None else done.scores.to_dict("records"),
        "electrodes": changed.to_dict("records"),
    }  # fmt: skip
