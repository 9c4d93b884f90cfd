"""What the template shows beside the plots: plain values, whose text the template escapes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.rows import records
from electrode_bench.core.schema import CONTROL, NOISE, TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.evaluation.metrics import FILTERED, SHOWN, Metric
from electrode_bench.report import costs as error_cost
from electrode_bench.report import published, tables, tuning, uncertainty, uncertainty_figures
from electrode_bench.report.composition_map import ion_counts
from electrode_bench.report.numbers import MISSING, percent, significant, unit
from electrode_bench.report.page.data import FEW, calibration
from electrode_bench.report.page.overview import overview
from electrode_bench.report.page.results import Results

#: The metrics of the study's table, SMAE first: a narrow screen shows the first columns.
METRICS: tuple[Metric, ...] = tuple(sorted(SHOWN, key=lambda metric: metric.key != "smae"))
#: The columns of the table: all metrics, then the same on filtered rows.
COLUMNS = tuple((metric, suffix) for suffix in ("", FILTERED) for metric in METRICS)


def content(results: Results) -> dict[str, Any]:
    """Everything that the template needs, by name, for a page without costs (see :func:`with_costs`)."""
    clusters = results.map["cluster"]
    return {
        "card": results.card,
        # A page that is passed on names the file, not the folder on someone's machine.
        "origin": {**results.origin, "source": PurePath(str(results.origin["source"])).name},
        "synthetic": bool(results.card.get("synthetic")),
        "synthetic_notice": SYNTHETIC_NOTICE,
        "targets": TARGETS,
        "models": [{"name": name, "title": title} for name, title in results.titles.items()],
        "protocols": [_protocol(name) for name in results.protocols],
        "missing_protocols": [
            splits.protocol(p).title for p in splits.PROTOCOLS if p not in {*results.protocols, *results.left_out}
        ],
        "left_out": tables.left_out(results.left_out),
        "main_protocol": _protocol(results.main_protocol),
        "overview": overview(results),
        "headline": headline(results),
        "costs": {},
        "cost_heads": error_cost.HEADS,
        "cost_columns": ["Model", *(f"SMAE, {column.label.lower()}" for column in TARGETS.values()), *error_cost.HEADS],
        "cost_caption": error_cost.CAPTION,
        "metrics": [f"{metric.label}, 2σ" if suffix else metric.label for metric, suffix in COLUMNS],
        "with_unit": " and ".join(metric.label for metric in SHOWN if metric.unit == "target"),
        "published_source": published.SOURCE,
        "orders": {
            str(protocol): tables.orders(pairs, titles=results.titles)
            for protocol, pairs in results.pairs.groupby("protocol", sort=False)
        },
        "verdicts": tables.VERDICTS,
        "leakage": _with_titles(results, results.leakage),
        "distance_correlations": _with_titles(results, results.penalty_against_distance),
        "doublings": doublings(results),
        "power_laws": _with_titles(results, results.power_laws),
        "few": FEW,
        "has_uncertainty": bool(calibration(results)),
        "intervals": intervals(results),
        "provenance": provenance(results),
        "tuned": tuned(results),
        "sweeps": [
            {"name": model, "title": results.titles.get(model, model), **tuning.description(record)}
            for model, record in results.sweeps.items()
        ],
        "score_heads": tuning.HEADS,
        "score_caption": tuning.CAPTION,
        "clusters": int(clusters[clusters != NOISE].nunique()),
        "noise": int((clusters == NOISE).sum()),
        "drawn_points": len(results.chart.drawn),
        "map_notes": [f"{note[:1].upper()}{note[1:]}." for note in results.map_notes],
        "ions": ion_counts(results.table),
    }


def with_costs(results: Results, costs: pd.DataFrame) -> dict[str, Any]:
    """What is otherwise on a page with costs.

    Parameters
    ----------
    costs : error and cost of the models (:func:`electrode_bench.report.costs.error_and_cost`).
    """
    return {"headline": headline(results, costs), "costs": cost_tables(results, costs)}


def _protocol(name: str) -> dict[str, str]:
    protocol = splits.protocol(name)
    return {"name": name, "title": protocol.title, "averaged_over": protocol.averaged_over}


def _with_titles(results: Results, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries, each with the title of its model."""
    return [{**row, "title": results.titles.get(row["model"], row["model"])} for row in records(rows)]


