"""The figure of candidates for a paper: energy, or another objective, against voltage, with names and error bars."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import VOLTAGE
from electrode_bench.inference.screened import ENERGY, OBJECTIVES, high, low
from electrode_bench.report import formulas, style
from electrode_bench.report.candidates.shown import Shown
from electrode_bench.report.drawing import new_figure, open_axes
from electrode_bench.report.labels import Box, best_place, is_crowded
from electrode_bench.report.numbers import with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches: the width of two columns of a journal.
_SIZE = (6.9, 4.8)
_FONT = 6.5
#: More error bars and names than this hide each other.
MOST_BARS, MOST_NAMES = 60, 40
_MARGIN = 0.05


def energies(shown: Shown) -> Figure:
    """The objective of each candidate against its voltage. Hollow markers lie outside the domain of the model.

    Where voltage is the objective, the specific energy is drawn.
    """
    options = shown.screened.options
    quantity = OBJECTIVES[ENERGY.key if options.objective == VOLTAGE.key else options.objective]
    rows = shown.rows
    figure = new_figure(*_SIZE)
    axes = figure.add_subplot()
    if len(rows) <= MOST_BARS:
        _error_bars(axes, rows, quantity.key)
    styles = shown.ion_styles()
    for ion, of in styles.items():
        for inside in (True, False):
            part = rows[(rows["working_ion"] == ion) & (rows["in_domain"].astype(bool) == inside)]
            if len(part):
                axes.scatter(
                    part[VOLTAGE.key], part[quantity.key], s=22, marker=of.marker, linewidths=1.0,
                    facecolors=of.colour if inside else "white", edgecolors=of.colour, zorder=3,
                    label=f"{ion}{'' if inside else ', outside the domain'}",
                )  # fmt: skip
    if quantity.key == ENERGY.key and rows["on_front"].astype(bool).sum() > 1:
        front = rows[rows["on_front"].astype(bool)].sort_values([VOLTAGE.key, "line"])
        axes.plot(front[VOLTAGE.key], front[quantity.key], "--", color=style.GREY, linewidth=0.8, label="Pareto front")
    if options.window:
        for end in options.window:
            axes.axvline(end, color=style.GREY, linewidth=0.6, linestyle=":", zorder=0)
    if options.goal is not None and quantity.key == options.objective:
        axes.axhline(options.goal, color=style.GREY, linewidth=0.6, linestyle="-.", label="goal", zorder=0)
    axes.set(xlabel=with_unit(VOLTAGE), ylabel=with_unit(quantity))
    axes.margins(_MARGIN)
    open_axes(axes)
    figure.legend(loc="outside lower center", ncols=5, frameon=False)
    _names(figure, axes, shown, quantity.key)
    return figure


def _error_bars(axes: Axes, rows: pd.DataFrame, key: str) -> None:
    """The intervals, in the colour of the background; none where an interval is missing."""

    def lengths(name: str) -> Any:
        value = rows[name].to_numpy(dtype=float)
        ends = [value - rows[low(name)].to_numpy(dtype=float), rows[high(name)].to_numpy(dtype=float) - value]
        return np.clip(np.nan_to_num(np.array(ends)), 0, None)

    axes.errorbar(
        rows[VOLTAGE.key], rows[key], xerr=lengths(VOLTAGE.key), yerr=lengths(key), fmt="none", ecolor="#BBBBBB",
        elinewidth=0.6, zorder=1,
    )  # fmt: skip


def _names(figure: Figure, axes: Axes, shown: Shown, key: str) -> None:
    """The names of the best candidates, each where it hides no other name; the others have none."""
    from matplotlib.patheffects import withStroke

    # The layout decides where the axes lie, and with it how far apart points are.
    figure.draw_without_rendering()
    axes.autoscale(enable=False)
    rows, names = shown.rows, shown.names()
    # A name that the user gave has no amounts.
    texts = [
        formulas.to_mathtext(name) if name == formula else name.replace("$", r"\$")
        for name, formula in zip(names, rows["formula"], strict=True)
    ]
    to_points = 72.0 / figure.dpi
    at = axes.transData.transform(rows[[VOLTAGE.key, key]].to_numpy(dtype=float)) * to_points
    frame = axes.get_window_extent()
    bounds = (float(frame.x0 * to_points), float(frame.x1 * to_points))
    top = float(frame.y1 * to_points)
    taken: list[Box] = []
    halo = [withStroke(linewidth=1.6, foreground="white")]
    named = zip(at, rows[key], rows[VOLTAGE.key], names, texts, strict=True)
    for (x, y), value, voltage, name, text in islice(named, MOST_NAMES):
        dx, dy, box = best_place(float(x), float(y), name, _FONT, at, taken, bounds, hiding=8.0)
        if is_crowded(box, taken, bounds) or box[3] > top:
            continue
        taken.append(box)
        axes.annotate(
            text, (voltage, value), xytext=(round(dx), round(dy)), textcoords="offset points",
            fontsize=_FONT, ha="center", va="center", path_effects=halo, zorder=4,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": "#666666", "shrinkA": 0, "shrinkB": 3},
        )  # fmt: skip
