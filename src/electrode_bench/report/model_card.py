"""The model card of a promoted model: what it is for, what it was made from, how good it is, and where it fails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.inference.calibration import LEVEL, Calibration
from electrode_bench.splits import protocol as protocol_named

_PURPOSE = (
    "Predicts gravimetric capacity (mAh/g), volumetric capacity (mAh/cm3) and average voltage (V) of insertion "
    "electrodes from the composition ({composition}) alone. Fitted on all {rows:,} electrodes."
)
_COMPUTED = "- Targets are computed (DFT): voltages carry its errors, and some of the snapshot's are unphysical."
_USE = (
    "Ranking and first looks at candidate insertion electrodes that are like those of the Battery Explorer. "
    "Not for chemistries far from them, nor in place of a calculation or a measurement."
)


def markdown(
    *,
    title: str,
    about: Mapping[str, Any],
    rows: int,
    headline: pd.DataFrame,
    against_control: pd.DataFrame,
    calibration: Mapping[str, Calibration],
    provenance: Mapping[str, Any],
    commit: str | None,
) -> str:
    """The card.

    Parameters
    ----------
    about : cell.json of the promoted cell.
    rows : electrodes that the model was fitted on.
    headline : rows of ``results/compare/table.csv`` of this model, one a protocol.
    against_control : rows of ``results/compare/pairs.csv`` against the control, one a target.
    calibration : by target, from the cell's predictions.
    provenance : of the raw data: source, release, licence, md5, synthetic.
    commit : of the project, where it is known.
    """
    warning = [f"**{SYNTHETIC_NOTICE}.**", ""] if provenance.get("synthetic") else []
    facts = [f"{k} {provenance[k]}" for k in ("source", "release", "licence", "md5") if provenance.get(k)]
    lines = [
        f"## {title}",
        "",
        *warning,
        _PURPOSE.format(composition=about["composition"], rows=rows),
        "",
        "### Intended use",
        _USE,
        "",
        "### Errors",
        _errors(headline),
        "",
        _control(against_control, protocol=str(about["protocol"])),
        "",
        "### Calibration",
        *(_calibration(target, calibration[target]) for target in TARGETS),
        "",
        "### Limits",
        "- One composition has one prediction: polymorphs, morphology and cycling are not seen.",
        *([] if provenance.get("synthetic") else [_COMPUTED]),
        "- Errors on new chemistry are those under leave one cluster out, not the smaller ones above it.",
        "- Predictions stay within the range of the training targets.",
        "",
        "### Trace",
        f"- data: {', '.join(facts) or 'unknown'}",
        *(f"- {key} digest: `{value}`" for key, value in about["digests"].items()),
        f"- seed: {about['seed']}; configuration: `{dict(about['config'])}`",
        *([f"- commit: `{commit}`"] if commit else []),
    ]
    return "\n".join(lines)


def _errors(headline: pd.DataFrame) -> str:
    lines = ["| protocol | target | MAE | SMAE | R2 |", "|---|---|---:|---:|---:|"]
    for row in headline.to_dict("records"):
        for target, column in TARGETS.items():
            shown = [f"{row[f'{target}/{m}']:.3g} ± {row[f'{target}/{m} spread']:.2g}" for m in ("mae", "smae", "r2")]
            lines.append(f"| {protocol_named(row['protocol']).title} | {column.title} | {' | '.join(shown)} |")
    return "\n".join(lines)


def _control(rows: pd.DataFrame, *, protocol: str) -> str:
    parts = [
        f"{TARGETS[row['target']].label} {row['difference']:.4g} ({row['low']:.4g} to {row['high']:.4g}) "
        f"{TARGETS[row['target']].unit}"
        for row in rows.to_dict("records")
    ]
    text = f"MAE minus that of the control under {protocol}, with 95% interval over formulas: {'; '.join(parts)}."
    labels = unsure(rows)
    return f"{text} {UNSURE.format(', '.join(labels))}." if labels else text


def unsure(rows: pd.DataFrame) -> tuple[str, ...]:
    """Labels of the targets for which the test over folds does not tell a model apart from the control."""
    return tuple(TARGETS[row["target"]].label for row in rows.to_dict("records") if not row["different"])


#: Said where the interval of a promoted model is below zero and the test over folds does not agree.
UNSURE = "The corrected t-test over folds does not tell it apart from the control for: {}"


def _calibration(target: str, of: Calibration) -> str:
    column = TARGETS[target]
    if not math.isfinite(of.factor):
        return f"- {column.label}: too few electrodes for an interval."
    width = f"{of.factor:.3g} times the predicted spread" if of.has_std else f"{of.factor:.3g} {column.unit}"
    return f"- {column.label}: the {LEVEL:.0%} interval is ± {width}."
