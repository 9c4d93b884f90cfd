"""The study's figures for a paper or a talk, as SVG and PNG; equal results give equal bytes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench import splits
from electrode_bench.core.schema import CONTROL, ID, TARGETS
from electrode_bench.report import drawing, formulas, numbers, parity, style, uncertainty_figures
from electrode_bench.report.composition_map import AXES, CompositionMap, ion_counts
from electrode_bench.report.drawing import new_figure, open_axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The map's size in inches; its plotting area and the labels' font size in points.
_MAP_SIZE = (6.6, 5.0)
_MAP_AREA = (420, 310)
_LABEL_SIZE = 6.5
#: Characters of a model's title in a line beside a panel.
_TITLE_WIDTH = 26


def write(
    folder: Path,
    *,
    table: pd.DataFrame,
    map_frame: pd.DataFrame,
    headline: pd.DataFrame,
    learning_curve: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    predicted_under: str,
    synthetic: bool,
    coverage: pd.DataFrame | None = None,
    rejection: pd.DataFrame | None = None,
    main_protocol: str = "grouped",
) -> list[str]:
    """Write every figure as ``<name>.svg`` and ``<name>.png``; return the names.

    Parameters
    ----------
    table : the canonical table.
    map_frame : the map: electrode_id, x, y, cluster, representative.
    headline : ``results/compare/table.csv``.
    learning_curve : ``results/compare/learning_curve.csv``; may be empty.
    predictions, predicted_under : of one protocol, by the model's title; and the protocol's name.
    synthetic : whether each figure must say that its data are synthetic.
    coverage, rejection : ``results/compare/coverage.csv`` and ``rejection.csv``; None for no figures of them.
    main_protocol : protocol of the figures of ``coverage`` and ``rejection``.
    """
    names = []
    every = list(_figures(table, map_frame, headline, learning_curve))
    if predictions:
        every.append(("parity", lambda: parity_panels(predictions, table=table, protocol=predicted_under)))
    titles = {m: t for m, t in zip(headline["model"], headline["title"], strict=True) if m != CONTROL}
    of_protocol: dict[str, Any] = {"protocol": main_protocol, "titles": titles}
    if coverage is not None and len(coverage):
        every.append(("coverage", lambda: uncertainty_figures.calibration(coverage, **of_protocol)))
    if rejection is not None and len(rejection):
        every.append(("rejection", lambda: uncertainty_figures.rejected(rejection, **of_protocol)))
    for name, draw in every:
        drawing.save(draw, folder / name, synthetic=synthetic)
        names.append(name)
    return names


def _figures(
    table: pd.DataFrame,
    map_frame: pd.DataFrame,
    headline: pd.DataFrame,
    curve: pd.DataFrame,
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    yield "working_ions", lambda: working_ions(table)
    yield "map", lambda: composition_map(CompositionMap.of(map_frame, table))
    yield "protocols", lambda: protocols(headline)
    if len(curve):
        titles = dict(zip(headline["model"], headline["title"], strict=True))
        yield "learning_curve", lambda: learning(curve, titles=titles)


def working_ions(table: pd.DataFrame) -> Figure:
    """How many electrodes each working ion has."""
    counts = ion_counts(table)
    figure = new_figure(4.0, 2.6)
    axes = figure.add_subplot()
    bars = axes.bar([ion for ion, _ in counts], [n for _, n in counts], color=style.COLOURS[0])
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=7)
    axes.set(xlabel="Working ion", ylabel="Electrodes")
    open_axes(axes)
    return figure


def composition_map(chart: CompositionMap) -> Figure:
    """The map of compositions by cluster, each labelled with its number and name; rings are the representatives."""
    figure = new_figure(*_MAP_SIZE)
    axes = figure.add_subplot()
    for group in chart.clusters():
        rows = chart.members(group, "cluster")
        # A cross has lines only; other markers have none.
        line: dict[str, Any] = {} if group.style.marker == "x" else {"linewidths": 0}
        axes.scatter(
            rows["x"], rows["y"], s=7, color=group.style.colour, marker=group.style.marker, alpha=0.7, rasterized=True,
            **line,
        )  # fmt: skip
    representatives = chart.representatives
    rings: dict[str, Any] = {"facecolors": "none", "edgecolors": "black", "linewidths": 0.9}
    axes.scatter(representatives["x"], representatives["y"], s=30, **rings)
    for label in chart.labels(*_MAP_AREA, font_size=_LABEL_SIZE):
        axes.annotate(
            formulas.to_mathtext(label.text), (label.x, label.y), xytext=(label.dx, label.dy),
            textcoords="offset points", fontsize=_LABEL_SIZE, ha="center", va="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": "#444444", "shrinkB": 3},
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.7},
        )  # fmt: skip
    x_range, y_range = chart.ranges
    axes.set(xlabel=AXES[0], ylabel=AXES[1], aspect="equal", xlim=x_range, ylim=y_range)
    open_axes(axes)
    return figure


def protocols(headline: pd.DataFrame) -> Figure:
    """SMAE of every model under every protocol, with its standard deviation over folds."""
    styles = style.model_styles(headline["model"])
    names = list(dict.fromkeys(headline["protocol"]))
    figure = new_figure(7.2, 3.4)
    # The marks of one protocol fill most of its place, and leave a gap before the next.
    step = 0.8 / len(styles)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        axes = figure.add_subplot(1, len(TARGETS), i)
        for k, (model, rows) in enumerate(headline.groupby("model", sort=False)):
            values = rows.set_index("protocol").reindex(names)
            of = styles[str(model)]
            axes.errorbar(
                np.arange(len(names)) + (k - (len(styles) - 1) / 2) * step, values[f"{target}/smae"],
                yerr=values[f"{target}/smae spread"], linestyle="none", color=of.colour, marker=of.marker,
                markersize=3, elinewidth=0.6, label=rows["title"].iloc[0],
            )  # fmt: skip
        axes.axhline(1.0, color=style.GREY, linewidth=0.6, linestyle=":")
        axes.set_xticks(range(len(names)), names, rotation=35, ha="right", rotation_mode="anchor")
        axes.set(title=column.label, ylabel="SMAE (no unit)" if i == 1 else None)
        axes.set_ylim(bottom=0)
        open_axes(axes)
    drawing.legend_below(figure)
    return figure


def learning(curve: pd.DataFrame, *, titles: Mapping[str, str]) -> Figure:
    """MAE against the number of training rows, both on logarithmic axes."""
    styles = style.model_styles(titles)
    rows = curve[curve["metric"] == "mae"]
    figure = new_figure(7.2, 2.8)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        axes = figure.add_subplot(1, len(TARGETS), i)
        for name, points in rows[rows["target"] == target].groupby("model", sort=False):
            of = styles[str(name)]
            axes.errorbar(
                points["n_train"], points["value"], yerr=points["spread"], color=of.colour, marker=of.marker,
                markersize=4, linewidth=1, elinewidth=0.8, label=titles[str(name)],
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", title=column.label, xlabel="Training rows")
        axes.set(ylabel=f"MAE ({numbers.unit(column)})")
        open_axes(axes)
    drawing.legend_below(figure)
    return figure


def parity_panels(predictions: Mapping[str, pd.DataFrame], *, table: pd.DataFrame, protocol: str) -> Figure:
    """Predicted against reference values: one row per model, one column per target, coloured by working ion."""
    counts = ion_counts(table)
    styles = dict(zip([ion for ion, _ in counts], style.group_styles(len(counts)), strict=True))
    ions = table.set_index(ID)["working_ion"]
    figure = new_figure(7.2, 2.4 * len(predictions) + 0.5)
    figure.suptitle(splits.protocol(protocol).title)
    for row, (title, frame) in enumerate(predictions.items()):
        # A title as long as the axis would run into that of the next row.
        named = "\n".join([*textwrap.wrap(title, _TITLE_WIDTH), "predicted"])
        for i, target in enumerate(TARGETS, start=1):
            axes = figure.add_subplot(len(predictions), len(TARGETS), row * len(TARGETS) + i)
            ylabel = named if i == 1 else "Predicted"
            parity.draw_panel(axes, frame, target=target, ylabel=ylabel, ions=ions, styles=styles)
            open_axes(axes)
    drawing.legend_below(figure, columns=10, larger=2.5)
    return figure
