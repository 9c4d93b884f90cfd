"""The model card of a promoted model: what it is for, what it was made from, how good it is, and where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.results import Run
from electrode_bench.core.schema import TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.evaluation.calibration import OUTSIDE, Calibration
from electrode_bench.evaluation.metrics import SHOWN
from electrode_bench.features import columns_read
from electrode_bench.report import tables

_PURPOSE = (
    "Predicts gravimetric capacity (mAh/g), volumetric capacity (mAh/cm3) and average voltage (V) of insertion "
    "electrodes from the composition ({composition}) {ion}. Fitted on all {rows:,} electrodes."
)
_COMPUTED = "- Targets are computed (DFT): voltages have its errors, and some values of the snapshot are unphysical."
_USE = (
    "Ranking and screening of candidate insertion electrodes that are similar to those of the Battery Explorer. "
    "It is not meant for very different chemistries, and does not replace a calculation or a measurement."
)
_LIMITS = (
    "- A composition has one prediction: the model does not see polymorphs, morphology or cycling.",
    "- On new chemistry, expect the errors under leave one cluster out, not those of the other protocols.",
    "- Predictions stay within the range of the training targets.",
)

#: Said where the interval of a promoted model is below zero and the difference is not significant all the same.
NOT_SIGNIFICANT = "The difference from the control is not statistically significant for: {}"


def markdown(
    run: Run,
    *,
    rows: int,
    headline: pd.DataFrame,
    against_control: pd.DataFrame,
    calibration: Calibration,
    data: Mapping[str, Any],
    commit: str | None,
    coverage: pd.DataFrame | None = None,
) -> str:
    """The model card of a run.

    Parameters
    ----------
    rows : electrodes that the model was fitted on.
    headline : rows of ``results/compare/table.csv`` of this model, one per protocol.
    against_control : rows of ``results/compare/pairs.csv`` against the control, one per target.
    calibration : of the model's prediction intervals.
    data : where the raw data comes from: source, release, licence, md5, synthetic.
    commit : commit of the project; None where it is unknown.
    coverage : of the model's intervals (:func:`electrode_bench.evaluation.coverage.coverage`); None leaves it out.
    """
    synthetic = bool(data.get("synthetic"))
    warning = [f"**{SYNTHETIC_NOTICE}.**", ""] if synthetic else []
    facts = [f"{key} {data[key]}" for key in ("source", "release", "licence", "md5", "citation") if data.get(key)]
    lines = [
        f"## {run.title}",
        "",
        *warning,
        _PURPOSE.format(composition=run.composition, ion=_ion(run), rows=rows),
        "",
        "### Intended use",
        _USE,
        "",
        "### Errors",
        _errors(headline),
        "",
        _control(against_control, protocol=run.protocol),
        "",
        "### Calibration",
        *_calibration(calibration),
        "",
        *([] if coverage is None else ["### Coverage", *_coverage(coverage, calibration.level), ""]),
        "### Limits",
        *_LIMITS[:1],
        *([] if synthetic else [_COMPUTED]),
        *_LIMITS[1:],
        "",
        "### Provenance",
        f"- data: {', '.join(facts) or 'unknown'}",
        *(f"- {key} digest: `{value}`" for key, value in run.digests.model_dump().items()),
        f"- seed: {run.seed}; configuration: `{dict(run.config)}`",
        *([f"- commit: `{commit}`"] if commit else []),
    ]
    return "\n".join(lines)


def _ion(run: Run) -> str:
    """Whether the model also reads the working ion, in words."""
    read = columns_read(run.feature_set, composition=run.composition)
    return "and the working ion" if "working_ion" in read else "alone"


def not_significant(rows: pd.DataFrame) -> tuple[str, ...]:
    """Labels of the targets for which the difference from the control is not statistically significant."""
    return tuple(TARGETS[row["target"]].label for row in rows.to_dict("records") if not row["different"])


def _errors(headline: pd.DataFrame) -> str:
    heads = " | ".join(metric.label for metric in SHOWN)
    lines = [f"| protocol | target | {heads} |", f"|---|---|{'---:|' * len(SHOWN)}"]
    for _, row in headline.iterrows():
        title = splits.protocol(str(row["protocol"])).title
        for target, column in TARGETS.items():
            values = [tables.value_of(row, f"{target}/{metric.key}", metric.key) for metric in SHOWN]
            lines.append(f"| {title} | {column.title} | {' | '.join(values)} |")
    return "\n".join(lines)


def _control(rows: pd.DataFrame, *, protocol: str) -> str:
    parts = [
        f"{TARGETS[row['target']].label} {row['difference']:.4g} ({row['low']:.4g} to {row['high']:.4g}) "
        f"{TARGETS[row['target']].unit}"
        for row in rows.to_dict("records")
    ]
    text = f"MAE minus that of the control under {protocol}, with 95% interval over formulas: {'; '.join(parts)}."
    labels = not_significant(rows)
    return f"{text} {NOT_SIGNIFICANT.format(', '.join(labels))}." if labels else text


def _coverage(coverage: pd.DataFrame, level: float) -> Iterator[str]:
    """How often intervals held the true value, for calibrations that had not seen the composition."""
    rows = coverage[(coverage["by"] == "all") & (coverage["level"] == level)]
    yield f"How often the {level:.0%} intervals held the true value of compositions that they were not calibrated on."
    yield ""
    yield "| protocol | target | compositions with an interval | coverage (95% interval) | mean width |"
    yield "|---|---|---:|---:|---:|"
    for row in rows.to_dict("records"):
        column, title = TARGETS[row["target"]], splits.protocol(str(row["protocol"])).title
        held = f"{row['coverage']:.1%} ({row['low']:.1%} to {row['high']:.1%})"
        width = f"{row['width']:.3g} {column.unit}"
        yield f"| {title} | {column.title} | {row['share']:.0%} | {held} | {width} |"


def _calibration(calibration: Calibration) -> Iterator[str]:
    groups = [f"{group} ({n:g})" for group, n in calibration.compositions.items() if group != OUTSIDE]
    yield (
        f"- Prediction intervals are conformal at {', '.join(f'{level:.0%}' for level in calibration.levels)}; "
        f"{calibration.level:.0%} is shown. Each distinct composition has one vote."
    )
    yield f"- Groups with cut-offs of their own, with their compositions: {', '.join(groups)}."
    outside = calibration.compositions.get(OUTSIDE, 0)
    yield (
        f"- Further than {calibration.reach:.2f} (ElMD) from every known composition, intervals come from {outside:g} "
        f"compositions at such distances in other protocols; beyond {calibration.far:.2f} there is none."
    )
