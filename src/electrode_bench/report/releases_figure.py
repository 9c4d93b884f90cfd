"""The comparison of two releases of the data as a figure."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.data.releases.difference import ADDED, ALL_IONS, RELABELLED, REMOVED, SAME, Difference
from electrode_bench.evaluation.releases import column
from electrode_bench.report import style
from electrode_bench.report.drawing import new_figure, open_axes
from electrode_bench.splits import for_new_compositions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Inches: the width of two columns of a journal, and the height of a row of panels.
_WIDTH, _ROW = 6.9, 2.9

#: What becomes of electrodes, with the colour of its bars.
_COLOURS = {SAME: "#BBBBBB", RELABELLED: style.COLOURS[1], ADDED: style.COLOURS[2], REMOVED: style.COLOURS[3]}

#: Changes up to this share of the mean absolute deviation are not drawn.
_SMALLEST = 1e-4


def draw(difference: Difference, scores: pd.DataFrame | None, *, old: str, new: str) -> Figure:
    """Electrodes by working ion, how far labels moved, and where both sides have results, the SMAE of old and new.

    Parameters
    ----------
    old, new : names of the two sides.
    """
    figure = new_figure(_WIDTH, _ROW if scores is None else 2 * _ROW)
    panels: Any = (figure, None) if scores is None else figure.subfigures(2, 1)
    top, below = panels
    _bars(top.add_subplot(1, 2, 1), difference)
    _moved(top.add_subplot(1, 2, 2), difference)
    top.suptitle(f"{_short(old)} (old) and {_short(new)} (new)", fontsize=8)
    if scores is not None and below is not None:
        _errors(below, scores)
    return figure


def _short(name: str) -> str:
    # Of a path, the name.
    plain = (PurePath(name).name or name).replace("$", r"\$")
    return plain if len(plain) <= 40 else f"...{plain[-37:]}"


def _bars(axes: Axes, difference: Difference) -> None:
    """Electrodes of each ion; those that were removed lie on the left of zero."""
    by_ion = difference.by_ion[difference.by_ion["ion"] != ALL_IONS]
    places = np.arange(len(by_ion))
    left = np.zeros(len(by_ion))
    for status in (SAME, RELABELLED, ADDED):
        counts = by_ion[status].to_numpy(dtype=float)
        axes.barh(places, counts, left=left, color=_COLOURS[status], label=_label(difference, status))
        left += counts
    axes.barh(
        places, -by_ion[REMOVED].to_numpy(dtype=float), color=_COLOURS[REMOVED], label=_label(difference, REMOVED)
    )
    axes.set_yticks(places, list(by_ion["ion"]))
    axes.invert_yaxis()
    axes.axvline(0, color=style.INK, linewidth=0.6)
    axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
    axes.set_xlabel("Electrodes (removed ones left of zero)")
    axes.legend(frameon=False, fontsize=7)
    open_axes(axes)


def _label(difference: Difference, status: str) -> str:
    total = difference.by_ion.set_index("ion").loc[ALL_IONS, status]
    return f"{status} ({total:,})"


def _moved(axes: Axes, difference: Difference) -> None:
    """The share of electrodes in both whose label changed by more than x, which is scaled as an SMAE is."""
    rows = difference.in_both
    for colour, dash, target in zip(style.COLOURS, ("-", "--", ":"), TARGETS.values(), strict=False):
        old, new = rows[f"old_{target.key}"].to_numpy(), rows[f"new_{target.key}"].to_numpy()
        deviation = np.abs(old - old.mean()).mean() if len(old) else 0.0
        if deviation > 0:
            change = np.sort(np.abs(new - old) / deviation)
            seen = change[change > _SMALLEST]
            share = 100 * np.arange(len(seen), -1, -1) / len(change)
            axes.step([_SMALLEST, *seen], share, where="post", color=colour, linestyle=dash, label=target.label)
    axes.set(xscale="log", ylim=(0, 100), xlabel="Change of the label / mean absolute deviation")
    axes.set_xlim(left=_SMALLEST)
    axes.set_ylabel("Electrodes in both\nthat changed more (%)")
    if rows.empty:
        axes.text(0.5, 0.5, "no electrode is in both", transform=axes.transAxes, ha="center")
    else:
        axes.legend(frameon=False, fontsize=7)
    open_axes(axes)


def _errors(figure: Figure, scores: pd.DataFrame) -> None:
    """SMAE of the new against that of the old results, both against the new labels; one panel for each target."""
    protocols = list(dict.fromkeys(scores["protocol"]))
    protocol = for_new_compositions(protocols) or protocols[0]
    rows = scores[(scores["protocol"] == protocol) & (scores["model"] != CONTROL)]
    styles = style.model_styles(dict.fromkeys(rows["model"]))
    for i, target in enumerate(TARGETS.values(), start=1):
        axes = figure.add_subplot(1, 3, i)
        of = rows[rows["target"] == target.key]
        for row in of.to_dict("records"):
            shown = styles[row["model"]]
            axes.plot(
                row[column("smae", "old", "new")], row[column("smae", "new", "new")], linestyle="none",
                marker=shown.marker, color=shown.colour, label=row["title"], markersize=shown.size(5),
            )  # fmt: skip
        low, high = min(axes.get_xlim()[0], axes.get_ylim()[0]), max(axes.get_xlim()[1], axes.get_ylim()[1])
        axes.plot([low, high], [low, high], color=style.GREY, linewidth=0.6, zorder=0)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal", xlabel="SMAE, old results")
        axes.set_title(target.label, fontsize=8)
        if i == 1:
            axes.set_ylabel("SMAE, new results")
        open_axes(axes)
    number = int(rows["n"].iloc[0]) if len(rows) else 0
    figure.suptitle(f"{protocol}: {number:,} electrodes in both, scored against the new labels", fontsize=8)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=7)
