"""Write the page of candidates with the figure beside it."""

from __future__ import annotations

from pathlib import Path

from electrode_bench.core.artifacts import write_text
from electrode_bench.errors import UserError
from electrode_bench.report import drawing
from electrode_bench.report.candidates.build import html
from electrode_bench.report.candidates.figure import energies
from electrode_bench.report.candidates.shown import Shown

#: The figure is written in these formats, for a paper.
FORMATS = ("svg", "pdf")


def check_page(path: Path) -> None:
    """Raise a UserError when a page cannot have this name, before anything is computed."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"{path} must end in .html; the figure is written beside it as {' and '.join(FORMATS)}")


def write(shown: Shown, path: Path) -> list[Path]:
    """Write the page, and its main figure beside it as SVG and PDF; equal content gives equal bytes.

    Returns
    -------
    The files, the page first.

    Raises
    ------
    UserError
        When ``path`` does not end in .html.
    """
    check_page(path)
    write_text(html(shown), path)
    stem = path.with_suffix("")
    drawing.save(lambda: energies(shown), stem, synthetic=shown.synthetic, formats=FORMATS)
    return [path, *(stem.with_name(f"{stem.name}.{suffix}") for suffix in FORMATS)]
