"""Figures of the prediction intervals: measured against nominal coverage, and error against rejected predictions."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.evaluation.coverage import ALL_ROWS
from electrode_bench.report import drawing, style
from electrode_bench.report.drawing import new_figure, open_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def calibration(coverage: pd.DataFrame, *, protocol: str, titles: Mapping[str, str]) -> Figure:
    """Measured against nominal coverage, one panel for each target and a line for each model.

    Parameters
    ----------
    coverage : ``results/compare/coverage.csv``.
    titles : the models' names for people, in the order of the legend.
    """
    rows = coverage[(coverage["by"] == ALL_ROWS) & (coverage["protocol"] == protocol)]
    figure = new_figure(7.2, 2.9)
    for axes, model, of in _panels(figure, rows, titles):
        held = of.dropna(subset=["coverage"])
        error = [held["coverage"] - held["low"], held["high"] - held["coverage"]]
        axes.errorbar(
            held["level"], held["coverage"], yerr=error, color=style.model_styles(titles)[model].colour,
            marker=style.model_styles(titles)[model].marker, markersize=3, linewidth=1, elinewidth=0.8,
            label=titles[model],
        )  # fmt: skip
    for axes in figure.axes:
        axes.axline((0.5, 0.5), slope=1.0, color=style.GREY, linewidth=0.6, linestyle=":")
        axes.set(xlabel="Nominal coverage", xlim=(0.45, 1.0), ylim=(0.4, 1.02))
    figure.axes[0].set_ylabel("Measured coverage")
    drawing.legend_below(figure)
    return figure


def rejected(rejection: pd.DataFrame, *, protocol: str, titles: Mapping[str, str]) -> Figure:
    """Error of what remains against the share of rejected predictions: the widest intervals first, or the furthest.

    Parameters as :func:`calibration`, with ``results/compare/rejection.csv``.
    """
    rows = rejection[rejection["protocol"] == protocol]
    figure = new_figure(7.2, 2.9)
    for axes, model, of in _panels(figure, rows, titles):
        for ranked_by, line in (("width", "-"), ("distance", ":")):
            curve = of[of["ranked_by"] == ranked_by]
            axes.plot(
                curve["rejected"], curve["relative"], line, color=style.model_styles(titles)[model].colour, linewidth=1,
                label=titles[model] if ranked_by == "width" else None,
            )  # fmt: skip
    for axes in figure.axes:
        axes.set(xlabel="Share of predictions rejected", ylim=(0, None))
    for line, label in (("-", "Widest intervals first"), (":", "Furthest from training first")):
        figure.axes[0].plot([], [], line, color=style.GREY, linewidth=1, label=label)
    figure.axes[0].set_ylabel("MAE of the rest / MAE of all")
    drawing.legend_below(figure)
    return figure


def _panels(figure: Figure, rows: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[tuple[Axes, str, pd.DataFrame]]:
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        axes = figure.add_subplot(1, len(TARGETS), i)
        axes.set_title(column.label)
        open_axes(axes)
        for model, of in rows[rows["target"] == target].groupby("model", sort=False):
            if model in titles:
                yield axes, str(model), of


def embedded(draw: Callable[[], Figure], *, synthetic: bool) -> str:
    """A figure as the address of an image that holds it, for a page in one file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure"
        drawing.save(draw, path, synthetic=synthetic, formats=("svg",))
        content = path.with_name("figure.svg").read_bytes()
    return f"data:image/svg+xml;base64,{base64.b64encode(content).decode('ascii')}"
