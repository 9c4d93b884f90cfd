"""What tuning changed, as tables: for a terminal, in Markdown, and for the report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from electrode_bench import splits
from electrode_bench.core.rows import records
from electrode_bench.core.schema import TARGETS
from electrode_bench.report.numbers import MISSING, percent, significant, with_deviation
from electrode_bench.tuning import looks
from electrode_bench.tuning.assess import judged

if TYPE_CHECKING:
    from rich.table import Table

#: What a comparison of the configured and the tuned configuration is based on, by its claim (``tuning.assess``).
CLAIMS: Mapping[str, str] = {
    "held_out": "test rows of {folds}, which the study has not seen",
    "nested": "all outer folds, each tuned by its own study, which has not seen its test rows",
    "not_nested": "all folds of {protocol}; not nested: the study has seen most of the test rows",
}

#: Verdicts (``evaluation.significance.verdict``) on the tuned configuration, in words.
VERDICTS: Mapping[str, str] = {
    "better": "significantly better",
    "worse": "significantly worse",
    "tied": "statistically tied",
    "no verdict": "no verdict (one fold)",
}

HEADS = ("Target", "Configured", "Tuned", "Difference", "95% interval", "p", "Tuned is")

CAPTION = (
    "SMAE, ± standard deviation over folds; difference in % of the configured MAE (of the SMAE for the mean); "
    "interval resampled by formula; p from the corrected t-test over folds, after Holm's correction for the rows of "
    "this table. A difference is significant when the interval excludes zero and p is below 0.05; a single fold has no "
    "p and no verdict"
)

#: The objective of a study, in words.
OBJECTIVES: Mapping[str, str] = {
    "smae": "mean SMAE of the three targets",
    **{key: f"SMAE of the {column.label.lower()}" for key, column in TARGETS.items()},
}


def title(score: Mapping[str, Any]) -> str:
    """What was compared: the trial, the test rows, and earlier looks at them."""
    basis = CLAIMS[score["claim"]].format(
        folds=f"{score['protocol']}/{', '.join(score['folds'])}",
        protocol=splits.protocol(score["protocol"]).title.partition(":")[0].lower(),
    )
    earlier = [str(number) for number in score.get("before", ())]
    trials = f"trial{'s' if len(earlier) > 1 else ''} {', '.join(earlier)}"
    also = f" (also tested on the held-out rows: {trials})" if earlier else ""
    return f"Trial {score['trial']} of {score['study']}: {basis}{also}"


def rows(score: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """One row per target and one for their mean, with the columns :data:`HEADS`, as text."""
    return [
        (
            TARGETS[row["target"]].label if row["target"] in TARGETS else "mean of the three",
            _smae(row, "configured"),
            _smae(row, "tuned"),
            _percent(row["relative"]),
            f"{_change(row, 'low')} to {_change(row, 'high')}",
            significant(row["p_holm"], 2),
            VERDICTS[row["verdict"]],
        )
        for row in records(judged(score["rows"]))
    ]


def n_test_rows(score: Mapping[str, Any]) -> int:
    """How many rows were tested."""
    return max(int(row["n"]) for row in score["rows"])


def terminal(score: Mapping[str, Any]) -> Table:
    """The table for a terminal."""
    from rich.table import Table

    caption = f"{n_test_rows(score)} test rows. {CAPTION}"
    table = Table(title=title(score), caption=caption, title_justify="left", caption_justify="left")
    for i, head in enumerate(HEADS):
        table.add_column(head, justify="left" if i in (0, len(HEADS) - 1) else "right", no_wrap=i != len(HEADS) - 1)
    for row in rows(score):
        table.add_row(*row)
    return table


def markdown(score: Mapping[str, Any]) -> str:
    """The table in Markdown."""
    lines = [f"**{title(score)}**", "", f"| {' | '.join(HEADS)} |", "|---|---:|---:|---:|---:|---:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows(score)), "", f"{CAPTION}."])


def description(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the report says about a study: its setup, summary, scores of the adopted trial, and the ten best trials."""
    best = sorted(_complete(record), key=lambda trial: (trial["values"][0], trial["number"]))[:10]
    data, options = record.get("data") or {}, record["how"]
    looked_at = looks.trials_looked_at(record["scores"], record["part"])
    return {
        "study": record["study"],
        "part": record["part"],
        "release": data.get("release") or "",
        "md5": data.get("md5") or "",
        "seed": record["identity"]["seed"],
        "saved": _duration(record["summary"]["saved_seconds"]),
        "looks": looks.warning(number for number in looked_at if number != record["adopted"]),
        "adopted": record["adopted"],
        "objective": OBJECTIVES[options["objective"]],
        "sampler": options["sampler"],
        "pruner": options["pruner"],
        "inner": f"{options['folds']} inner folds ({options['inner']})",
        "summary": record["summary"],
        "scores": [
            {"title": title(score), "rows": rows(score), "n": n_test_rows(score)}
            for score in record["scores"]
            if score["trial"] == record["adopted"]
        ],
        "parameters": sorted(record["space"]),
        "best": [
            {
                "number": trial["number"],
                "value": f"{trial['values'][0]:.4f}",
                "seconds": f"{trial['seconds']:.0f}",
                "params": [_as_written(trial["params"].get(name)) for name in sorted(record["space"])],
            }
            for trial in best
        ],
    }


