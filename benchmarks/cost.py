"""Error against processor seconds per fold, for every model of a project.

    python benchmarks/cost.py --project . --out docs/results/earlier

Reads the comparison (results/compare) and what the folds took from the fold cache, and writes cost.csv and a figure of
it. A model is on the Pareto front of a target if no model with a smaller error costs less. An ensemble costs what its
members cost together.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench.core.artifacts import write_csv
from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.fitting.costs import fold_costs
from electrode_bench.project import Project
from electrode_bench.report import costs, drawing, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table(project: Project, protocol: str) -> pd.DataFrame:
    """One row for each target and model that the fold cache has costs of (``report.costs.error_and_cost``)."""
    rows = costs.error_and_cost(project.comparison("table"), fold_costs(project))
    kept = (rows["protocol"] == protocol) & (rows["target"] != costs.MEAN) & (rows["model"] != CONTROL)
    return rows[kept].reset_index(drop=True)


def draw(rows: pd.DataFrame) -> Figure:
    """One panel per target, with the front as a line."""
    styles = style.model_styles(rows["model"].unique())
    figure = drawing.new_figure(8.4, 3.4)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        axes = figure.add_subplot(1, len(TARGETS), i)
        of = rows[rows["target"] == target]
        best = of[of["on_front"]].sort_values("cpu_seconds")
        line: dict[str, Any] = {"color": style.GREY, "linewidth": 1, "label": "Pareto front (filled markers)"}
        axes.step(best["cpu_seconds"], best["smae"], where="post", **line)
        for row in of.to_dict("records"):
            own = styles[row["model"]]
            axes.errorbar(
                row["cpu_seconds"],
                row["smae"],
                yerr=row["smae_spread"],
                color=own.colour,
                marker=own.marker,
                markersize=own.size(6),
                markerfacecolor=own.colour if row["on_front"] else "white",
                linestyle="none",
                elinewidth=0.8,
                label=row["title"],
            )
        axes.set(xscale="log", xlabel="Processor seconds per fold", title=column.label)
        axes.set_ylim(bottom=0)
        if i == 1:
            axes.set_ylabel("SMAE ± standard deviation over folds")
        drawing.open_axes(axes)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    # The longest name is that of the ensemble: three columns fit the width of the figure, four do not.
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize="small")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=Path(), help="folder of the project")
    parser.add_argument("--protocol", default="grouped")
    parser.add_argument("--out", type=Path, required=True, help="folder that the table and the figure are written to")
    given = parser.parse_args()
    project = Project.open(given.project)
    rows = table(project, given.protocol)
    write_csv(rows, given.out / "cost.csv")
    drawing.save(lambda: draw(rows), given.out / "cost", synthetic=project.synthetic())
    print(rows.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
