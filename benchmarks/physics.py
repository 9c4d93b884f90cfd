"""Tables and figures of docs/physics.md.

    python benchmarks/physics.py                       # write the tables of the page again, from the code
    python benchmarks/physics.py --project .           # and its figures, from a project's results under grouped folds

The tables are made from the code, and that of the ceilings from docs/results/earlier/ceilings.csv. The figures show
aggregated results: how many electrodes release which share of their ion, and the mean error and mean prediction by that
share. They are written to docs/figures, and their numbers to docs/results/earlier/share.csv.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks import markdown
from electrode_bench import models
from electrode_bench.core.artifacts import write_csv, write_text
from electrode_bench.core.folds import first_repeat
from electrode_bench.core.results import Run
from electrode_bench.core.schema import CONTROL, GRAVIMETRIC, ID, ION_CHARGE, SHARE_THRESHOLDS, TARGETS, share_column
from electrode_bench.features import electrodes, redox
from electrode_bench.models.heads.quantities import FULL_CAPACITY
from electrode_bench.project import Project
from electrode_bench.report import drawing, formulas, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOCS = Path(__file__).parents[1] / "docs"
PAGE, FIGURES = DOCS / "physics.md", DOCS / "figures"
NUMBERS, CEILINGS = (DOCS / "results" / "earlier" / f"{name}.csv" for name in ("share", "ceilings"))
PROTOCOL = "grouped"

#: The worked examples: formula and working ion.
EXAMPLES = {"LiFePO4": "Li", "LiCoO2": "Li", "Li2MnO3": "Li", "LiNi0.8Mn0.1Co0.1O2": "Li"}
#: The features that are shown of them, with the number of decimals.
_SHOWN = {
    "full capacity": 1,
    "charge per redox atom": 2,
    "state discharged": 2,
    "state charged": 2,
    "headroom": 2,
    "headroom to highest": 2,
}
#: Where a feature comes from, by a regular expression of its name; the first that fits counts.
_SOURCES = {
    "full capacity": "Faraday's law; atomic masses of pymatgen",
    "mass": "atomic masses of pymatgen",
    "electronegativity": "Pauling, by pymatgen",
    "ionisation energy": "NIST Atomic Spectra Database, by pymatgen",
    "highest|lowest|headroom|excess|unknown state": "states of elements: Greenwood and Earnshaw, and ICSD, by pymatgen",
    "state|redox|anion|fixed|charge$|host|cations": "oxidation states by rule",
    "": "formula",
}
#: The models whose errors are drawn, where the project has them.
_DRAWN = ("faraday", "rf_magpie", "crabnet", "boosting", "ensemble")
#: Intervals of the share that the figures show: (label, above, up to).
GROUPS = (
    ("< 0.3", 0.0, 0.3),
    ("1/3", 0.3, 0.45),
    ("1/2", 0.45, 0.6),
    ("2/3", 0.6, 0.7),
    ("0.7–0.98", 0.7, 0.985),
    ("all", 0.985, 1.0),
)


def features_table() -> str:
    """All features of the set `redox` with unit, meaning and source, as Markdown."""
    rows = ["| feature | unit | meaning | source |", "|---|---|---|---|"]
    for name, (unit, meaning) in redox.MEANING.items():
        if name.startswith("ion ") and name.removeprefix("ion ") in ION_CHARGE:
            # One line for all ions.
            if name != f"ion {next(iter(ION_CHARGE))}":
                continue
            name, meaning = f"ion {', '.join(ION_CHARGE)}", "1 for the column of the working ion, otherwise 0"
        source = next(text for pattern, text in _SOURCES.items() if re.search(pattern, name))
        rows.append(f"| {name} | {unit} | {meaning} | {source} |")
    return "\n".join(rows)


def examples_table() -> str:
    """The worked examples with the features that tell most, as Markdown."""
    values = example_values()
    rows = [f"| | {' | '.join(EXAMPLES)} |", f"|---|{'---:|' * len(EXAMPLES)}"]
    for name, decimals in _SHOWN.items():
        unit = redox.MEANING[name][0]
        numbers = " | ".join(f"{values.loc[formula, name]:.{decimals}f}" for formula in EXAMPLES)
        rows.append(f"| {name}{f' ({unit})' if unit else ''} | {numbers} |")
    return "\n".join(rows)


def example_values() -> pd.DataFrame:
    """The features of the worked examples, by formula and name."""
    frame = redox.compute([electrodes.key(formula, ion) for formula, ion in EXAMPLES.items()])
    return frame.set_axis(list(EXAMPLES)).rename(columns=lambda name: name.removeprefix(redox.PREFIX))


def ceilings_table() -> str:
    """What is left to gain under grouped folds, from docs/results, as Markdown."""
    known = pd.read_csv(CEILINGS)
    known = known[known["protocol"] == PROTOCOL]
    rows = ["| SMAE | on | ceiling | best model there |", "|---|---:|---:|---:|"]
    for of in known.to_dict("records"):
        label = TARGETS[of["target"]].label.lower()
        best = f"{of['best_smae']:.3f} ({models.spec(of['best_model']).title})"
        rows.append(f"| {label}, {of['title']} | {of['share']:.0%} | {of['smae']:.3f} | {best} |")
    return "\n".join(rows)


#: The tables of the page by their name in its comments.
TABLES = {"features": features_table, "examples": examples_table, "ceilings": ceilings_table}


def filled(page: str) -> str:
    """The page with its tables written again."""
    return markdown.filled(page, TABLES)


# --- figures ---


def share_groups(share: pd.Series) -> pd.Series:
    """The label of :data:`GROUPS` for each extracted share."""
    edges = [above for _, above, _ in GROUPS] + [1.0]
    return pd.cut(share, edges, labels=[label for label, *_ in GROUPS], include_lowest=True)


def numbers(project: Project) -> pd.DataFrame:
    """What the figures show, one row for each group of the extracted share: number of electrodes, mean errors.

    The columns are ``share``, ``electrodes``, ``monovalent`` and ``multivalent`` (electrodes by the charge of their
    ion), ``mae <model>`` (mAh/g, gravimetric, first repeat of the grouped folds), and ``<model> <group>``: the mean
    probability that a model with a distribution of the share gives each group.
    """
    table = project.table().set_index(ID)
    full = project.features("redox")[FULL_CAPACITY]
    group = share_groups((table[GRAVIMETRIC.key] / full).clip(0.0, 1.0))
    charge = table["working_ion"].map(ION_CHARGE)
    out = pd.DataFrame({"electrodes": group.value_counts(sort=False)})
    out["monovalent"] = group[charge == 1].value_counts(sort=False)
    out["multivalent"] = group[charge > 1].value_counts(sort=False)
    keys = {fold.key for fold in first_repeat(project.protocol_folds(PROTOCOL))}
    for run in project.runs(PROTOCOL):
        if run.model != CONTROL:
            rows = run.predictions[(run.predictions["target"] == GRAVIMETRIC.key) & run.predictions["fold"].isin(keys)]
            error = (rows["y_pred"] - rows["y_true"]).abs().groupby(rows[ID].map(group), observed=False).mean()
            out[f"mae {run.model}"] = error
            if len(run.share):
                out = out.join(_mean_distribution(run, keys, group))
    return out.rename_axis("share").reset_index()


def _mean_distribution(run: Run, keys: set[str], group: pd.Series) -> pd.DataFrame:
    """Mean predicted probability of each group (columns) for the electrodes of each group (rows)."""
    rows = run.share[run.share["fold"].isin(keys)]
    upper = [share_column(up) for *_, up in GROUPS if up in SHARE_THRESHOLDS]
    cumulative = rows[upper].to_numpy(dtype=float)
    probability = np.diff(cumulative, axis=1, prepend=0.0, append=1.0)
    columns = [f"{run.model} {label}" for label, *_ in GROUPS]
    return pd.DataFrame(probability, columns=columns).groupby(rows[ID].map(group).to_numpy(), observed=False).mean()


def draw_share(of: pd.DataFrame, titles: Mapping[str, str]) -> Figure:
    """How many electrodes release which share, and the mean error of models by that share."""
    figure = drawing.new_figure(8.0, 3.2)
    at = np.arange(len(of))
    counts, errors = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    total = of["electrodes"].sum()
    one, more = of["monovalent"] / total * 100, of["multivalent"] / total * 100
    counts.bar(at, one, color=style.COLOURS[0], label="Li, Na, K, Rb, Cs")
    bars = counts.bar(at, more, bottom=one, color=style.COLOURS[1], label="Mg, Ca, Zn, Al, Y")
    counts.bar_label(bars, [f"{value:.0f} %" for value in one + more], fontsize=7)
    counts.set(ylabel="Electrodes (%)", title="What pairs of the data set release")
    counts.legend(frameon=False)
    styles = style.model_styles(titles)
    for name in titles:
        own = styles[name]
        errors.plot(
            at, of[f"mae {name}"], color=own.colour, marker=own.marker, markersize=5, linewidth=1, label=titles[name]
        )
    errors.set(ylabel="Mean error of the gravimetric capacity (mAh/g)", title="Error by extracted share, grouped folds")
    errors.set_ylim(bottom=0)
    errors.legend(frameon=False, fontsize=7)
    for axes in (counts, errors):
        axes.set_xticks(at, of["share"], fontsize=7)
        axes.set(xlabel="Extracted share of the ion")
        drawing.open_axes(axes)
    return figure


def draw_distribution(of: pd.DataFrame, model: str, title: str) -> Figure:
    """The mean predicted distribution of the share for electrodes that release about half, and all, of their ion."""
    figure = drawing.new_figure(7.2, 2.6)
    at = np.arange(len(of))
    rows = of.set_index("share")
    for i, true in enumerate(("1/2", "all")):
        values = rows[[f"{model} {label}" for label in rows.index]].loc[true].to_numpy(dtype=float)
        colour = style.COLOURS[(1, 0)[i]]
        axes = figure.add_subplot(1, 2, i + 1)
        axes.bar(at, values, color=[colour if label == true else style.GREY for label in rows.index])
        axes.set_xticks(at, list(rows.index), fontsize=7)
        axes.set(title=f"Electrodes that release {true}", ylim=(0, 1), xlabel="Extracted share of the ion")
        if i == 0:
            axes.set_ylabel(f"Mean probability,\n{title}")
        drawing.open_axes(axes)
    return figure


def draw_states() -> Figure:
    """Mean oxidation states of the worked examples with and without the ion, and the highest ones that are known."""
    figure = drawing.new_figure(6.4, 2.4)
    axes = figure.add_subplot()
    values = example_values()
    for y, (formula, row) in enumerate(values.iterrows()):
        start, end = row["state discharged"], row["state charged"]
        common, known = end - row["excess"], end - row["excess over highest"]
        axes.annotate("", (end, y), (start, y), arrowprops={"arrowstyle": "->", "color": style.COLOURS[0], "lw": 2})
        axes.plot(start, y, "o", color=style.COLOURS[0], label="with all of the ion" if y == 0 else None, zorder=3)
        axes.plot(common, y, "|", color=style.COLOURS[2], markersize=24, mew=2, label=None if y else "highest common")
        axes.plot(known, y, "|", color=style.COLOURS[3], markersize=11, mew=5, label=None if y else "highest known")
        axes.text(1.45, y, formulas.to_mathtext(str(formula)), va="center", ha="right")
    axes.set(yticks=[], xlim=(1.5, 7.2), ylim=(len(values) - 0.5, -0.5))
    axes.set(xlabel="Mean oxidation state of the redox-active elements; the arrow ends where all of the ion is gone")
    axes.legend(frameon=False, loc="upper right", markerscale=0.6)
    drawing.open_axes(axes)
    axes.spines["left"].set_visible(False)
    return figure


def write_figures(project: Project, folder: Path, table: Path) -> None:
    """Write the figures of the page as SVG, and their numbers."""
    of = numbers(project)
    write_csv(of, table)
    runs = {run.model: run for run in project.runs(PROTOCOL) if run.model != CONTROL}
    titles = {name: runs[name].title for name in _DRAWN if name in runs}
    shown: Iterator[tuple[str, Any]] = iter(
        [("states", draw_states), ("share", lambda: draw_share(of, titles))]
        + [
            ("distribution", lambda name=name: draw_distribution(of, name, titles[name]))
            for name, run in runs.items()
            if name == "boosting" and len(run.share)
        ]
    )
    for name, draw in shown:
        # The first shows no data.
        drawing.save(draw, folder / name, synthetic=name != "states" and project.synthetic(), formats=("svg",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, help="folder of a project, whose results the figures show")
    given = parser.parse_args()
    write_text(filled(PAGE.read_text(encoding="utf-8")), PAGE)
    if given.project is not None:
        write_figures(Project.open(given.project), FIGURES, NUMBERS)


if __name__ == "__main__":
    main()
