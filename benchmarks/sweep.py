"""What a sweep costs beside its fits: trials a minute with 1 and 2 workers, and milliseconds a trial that are not fits.

Usage: python benchmarks/sweep.py [--trials 40] [--model rf_magpie]   in a project whose split and features are made.
Studies and runs go to a temporary folder. Compare numbers of one go only: machines here are noisy.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from electrode_bench import params, sweep_tracking, tracking
from electrode_bench.executor import Local
from electrode_bench.layout import Layout
from electrode_bench.stages import publish
from electrode_bench.stages import sweep as stage
from electrode_bench.sweep import driver, studies
from electrode_bench.sweep.storage import journal, open_study


def measured(layout: Layout, *, model: str, trials: int, workers: int, folder: Path) -> dict[str, float]:
    given = params.load(layout.params)
    setting, *_ = stage.settings(layout, given, model=model, nested=False)
    # Whole trials: what pruning saves is another question.
    setting = replace(setting, how=setting.how.model_copy(update={"pruner": "none", "sampler": "tpe"}))
    url = journal(folder)
    own = Layout(folder)
    with tracking.opened(own, uri=tracking.tracking_uri(own, {})) as store:
        opened = open_study(setting, url=url, trials=trials)
        ledger = sweep_tracking.Ledger(store, setting, opened, trace=publish.trace(layout), url=url)
        began = time.perf_counter()
        driver.run(setting, opened, url=url, trials=trials, seconds=None, executor=Local(workers), book=ledger)
        wall = time.perf_counter() - began
    fits = sum(studies.table(opened.study, space=setting.space)["seconds"])
    return {
        "workers": workers,
        "trials_a_minute": 60 * trials / wall,
        "seconds_a_fit": fits / trials,
        # Of the driver's time: MLflow alone, and all that is not fitting (with one worker nothing runs beside it).
        "tracking_ms_a_trial": 1000 * ledger.seconds / trials,
        "not_fitting_ms_a_trial": 1000 * (wall - fits / workers) / trials,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--model", default="rf_magpie")
    given = parser.parse_args()
    layout = Layout(Path.cwd())
    for workers in (1, 2):
        with tempfile.TemporaryDirectory() as name:
            found = measured(layout, model=given.model, trials=given.trials, workers=workers, folder=Path(name))
        print(json.dumps({k: round(v, 2) for k, v in found.items()}))


if __name__ == "__main__":
    main()
