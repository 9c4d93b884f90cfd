"""Interactive figures (plotly), each a page of its own that opens without a network.

Colours: Okabe and Ito's palette, which people with any kind of colour vision tell apart (M. Okabe and
K. Ito, 2008, https://jfly.uni-koeln.de/color/), for clusters and ions; more of them than it has colours
are told apart by the marker's shape. Cividis (J. R. Nuñez et al., PLoS ONE 13, e0199239, 2018) for numbers.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.schema import FORMULA, ID, TARGETS, Column
from electrode_bench.data.card import SYNTHETIC_NOTICE

# Okabe and Ito without black, and their yellow left to last: it is faint on white.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
_SHAPES = ("circle", "triangle-up", "square", "diamond", "cross", "star", "pentagon", "triangle-down")
_GREY = "#8C8C8C"
_NOISE = -1
_FONT = {"family": "Helvetica, Arial, sans-serif", "size": 13, "color": "#222222"}
#: Percentiles of a target between which the colours run: a few voltages are far outside the rest.
_COLOUR_PERCENTILES = (1, 99)
# The map's plotting area in pixels in a window of 1200 x 700, as labels are laid out for it: in a larger
# one they lie farther apart.
_WIDTH, _HEIGHT = 880, 470


def subscripts(formula: str) -> str:
    """A formula in HTML with its amounts as subscripts.

    >>> subscripts("Li3V2(PO4)3")
    'Li<sub>3</sub>V<sub>2</sub>(PO<sub>4</sub>)<sub>3</sub>'
    """
    return re.sub(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?)", r"<sub>\1</sub>", html.escape(formula))


def map_figure(
    map_frame: pd.DataFrame, table: pd.DataFrame, *, summary: Mapping[str, Any] | None = None, synthetic: bool = False
) -> Any:
    """The map of compositions, coloured through a menu by cluster, working ion or target.

    Parameters
    ----------
    map_frame
        electrode_id, x, y, cluster, representative: as ``results/map/map.parquet`` holds them.
    table
        The canonical table; it holds every id of ``map_frame``.
    summary
        The map's summary, for the title.
    synthetic
        Whether the figure must say that its data are synthetic.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ValueError
        When an id of the map is not in the table.
    """
    import plotly.graph_objects as go

    missing = set(map_frame[ID]) - set(table[ID])
    if missing:
        raise ValueError(f"{len(missing)} electrodes of the map are not in the table, {min(missing)} first")
    columns = [ID, FORMULA, "working_ion", *TARGETS]
    rows = map_frame.merge(table[columns], on=ID, validate="one_to_one").sort_values(ID)
    rows["here"] = rows.groupby(["x", "y"])[ID].transform("size")
    rows["hover"] = [_hover(row) for row in _records(rows)]

    views: list[tuple[str, list[Any]]] = [
        ("Cluster", list(_by_cluster(rows))),
        ("Working ion", list(_by_ion(rows))),
        *((column.label, [_by_target(rows, column)]) for column in TARGETS.values()),
    ]
    traces = [trace.update(visible=view == 0) for view, (_, group) in enumerate(views) for trace in group]
    figure = go.Figure([*traces, _rings(rows[rows["representative"]]), _hover_layer(rows)])
    figure.update_layout(
        template="plotly_white",
        font=_FONT,
        title={"text": _map_title(map_frame, summary, synthetic=synthetic), "x": 0.02, "xanchor": "left"},
        xaxis=_axis("Map coordinate 1 (no unit)"),
        # One unit is as long on both axes: distances on the map are to be compared.
        yaxis={**_axis("Map coordinate 2 (no unit)"), "scaleanchor": "x"},
        legend={"title": {"text": "Cluster"}, "x": 1.01, "y": 0.9, "yanchor": "top", "itemsizing": "constant"},
        hoverlabel={"align": "left", "bgcolor": "white"},
        margin={"l": 60, "r": 200, "t": 110, "b": 60},
        annotations=[*_labels(rows), _menu_label()],
        updatemenus=[_menu(views)],
    )
    return figure


def _map_title(map_frame: pd.DataFrame, summary: Mapping[str, Any] | None, *, synthetic: bool) -> str:
    method = {"tsne": "t-SNE", "umap": "UMAP"}.get(str((summary or {}).get("method")), "two-dimensional embedding")
    clusters = int(map_frame["cluster"].max()) + 1
    noise = float((map_frame["cluster"] == _NOISE).mean())
    under = (
        f"{len(map_frame):,} electrodes, {method} of their compositions, {clusters} DBSCAN clusters, "
        f"{noise:.1%} noise; "
        "named: each cluster's ElMD mean representative"
    )
    return f"Map of electrode compositions<br><sup>{under}{_warning(synthetic=synthetic)}</sup>"


def _warning(*, synthetic: bool) -> str:
    return f"<br><b>{SYNTHETIC_NOTICE}</b>" if synthetic else ""


def _axis(title: str) -> dict[str, Any]:
    return {"title": {"text": title}, "zeroline": False, "showgrid": True, "gridcolor": "#EEEEEE"}


def _unit(unit: str) -> str:
    return unit.replace("cm3", "cm³")


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _hover(row: Mapping[str, Any]) -> str:
    cluster = "noise" if row["cluster"] == _NOISE else f"cluster {row['cluster']}"
    lines = [
        f"<b>{subscripts(row[FORMULA])}</b>",
        f"{html.escape(str(row[ID]))}, working ion {row['working_ion']}, {cluster}",
        *(f"{c.label}: {row[c.key]:.4g} {_unit(c.unit)}" for c in TARGETS.values()),
    ]
    if row["here"] > 1:
        lines.append(f"{row['here'] - 1} more with this composition")
    return "<br>".join(lines)


def _points(rows: pd.DataFrame, *, name: str, marker: dict[str, Any], legend: bool = True) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        x=rows["x"].to_numpy(),
        y=rows["y"].to_numpy(),
        mode="markers",
        name=name,
        marker={"size": 6, "opacity": 0.8, "line": {"width": 0.3, "color": "white"}, **marker},
        hoverinfo="skip",
        showlegend=legend,
    )


def _styles(n: int) -> list[dict[str, Any]]:
    """``n`` markers that can be told apart: all colours in one shape, then in the next."""
    pairs = [(colour, shape) for shape, colour in product(_SHAPES, _COLOURS)]
    # A circle looks larger than a triangle of its width.
    return [
        {"color": colour, "symbol": shape, "size": 6 if shape == "circle" else 8}
        for colour, shape in (pairs[i % len(pairs)] for i in range(n))
    ]


def _by_cluster(rows: pd.DataFrame) -> Iterator[Any]:
    clusters = sorted(set(rows["cluster"]) - {_NOISE})
    noise = rows[rows["cluster"] == _NOISE]
    if len(noise):
        yield _points(noise, name=f"noise ({len(noise):,})", marker={"color": _GREY, "symbol": "x", "size": 5})
    for cluster, style in zip(clusters, _styles(len(clusters)), strict=True):
        members = rows[rows["cluster"] == cluster]
        yield _points(members, name=f"{cluster} ({len(members):,})", marker=style)


def _by_ion(rows: pd.DataFrame) -> Iterator[Any]:
    counts = _ion_counts(rows)
    for (ion, count), style in zip(counts.items(), _styles(len(counts)), strict=True):
        yield _points(rows[rows["working_ion"] == ion], name=f"{ion} ({count:,})", marker=style)


def _ion_counts(rows: pd.DataFrame) -> pd.Series:
    """Electrodes per ion, the most frequent first, ties by name."""
    return rows["working_ion"].value_counts().sort_index().sort_values(ascending=False, kind="stable")


def _by_target(rows: pd.DataFrame, column: Column) -> Any:
    values = rows[column.key].to_numpy(dtype=float)
    low, high = np.percentile(values, _COLOUR_PERCENTILES)
    lowest, highest = _COLOUR_PERCENTILES
    bar = {
        "title": {
            "text": f"{column.label}<br>({_unit(column.unit)})<br><sup>colours: percentiles {lowest} to {highest}</sup>"
        },
        "len": 0.8,
        "thickness": 16,
        "outlinewidth": 0,
    }
    marker = {"color": values, "colorscale": "Cividis", "cmin": float(low), "cmax": float(high), "colorbar": bar}
    return _points(rows, name=column.label, marker=marker, legend=False)


def _rings(representatives: pd.DataFrame) -> Any:
    """Rings around the representatives, on every view."""
    line = {"width": 2, "color": "black"}
    marker = {"size": 11, "opacity": 1, "color": "black", "symbol": "circle-open", "line": line}
    return _points(representatives, name="representative", marker=marker)


def _hover_layer(rows: pd.DataFrame) -> Any:
    """Invisible points that carry the texts once, for all views."""
    layer = _points(rows, name="hover", marker={"opacity": 0}, legend=False)
    return layer.update(hoverinfo="text", hovertext=rows["hover"].tolist())


def _labels(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The representatives' formulas, each set off from its ring to where it hides fewest points and no label."""
    scale = _pixels_per_unit(rows)
    points = np.unique(rows[["x", "y"]].to_numpy(dtype=float), axis=0) * scale
    taken: list[tuple[float, float, float, float]] = []
    out = []
    for row in _records(rows[rows["representative"]].sort_values("cluster")):
        formula = str(row[FORMULA])
        x, y = row["x"] * scale, row["y"] * scale
        half_width, half_height = 3.4 * len(formula) + 5, 10
        places = [
            (dx * (half_width + reach), dy * (half_height + reach))
            for reach in (14, 30, 50, 75)
            for dx, dy in ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))
        ]
        boxes = [
            (x + dx - half_width, x + dx + half_width, y + dy - half_height, y + dy + half_height) for dx, dy in places
        ]
        costs = [
            (sum(_overlap(box, other) for other in taken) > 0, _inside(points, box) + 0.2 * np.hypot(*place))
            for box, place in zip(boxes, places, strict=True)
        ]
        best = min(range(len(places)), key=costs.__getitem__)
        taken.append(boxes[best])
        dx, dy = places[best]
        # plotly counts an annotation's offset downwards.
        out.append(
            {
                "x": row["x"],
                "y": row["y"],
                "ax": round(dx),
                "ay": round(-dy),
                "text": subscripts(formula),
                "showarrow": True,
                "arrowhead": 0,
                "arrowwidth": 1,
                "arrowcolor": "#444444",
                "standoff": 5,
                "font": {"size": 12, "color": "black"},
                "bgcolor": "rgba(255,255,255,0.85)",
                "borderpad": 1,
            }
        )
    return out


