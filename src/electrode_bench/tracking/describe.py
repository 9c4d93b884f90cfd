"""The description of a published run in Markdown: its scores, its control, its data and its folds."""

from __future__ import annotations

import math
import re

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.results import Run
from electrode_bench.core.schema import CONTROL, ID, TARGETS
from electrode_bench.evaluation.metrics import ALL, FILTERED, SHOWN
from electrode_bench.tracking.links import folds_query, run_link, runs_link
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.records import Record
from electrode_bench.tracking.store import FOLDS, Store

_CONTROL_LINE = re.compile(r"^- \*\*Control:\*\* .*$", flags=re.MULTILINE)

#: MLflow's page puts the columns of a table right next to each other.
_GAP = "&ensp;"


def description(
    store: Store, record: Record, provenance: Provenance, *, run_id: str, control: str | None, model_id: str | None
) -> str:
    """The description of a run.

    Parameters
    ----------
    control : the run of the control that this one may be compared with; None while there is none.
    model_id : the logged model; None where no model is published.
    """
    run = record.run
    lines = [f"### {run.title}: {splits.protocol(run.protocol).title}", ""]
    if provenance.synthetic:
        lines += ["**Synthetic data, for trying the pipeline only: these numbers say nothing about real electrodes.**"]
        lines += [""]
    lines += [*_score_table(record.scores), "", _averaged(run), ""]
    lines += ["- **Control:** this is the control" if run.model == CONTROL else _control_line(store, control)]
    lines += [_data_line(run, provenance)]
    query = folds_query(run_id)
    folds = f"[{len(run.folds)} runs in {FOLDS}]({runs_link(store.folds, query)})"
    lines += [f"- **Folds:** {folds}, or search there for `{query}`"]
    if model_id:
        lines += [f'- **Model fitted on all rows:** `mlflow.pyfunc.load_model("models:/{model_id}")`']
    return "\n".join(lines)


def with_control(store: Store, text: str, control: str) -> str:
    """A description that names this run as its control, in place of what it said before."""
    return _CONTROL_LINE.sub(_control_line(store, control), text)


def _control_line(store: Store, control: str | None) -> str:
    if control is None:
        return "- **Control:** not published on the same data and split; do not compare"
    return f"- **Control:** [its run on the same data and split]({run_link(store.runs, control)})"


def _data_line(run: Run, provenance: Provenance) -> str:
    data = provenance.data
    facts = [str(data[key]) for key in ("source", "release", "licence") if data.get(key)]
    facts += [f"md5 `{data['md5']}`"] if data.get("md5") else []
    facts.append(f"{run.predictions[ID].nunique()} electrodes tested")
    return f"- **Data:** {', '.join(facts)}"


def _averaged(run: Run) -> str:
    """What the table's values are means of."""
    sizes = run.training_sizes
    headline = splits.headline_keys(run.protocol, sizes)
    if len(headline) == len(sizes):
        return f"Mean ± standard deviation over {len(sizes)} folds."
    over = splits.protocol(run.protocol).averaged_over
    return f"Mean ± standard deviation over {over}: {len(headline)} folds of {sizes[headline[0]]} training rows."


def _score_table(scores: pd.DataFrame) -> list[str]:
    """The metrics of the study's table; the others are among the run's metrics."""
    rows = scores[scores["fold"] == ALL]
    heads = [(f"{metric.key}{suffix}", f"{metric.label}{', 2 sigma' if suffix else ''}")
             for suffix in ("", FILTERED) for metric in SHOWN]  # fmt: skip
    lines = [
        "| Target | " + " | ".join(label + _GAP for _, label in heads) + " |",
        "|:--|" + "--:|" * len(heads),
    ]
    for target, column in TARGETS.items():
        values = [_plus_minus(rows[rows["metric"].eq(key) & rows["target"].eq(target)]) for key, _ in heads]
        lines.append(f"| {column.title} | " + " | ".join(value + _GAP for value in values) + " |")
    return lines


def _plus_minus(rows: pd.DataFrame) -> str:
    """The value of the one row with its standard deviation, which sets the number of digits; n/a without a value."""
    if rows.empty or not math.isfinite(rows["value"].iloc[0]):
        return "n/a"
    value, std = float(rows["value"].iloc[0]), float(rows["spread"].iloc[0])
    if not math.isfinite(std):
        return f"{value:.3g}"
    digits = 3 if std <= 0 else min(max(1 - math.floor(math.log10(std)), 0), 3)
    return f"{value:.{digits}f} ± {std:.{digits}f}"
