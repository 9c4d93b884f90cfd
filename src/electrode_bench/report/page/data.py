"""What the page's script draws: JSON's own types, numbers with 4 or 5 significant digits, no NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import CONTROL, FORMULA, ID, TARGETS
from electrode_bench.evaluation.scores import headline_predictions
from electrode_bench.report import parity, style, tuning
from electrode_bench.report.composition_map import AXES, CompositionMap, Group, ion_counts
from electrode_bench.report.costs import MEAN, SHORTEST
from electrode_bench.report.numbers import all_rounded, rounded, unit, with_unit
from electrode_bench.report.page.answer import against_control
from electrode_bench.report.page.results import Results

#: Nominal shares of electrodes, for the calibration plot.
LEVELS = (*(round(0.05 * i, 2) for i in range(1, 20)), 0.99)

#: Sizes of the map's plotting area in pixels for which labels are placed, with their font size.
LABEL_LAYOUTS = ((280, 320, 10), (560, 460, 12), (780, 560, 12))

#: Groups with fewer electrodes are drawn in grey: a mean of so few says little.
FEW = 30

#: Significant digits of reference values, and of predictions and coordinates.
_DIGITS, _PREDICTION_DIGITS = 5, 4

Numbers = list[float | int | None]


def data(results: Results) -> dict[str, Any]:
    """Everything that the script draws, by name, on a page without :func:`costs`."""
    rows = results.chart.drawn
    styles, tested = style.model_styles(results.titles), parity_points(results)
    return {
        "style": {"colours": list(style.COLOURS), "grey": style.GREY, "colourMap": style.COLOUR_MAP,
                  "webglFrom": style.WEBGL_FROM},
        "targets": [{"key": k, "label": c.label, "unit": unit(c), "title": with_unit(c)} for k, c in TARGETS.items()],
        "models": [
            {"name": name, "title": title, "colour": styles[name].colour, "symbol": styles[name].symbol,
             "dash": styles[name].dash}
            for name, title in results.titles.items()
        ],
        "electrodes": {
            "id": [str(v) for v in rows[ID]],
            "formula": [str(v) for v in rows[FORMULA]],
            "ion": [str(v) for v in rows["working_ion"]],
            "cluster": [int(v) for v in rows["cluster"]],
            "x": all_rounded(rows["x"], _PREDICTION_DIGITS),
            "y": all_rounded(rows["y"], _PREDICTION_DIGITS),
            "values": {t: all_rounded(rows[t], _DIGITS) for t in TARGETS},
        },
        "map": composition_map(results.chart),
        "representatives": _representatives(results.chart),
        "predictions": predictions(tested, rows[ID]),
        "parityLimits": parity_limits(tested),
        "parityFacts": parity_facts(results, tested),
        "ranking": ranking(results),
        "few": FEW,
        "groups": {
            "working_ion": _by_group(results.by_ion, "working_ion"),
            "cluster": _by_group(results.by_cluster, "cluster"),
        },
        "leakage": _by_model(results.leakage, ["ratio", "mae_stratified", "mae_grouped"]),
        "penalties": _by_model(results.penalties, ["cluster", "distance", "ratio", "mae_stratified", "mae_loco", "n"]),
        "curve": _by_model(
            results.learning_curve[results.learning_curve["metric"] == "mae"],
            ["n_train", "value", "spread", "repeats"],
        ),
        "laws": _by_model(results.power_laws, ["exponent", "n_train", "mae"]),
        "ions": [list(row) for row in ion_counts(results.table)],
        "levels": list(LEVELS),
        "calibration": calibration(results),
        "costs": {},
        "sweeps": {model: tuning.plot_data(record) for model, record in results.sweeps.items()},
    }  # fmt: skip


def composition_map(chart: CompositionMap) -> dict[str, Any]:
    """The map: axes, groups by cluster and by ion, the targets' colour ranges, and labels for some sizes."""
    layouts = []
    for width, height, font_size in LABEL_LAYOUTS:
        labels = [
            {"id": label.id, "text": label.text, "dx": label.dx, "dy": label.dy}
            for label in chart.labels(width, height, font_size=font_size)
            if not label.crowded
        ]
        layouts.append({"width": width, "fontSize": font_size, "labels": labels})
    return {
        "axes": list(AXES),
        "ranges": [all_rounded(ends, _DIGITS) for ends in chart.ranges],
        "groups": {"cluster": _groups(chart.clusters()), "ion": _groups(chart.ions())},
        "colours": {k: all_rounded(chart.colour_range(c), _DIGITS) for k, c in TARGETS.items()},
        "labelLayouts": layouts,
    }


def _groups(groups: Iterable[Group]) -> list[dict[str, Any]]:
    return [
        {"key": g.key, "title": g.title, "colour": g.style.colour, "symbol": g.style.symbol, "size": g.style.size(7)}
        for g in groups
    ]


def _representatives(chart: CompositionMap) -> dict[str, dict[str, Any]]:
    """By cluster: its name, and its representative's id and formula, and the number of electrodes."""
    sizes = chart.rows["cluster"].value_counts()
    return {
        str(int(row["cluster"])): {
            "name": chart.names[int(row["cluster"])].full,
            "short": chart.names[int(row["cluster"])].short,
            "id": str(row[ID]),
            "formula": str(row[FORMULA]),
            "n": int(sizes[row["cluster"]]),
        }
        for row in chart.representatives.to_dict("records")
    }