def _pixels_per_unit(rows: pd.DataFrame) -> float:
    spread = np.ptp(rows[["x", "y"]].to_numpy(dtype=float), axis=0)
    return float(min(_WIDTH / max(spread[0], 1e-9), _HEIGHT / max(spread[1], 1e-9)))


def _overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Area shared by two boxes (left, right, bottom, top)."""
    return max(0.0, min(a[1], b[1]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[2], b[2]))


def _inside(points: np.ndarray, box: Sequence[float]) -> int:
    x, y = points.T
    return int(((x > box[0]) & (x < box[1]) & (y > box[2]) & (y < box[3])).sum())


def _menu(views: Sequence[tuple[str, list[Any]]]) -> dict[str, Any]:
    # A target has a colour bar where the legend stands.
    targets = {column.label for column in TARGETS.values()}
    owner = [view for view, (_, group) in enumerate(views) for _ in group]
    buttons = [
        {
            "label": label,
            "method": "update",
            # The rings and the hover layer, last, stay.
            "args": [
                {"visible": [o == view for o in owner] + [True, True]},
                {"legend.title.text": label, "showlegend": label not in targets},
            ],
        }
        for view, (label, _) in enumerate(views)
    ]
    return {"buttons": buttons, "x": 1.01, "xanchor": "left", "y": 1.0, "yanchor": "top", "showactive": True}


def _menu_label() -> dict[str, Any]:
    return {
        "text": "Colour by",
        "x": 1.01,
        "y": 1.005,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
    }


def ion_figure(table: pd.DataFrame, *, synthetic: bool = False) -> Any:
    """How the electrodes of the canonical table spread over working ions: bars with count and share.

    Returns a plotly.graph_objects.Figure.
    """
    import plotly.graph_objects as go

    counts = _ion_counts(table)
    total = int(counts.sum())
    figure = go.Figure(
        go.Bar(
            x=[str(ion) for ion in counts.index],
            y=counts.to_numpy(),
            text=[f"{count:,}<br>{count / total:.1%}" for count in counts],
            textposition="outside",
            cliponaxis=False,
            marker={"color": _COLOURS[0]},
            hovertemplate="%{x}: %{y:,} electrodes<extra></extra>",
        )
    )
    figure.update_layout(
        template="plotly_white",
        font=_FONT,
        title={
            "text": f"Electrodes by working ion<br><sup>{total:,} electrodes, {len(counts)} working ions; "
            f"above each bar: number and share{_warning(synthetic=synthetic)}</sup>",
            "x": 0.02,
            "xanchor": "left",
        },
        xaxis={"title": {"text": "Working ion"}},
        yaxis={"title": {"text": "Electrodes"}, "gridcolor": "#EEEEEE", "range": [0, float(counts.max()) * 1.12]},
        margin={"l": 70, "r": 30, "t": 110, "b": 60},
        bargap=0.25,
    )
    return figure


def write_html(figure: Any, path: Path) -> None:
    """Write a figure as one HTML page that needs no network, atomically; the same bytes for the same figure."""
    page = figure.to_html(
        include_plotlyjs=True,
        full_html=True,
        div_id=path.stem,
        default_height="100vh",
        config={"displaylogo": False, "responsive": True},
    )
    title = html.escape(re.sub(r"<.*", "", str(figure.layout.title.text or path.stem)))
    page = page.replace("<html>", '<html lang="en">', 1)
    page = page.replace("<head>", f"<head><title>{title}</title><style>body {{ margin: 0 }}</style>", 1)
    write_text(page, path)
