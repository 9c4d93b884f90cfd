"""Static figures: made without a screen, and saved with the same bytes for the same content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from electrode_bench.core.artifacts import replacing
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.report import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DPI = 200
#: Without a date and a program's name, which would change the bytes.
_METADATA = {
    "svg": {"Date": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def open_axes(axes: Axes) -> None:
    """Draw no frame above and on the right."""
    axes.spines[["top", "right"]].set_visible(False)


def legend_below(figure: Figure, *, columns: int = 4, larger: float = 1.0) -> None:
    """One legend for all panels, below them, with markers so many times as large as in the panels."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, markerscale=larger)


def save(draw: Callable[[], Figure], path: Path, *, synthetic: bool, formats: Sequence[str] = ("svg", "png")) -> None:
    """Write a figure as ``<path>.<format>``.

    Parameters
    ----------
    draw : makes the figure; it is called with the settings of all figures.
    synthetic : whether the figure must say that its data are synthetic.
    formats : of svg, png and pdf.
    """
    import matplotlib as mpl

    # The salt makes the ids of an SVG the same each time. Journals ask for fonts that are embedded as outlines (42).
    with mpl.rc_context({"svg.hashsalt": "electrode-bench", "pdf.fonttype": 42, "font.size": 8}):
        figure = draw()
        if synthetic:
            figure.suptitle(SYNTHETIC_NOTICE, x=0.005, ha="left", fontsize=6, color=style.WARNING)
        # ``savefig`` draws everything twice, once without an output for the layout. Here the layout is made once.
        figure.set_dpi(_DPI)
        engine = figure.get_layout_engine()
        if engine is not None:
            engine.execute(figure)
            figure.set_layout_engine("none")
        for suffix in formats:
            print_ = _canvas(suffix, figure)
            # Writing a SVG or PDF sets another one.
            figure.set_dpi(_DPI)
            with replacing(path.with_name(f"{path.name}.{suffix}")) as temporary:
                print_(temporary, metadata=_METADATA[suffix])


def _canvas(suffix: str, figure: Figure) -> Callable[..., None]:
    """What writes the figure in a format."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    if suffix == "png":
        return FigureCanvasAgg(figure).print_png
    return FigureCanvasSVG(figure).print_svg if suffix == "svg" else FigureCanvasPdf(figure).print_pdf
