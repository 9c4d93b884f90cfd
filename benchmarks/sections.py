"""The sections of docs/performance.md, each written from the rows of one part or two."""

from __future__ import annotations

import math
from collections.abc import Callable

from benchmarks import figures
from benchmarks.markdown import memory, paragraph, table, time, times
from benchmarks.parts.growth import exponent
from benchmarks.results import Results, Row
from electrode_bench import models
from electrode_bench.core.schema import TARGETS

#: Stages with a smaller share of a study's processor seconds are added up.
_SMALL = 0.01
_SETS = {
    "magpie": "Magpie, 132 features",
    "modnet": "MODNet's preset, 280 features",
    "packing": "Atomic packing, 5 features",
    "elmd": "ElMD of all pairs",
}


def _features(results: Results) -> str:
    rows = [
        (
            _SETS[row["set"]],
            f"{row['formulas']:,}",
            time(row["cpu_seconds"]),
            time(row["reference_cpu_seconds"]) + (" *" if row["extrapolated_from"] else ""),
            times(row["ratio"]),
        )
        for row in results.rows("features")
    ]
    return "\n\n".join(
        [
            "Processor seconds with one thread against matminer's featurizers and the ElMD package.",
            table(("what", "formulas", "ours", "package", "times faster"), rows),
            "\\* extrapolated from fewer formulas, linearly for features and quadratically for pairs.",
        ]
    )


def _folds(results: Results) -> str:
    head = ("model", *(f"{c.label.lower()} MAE" for c in TARGETS.values()), "SMAE", "processor", "wall", "memory")
    blocks = []
    if rows := results.rows("folds"):
        blocks += ["The first stratified fold, fitted anew with one thread.", table(head, map(_fold, rows))]
    if rows := [row for row in results.rows("reference") if "missing" not in row]:
        blocks += [
            "The published packages and ours on the same fold, one after the other.",
            table(head, map(_fold, rows)),
        ]
        blocks += [_against(results, row) for row in rows if row["model"].endswith("_upstream")]
    return "\n\n".join(blocks)


def _fold(row: Row) -> tuple[str, ...]:
    errors = (f"{row[f'{target}/mae']:.3g}" for target in TARGETS)
    epochs = f", {row['epochs']} epochs" if row["epochs"] else ""
    costs = (time(row["cpu_seconds"]), time(row["seconds"]), memory(row["peak_mb"]))
    return (f"{models.spec(row['model']).title}{epochs}", *errors, f"{row['smae']:.3f}", *costs)


def _against(results: Results, row: Row) -> str:
    name = row["model"].removesuffix("_upstream")
    ours = results.value("reference", "cpu_seconds", model=name)
    if not ours:
        return ""
    own, other = models.spec(name).title, models.spec(row["model"]).title
    text = f"{own} takes {times(row['cpu_seconds'] / ours)} times fewer processor seconds than {other} did."
    if to := row.get("extrapolated_to"):
        seconds = row["extrapolated_cpu_seconds"]
        text += (
            f" The package's default is {to} epochs: about {time(seconds)}, extrapolated linearly from {row['epochs']},"
            f" which is {times(seconds / ours)} times as much as ours. Its early stopping may end it sooner."
            f" Its errors above are those after {row['epochs']} epochs."
        )
    return paragraph(text)


def _study(results: Results) -> str:
    part, rows = figures.study_rows(results)
    total = results.rows(part, stage="all")[0]
    what = "the full study of nine models" if part == "study" else "the embedded sample"
    shown, rest = [], 0.0
    for row in rows:
        share = row["cpu_seconds"] / total["cpu_seconds"]
        if row["stage"] in ("all", "MLflow"):
            continue
        if share < _SMALL:
            rest += row["cpu_seconds"]
        else:
            shown.append((row["stage"], time(row["cpu_seconds"]), time(row["seconds"]), f"{share:.1%}"))
    shown.append(("others, below 1% each", time(rest), "", f"{rest / total['cpu_seconds']:.1%}"))
    shown.append(("all", time(total["cpu_seconds"]), time(total["seconds"]), "100%"))
    blocks = [
        f"`dvc repro` on {what}, in a fresh clone with empty caches.",
        table(("stage", "processor", "wall", "share of the processor time"), shown),
    ]
    for row in results.rows(part, stage="MLflow"):
        taken, share = time(row["cpu_seconds"]), row["share_of_cpu_seconds"]
        text = f"Publishing all runs to a new MLflow store takes {taken} of processor time, {share:.1%} of it all."
        blocks.append(paragraph(text))
    return "\n\n".join([*blocks, "![Share of each stage](figures/performance-stages.svg)"])


