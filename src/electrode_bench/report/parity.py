"""Parity plots: predicted against reference value, as an interactive page and as a still picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from electrode_bench.core.schema import ID, TARGETS

if TYPE_CHECKING:
    import plotly.graph_objects as go

#: Blue of the Okabe-Ito palette, told apart by colour-blind readers; grey for the diagonal.
POINTS, DIAGONAL = "#0072B2", "#555555"

#: From here on points are drawn by WebGL: SVG grows slow.
MANY = 2000


def points(predictions: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """One row an electrode: electrode_id, y_true, y_pred (mean over the folds that tested it) and that number, n.

    Parameters
    ----------
    predictions : schema.PREDICTION_COLUMNS of one cell, in the target's unit.

    Raises
    ------
    ValueError
        When ``predictions`` has no row of ``target``.
    """
    rows = predictions[predictions["target"] == target]
    if rows.empty:
        raise ValueError(f"the predictions have no rows of {target}")
    grouped = rows.groupby(ID, sort=True)
    return grouped.agg(y_true=("y_true", "first"), y_pred=("y_pred", "mean"), n=("y_pred", "size")).reset_index()


def parity_figure(predictions: pd.DataFrame, *, target: str, title: str = "") -> go.Figure:
    """Predicted against reference value of one target (in its unit), with the diagonal; hover shows the electrode."""
    import plotly.graph_objects as go

    figure = go.Figure(_traces(points(predictions, target=target), target=target))
    column = TARGETS[target]
    figure.update_xaxes(title_text=f"{column.label}, reference ({column.unit})")
    figure.update_yaxes(title_text=f"predicted ({column.unit})", scaleanchor="x", scaleratio=1)
    figure.update_layout(title_text=title, template="plotly_white", showlegend=False, hovermode="closest")
    return figure


def parity_html(predictions: pd.DataFrame, *, title: str) -> str:
    """A page with one panel a target; readable without a network, equal to the byte for equal predictions."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=len(TARGETS), horizontal_spacing=0.08)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        for trace in _traces(points(predictions, target=target), target=target):
            figure.add_trace(trace, row=1, col=i)
        figure.update_xaxes(title_text=f"{column.label}, reference ({column.unit})", row=1, col=i)
        figure.update_yaxes(title_text=f"predicted ({column.unit})", row=1, col=i)
    figure.update_layout(
        title_text=title, template="plotly_white", showlegend=False, hovermode="closest", autosize=True, height=520
    )
    # A fixed id: plotly would draw a random one.
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, div_id="parity", config={"displaylogo": False})
    return page.replace("<head>", f"<head><title>{_escaped(title)}</title>", 1).replace("<html>", '<html lang="en">', 1)


def parity_png(predictions: pd.DataFrame, *, title: str) -> bytes:
    """The same panels as a PNG, without a browser; darker where more electrodes lie."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5 * len(TARGETS), 3.7), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        at = points(predictions, target=target)
        axes = figure.add_subplot(1, len(TARGETS), i)
        if len(at) >= MANY:
            axes.hexbin(at["y_true"], at["y_pred"], gridsize=60, bins="log", mincnt=1, cmap="viridis", linewidths=0)
        else:
            axes.scatter(at["y_true"], at["y_pred"], s=12, alpha=0.4, color=POINTS, linewidths=0)
        axes.axline((0, 0), slope=1, color=DIAGONAL, linewidth=1)
        low, high = _range(at)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.set(xlabel=f"{column.label}, reference ({column.unit})", ylabel=f"predicted ({column.unit})")
    figure.suptitle(title)
    buffer = io.BytesIO()
    # No Software or date entry: the same bytes for the same predictions.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _traces(at: pd.DataFrame, *, target: str) -> list[go.Scatter | go.Scattergl]:
    import plotly.graph_objects as go

    unit = TARGETS[target].unit
    low, high = _range(at)
    scatter = go.Scattergl if len(at) >= MANY else go.Scatter
    dots = scatter(
        x=at["y_true"].round(6).tolist(),
        y=at["y_pred"].round(6).tolist(),
        text=at[ID].tolist(),
        customdata=at["n"].tolist(),
        mode="markers",
        marker={"color": POINTS, "size": 6, "opacity": 0.45},
        hovertemplate=(
            f"%{{text}}<br>reference %{{x:.4g}} {unit}<br>predicted %{{y:.4g}} {unit}"
            "<br>tested in %{customdata} fold(s)<extra></extra>"
        ),
    )
    diagonal = go.Scatter(
        x=[low, high], y=[low, high], mode="lines", line={"color": DIAGONAL, "width": 1}, hoverinfo="skip"
    )
    return [diagonal, dots]


def _range(at: pd.DataFrame) -> tuple[float, float]:
    """What both axes span: all reference values and predictions, and a little more."""
    values = at[["y_true", "y_pred"]].to_numpy()
    low, high = float(np.min(values)), float(np.max(values))
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def _escaped(text: str) -> str:
    import html

    return html.escape(text)