def plot_data(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the report draws of a study: its trials, importances, and one axis per parameter over complete trials."""
    complete = _complete(record)
    importances = record["summary"]["importances"].items()
    return {
        "objective": OBJECTIVES[record["how"]["objective"]],
        "two": bool(record["how"]["against_seconds"]),
        "adopted": record["adopted"],
        "configured": record["summary"].get("configured"),
        "trials": [_point(trial) for trial in record["trials"]],
        "importances": sorted(([name, share] for name, share in importances), key=lambda pair: (-pair[1], pair[0])),
        "axes": [_axis(name, dimension, complete) for name, dimension in sorted(record["space"].items())],
        "values": [trial["values"][0] for trial in complete],
    }


def _complete(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [trial for trial in record["trials"] if trial["state"] == "complete"]


def _point(trial: Mapping[str, Any]) -> list[Any]:
    """Number, state, error and seconds of a trial; a pruned trial has no value but the last one that it reported."""
    values, steps = trial["values"], trial["steps"]
    error = values[0] if values else (steps[-1][1] if steps else None)
    return [trial["number"], trial["state"], error, values[1] if len(values) > 1 else None]


def _axis(name: str, dimension: Mapping[str, Any], trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One parameter of a parallel-coordinates plot: numbers as they are (or their logarithm), choices by position."""
    values = [trial["params"].get(name) for trial in trials]
    if dimension["kind"] != "choice":
        ends = [float(dimension["low"]), float(dimension["high"])]
        return {"name": name, "log": bool(dimension.get("log")), "range": ends, "labels": None, "values": values}
    labels = [_as_written(value) for value in dimension["values"]]
    positions = [labels.index(_as_written(value)) if _as_written(value) in labels else None for value in values]
    return {"name": name, "log": False, "range": [0, max(1, len(labels) - 1)], "labels": labels, "values": positions}


def _as_written(value: Any) -> str:
    """A parameter's value as it is written in params.yaml."""
    return value if isinstance(value, str) else json.dumps(value)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _smae(row: Mapping[str, Any], name: str) -> str:
    return with_deviation(row[f"{name}_smae"], row[f"{name}_spread"], 3)


def _change(row: Mapping[str, Any], key: str) -> str:
    """A difference in error as a share of the configured error."""
    if row[key] is None or not row["configured_mae"]:
        return MISSING
    return _percent(float(row[key] / row["configured_mae"]))


def _percent(share: float | None) -> str:
    return percent(share, decimals=1, sign=True)