def _stages(results: Results) -> str:
    rows = [
        (row["stage"], time(row["cpu_seconds"]), time(row["seconds"]), memory(row.get("peak_mb")))
        for row in results.rows("stages")
    ]
    text = "Each stage as the command that DVC runs, start-up included, without cached features."
    return f"{text}\n\n{table(('stage', 'processor', 'wall', 'memory'), rows)}"


def _growth(results: Results) -> str:
    text = """Processor seconds, without start-up. The exponent is the slope of the three largest sizes, both as
    logarithms: 1 is linear growth. Predictions are of that many formulas; everything else is on that many rows."""
    blocks = [paragraph(text)]
    for part, by in (("rows", "rows"), ("count", "folds")):
        rows = results.rows(part)
        sizes = sorted({row["size"] for row in rows})
        lines = []
        for what in dict.fromkeys(row["what"] for row in rows):
            of = {row["size"]: row["cpu_seconds"] for row in rows if row["what"] == what}
            slope = exponent([*of], [*of.values()])
            power = "" if math.isnan(slope) else f"{slope:.2f}"
            lines.append((what, *(time(of[size]) if size in of else "" for size in sizes), power))
        if lines:
            blocks.append(table((f"by {by}", *(f"{size:,}" for size in sizes), "exponent"), lines))
    return "\n\n".join([*blocks, "![Processor seconds over rows and folds](figures/performance-growth.svg)"])


def _scale(results: Results) -> str:
    rows = [
        (row["stage"], time(row["cpu_seconds"]), time(row["seconds"]), memory(row["peak_mb"]))
        for row in results.rows("scale")
    ]
    text = f"""`dvc repro` runs these commands. {results.rows("scale")[0]["size"]:,} synthetic rows, the control and
    boosting, five grouped folds. The memory is that of the largest process; folds are fitted in one process for each
    core."""
    return f"{paragraph(text)}\n\n{table(('stage', 'processor', 'wall', 'memory'), rows)}"


def _screening(results: Results) -> str:
    rows = [
        (
            f"{row['candidates']:,}",
            str(row["workers"]),
            f"{row['per_second']:,.0f}",
            # The processor time and memory of a pool's processes are not those of the process that is measured.
            *(
                (f"{row['per_cpu_second']:,.0f}", memory(row["peak_mb"]), times(row["ratio_to_matminer"]))
                if row["workers"] == 1
                else ("", "", "")
            ),
        )
        for row in results.rows("screening")
    ]
    text = """`electrode-bench screen` with the pre-trained model: predictions, intervals, domain and ranking. The last
    column is the processor time in which matminer computes the Magpie features of the same formulas, divided by ours
    for everything."""
    head = ("candidates", "processes", "per second", "per processor second", "memory", "matminer's time over ours")
    return f"{paragraph(text)}\n\n{table(head, rows)}"


def _startup(results: Results) -> str:
    rows = [
        (row["command"], time(row["cpu_seconds"]), time(row["seconds"]), memory(row["peak_mb"]), times(row["ratio"]))
        for row in results.rows("startup")
    ]
    text = """Each in a fresh process, with compiled byte code. The ratio is to the processor time of a Python that does
    nothing."""
    return f"{paragraph(text)}\n\n{table(('start', 'processor', 'wall', 'memory', 'ratio'), rows)}"


def _limit(results: Results) -> str:
    rate = results.value("limit", "flops_per_second", what="rate") or math.nan
    rows = [
        (
            models.spec(row["model"]).title,
            str(row["epochs"]),
            f"{row['flops'] / 1e12:.3g}",
            time(row["limit_seconds"]),
            time(row["epoch_cpu_seconds"] * row["epochs"]),
            f"{row['share_of_limit']:.0%}",
        )
        for row in results.rows("limit", what="network")
    ]
    text = f"""One thread multiplies large float32 matrices at {rate / 1e9:.0f} GFLOP/s here. At this rate, the matrix
    products of a training would take the time in the column "limit", which no training in float32 with one thread can
    be faster than. The training is that of the first stratified fold, without the preparation of its inputs."""
    head = ("network", "epochs", "TFLOP in matrix products", "limit", "training", "limit over training")
    return f"{paragraph(text)}\n\n{table(head, rows)}"


#: Sections in their order: the title, the parts that give numbers, and the text.
SECTIONS: tuple[tuple[str, tuple[str, ...], Callable[[Results], str]], ...] = (
    ("Features and distances", ("features",), _features),
    ("A fold of each model", ("folds", "reference"), _folds),
    ("The stages of a study", ("study", "sample"), _study),
    ("Stages before the fits", ("stages",), _stages),
    ("Growth", ("rows", "count"), _growth),
    ("A hundred thousand rows", ("scale",), _scale),
    ("Screening", ("screening",), _screening),
    ("Start-up", ("startup",), _startup),
    ("The physical limit", ("limit",), _limit),
)
