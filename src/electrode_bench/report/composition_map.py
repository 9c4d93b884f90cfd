"""The map of compositions as every figure draws it: its points, their groups, and the labels of the clusters.

The interactive page, the static figure and the report's page only draw what is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, ID, NOISE, TARGETS, Column
from electrode_bench.report import cluster_names, numbers
from electrode_bench.report.cluster_names import Name
from electrode_bench.report.labels import Box, best_place, is_crowded
from electrode_bench.report.style import BACKGROUND, Style, group_styles

#: Axis titles.
AXES = ("Map coordinate 1 (no unit)", "Map coordinate 2 (no unit)")
#: Percentiles of a target between which the colours run: a few voltages are far outside the rest.
COLOUR_PERCENTILES = (1, 99)
#: Points that a figure draws: a browser is slow with more. Of more rows, it draws a random sample of this size.
MOST_POINTS = 20_000
#: Names of the methods for people.
METHODS = {"tsne": "t-SNE", "umap": "UMAP"}

_MARGIN = 0.06


@dataclass(frozen=True)
class Group:
    """Points with one colour and marker: a cluster, the noise, or a working ion.

    ``key`` is the value in the table, ``title`` the text of a legend (a formula in it without subscripts).
    """

    key: str
    title: str
    style: Style


@dataclass(frozen=True)
class Label:
    """A cluster's name beside its representative: ``dx`` and ``dy`` (upwards) are the offset of its centre.

    ``crowded`` says that it overlaps another label or is wider than the plotting area.
    """

    id: str
    text: str
    x: float
    y: float
    dx: float
    dy: float
    crowded: bool


@dataclass(frozen=True)
class CompositionMap:
    """The electrodes on the map, in the order of their ids.

    ``rows`` has the columns electrode_id, x, y, cluster, representative, formula_discharge, working_ion and the
    targets.
    """

    rows: pd.DataFrame

    @classmethod
    def of(cls, map_frame: pd.DataFrame, table: pd.DataFrame) -> CompositionMap:
        """The map with what the canonical table says of its electrodes.

        Parameters
        ----------
        map_frame : electrode_id, x, y, cluster, representative, as in ``results/map/map.parquet``.
        table : the canonical table.

        Raises
        ------
        ValueError
            When an id of the map is not in the table.
        """
        unknown = set(map_frame[ID]) - set(table[ID])
        if unknown:
            raise ValueError(f"{len(unknown)} electrodes of the map are not in the table, {min(unknown)} first")
        known = table[[ID, FORMULA, "working_ion", *TARGETS]]
        rows = map_frame.merge(known, on=ID, validate="one_to_one").sort_values(ID, ignore_index=True)
        return cls(rows.assign(representative=rows["representative"].astype(bool)))

    @property
    def drawn(self) -> pd.DataFrame:
        """The rows that figures draw: all, or of many a sample (:func:`is_drawn`) and the representatives."""
        drawn: pd.DataFrame = self.rows[is_drawn(len(self.rows)) | self.rows["representative"].to_numpy()]
        return drawn

    @property
    def placed(self) -> pd.DataFrame:
        """The drawn rows with finite coordinates."""
        return self.drawn.dropna(subset=["x", "y"])

    @property
    def representatives(self) -> pd.DataFrame:
        """One row for each cluster that has a representative, by cluster."""
        return self.rows[self.rows["representative"]].sort_values("cluster")

    @cached_property
    def names(self) -> dict[int, Name]:
        """What each cluster is called."""
        return cluster_names.names(self.rows)

    @property
    def ranges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """What the axes span: all points and a margin."""
        points = self.rows.dropna(subset=["x", "y"])
        return _range(points["x"]), _range(points["y"])

    def clusters(self) -> list[Group]:
        """Noise first, if there is any, then the clusters with their names and, as examples, their representatives."""
        sizes = self.rows["cluster"].value_counts()
        formulas = dict(zip(self.representatives["cluster"], self.representatives[FORMULA], strict=True))
        labels = sorted(set(self.rows["cluster"].dropna()) - {NOISE})
        groups = [
            Group(str(int(label)), self._cluster_title(int(label), formulas.get(label), n=int(sizes[label])), style)
            for label, style in zip(labels, group_styles(len(labels)), strict=True)
        ]
        noise = Group(str(NOISE), f"noise ({int(sizes.get(NOISE, 0)):,})", BACKGROUND)
        return [noise, *groups] if NOISE in sizes.index else groups

    def _cluster_title(self, cluster: int, example: str | None, *, n: int) -> str:
        named = f"{cluster}: {self.names[cluster].full}"
        return f"{named}, e.g. {example} ({n:,})" if example else f"{named} ({n:,})"

    def ions(self) -> list[Group]:
        """The working ions, the most frequent first."""
        counts = ion_counts(self.rows)
        return [
            Group(ion, f"{ion} ({n:,})", style)
            for (ion, n), style in zip(counts, group_styles(len(counts)), strict=True)
        ]

    def members(self, group: Group, column: str) -> pd.DataFrame:
        """The drawn rows of a group of ``column`` (cluster or working_ion)."""
        rows = self.drawn
        return rows[rows[column].astype(str) == group.key]

    def colour_range(self, column: Column) -> tuple[float, float]:
        """The values of a target at which its colours begin and end."""
        low, high = np.percentile(self.rows[column.key].to_numpy(dtype=float), COLOUR_PERCENTILES)
        return float(low), float(high)

    def labels(self, width: float, height: float, *, font_size: float) -> list[Label]:
        """The clusters' numbers and short names, each where it hides few points and no other label.

        Parameters
        ----------
        width, height : the plotting area, in the unit of ``font_size`` (pixels or points). In a larger area the
            points lie further apart.
        """
        points = self.placed
        if points.empty:
            return []
        x_range, y_range = self.ranges
        scale = min(width / (x_range[1] - x_range[0]), height / (y_range[1] - y_range[0]))
        at = np.unique(points[["x", "y"]].to_numpy(dtype=float), axis=0) * scale
        bounds = (x_range[0] * scale, x_range[1] * scale)
        placed_boxes: list[Box] = []
        labels = []
        for row in self.representatives.to_dict("records"):
            if pd.isna(row["x"]) or pd.isna(row["y"]):
                continue
            text = f"{row['cluster']}: {self.names[int(row['cluster'])].short}"
            dx, dy, box = best_place(row["x"] * scale, row["y"] * scale, text, font_size, at, placed_boxes, bounds)
            crowded = is_crowded(box, placed_boxes, bounds)
            if not crowded:
                placed_boxes.append(box)
            labels.append(Label(str(row[ID]), text, float(row["x"]), float(row["y"]), round(dx), round(dy), crowded))
        return labels


def is_drawn(rows: int) -> np.ndarray:
    """Which of so many rows a figure draws, shape (rows,): all, or of many a random sample, always the same one."""
    chosen = np.ones(rows, dtype=bool)
    if rows > MOST_POINTS:
        chosen[np.random.default_rng(0).permutation(rows)[MOST_POINTS:]] = False
    return chosen


def ion_counts(table: pd.DataFrame) -> list[tuple[str, int]]:
    """Electrodes of each working ion that has any, the most frequent first, ties by name."""
    counts = table["working_ion"].value_counts()
    return sorted(((str(ion), int(n)) for ion, n in counts.items()), key=lambda item: (-item[1], item[0]))


def cluster_name(cluster: Any) -> str:
    """A cluster's label as text."""
    return "noise" if cluster == NOISE else f"cluster {cluster}"


def hover_lines(row: dict[str, Any]) -> list[str]:
    """What a figure tells of an electrode below its formula: id, working ion, cluster, targets."""
    about = f"{row[ID]}, working ion {row['working_ion']}, {cluster_name(row['cluster'])}"
    return [about, *(f"{c.label}: {numbers.significant(row[c.key], 4)} {numbers.unit(c)}" for c in TARGETS.values())]


def _range(values: pd.Series) -> tuple[float, float]:
    if values.empty:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = _MARGIN * (high - low) or 1.0
    return low - margin, high + margin
