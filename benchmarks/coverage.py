"""Coverage of prediction intervals, their widths beside the older method's, and which measure ranks errors best.

    python benchmarks/coverage.py --project . --to docs/results/earlier/coverage

Reads the runs of a fitted project. Writes aggregate tables only: coverage.csv (model, protocol, target, level, ion,
cluster, fifth of the widths), widths.csv (mean widths beside symmetric intervals at equal coverage), rejection.csv
(areas under the rejection curves of several measures of uncertainty; 1 is a ranking that says nothing) and targets.csv
(what was asked of the intervals, and whether it is met).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from electrode_bench.clustering import elmd
from electrode_bench.core.artifacts import write_csv
from electrode_bench.core.folds import Fold
from electrode_bench.core.results import Run
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation.conformal import average, votes
from electrode_bench.evaluation.coverage import COVERAGE_COLUMNS, coverage, cross_fitted, rejection_area
from electrode_bench.evaluation.held_out import described, distances, held_out
from electrode_bench.params import Intervals
from electrode_bench.project import Project

PROTOCOLS = ("stratified", "grouped", "loco", "chronological")
#: Protocols whose test rows may lie outside the domain.
APART = ("loco", "chronological")
#: Models whose tables are made first.
FIRST = ("boosting", "ensemble")
#: Whose predictions are compared to tell how much models disagree.
DISAGREEING = ("boosting", "modnet_physics", "crabnet_physics")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=Path())
    parser.add_argument("--to", type=Path, required=True)
    given = parser.parse_args()
    project, settings = Project.open(given.project), Intervals()
    table, folds = project.table(), project.folds()
    electrodes = described(table)
    distance = distances((fold for protocol in PROTOCOLS for fold in folds.get(protocol, ())), electrodes)
    reach = elmd.reach(elmd.cumulative(sorted(set(electrodes["composition"]))))
    rows = {
        model: pd.concat([held_out(run, electrodes, distance) for run in of], ignore_index=True)
        for model, of in _by_model(project).items()
    }
    write_csv(rankings(rows, features(project, folds)), given.to / "rejection.csv")
    covered, widths = [], []
    # The tables are written after each model, because all of them take minutes.
    for model in [*[name for name in FIRST if name in rows], *[name for name in rows if name not in FIRST]]:
        intervals = cross_fitted(rows[model], settings, inside="grouped", reach=reach)
        found = coverage(intervals, project.clusters()).assign(model=model)[list(COVERAGE_COLUMNS)]
        covered.append(found)
        widths.append(symmetric(rows[model], found, settings.level).assign(model=model))
        together, compared = pd.concat(covered, ignore_index=True), pd.concat(widths, ignore_index=True)
        write_csv(together, given.to / "coverage.csv")
        write_csv(compared, given.to / "widths.csv")
        write_csv(targets(together, compared, settings), given.to / "targets.csv")
        print(model, flush=True)


def _by_model(project: Project) -> dict[str, list[Run]]:
    of_model: dict[str, list[Run]] = {}
    for run in project.runs():
        if run.protocol in PROTOCOLS:
            of_model.setdefault(run.model, []).append(run)
    return of_model


def symmetric(rows: pd.DataFrame, found: pd.DataFrame, level: float) -> pd.DataFrame:
    """Widths beside those of intervals that are symmetric around the prediction, at the same coverage.

    This was the method before: errors over the predictive standard deviation (of at least a tenth of the median), one
    factor for all compositions, ends clipped to 0 and to Faraday's limit. Its factor is chosen on the rows themselves,
    so that it has exactly the coverage of the intervals that it is compared with.
    """
    out = []
    overall = found[(found["by"] == "all") & (found["level"] == level)]
    for new in overall.to_dict("records"):
        protocol, target = str(new["protocol"]), str(new["target"])
        of = rows[rows["protocol"] == protocol]
        vote, value = votes(of["composition"]), of[target].to_numpy()
        std = of[f"{target}_std"].to_numpy()
        known = np.isfinite(std).all() and (std > 0).any()
        scale = np.maximum(std, 0.1 * np.median(std[std > 0])) if known else np.ones(len(of))
        score = np.abs(of[f"{target}_true"].to_numpy() - value) / scale
        order = np.argsort(score, kind="stable")
        reached = np.searchsorted(np.cumsum(vote[order]) / vote.sum(), new["coverage"])
        half = score[order][min(reached, len(score) - 1)] * scale
        low, high = value - half, value + half
        if target != "average_voltage":
            low = np.maximum(low, 0.0)
        if target == "gravimetric_capacity":
            high = np.maximum(np.minimum(high, of["limit"]), value)
        old = average(np.asarray(high - low), vote)
        out.append((protocol, target, new["coverage"], new["width"], old, new["width"] / old))
    return pd.DataFrame(out, columns=["protocol", "target", "coverage", "width", "symmetric", "ratio"])


def features(project: Project, folds: Mapping[str, tuple[Fold, ...]]) -> pd.Series:
    """Distance of each test row to the nearest training row in scaled features (magpie and redox)."""
    from scipy.spatial.distance import cdist

    frame = project.features("magpie+redox")
    scaled = frame.fillna(frame.median())
    scaled = ((scaled - scaled.mean()) / scaled.std().replace(0, 1)).clip(-5, 5)
    parts = [pd.Series(dtype=float)]
    for protocol in APART:
        for fold in folds.get(protocol, ()):
            nearest = cdist(scaled.loc[list(fold.test_ids)], scaled.loc[list(fold.train_ids)]).min(axis=1)
            where = pd.MultiIndex.from_product([[protocol], [fold.key], fold.test_ids], names=["protocol", "fold", ID])
            parts.append(pd.Series(nearest, index=where))
    distances: pd.Series = pd.concat(parts)
    return distances


def rankings(rows: dict[str, pd.DataFrame], feature_distance: pd.Series) -> pd.DataFrame:
    """Areas under the rejection curves by model, protocol, target and measure."""
    keys, out = ["protocol", "fold", ID], []
    others = {name: rows[name].set_index(keys) for name in DISAGREEING if name in rows}
    for model, of in rows.items():
        for protocol, own in of[of["protocol"].isin(APART)].groupby("protocol", sort=False):
            where = pd.MultiIndex.from_frame(own[keys])
            elements = np.where(np.isfinite(own["distance"]), own["distance"], 1e6)
            for target in TARGETS:
                error, std = (own[f"{target}_true"] - own[target]).abs().to_numpy(), own[f"{target}_std"].to_numpy()
                measures = {
                    "ElMD, with element check": elements,
                    "distance in features": feature_distance.loc[where].to_numpy(),
                    "standard deviation": std,
                    "standard deviation x (1 + sqrt(ElMD))": std * (1 + np.sqrt(np.minimum(elements, 100))),
                    "the error itself": error,
                }
                predicted = [
                    other.loc[where, target].to_numpy() for other in others.values() if protocol in other.index
                ]
                if len(predicted) > 1:
                    measures["disagreement of models"] = np.std(predicted, axis=0)
                vote = votes(own["composition"])
                for name, measure in measures.items():
                    if np.isfinite(measure).all():
                        out.append((model, protocol, target, name, rejection_area(error, measure, vote)))
    return pd.DataFrame(out, columns=["model", "protocol", "target", "measure", "area"])


def targets(found: pd.DataFrame, widths: pd.DataFrame, settings: Intervals) -> pd.DataFrame:
    """What was asked of the intervals at the shown level, with the value of each model."""
    shown = found[found["level"] == settings.level]
    out = []
    for (model, protocol, target), of in shown.groupby(["model", "protocol", "target"], sort=False):
        every = of[of["by"] == "all"].iloc[0]
        ions = of[(of["by"] == "ion") & (of["n"] >= settings.fewest)].sort_values("coverage")
        strict = protocol in ("stratified", "grouped")
        low, high = (0.88, 0.92) if strict else (0.85, 1.0)
        width = widths.query("model == @model and protocol == @protocol and target == @target")["ratio"].iloc[0]
        out.append(
            {
                "model": model, "protocol": protocol, "target": target, "coverage": every["coverage"],
                "share with an interval": every["share"], "met": bool(low <= every["coverage"] <= high),
                "lowest ion": None if ions.empty else ions["group"].iloc[0], "its coverage": ions["coverage"].min(),
                "met by ion": bool(ions["coverage"].min() >= 0.85) if strict and len(ions) else None,
                "width over symmetric": width,
                "30% narrower": None if target == "average_voltage" else bool(width <= 0.7),
            }
        )  # fmt: skip
    return pd.DataFrame(out)


if __name__ == "__main__":
    main()
