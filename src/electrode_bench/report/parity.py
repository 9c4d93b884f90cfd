"""Parity plots: predicted against reference values, as an interactive page and as a static picture."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import ID, TARGETS, Column
from electrode_bench.evaluation import metrics
from electrode_bench.report import numbers, style
from electrode_bench.report.composition_map import is_drawn

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.axes import Axes

#: Share of the values that both axes span: a few voltages lie far outside the rest.
SHARE = 0.995

_MARGIN = 0.04
_DIAGONAL = "#555555"
#: Font size in points of what a static panel says.
_TEXT_SIZE = 6.5
_BEHIND_TEXT = "rgba(255,255,255,0.8)"


def points(predictions: pd.DataFrame, *, target: str) -> pd.DataFrame:
    """One row per electrode: electrode_id, y_true, y_pred (mean over the folds that tested it), n (number of folds).

    Parameters
    ----------
    predictions : schema.PREDICTION_COLUMNS of one run, in the target's unit.

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


def limits(at: pd.DataFrame) -> tuple[float, float]:
    """What both axes span: the middle :data:`SHARE` of all reference values and predictions, and a margin."""
    values = at[["y_true", "y_pred"]].to_numpy()
    low, high = np.quantile(values, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    margin = _MARGIN * (high - low) or 1.0
    return float(low - margin), float(high + margin)


@dataclass(frozen=True)
class Facts:
    """What a panel says in words.

    Attributes
    ----------
    mae, r2 : means over folds, as in the table of results; the MAE in the target's unit.
    n : number of electrodes.
    outside : how many of them lie outside the axes.
    """

    mae: float
    r2: float
    n: int
    outside: int

    @classmethod
    def of(cls, predictions: pd.DataFrame, at: pd.DataFrame, *, target: str) -> Facts:
        """Those of one run and target; ``at`` are its :func:`points`."""
        folds = [
            (rows["y_true"].to_numpy(), rows["y_pred"].to_numpy())
            for _, rows in predictions[predictions["target"] == target].groupby("fold")
        ]
        low, high = limits(at)
        inside = at[["y_true", "y_pred"]].apply(lambda values: values.between(low, high)).all(axis=1)
        mae = float(np.mean([metrics.mae(*fold) for fold in folds]))
        return cls(mae, float(np.mean([metrics.r2(*fold) for fold in folds])), len(at), int((~inside).sum()))

    def lines(self, column: Column) -> list[str]:
        """The lines that a panel shows."""
        outside = [f"{self.outside:,} outside the axes"] if self.outside else []
        mae = f"MAE {numbers.significant(self.mae)} {numbers.unit(column)}"
        return [mae, f"R² {numbers.with_deviation(self.r2, None, 3)}", f"n = {self.n:,}", *outside]


def parity_figure(predictions: pd.DataFrame, *, title: str) -> go.Figure:
    """One panel for each target, with the diagonal; hovering over a point shows the electrode.

    Of more than 20,000 electrodes, a random sample of this size is drawn.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=len(TARGETS), horizontal_spacing=0.08)
    for i, (target, column) in enumerate(TARGETS.items(), start=1):
        at, unit = points(predictions, target=target), numbers.unit(column)
        ends, facts = limits(at), Facts.of(predictions, at, target=target)
        at = at[is_drawn(len(at))]
        diagonal = go.Scatter(x=ends, y=ends, mode="lines", line={"color": _DIAGONAL, "width": 1}, hoverinfo="skip")
        kind = go.Scattergl if len(at) >= style.WEBGL_FROM else go.Scatter
        dots = kind(
            x=at["y_true"].round(6).tolist(),
            y=at["y_pred"].round(6).tolist(),
            text=at[ID].tolist(),
            customdata=at["n"].tolist(),
            mode="markers",
            marker={"color": style.COLOURS[0], "size": 6, "opacity": 0.45},
            hovertemplate=(
                f"%{{text}}<br>reference %{{x:.4g}} {unit}<br>predicted %{{y:.4g}} {unit}"
                "<br>tested in %{customdata} fold(s)<extra></extra>"
            ),
        )
        figure.add_traces([diagonal, dots], rows=1, cols=i)
        figure.update_xaxes(title_text=f"{column.label}, reference ({unit})", range=ends, row=1, col=i)
        figure.update_yaxes(title_text=f"Predicted ({unit})", range=ends, row=1, col=i)
        corner = {"x": 0.02, "y": 0.98, "xref": "x domain", "yref": "y domain", "xanchor": "left", "yanchor": "top"}
        text = "<br>".join(facts.lines(column))
        figure.add_annotation(text=text, showarrow=False, align="left", bgcolor=_BEHIND_TEXT, **corner, row=1, col=i)
    figure.update_layout(
        title_text=title, template="plotly_white", showlegend=False, hovermode="closest", autosize=True, height=520
    )
    return figure


def parity_html(predictions: pd.DataFrame, *, title: str) -> str:
    """:func:`parity_figure` as a page that needs no network; equal predictions give equal bytes."""
    figure = parity_figure(predictions, title=title)
    # A fixed id: plotly would draw a random one.
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, div_id="parity", config={"displaylogo": False})
    head = f"<head><title>{html.escape(title)}</title>"
    return page.replace("<head>", head, 1).replace("<html>", '<html lang="en">', 1)


def draw_panel(
    axes: Axes,
    predictions: pd.DataFrame,
    *,
    target: str,
    ylabel: str = "Predicted",
    ions: pd.Series | None = None,
    styles: Mapping[str, style.Style] | None = None,
) -> None:
    """Draw one target with matplotlib.

    Parameters
    ----------
    ions : working ion by electrode id, by which points are coloured. None draws many points as hexagons, coloured by
        the number of electrodes.
    styles : how the electrodes of each ion are drawn, the most frequent ion first; needed with ``ions``.
    """
    at, column = points(predictions, target=target), TARGETS[target]
    low, high = limits(at)
    if ions is not None and styles is not None:
        _draw_ions(axes, at.assign(ion=at[ID].map(ions)), styles)
    elif len(at) >= style.WEBGL_FROM:
        hexagons: dict[str, Any] = {"gridsize": 45, "extent": (low, high, low, high), "bins": "log", "mincnt": 1}
        axes.hexbin(at["y_true"], at["y_pred"], cmap=style.COLOUR_MAP.lower(), linewidths=0, **hexagons)
    else:
        axes.scatter(at["y_true"], at["y_pred"], s=8, alpha=0.4, color=style.COLOURS[0], linewidths=0)
    axes.axline((0, 0), slope=1, color=_DIAGONAL, linewidth=0.8)
    unit = numbers.unit(column)
    axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    axes.set(xlabel=f"{column.label}, reference ({unit})", ylabel=f"{ylabel} ({unit})")
    box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    text = "\n".join(Facts.of(predictions, at, target=target).lines(column))
    axes.text(0.03, 0.97, text, transform=axes.transAxes, ha="left", va="top", fontsize=_TEXT_SIZE, bbox=box)


def _draw_ions(axes: Axes, at: pd.DataFrame, styles: Mapping[str, style.Style]) -> None:
    """Points by working ion; the rarest are drawn last, so that others do not hide them."""
    size = 4 if len(at) >= style.WEBGL_FROM else 9
    for order, (ion, of) in enumerate(styles.items()):
        rows = at[at["ion"] == ion]
        axes.scatter(
            rows["y_true"], rows["y_pred"], s=size, alpha=0.6, color=of.colour, marker=of.marker, linewidths=0,
            rasterized=True, label=ion, zorder=2 + order / 100,
        )  # fmt: skip


def parity_png(predictions: pd.DataFrame, *, title: str) -> bytes:
    """One panel for each target as a PNG, made without a browser."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.5 * len(TARGETS), 3.7), dpi=130)
    FigureCanvasAgg(figure)
    # Fixed margins: a layout that measures its labels would draw everything twice, for each of many runs.
    figure.subplots_adjust(left=0.075, right=0.99, bottom=0.14, top=0.9, wspace=0.3)
    for i, target in enumerate(TARGETS, start=1):
        draw_panel(figure.add_subplot(1, len(TARGETS), i), predictions, target=target)
    figure.suptitle(title)
    buffer = io.BytesIO()
    # No Software or date entry: the same bytes for the same predictions.
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
