"""The study's figures for a paper or a talk, as SVG and PNG: equal to the byte for equal results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import replacing
from electrode_bench.core.schema import FORMULA, ID, ION_CHARGE, TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/, as the interactive figures; markers differ too.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
_MARKERS = ("o", "s", "^", "D", "P", "X", "v")
_CONTROL = "#8C8C8C"
_DPI = 200


def write(
    folder: Path,
    *,
    table: pd.DataFrame,
    placed: pd.DataFrame,
    headline: pd.DataFrame,
    learning_curve: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
    synthetic: bool,
) -> list[str]:
    """Write every figure as ``<name>.svg`` and ``<name>.png``; give the names.

    Parameters
    ----------
    table : the canonical table.
    placed : the map: electrode_id, x, y, cluster, representative.
    headline : ``results/compare/table.csv``.
    learning_curve : ``results/compare/learning_curve.csv``; may be empty.
    predictions : of one protocol, by the model's title for people.
    synthetic : whether each figure must say that its data are synthetic.
    """
    import matplotlib as mpl

    made = []
    # The salt makes the ids of an SVG the same each time.
    with mpl.rc_context({"svg.hashsalt": "electrode-bench", "font.size": 8}):
        for name, draw in _figures(table, placed, headline, learning_curve, predictions):
            figure = draw()
            if synthetic:
                figure.text(0.005, 0.005, SYNTHETIC_NOTICE, fontsize=6, color="#B00020")
            for suffix, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
                with replacing(folder / f"{name}.{suffix}") as temporary:
                    figure.savefig(temporary, format=suffix, dpi=_DPI, metadata=metadata)
            made.append(name)
    return made


def _figures(
    table: pd.DataFrame,
    placed: pd.DataFrame,
    headline: pd.DataFrame,
    curve: pd.DataFrame,
    predictions: Mapping[str, pd.DataFrame],
) -> Iterator[tuple[str, Callable[[], Figure]]]:
    yield "working_ions", lambda: working_ions(table)
    yield "map", lambda: composition_map(placed, table)
    yield "protocols", lambda: protocols(headline)
    if len(curve):
        titles = dict(zip(headline["model"], headline["title"], strict=True))
        yield "learning_curve", lambda: learning(curve, titles=titles)
    if predictions:
        yield "parity", lambda: parity(predictions)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def working_ions(table: pd.DataFrame) -> Figure:
    """How many electrodes each working ion has."""
    count = table["working_ion"].value_counts().reindex(list(ION_CHARGE)).dropna().sort_values(ascending=False)
    figure = _figure(4.0, 2.6)
    axes = figure.add_subplot()
    bars = axes.bar(list(count.index), count.to_numpy(), color=_COLOURS[0])
    axes.bar_label(bars, fmt="{:,.0f}", fontsize=7)
    axes.set(xlabel="working ion", ylabel="electrodes")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def composition_map(placed: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """The map of compositions by cluster, each named by its ElMD mean representative."""
    rows = placed.merge(table[[ID, FORMULA]], on=ID, validate="one_to_one").sort_values(ID)
    figure = _figure(6.6, 5.0)
    axes = figure.add_subplot()
    for cluster, of in rows.groupby("cluster"):
        number = int(str(cluster))
        colour = _CONTROL if number < 0 else _COLOURS[number % len(_COLOURS)]
        marker = "x" if number < 0 else _MARKERS[number // len(_COLOURS) % len(_MARKERS)]
        line: dict[str, Any] = {} if number < 0 else {"linewidths": 0}
        axes.scatter(of["x"], of["y"], s=7, color=colour, marker=marker, alpha=0.7, rasterized=True, **line)
    named = rows[rows["representative"]]
    axes.scatter(named["x"], named["y"], s=30, facecolors="none", edgecolors="black", linewidths=0.9)
    for _, row in named.iterrows():
        text = f"{row['cluster']}: {_subscripts(row[FORMULA])}"
        axes.annotate(
            text, (row["x"], row["y"]), xytext=(4, 5), textcoords="offset points", fontsize=6.5,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.7},
        )  # fmt: skip
    axes.set(xlabel="map coordinate 1 (no unit)", ylabel="map coordinate 2 (no unit)", aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def protocols(headline: pd.DataFrame) -> Figure:
    """SMAE of every model under every protocol, with its standard deviation over folds."""
    names = list(dict.fromkeys(headline["model"]))
    under = list(dict.fromkeys(headline["protocol"]))
    figure = _figure(7.2, 2.8)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        axes = figure.add_subplot(1, len(TARGETS), i)
        for k, name in enumerate(names):
            rows = headline[headline["model"] == name].set_index("protocol").reindex(under)
            at = np.arange(len(under)) + (k - (len(names) - 1) / 2) * 0.17
            style: dict[str, Any] = {"color": _CONTROL if k == 0 else _COLOURS[k - 1], "marker": _MARKERS[k]}
            axes.errorbar(
                at, rows[f"{target}/smae"], yerr=rows[f"{target}/smae spread"], linestyle="none", markersize=4,
                elinewidth=0.8, label=rows["title"].dropna().iloc[0], **style,
            )  # fmt: skip
        axes.axhline(1.0, color=_CONTROL, linewidth=0.6, linestyle=":")
        axes.set_xticks(range(len(under)), under)
        axes.set(title=column.label, ylabel="SMAE (no unit)" if i == 1 else None)
        axes.set_ylim(bottom=0)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def learning(curve: pd.DataFrame, *, titles: Mapping[str, str]) -> Figure:
    """MAE against the rows drawn for training, both on logarithmic axes."""
    rows = curve[curve["metric"] == "mae"]
    figure = _figure(7.2, 2.8)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        axes = figure.add_subplot(1, len(TARGETS), i)
        for k, (name, of) in enumerate(rows[rows["target"] == target].groupby("model", sort=False)):
            colour = _CONTROL if k == 0 else _COLOURS[k - 1]
            axes.errorbar(
                of["n_train"], of["value"], yerr=of["spread"], color=colour, marker=_MARKERS[k], markersize=4,
                linewidth=1, elinewidth=0.8, label=titles.get(str(name), str(name)),
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", title=column.label, xlabel="training rows", ylabel=f"MAE ({column.unit})")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


def parity(predictions: Mapping[str, pd.DataFrame]) -> Figure:
    """Predicted against reference values: a row a model, a column a target; darker where more electrodes lie."""
    figure = _figure(7.2, 2.3 * len(predictions))
    for row, (title, frame) in enumerate(predictions.items()):
        for i, (target, column) in enumerate(TARGETS.items(), start=1):
            of = frame[frame["target"] == target]
            axes = figure.add_subplot(len(predictions), len(TARGETS), row * len(TARGETS) + i)
            low, high = _middle(of["y_true"].to_numpy(), of["y_pred"].to_numpy())
            axes.hexbin(
                of["y_true"], of["y_pred"], gridsize=45, extent=(low, high, low, high), bins="log", mincnt=1,
                cmap="cividis", linewidths=0,
            )  # fmt: skip
            axes.axline((0, 0), slope=1, color="black", linewidth=0.7)
            axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
            axes.set(xlabel=f"{column.label}, reference ({column.unit})", ylabel=f"{title}, predicted")
    return figure


def _middle(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """What an axis spans: 99.5% of the values, since a few voltages lie far outside all others."""
    both = np.concatenate([true, predicted])
    low, high = np.quantile(both, [0.0025, 0.9975])
    margin = 0.04 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def _subscripts(formula: str) -> str:
    """A formula in matplotlib's mathematics, amounts as subscripts."""
    import re

    return "$\\mathregular{" + re.sub(r"(\d+(?:\.\d+)?)", r"_{\1}", formula) + "}$"
