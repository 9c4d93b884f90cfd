"""Figures of the file of results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.results import Results, Row
from electrode_bench.report import drawing, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Below this share of a study, stages are drawn together.
_SMALL = 0.01


def write(results: Results, folder: Path) -> list[str]:
    """Write the figures that there are results for; their names, without suffix."""
    written = []
    if any(results.rows(part) for part in ("rows", "count")):
        _save(lambda: growth(results), folder / "performance-growth")
        written.append("performance-growth")
    if stages := study_stages(results):
        _save(lambda: shares(stages), folder / "performance-stages")
        written.append("performance-stages")
    return written


def growth(results: Results) -> Figure:
    """Processor seconds over rows and over folds, one line for each thing that grows."""
    figure = drawing.new_figure(7.2, 3.6)
    names = list(dict.fromkeys(row["what"] for part in ("rows", "count") for row in results.rows(part)))
    styles = style.model_styles(names)
    for i, (part, label) in enumerate((("rows", "Rows"), ("count", "Folds")), start=1):
        axes: Axes = figure.add_subplot(1, 2, i)
        for name in names:
            rows = results.rows(part, what=name)
            if rows:
                own = styles[name]
                sizes, seconds = [row["size"] for row in rows], [row["cpu_seconds"] for row in rows]
                axes.plot(sizes, seconds, color=own.colour, marker=own.marker, markersize=3, linewidth=1, label=name)
        axes.set(xscale="log", yscale="log", xlabel=label)
        if i == 1:
            axes.set_ylabel("Processor seconds")
        drawing.open_axes(axes)
    by_name = {text: line for axes in figure.axes for line, text in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(by_name.values(), by_name.keys(), loc="outside right upper", frameon=False, fontsize="small")
    return figure


def shares(stages: dict[str, float]) -> Figure:
    """The share of each stage in the processor seconds of a study."""
    total = sum(stages.values())
    large = {name: value / total for name, value in stages.items() if value / total >= _SMALL}
    if (rest := 1 - sum(large.values())) > 0:
        large["others, below 1% each"] = rest
    figure = drawing.new_figure(6.4, 0.6 + 0.2 * len(large))
    axes = figure.add_subplot()
    axes.barh([*large], [100 * value for value in large.values()], color=style.COLOURS[0])
    axes.invert_yaxis()
    axes.set_xlabel("Share of the processor seconds, %")
    drawing.open_axes(axes)
    return figure


def study_rows(results: Results) -> tuple[str, list[Row]]:
    """The part whose stages are shown, that of the full study if it was run, and its rows."""
    part = "study" if results.rows("study", stage="all") else "sample"
    return part, results.rows(part)


def study_stages(results: Results) -> dict[str, float]:
    """Processor seconds by stage; what is before the first stage is DVC's own work."""
    _, rows = study_rows(results)
    return {row["stage"]: row["cpu_seconds"] for row in rows if row["stage"] not in ("all", "MLflow")}


def _save(draw: Callable[[], Figure], path: Path) -> None:
    # Seconds are measured, also those of synthetic rows.
    drawing.save(draw, path, synthetic=False, formats=("svg",))
