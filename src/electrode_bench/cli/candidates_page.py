"""The option --page of predict and screen: candidates as a page, with the figure beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli.console import say

if TYPE_CHECKING:
    from electrode_bench.inference.chosen import FittedModel
    from electrode_bench.inference.screened import Screened
    from electrode_bench.project import Project

Page = Annotated[
    Path | None,
    typer.Option(
        "--page", metavar="FILE.html", show_default="no page",
        help="Also write a page with figure, map and sortable table, and the figure beside it as SVG and PDF.",
    ),
]  # fmt: skip


def write_page(
    page: Path,
    screened: Screened,
    model: FittedModel,
    project: Project | None,
    *,
    code: Mapping[str, Any],
    rejects: Path | None = None,
) -> list[Path]:
    """Write the page of a screening; return the files, the page first.

    Parameters
    ----------
    project : whose map is shown; None for a model that was fitted elsewhere.
    code : the version of this package.
    rejects : the file of the lines that could not be used; None where there are none.
    """
    from electrode_bench.report.answers import model_line
    from electrode_bench.report.candidates import shown
    from electrode_bench.report.candidates.write import write

    about = shown.sources(model_line(model), data=model.data, code=code, ordered_by=screened.options.ordered_by)
    lines = () if rejects is None else shown.read_rejects(rejects)
    known = shown.known_map(project)
    return write(shown.Shown(screened, model.title, known, lines, about, model.synthetic), page)


def say_written(files: Sequence[Path]) -> None:
    """Print where the page and its figure are, if they were written."""
    if files:
        say(f"page: {files[0]}; figure: {', '.join(str(path) for path in files[1:])}")