#: A run's points of the parity plot (:func:`~electrode_bench.report.parity.points`) by protocol, model and target.
_Points = dict[str, dict[str, dict[str, pd.DataFrame]]]


def parity_points(results: Results) -> _Points:
    """The points of each run: for each tested electrode the mean prediction over the headline's folds."""
    out: _Points = {}
    for run in results.runs:
        rows = headline_predictions(run)
        out.setdefault(run.protocol, {})[run.model] = {t: parity.points(rows, target=t) for t in TARGETS}
    return out


def predictions(at: _Points, ids: Iterable[str]) -> dict[str, dict[str, dict[str, Numbers]]]:
    """protocol -> model -> target -> a prediction for each of ``ids``; None for electrodes that were never tested."""
    order = list(ids)
    return _of_each(at, lambda p: all_rounded(p.set_index(ID)["y_pred"].reindex(order), _PREDICTION_DIGITS))


def parity_limits(at: _Points) -> dict[str, dict[str, dict[str, Numbers]]]:
    """protocol -> model -> target -> what both axes of the parity plot span."""
    return _of_each(at, lambda p: all_rounded(parity.limits(p), _DIGITS))


def parity_facts(results: Results, at: _Points) -> dict[str, dict[str, dict[str, list[str]]]]:
    """protocol -> model -> target -> what the panel says, as lines."""
    out: dict[str, dict[str, dict[str, list[str]]]] = {}
    for run in results.runs:
        rows = headline_predictions(run)
        out.setdefault(run.protocol, {})[run.model] = {
            target: parity.Facts.of(rows, at[run.protocol][run.model][target], target=target).lines(column)
            for target, column in TARGETS.items()
        }
    return out


def _of_each(at: _Points, value: Callable[[pd.DataFrame], Numbers]) -> dict[str, dict[str, dict[str, Numbers]]]:
    return {
        protocol: {model: {t: value(p) for t, p in targets.items()} for model, targets in models.items()}
        for protocol, models in at.items()
    }


def calibration(results: Results) -> dict[str, dict[str, Numbers]]:
    """model -> target -> for each of :data:`LEVELS` the share of test rows within z predicted standard deviations.

    Under the main protocol; z is the quantile at which normally distributed errors would lie within that often. Models
    without a predicted standard deviation are left out.
    """
    z = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS])
    out: dict[str, dict[str, Numbers]] = {}
    for run in results.runs:
        if run.protocol != results.main_protocol:
            continue
        predicted = headline_predictions(run)
        for target in TARGETS:
            rows = predicted[predicted["target"] == target]
            error, std = (rows["y_pred"] - rows["y_true"]).abs().to_numpy(), rows["y_std"].to_numpy(dtype=float)
            if len(rows) and np.isfinite(std).all() and (std > 0).any():
                share = (error[:, None] <= z * std[:, None]).mean(axis=0)
                out.setdefault(run.model, {})[target] = all_rounded(share, _PREDICTION_DIGITS)
    return out


def ranking(results: Results) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """protocol -> target -> model -> [MAE minus the control's, low, high, significant], in the target's unit."""
    out: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for protocol in results.protocols:
        for target in TARGETS:
            by_model = {}
            for row in against_control(results.pairs, protocol=protocol, target=target).to_dict("records"):
                values = [rounded(row[key], _DIGITS) for key in ("difference", "low", "high")]
                by_model[str(row["model"])] = [*values, bool(row["different"])]
            out.setdefault(protocol, {})[target] = by_model
    return out


def costs(rows: pd.DataFrame) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """protocol -> target -> model -> [smae, its standard deviation, processor seconds, peak memory, on the front]."""
    out: dict[str, dict[str, dict[str, list[Any]]]] = {}
    # A logarithmic axis has no 0.
    rows = rows.assign(cpu_seconds=rows["cpu_seconds"].clip(lower=SHORTEST))
    for row in rows[(rows["target"] != MEAN) & (rows["model"] != CONTROL)].to_dict("records"):
        models = out.setdefault(str(row["protocol"]), {}).setdefault(str(row["target"]), {})
        numbers = all_rounded((row[k] for k in ("smae", "smae_spread", "cpu_seconds", "peak_rss_mb")), _DIGITS)
        models[str(row["model"])] = [*numbers, bool(row["on_front"])]
    return out


def _by_group(rows: pd.DataFrame, by: str) -> dict[str, dict[str, dict[str, dict[str, Numbers]]]]:
    """protocol -> target -> model -> group -> [smae, bias, mae, n]; bias and mae in the target's unit."""
    out: dict[str, dict[str, dict[str, dict[str, Numbers]]]] = {}
    for row in rows.to_dict("records"):
        models = out.setdefault(str(row["protocol"]), {}).setdefault(str(row["target"]), {})
        values = all_rounded((row[key] for key in ("smae", "bias", "mae", "n")), _DIGITS)
        models.setdefault(str(row["model"]), {})[str(row[by])] = values
    return out


def _by_model(rows: pd.DataFrame, columns: list[str]) -> dict[str, dict[str, list[Numbers]]]:
    """target -> model -> for each row the values of ``columns``."""
    out: dict[str, dict[str, list[Numbers]]] = {}
    for row in rows.to_dict("records"):
        models = out.setdefault(str(row["target"]), {})
        models.setdefault(str(row["model"]), []).append(all_rounded((row[key] for key in columns), _DIGITS))
    return out
