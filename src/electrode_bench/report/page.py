"""The report: all results as one page that opens without a network. Pure functions: tables in, text out.

Tables are written by the template; plots are drawn in the browser from one block of JSON. Both hold rounded numbers and
nothing of the machine or the hour, so that equal results give equal bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import PurePath
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.results import Adoption, Run
from electrode_bench.core.schema import CONTROL, FORMULA, ID, NOISE, TARGETS, Column
from electrode_bench.evaluation.scores import headline_predictions
from electrode_bench.report import published as study
from electrode_bench.report import tables, tuning
from electrode_bench.report.parity import points
from electrode_bench.splits import PROTOCOLS, for_new_compositions
from electrode_bench.splits import protocol as protocol_named

#: Okabe and Ito's palette; the control is grey. The yellow comes last: it is faint on white.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442")
_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "star", "pentagon", "triangle-down")
_DASHES = ("solid", "dash", "dashdot", "longdash", "dot", "longdashdot", "solid")
_GREY = "#8C8C8C"

#: Shares of electrodes that an interval of normal errors would hold.
LEVELS = (*(round(0.05 * i, 2) for i in range(1, 20)), 0.99)

#: Significant digits of reference values and of predictions in the JSON.
_DIGITS, _PREDICTION_DIGITS = 5, 4


@dataclass(frozen=True)
class Results:
    """What the page is made from: the files of ``results/``, each as it is read.

    ``origin`` is where the data comes from (``data.origin.provenance``), ``splits`` has the digest of each
    protocol's folds; the tables after ``cells`` are those of ``results/compare``, empty where there is nothing to
    compare.
    """

    card: Mapping[str, Any]
    origin: Mapping[str, Any]
    table: pd.DataFrame
    map: pd.DataFrame
    splits: Mapping[str, str]
    runs: Sequence[Run]
    headline: pd.DataFrame
    pairs: pd.DataFrame
    ranking: pd.DataFrame
    learning_curve: pd.DataFrame
    by_ion: pd.DataFrame
    by_cluster: pd.DataFrame
    leakage: pd.DataFrame
    penalties: pd.DataFrame
    penalty_against_distance: pd.DataFrame
    power_laws: pd.DataFrame
    #: By model, which trial its configuration comes from, where it was tuned.
    adoptions: Mapping[str, Adoption] = field(default_factory=dict)
    #: By model, the record of the study that its configuration comes from (sweep_record), where a sweep found it.
    sweeps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def protocols(self) -> list[str]:
        return list(dict.fromkeys(str(p) for p in self.headline["protocol"]))

    @property
    def titles(self) -> dict[str, str]:
        """The models' names for people, in the order of the tables."""
        return {str(m): str(t) for m, t in zip(self.headline["model"], self.headline["title"], strict=True)}

    @property
    def careful(self) -> str:
        """The protocol that answers are taken from: grouped, else stratified, else the first there is."""
        return for_new_compositions(self.protocols) or self.protocols[0]


