"""What tuning brought, as tables: for a terminal, in Markdown, and for the page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from electrode_bench.core.schema import TARGETS
from electrode_bench.splits import protocol as protocol_named
from electrode_bench.tuning import record_file as sweep_record

if TYPE_CHECKING:
    from rich.table import Table

#: What a comparison of a configured and a tuned configuration may claim, by its kind (sweep.score).
CLAIMS: Mapping[str, str] = {
    "held_out": "test rows of {folds}, which the study has not seen",
    "nested": "all outer folds, each tuned by a study of its own that has not seen its test rows",
    "not_nested": "all folds of {protocol}: not nested, the study saw most of the rows that they test on",
}

HEADS = ("Target", "Configured", "Tuned", "Difference", "95% interval", "p", "Tuned is")

CAPTION = (
    "SMAE, ± standard deviation over folds; difference in % of the configured MAE (of the SMAE for the mean), "
    "its interval resampled by formula; p: corrected t-test over folds. Better or worse asks for both to agree; "
    "one fold has no such test (-): there the interval alone decides"
)


def title(score: Mapping[str, Any]) -> str:
    """What a score is of: the trial, and the claim."""
    what = CLAIMS[score["claim"]].format(
        folds=f"{score['protocol']}/{', '.join(score['folds'])}",
        protocol=protocol_named(score["protocol"]).title.lower(),
    )
    looked = [str(n) for n in score.get("before", ())]
    again = f" (these rows were looked at for trial {', '.join(looked)} too)" if looked else ""
    return f"Trial {score['trial']} of {score['study']}: {what}{again}"


def rows(score: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row a target and one for their mean, with the columns :data:`HEADS`, as text."""
    return [
        (
            TARGETS[r["target"]].label if r["target"] in TARGETS else "mean of the three",
            _smae(r, "configured"),
            _smae(r, "tuned"),
            _percent(r["relative"]),
            f"{_percent(_share(r, 'low'))} to {_percent(_share(r, 'high'))}",
            "-" if _missing(r["p"]) else f"{r['p']:.2g}",
            str(r["verdict"]),
        )
        for r in score["rows"]
    ]


def terminal(score: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    from rich.table import Table

    n = max(int(r["n"]) for r in score["rows"])
    table = Table(title=title(score), caption=f"{n} test rows. {CAPTION}", title_justify="left", caption_justify="left")
    for i, head in enumerate(HEADS):
        table.add_column(head, justify="left" if i in (0, len(HEADS) - 1) else "right", no_wrap=i != len(HEADS) - 1)
    for row in rows(score):
        table.add_row(*row)
    return table


def markdown(score: Mapping[str, Any]) -> str:
    """The table in Markdown."""
    lines = [f"**{title(score)}**", "", f"| {' | '.join(HEADS)} |", "|---|---:|---:|---:|---:|---:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows(score)), "", f"{CAPTION}."])


def told(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the page says of a study: counts, the best and the configured value, scores, and the ten best trials."""
    summary = record["summary"]
    complete = sorted(
        (t for t in record["trials"] if t["state"] == "complete"), key=lambda t: (t["values"][0], t["number"])
    )
    data = record.get("data") or {}
    ours = [s for s in record["scores"] if s["trial"] == record["adopted"]]
    # Rows that no trial has seen, looked at for others: whoever chose by them tuned on them.
    clean = [s for s in record["scores"] if s["claim"] != "not_nested"]
    others = sorted(sweep_record.looked_for(clean) - {record["adopted"]})
    return {
        "study": record["study"],
        "part": record["part"],
        "release": data.get("release") or "",
        "md5": data.get("md5") or "",
        "seed": record["identity"]["seed"],
        "saved": _duration(summary["saved_seconds"]),
        "others": others,
        "adopted": record["adopted"],
        "objective": OBJECTIVES[record["how"]["objective"]],
        "sampler": record["how"]["sampler"],
        "pruner": record["how"]["pruner"],
        "inner": f"{record['how']['folds']} inner folds ({record['how']['inner']})",
        "summary": summary,
        "scores": [{"title": title(s), "rows": rows(s), "n": max(int(r["n"]) for r in s["rows"])} for s in ours],
        "parameters": sorted(record["space"]),
        "best": [
            {
                "number": t["number"],
                "value": f"{t['values'][0]:.4f}",
                "seconds": f"{t['seconds']:.0f}",
                "params": [_shown(t["params"].get(name)) for name in sorted(record["space"])],
            }
            for t in complete[:10]
        ],
    }


#: What a study makes small, in words.
OBJECTIVES: Mapping[str, str] = {
    "smae": "mean SMAE of the three targets",
    **{key: f"SMAE of the {column.label.lower()}" for key, column in TARGETS.items()},
}


def drawn(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the page draws of a study: its trials, importances, and an axis a parameter over its complete trials."""
    complete = [t for t in record["trials"] if t["state"] == "complete"]
    return {
        "objective": OBJECTIVES[record["how"]["objective"]],
        "two": bool(record["how"]["against_seconds"]),
        "adopted": record["adopted"],
        "configured": record["summary"].get("configured"),
        # A trial that was pruned has no value, but the last that it reported.
        "trials": [
            [t["number"], t["state"], t["values"][0] if t["values"] else (t["steps"][-1][1] if t["steps"] else None),
             t["values"][1] if len(t["values"]) > 1 else None]
            for t in record["trials"]
        ],
        "importances": sorted(([name, share] for name, share in record["summary"]["importances"].items()),
                              key=lambda of: (-of[1], of[0])),
        "axes": [_axis(name, of, complete) for name, of in sorted(record["space"].items())],
        "values": [t["values"][0] for t in complete],
    }  # fmt: skip


def _axis(name: str, of: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One parameter of a parallel-coordinates plot: numbers as they are (or their logarithm), choices by position."""
    values = [t["params"].get(name) for t in trials]
    if of["kind"] != "choice":
        low, high = float(of["low"]), float(of["high"])
        log = bool(of.get("log"))
        return {"name": name, "log": log, "range": [low, high], "labels": None, "values": values}
    labels = [_shown(v) for v in of["values"]]
    at = [labels.index(_shown(v)) if _shown(v) in labels else None for v in values]
    return {"name": name, "log": False, "range": [0, max(1, len(labels) - 1)], "labels": labels, "values": at}


def _shown(value: Any) -> str:
    """A parameter's value as it stands in params.yaml."""
    return value if isinstance(value, str) else json.dumps(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _smae(row: Mapping[str, Any], which: str) -> str:
    value, spread = row[f"{which}_smae"], row[f"{which}_spread"]
    return f"{value:.3f}" if _missing(spread) else f"{value:.3f} ± {spread:.3f}"


def _share(row: Mapping[str, Any], key: str) -> float | None:
    if _missing(row[key]) or not row["configured_mae"]:
        return None
    return float(row[key] / row["configured_mae"])


def _percent(value: float | None) -> str:
    return "-" if value is None or _missing(value) else f"{100 * value + 0.0:+.1f}%"


def _missing(value: float | None) -> bool:
    return value is None or math.isnan(value)
