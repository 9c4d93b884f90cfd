"""The files of a result that can be downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from electrode_bench.core.artifacts import write_csv
from electrode_bench.report import drawing
from electrode_bench.report.candidates.build import html
from electrode_bench.report.candidates.figure import energies
from electrode_bench.report.candidates.shown import Shown


def _table(shown: Shown) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_csv(shown.screened.best, path)
        # Excel reads UTF-8 only with a mark.
        return "\ufeff".encode() + path.read_bytes()


def _page(shown: Shown) -> bytes:
    return html(shown).encode()


def _figure(suffix: str) -> Callable[[Shown], bytes]:
    def draw(shown: Shown) -> bytes:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "figure"
            drawing.save(lambda: energies(shown), path, synthetic=shown.synthetic, formats=[suffix])
            return path.with_suffix(f".{suffix}").read_bytes()

    return draw


#: By name: the media type, and the function that makes the file.
DOWNLOADS: Mapping[str, tuple[str, Callable[[Shown], bytes]]] = {
    "candidates.csv": ("text/csv; charset=utf-8", _table),
    "candidates.html": ("text/html; charset=utf-8", _page),
    "candidates.svg": ("image/svg+xml", _figure("svg")),
    "candidates.pdf": ("application/pdf", _figure("pdf")),
}