def html(results: Results, *, plotly: str) -> str:
    """The page.

    Parameters
    ----------
    results : with at least one cell in ``headline``.
    plotly : plotly.js as text; it stands in the page once.
    """
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    template = files("electrode_bench.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(template, globals={"n": number, "percent": percent, "unit": unit})
    return page.render(
        **context(results),
        data=Markup(embedded(data(results))),
        plotly=Markup(plotly.replace("</script", "<\\/script")),
    )


def embedded(value: Any) -> str:
    """``value`` as JSON that can stand in a ``<script>``: nothing in it ends the element or opens a comment."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


# --- numbers ------------------------------------------------------------------------------------------------------


def short(value: float, digits: int = _DIGITS) -> float | int | None:
    """``value`` to ``digits`` significant digits, whole numbers as int; None for what is no finite number."""
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{digits}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def shorts(values: Iterable[float], digits: int = _DIGITS) -> list[float | int | None]:
    return [short(float(v), digits) for v in values]


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table, to ``digits`` significant digits; "-" for none.

    >>> number(0.48912), number(1234.5), number(float("nan")), number(-0.0)
    ('0.489', '1,234', '-', '0')
    """
    if value is None or not math.isfinite(value):
        return "-"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    shown = f"{value:.{digits}g}"
    return "0" if float(shown) == 0 else shown


def percent(value: float | None) -> str:
    """A share as a percentage; "-" for none."""
    return "-" if value is None or not math.isfinite(value) else f"{100 * value + 0.0:.0f}%"


def unit(column: Column) -> str:
    return column.unit.replace("cm3", "cm³")


# --- what the template shows --------------------------------------------------------------------------------------


def context(results: Results) -> dict[str, Any]:
    """What the template shows beside the plots: plain values, of which it escapes all text."""
    return {
        "card": results.card,
        # A page that is passed on names the file, not the folder of a machine that it was in.
        "origin": {**results.origin, "source": PurePath(str(results.origin["source"])).name},
        "synthetic": bool(results.card.get("synthetic")),
        "targets": TARGETS,
        "models": models(results),
        "protocols": [
            {"name": p, "title": protocol_named(p).title, "asks": protocol_named(p).question} for p in results.protocols
        ],
        "missing": [protocol_named(p).title for p in PROTOCOLS if p not in results.protocols],
        "careful": {"name": results.careful, "title": protocol_named(results.careful).title},
        "answers": answers(results),
        "headline": headline(results),
        "study": study.SOURCE,
        "orders": {
            str(p): tables.orders(of, titles=results.titles) for p, of in results.pairs.groupby("protocol", sort=False)
        },
        "leakage": [{**r, "title": results.titles.get(r["model"], r["model"])} for r in _records(results.leakage)],
        "distance": [
            {**r, "title": results.titles.get(r["model"], r["model"])}
            for r in _records(results.penalty_against_distance)
        ],
        "doublings": doublings(results),
        "laws": [{**r, "title": results.titles.get(r["model"], r["model"])} for r in _records(results.power_laws)],
        "spreads": bool(calibration(results)),
        "provenance": provenance(results),
        "tuned": tuned(results),
        "sweeps": [
            {"name": model, "title": results.titles.get(model, model), **tuning.description(of)}
            for model, of in results.sweeps.items()
        ],
        "score_heads": tuning.HEADS,
        "score_caption": tuning.CAPTION,
        "clusters": int(results.map.loc[results.map["cluster"] != NOISE, "cluster"].nunique()),
        "noise": int((results.map["cluster"] == NOISE).sum()),
        "ions": _ions(results),
    }


def models(results: Results) -> list[dict[str, str]]:
    """Name, title and marker of each model: the same in all plots."""
    out = []
    others = 0
    for name, title in results.titles.items():
        if name == CONTROL:
            out.append({"name": name, "title": title, "colour": _GREY, "symbol": "x", "dash": "dot"})
            continue
        at = others % len(_COLOURS)
        out.append({"name": name, "title": title, "colour": _COLOURS[at], "symbol": _SYMBOLS[at], "dash": _DASHES[at]})
        others += 1
    return out


def answers(results: Results) -> list[dict[str, str]]:
    """One sentence or three a target: which model has the smallest error, by how much, and who is not told apart."""
    rows = results.ranking[results.ranking["protocol"] == results.careful]
    out = []
    for target, column in TARGETS.items():
        of = rows[rows["target"] == target].sort_values("rank")
        text = _answer(results, of, target=target, column=column) if len(of) > 1 else "Only the control was fitted."
        out.append({"target": column.label, "text": text})
    return out


def _answer(results: Results, ranking: pd.DataFrame, *, target: str, column: Column) -> str:
    names = {str(m): results.titles.get(str(m), str(m)) for m in ranking["model"]}
    best = ranking.iloc[0]
    title = names[best["model"]]
    mae = f"{number(best['mae'])} {unit(column)}"
    if best["model"] == CONTROL:
        return f"No model has a smaller error than the control, which predicts the training mean (MAE {mae})."
    pair = _against_control(results.pairs, protocol=results.careful, target=target)
    pair = pair[pair["model"] == best["model"]].iloc[0]
    less, low, high = (-pair[k] / pair["other_mae"] for k in ("difference", "high", "low"))
    text = (
        f"{title} has the smallest error: MAE {mae}, {percent(less)} less than the control's "
        f"{number(pair['other_mae'])} {unit(column)} (95% interval {percent(low)} to {percent(high)})"
    )
    text += "." if best["beats_control"] else "; even so the careful test does not tell it apart from the control."
    rest = ranking[(ranking["model"] != best["model"]) & (ranking["model"] != CONTROL)]
    like = [names[m] for m in rest.loc[rest["like_best"].astype(bool), "model"]]
    apart = [names[m] for m in rest.loc[~rest["like_best"].astype(bool), "model"]]
    if like:
        text += f" Not told apart from it: {_listed(like)}."
    if apart:
        text += f" Told apart from it, with a larger error: {_listed(apart)}."
    return text


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _against_control(pairs: pd.DataFrame, *, protocol: str, target: str) -> pd.DataFrame:
    """Rows of ``pairs`` with the control as ``other``, which it is in all its pairs."""
    keep = (pairs["protocol"] == protocol) & (pairs["target"] == target) & (pairs["other"] == CONTROL)
    return pairs[keep]


def headline(results: Results) -> list[dict[str, Any]]:
    """The study's table: a block a protocol, in it a block a target, in it a row a model, cells as text."""
    out = []
    for protocol in results.protocols:
        cells = _records(results.headline[results.headline["protocol"] == protocol])
        published = study.STRATIFIED if protocol == "stratified" else {}
        blocks = []
        for target, column in TARGETS.items():
            rows = [
                {
                    "title": cell["title"],
                    "values": [
                        tables.value_of(cell, f"{target}/{metric}{suffix}", metric)
                        for metric in tables.HEADS
                        for suffix in ("", "_2sigma")
                    ],
                    "study": _published(published, str(cell["model"]), target) if published else None,
                }
                for cell in cells
            ]
            blocks.append({"label": column.label, "unit": unit(column), "rows": rows})
        out.append(
            {"name": protocol, "title": protocol_named(protocol).title, "study": bool(published), "targets": blocks}
        )
    return out


def _published(table: Mapping[str, Mapping[str, study.Published]], model: str, target: str) -> list[str]:
    found = table.get(model, {}).get(target)
    if found is None:
        return ["-"] * 4
    return [f"{v:.3f}" for v in (found.smae, found.smae_2sigma, found.r2, found.r2_2sigma)]


def doublings(results: Results) -> list[str]:
    """What twice the training rows would save, a sentence a target, of the model that leads under the bootstrap."""
    out = []
    laws = results.power_laws[results.power_laws["model"] != CONTROL]
    ranking = results.ranking[results.ranking["protocol"] == "bootstrap"]
    for target, column in TARGETS.items():
        of = laws[laws["target"] == target]
        if of.empty:
            continue
        # The smallest error measured, as in the table: the fitted curves may end in another order.
        measured = ranking[ranking["target"] == target].set_index("model")["mae"]
        best = of.assign(measured=of["model"].map(measured)).sort_values(["measured", "mae", "model"]).iloc[0]
        out.append(
            f"{column.label}: twice the training rows ({2 * int(best['n_train']):,}) would lower the MAE of "
            f"{results.titles.get(best['model'], best['model'])} by {percent(best['saved'])} "
            f"(95% interval {percent(best['saved_low'])} to {percent(best['saved_high'])}), "
            f"from {number(best['mae'])} to {number(best['mae_doubled'])} {unit(column)} on the fitted curve."
        )
    return out


def tuned(results: Results) -> list[dict[str, str]]:
    """A row for each model whose configuration a sweep found: title, and what cell.json says of its tuning."""
    digests = {run.model: run.digests for run in results.runs}
    return [
        {
            "title": title,
            "study": adoption.study,
            "trial": str(adoption.trial),
            "part": adoption.part,
            "state": adoption.state(config=digests[model].config, table=digests[model].table),
        }
        for model, title in results.titles.items()
        if (adoption := results.adoptions.get(model)) is not None
    ]


def provenance(results: Results) -> dict[str, Any]:
    """What traces the numbers: digests of data and folds, and a row a cell."""
    table = sorted({run.digests.table for run in results.runs})
    rows = [
        {
            "title": run.title,
            "protocol": run.protocol,
            "folds": len(run.folds),
            "digests": {"run": run.digests.run, "code": run.digests.code},
            "config": json.dumps(dict(run.config), sort_keys=True),
            "seed": run.seed,
            "versions": ", ".join(f"{k} {v}" for k, v in sorted(run.versions.items())) or "-",
            "search": f"tags.run_digest = '{run.digests.run}'",
        }
        for run in results.runs
    ]
    return {"table": table, "splits": dict(sorted(results.splits.items())), "cells": rows}


def _ions(results: Results) -> list[tuple[str, int]]:
    """Electrodes of each working ion that has any, the most frequent first, ties by name."""
    counts = results.table["working_ion"].value_counts()
    return sorted(((str(ion), int(n)) for ion, n in counts.items()), key=lambda item: (-item[1], item[0]))


# --- what the plots are drawn from --------------------------------------------------------------------------------


def data(results: Results) -> dict[str, Any]:
    """What the page's script draws: JSON's own types, numbers to 4 or 5 significant digits, no NaN."""
    table = results.table.sort_values(ID, ignore_index=True)
    place = results.map.set_index(ID).reindex(table[ID])
    return {
        "targets": [{"key": k, "label": c.label, "unit": unit(c)} for k, c in TARGETS.items()],
        "models": models(results),
        "protocols": {p: protocol_named(p).title for p in results.protocols},
        "electrodes": {
            "id": [str(v) for v in table[ID]],
            "formula": [str(v) for v in table[FORMULA]],
            "ion": [str(v) for v in table["working_ion"]],
            "cluster": [NOISE if pd.isna(v) else int(v) for v in place["cluster"]],
            "x": shorts(place["x"], _PREDICTION_DIGITS),
            "y": shorts(place["y"], _PREDICTION_DIGITS),
            "values": {t: shorts(table[t]) for t in TARGETS},
        },
        "representatives": _representatives(results),
        "predictions": predictions(results, table[ID]),
        "ranking": _ranking(results),
        "groups": {
            "working_ion": _groups(results.by_ion, "working_ion"),
            "cluster": _groups(results.by_cluster, "cluster"),
        },
        "leakage": _nested(results.leakage, ["smae_stratified", "smae_grouped", "ratio"]),
        "penalties": _nested(results.penalties, ["cluster", "distance", "ratio", "mae_stratified", "mae_loco", "n"]),
        "curve": _nested(
            results.learning_curve[results.learning_curve["metric"] == "mae"],
            ["n_train", "value", "spread", "repeats"],
        ),
        "laws": _nested(results.power_laws, ["exponent", "n_train", "mae"]),
        "ions": [list(row) for row in _ions(results)],
        "levels": list(LEVELS),
        "calibration": calibration(results),
        "sweeps": {model: tuning.plot_data(of) for model, of in results.sweeps.items()},
    }


def predictions(results: Results, ids: Iterable[str]) -> dict[str, dict[str, dict[str, list[float | int | None]]]]:
    """protocol -> model -> target -> one prediction for each of ``ids`` (None where it was never tested).

    A mean over the folds that tested it; of the bootstrap those of the largest size, as everywhere.
    """
    order = list(ids)
    out: dict[str, dict[str, dict[str, list[float | int | None]]]] = {}
    for run in results.runs:
        rows = headline_predictions(run)
        found = {t: points(rows, target=t).set_index(ID)["y_pred"].reindex(order) for t in TARGETS}
        of = {t: shorts(values, _PREDICTION_DIGITS) for t, values in found.items()}
        out.setdefault(run.protocol, {})[run.model] = of
    return out


def calibration(results: Results) -> dict[str, dict[str, list[float | int | None]]]:
    """model -> target -> for each of :data:`LEVELS` the share of test rows whose value lay within z predicted spreads.

    Under the careful protocol; z is the normal quantile at which errors of a normal distribution with the predicted
    spread would lie within it that often. A model without a spread is left out.
    """
    z = np.array([NormalDist().inv_cdf((1 + level) / 2) for level in LEVELS])
    out: dict[str, dict[str, list[float | int | None]]] = {}
    for run in results.runs:
        if run.protocol != results.careful:
            continue
        rows = headline_predictions(run)
        for target in TARGETS:
            of = rows[rows["target"] == target]
            error, std = (of["y_pred"] - of["y_true"]).abs().to_numpy(), of["y_std"].to_numpy(dtype=float)
            if len(of) and np.isfinite(std).all() and (std > 0).any():
                share = (error[:, None] <= z * std[:, None]).mean(axis=0)
                out.setdefault(run.model, {})[target] = shorts(share, _PREDICTION_DIGITS)
    return out


def _representatives(results: Results) -> dict[str, dict[str, Any]]:
    """By cluster label: id, formula and number of electrodes; the formula is that of the ElMD mean representative."""
    formula = results.table.set_index(ID)[FORMULA]
    sizes = results.map["cluster"].value_counts()
    chosen = results.map[results.map["representative"].astype(bool)].sort_values("cluster")
    return {
        str(int(row["cluster"])): {
            "id": str(row[ID]),
            "formula": str(formula[row[ID]]),
            "n": int(sizes[row["cluster"]]),
        }
        for row in _records(chosen)
    }


def _ranking(results: Results) -> dict[str, dict[str, dict[str, list[Any]]]]:
    """protocol -> target -> model -> [difference, low, high] of its MAE over the control's MAE, and whether apart."""
    out: dict[str, dict[str, dict[str, list[Any]]]] = {}
    for protocol in results.protocols:
        for target in TARGETS:
            of = {}
            for row in _records(_against_control(results.pairs, protocol=protocol, target=target)):
                relative = [row[k] / row["other_mae"] if row["other_mae"] > 0 else math.nan for k in _INTERVAL]
                of[str(row["model"])] = [*shorts(relative), bool(row["different"])]
            out.setdefault(protocol, {})[target] = of
    return out


_INTERVAL = ("difference", "low", "high")


def _groups(rows: pd.DataFrame, by: str) -> dict[str, dict[str, dict[str, dict[str, list[Any]]]]]:
    """protocol -> target -> model -> group -> [smae, bias, mae, n]; bias and mae in the target's unit."""
    out: dict[str, dict[str, dict[str, dict[str, list[Any]]]]] = {}
    for row in _records(rows):
        of = out.setdefault(str(row["protocol"]), {}).setdefault(str(row["target"]), {})
        of.setdefault(str(row["model"]), {})[str(row[by])] = [*shorts(row[k] for k in ("smae", "bias", "mae", "n"))]
    return out


def _nested(rows: pd.DataFrame, columns: Sequence[str]) -> dict[str, dict[str, list[list[float | int | None]]]]:
    """target -> model -> one list a row with the values of ``columns``."""
    out: dict[str, dict[str, list[list[float | int | None]]]] = {}
    for row in _records(rows):
        of = out.setdefault(str(row["target"]), {}).setdefault(str(row["model"]), [])
        of.append(shorts(row[k] for k in columns))
    return out


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
