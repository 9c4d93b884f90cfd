"""Interactive figures (plotly) of the map and the working ions, each a page of its own that needs no network."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.schema import FORMULA, ID, NOISE, TARGETS, Column
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.report import formulas, numbers, style
from electrode_bench.report.composition_map import (
    AXES,
    COLOUR_PERCENTILES,
    METHODS,
    CompositionMap,
    Group,
    hover_lines,
    ion_counts,
)

# The map's plotting area in pixels in a window of 1200 x 700; labels are placed for it.
_WIDTH, _HEIGHT = 880, 470
_LABEL_SIZE = 12


def map_figure(
    map_frame: pd.DataFrame, table: pd.DataFrame, *, summary: Mapping[str, Any] | None = None, synthetic: bool = False
) -> Any:
    """The map of compositions, coloured through a menu by cluster, working ion or target.

    Parameters
    ----------
    map_frame : electrode_id, x, y, cluster, representative, as in ``results/map/map.parquet``.
    table : the canonical table; it holds every id of ``map_frame``.
    summary : the map's summary, for the title.
    synthetic : whether the figure must say that its data are synthetic.

    Returns
    -------
    plotly.graph_objects.Figure

    Raises
    ------
    ValueError
        When an id of the map is not in the table.
    """
    import plotly.graph_objects as go

    chart = CompositionMap.of(map_frame, table)
    views: list[tuple[str, list[Any]]] = [
        ("Cluster", list(_groups(chart, chart.clusters(), "cluster"))),
        ("Working ion", list(_groups(chart, chart.ions(), "working_ion"))),
        *((column.label, [_by_target(chart, column)]) for column in TARGETS.values()),
    ]
    traces = [trace.update(visible=view == 0) for view, (_, group) in enumerate(views) for trace in group]
    figure = go.Figure([*traces, _rings(chart.representatives), _hover_layer(chart)])
    x_range, y_range = chart.ranges
    figure.update_layout(
        template="plotly_white",
        font=dict(style.FONT),
        title={"text": _map_title(chart, summary, synthetic=synthetic), "x": 0.02, "xanchor": "left"},
        xaxis={**_axis(AXES[0]), "range": x_range},
        # One unit is as long on both axes: distances on the map are to be compared.
        yaxis={**_axis(AXES[1]), "range": y_range, "scaleanchor": "x"},
        legend={"title": {"text": "Cluster"}, "x": 1.01, "y": 0.9, "yanchor": "top", "itemsizing": "constant"},
        hoverlabel={"align": "left", "bgcolor": "white"},
        margin={"l": 60, "r": 220, "t": 110, "b": 60},
        annotations=[*_labels(chart), _menu_label()],
        updatemenus=[_menu(views)],
    )
    return figure


def _map_title(chart: CompositionMap, summary: Mapping[str, Any] | None, *, synthetic: bool) -> str:
    method = METHODS.get(str((summary or {}).get("method")), "two-dimensional embedding")
    cluster = chart.rows["cluster"]
    drawn = "" if len(chart.drawn) == len(cluster) else f" ({len(chart.drawn):,} of them drawn)"
    under = (
        f"{len(cluster):,} electrodes{drawn}, {method} of their compositions, "
        f"{cluster[cluster != NOISE].nunique()} DBSCAN clusters, "
        f"{numbers.percent((cluster == NOISE).mean(), decimals=1)} noise; rings: each cluster's ElMD mean "
        "representative"
    )
    return f"Map of electrode compositions<br><sup>{under}{_warning(synthetic=synthetic)}</sup>"


def _warning(*, synthetic: bool) -> str:
    return f"<br><b>{SYNTHETIC_NOTICE}</b>" if synthetic else ""


def _axis(title: str) -> dict[str, Any]:
    return {"title": {"text": title}, "zeroline": False, "showgrid": True, "gridcolor": style.GRID}


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


def _groups(chart: CompositionMap, groups: Sequence[Group], column: str) -> Iterator[Any]:
    for group in groups:
        marker = {"color": group.style.colour, "symbol": group.style.symbol, "size": group.style.size(6)}
        yield _points(chart.members(group, column), name=formulas.to_html(group.title), marker=marker)


def _by_target(chart: CompositionMap, column: Column) -> Any:
    low, high = chart.colour_range(column)
    first, last = COLOUR_PERCENTILES
    bar = {
        "title": {
            "text": f"{column.label}<br>({numbers.unit(column)})<br><sup>colours: percentiles {first} to {last}</sup>"
        },
        "len": 0.8,
        "thickness": 16,
        "outlinewidth": 0,
    }
    values = chart.drawn[column.key].to_numpy(dtype=float)
    marker = {"color": values, "colorscale": style.COLOUR_MAP, "cmin": low, "cmax": high, "colorbar": bar}
    return _points(chart.drawn, name=column.label, marker=marker, legend=False)


def _rings(representatives: pd.DataFrame) -> Any:
    """Rings around the representatives, on every view."""
    line = {"width": 2, "color": "black"}
    marker = {"size": 11, "opacity": 1, "color": "black", "symbol": "circle-open", "line": line}
    return _points(representatives, name="representative", marker=marker)


def _hover_layer(chart: CompositionMap) -> Any:
    """Invisible points that carry the hover texts once, for all views."""
    rows = chart.drawn
    layer = _points(rows, name="hover", marker={"opacity": 0}, legend=False)
    sharing = chart.rows.groupby(["x", "y"])[ID].transform("size")[rows.index]
    texts = [_hover(row, int(n)) for row, n in zip(rows.to_dict("records"), sharing, strict=True)]
    return layer.update(hoverinfo="text", hovertext=texts)


def _hover(row: dict[Any, Any], sharing: int) -> str:
    lines = [f"<b>{formulas.to_html(row[FORMULA])}</b>", *(html.escape(line) for line in hover_lines(row))]
    if sharing > 1:
        lines.append(f"{sharing - 1} more with this composition")
    return "<br>".join(lines)


def _labels(chart: CompositionMap) -> list[dict[str, Any]]:
    return [
        {
            "x": label.x,
            "y": label.y,
            # plotly counts an annotation's offset downwards.
            "ax": label.dx,
            "ay": -label.dy,
            "text": formulas.to_html(label.text),
            "showarrow": True,
            "arrowhead": 0,
            "arrowwidth": 1,
            "arrowcolor": "#444444",
            "standoff": 5,
            "font": {"size": _LABEL_SIZE, "color": "black"},
            "bgcolor": "rgba(255,255,255,0.85)",
            "borderpad": 1,
        }
        for label in chart.labels(_WIDTH, _HEIGHT, font_size=_LABEL_SIZE)
    ]


def _menu(views: Sequence[tuple[str, list[Any]]]) -> dict[str, Any]:
    # A target has a colour bar in the legend's place.
    targets = {column.label for column in TARGETS.values()}
    owner = [view for view, (_, group) in enumerate(views) for _ in group]
    buttons = [
        {
            "label": label,
            "method": "update",
            # The last two, rings and hover layer, are always visible.
            "args": [
                {"visible": [o == view for o in owner] + [True, True]},
                {"legend.title.text": label, "showlegend": label not in targets},
            ],
        }
        for view, (label, _) in enumerate(views)
    ]
    return {"buttons": buttons, "x": 1.01, "xanchor": "left", "y": 1.0, "yanchor": "top", "showactive": True}


def _menu_label() -> dict[str, Any]:
    place = {"x": 1.01, "y": 1.005, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom"}
    return {"text": "Colour by", "showarrow": False, **place}


def ion_figure(table: pd.DataFrame, *, synthetic: bool = False) -> Any:
    """Electrodes of the canonical table by working ion: bars with count and share.

    Returns a plotly.graph_objects.Figure.
    """
    import plotly.graph_objects as go

    counts = ion_counts(table)
    total = len(table)
    figure = go.Figure(
        go.Bar(
            x=[ion for ion, _ in counts],
            y=[n for _, n in counts],
            text=[f"{n:,}<br>{numbers.percent(n / total, decimals=1)}" for _, n in counts],
            textposition="outside",
            cliponaxis=False,
            marker={"color": style.COLOURS[0]},
            hovertemplate="%{x}: %{y:,} electrodes<extra></extra>",
        )
    )
    figure.update_layout(
        template="plotly_white",
        font=dict(style.FONT),
        title={
            "text": f"Electrodes by working ion<br><sup>{total:,} electrodes, {len(counts)} working ions; "
            f"above each bar: number and share{_warning(synthetic=synthetic)}</sup>",
            "x": 0.02,
            "xanchor": "left",
        },
        xaxis={"title": {"text": "Working ion"}},
        yaxis={"title": {"text": "Electrodes"}, "gridcolor": style.GRID, "range": [0, 1.12 * counts[0][1]]},
        margin={"l": 70, "r": 30, "t": 110, "b": 60},
        bargap=0.25,
    )
    return figure


def write_html(figure: Any, path: Path) -> None:
    """Write a figure as one HTML page that needs no network, atomically; equal figures give equal bytes."""
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
