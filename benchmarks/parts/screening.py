"""Screening a list of candidates: candidates per second and memory, with the pre-trained model.

The yardstick is the time in which matminer computes the 132 Magpie features of the same formulas, which a user of it
would need before any prediction.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import in_fresh_process, repeated
from benchmarks.parts import Options
from benchmarks.parts.features import matminer_magpie
from benchmarks.projects import distinct_formulas
from electrode_bench.inference import pretrained
from electrode_bench.tasks import screen
from electrode_bench.tasks.screen import available_cores

#: Formulas that matminer is run on.
_FEW = 300


def run(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each length of the list and number of processes."""
    folder = options.workspace.folder
    sizes = (500, 2000) if options.quick else (1000, 10_000, 50_000)
    formulas = distinct_formulas(max(sizes), folder)
    reference = in_fresh_process(_matminer_seconds, formulas[:_FEW])
    for size in sizes:
        path = folder / f"candidates-{size}.csv"
        path.write_text("\n".join(["formula", *formulas[:size]]) + "\n", encoding="utf-8")
        for workers in sorted({1, available_cores()}):
            cost = in_fresh_process(_screened, path, workers)
            rate = size / cost["seconds"]
            yield {
                "candidates": size,
                "workers": workers,
                **cost,
                "per_second": rate,
                "per_cpu_second": size / cost["cpu_seconds"],
                "ratio_to_matminer": reference * size / cost["cpu_seconds"],
            }


def _screened(path: Path, workers: int) -> dict[str, float]:
    model = pretrained.load()
    # Imports count as start-up, which is measured elsewhere.
    model.predictor.predict(["LiFePO4"])
    out = path.with_name(f"{path.stem}-{workers}.screened.csv")
    return repeated(lambda: screen.run(path, lambda: model, out=out, workers=workers, force=True), runs=1).as_dict()


def _matminer_seconds(formulas: list[str]) -> float:
    task = matminer_magpie()
    task(formulas[:2])
    return repeated(lambda: task(formulas)).cpu_seconds / len(formulas)