def headline(results: Results, costs: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """The study's table: a block for each protocol, in it one for each target, in it one for each kind of model.

    A row of text for each model, and below them for each ceiling. With ``costs``, each row ends with what a fold took.
    """
    taken = {} if costs is None else {(row["protocol"], row["model"]): error_cost.texts(row) for row in records(costs)}
    blocks = []
    for protocol in results.protocols:
        models = results.headline[results.headline["protocol"] == protocol]
        study = published.STRATIFIED if protocol == "stratified" else {}
        targets = []
        for target, column in TARGETS.items():
            best = _best_values(models, target)
            groups = [
                {"heading": heading, "rows": [_headline_row(row, target, study, taken, best) for row in records(group)]}
                for heading, group in tables.by_what_they_read(models)
            ]
            ceilings = [
                {"title": title, "best": False, "values": _ceiling_cells(values),
                 "published": [""] * 4 if study else None, "cost": [""] * len(error_cost.HEADS)}
                for title, *values in tables.ceiling_rows(results.ceilings, models, target=target)
            ]  # fmt: skip
            groups += [{"heading": tables.CEILINGS, "rows": ceilings}] if ceilings else []
            targets.append({"label": column.label, "unit": unit(column), "groups": groups})
        blocks.append({**_protocol(protocol), "published": bool(study), "targets": targets})
    return blocks


def _headline_row(
    row: Mapping[str, Any],
    target: str,
    study: Mapping[str, Mapping[str, published.Published]],
    taken: Mapping[tuple[str, str], Sequence[str]],
    best: Mapping[str, float],
) -> dict[str, Any]:
    keys = {f"{target}/{metric.key}{suffix}": metric for metric, suffix in COLUMNS}
    values = [
        {"text": tables.value_of(row, key, metric.key), "best": key in best and float(row[key]) == best[key]}
        for key, metric in keys.items()
    ]
    known = _published(study, str(row["model"]), target) if study else None
    cost = taken.get((row["protocol"], row["model"]), [MISSING] * len(error_cost.HEADS))
    of_all = f"{target}/smae"
    return {
        "title": row["title"],
        "best": of_all in best and float(row[of_all]) == best[of_all],
        "values": values,
        "published": known,
        "cost": cost,
    }


def _best_values(models: pd.DataFrame, target: str) -> dict[str, float]:
    """The best value of each column of a target's block; none where there is only one model."""
    if len(models) < 2:
        return {}
    keys = {f"{target}/{metric.key}{suffix}": metric for metric, suffix in COLUMNS}
    known = {key: models[key] for key in keys if key in models and models[key].notna().any()}
    return {key: float(values.max() if keys[key].larger_is_better else values.min()) for key, values in known.items()}


def _ceiling_cells(values: Sequence[str]) -> list[dict[str, Any]]:
    """The cells of a ceiling, whose values come in the order of :data:`SHOWN`; it has none on filtered rows."""
    by_key = {metric.key: value for metric, value in zip(SHOWN, values, strict=True)}
    return [{"text": "" if suffix else by_key[metric.key], "best": False} for metric, suffix in COLUMNS]


def cost_tables(results: Results, costs: pd.DataFrame) -> dict[str, list[list[str]]]:
    """By protocol a row of text for each model, the cheapest first.

    Its title, the SMAE of each target, its cost, and the targets for which no cheaper model is better.
    """
    found: dict[str, list[list[str]]] = {}
    of_targets = costs[costs["target"].isin(list(TARGETS))].sort_values(["cpu_seconds", "model"], kind="stable")
    for protocol in results.protocols:
        for _, rows in of_targets[of_targets["protocol"] == protocol].groupby("model", sort=False):
            by_target = {row["target"]: row for row in records(rows)}
            errors = [f"{by_target[t]['smae']:.3f}" if t in by_target else MISSING for t in TARGETS]
            best = [TARGETS[t].label for t, row in by_target.items() if row["on_front"]]
            first = records(rows)[0]
            line = [str(first["title"]), *errors, *error_cost.texts(first), ", ".join(best) or "none"]
            found.setdefault(protocol, []).append(line)
    return found


def _published(table: Mapping[str, Mapping[str, published.Published]], model: str, target: str) -> list[str]:
    values = table.get(model, {}).get(target)
    if values is None:
        return [MISSING] * 4
    return [f"{v:.3f}" for v in (values.smae, values.smae_2sigma, values.r2, values.r2_2sigma)]


def doublings(results: Results) -> list[str]:
    """What twice the training rows would save: one sentence per target, for the best model under the bootstrap."""
    sentences = []
    laws = results.power_laws[results.power_laws["model"] != CONTROL]
    ranking = results.ranking[results.ranking["protocol"] == "bootstrap"]
    for target, column in TARGETS.items():
        rows = laws[laws["target"] == target]
        if rows.empty:
            continue
        # The smallest measured error, as in the table: the fitted curves may have another order.
        measured = ranking[ranking["target"] == target].set_index("model")["mae"]
        best = rows.assign(measured=rows["model"].map(measured)).sort_values(["measured", "mae", "model"]).iloc[0]
        change = "lower" if best["saved"] >= 0 else "raise"
        sentences.append(
            f"{column.label}: twice the training rows ({2 * int(best['n_train']):,}) would {change} the MAE of "
            f"{results.titles.get(best['model'], best['model'])} by {percent(abs(best['saved']))} "
            f"(95% interval: {_saved(best['saved_low'], best['saved_high'])}), from "
            f"{significant(best['mae'])} to {significant(best['mae_doubled'])} {unit(column)} on the fitted curve."
        )
    return sentences


def _saved(low: float, high: float) -> str:
    """An interval of the share that is saved, in words; one that holds zero says nothing for sure."""
    if low >= 0:
        return f"{percent(low)} to {percent(high)} lower"
    if high <= 0:
        return f"{percent(-high)} to {percent(-low)} higher"
    return f"{percent(high)} lower to {percent(-low)} higher, so not significant"


def tuned(results: Results) -> list[dict[str, str]]:
    """For each tuned model: title, study, trial, the outer fold tuned on, and what may be said of it (state).

    A tuned member of an ensemble makes a row of the ensemble too.
    """
    runs = {run.model: run for run in results.runs}
    return [
        {
            "title": title if name == model else f"{title} (its member {name})",
            "study": adoption.study,
            "trial": str(adoption.trial),
            "part": adoption.part,
            "state": adoption.state(config=config, table=runs[model].digests.table),
        }
        for model, title in results.titles.items()
        for name, config in runs[model].configurations.items()
        if (adoption := results.adoptions.get(name)) is not None
    ]


def intervals(results: Results) -> dict[str, Any] | None:
    """For each protocol the coverage table and the figures of the prediction intervals; None where there are none."""
    if results.coverage.empty:
        return None
    measured = set(results.coverage["protocol"])
    return {
        "level": f"{results.level:.0%}",
        "heads": uncertainty.TABLE_COLUMNS,
        "protocols": {name: _intervals_under(results, name) for name in results.protocols if name in measured},
    }


def _intervals_under(results: Results, protocol: str) -> dict[str, Any]:
    titles = {model: title for model, title in results.titles.items() if model != CONTROL}
    synthetic = bool(results.card.get("synthetic"))
    return {
        "rows": uncertainty.coverage_table(
            results.coverage, protocol=protocol, level=results.level, titles=results.titles
        ),
        "calibration": uncertainty_figures.embedded(
            lambda: uncertainty_figures.calibration(results.coverage, protocol=protocol, titles=titles),
            synthetic=synthetic,
        ),
        "rejection": uncertainty_figures.embedded(
            lambda: uncertainty_figures.rejected(results.rejection, protocol=protocol, titles=titles),
            synthetic=synthetic,
        ),
    }


def provenance(results: Results) -> dict[str, Any]:
    """What the numbers come from: digests of data and folds, and a row for each run."""
    rows = [
        {
            "title": results.titles.get(run.model, run.title),
            "protocol": run.protocol,
            "folds": len(run.folds),
            "run_digest": run.digests.run,
            "code_digest": run.digests.code,
            "config": json.dumps(dict(run.config), sort_keys=True),
            "seed": run.seed,
            "versions": ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items())) or MISSING,
            "search": f"tags.run_digest = '{run.digests.run}' and tags.current = 'true'",
        }
        for run in results.runs
    ]
    tables_digests = sorted({run.digests.table for run in results.runs})
    return {"table": tables_digests, "splits": dict(sorted(results.splits.items())), "runs": rows}
