"""Small fitted cells to publish, made by the real models, splits and metrics.

``python tracking_cells.py ROOT`` publishes six of them from six processes at once into a fresh store,
then one more from a process that dies of SIGKILL on the way.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

from electrode_bench import features, models, splits
from electrode_bench.core.artifacts import write_table
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.evaluation import metrics
from electrode_bench.fitting import runs as runner
from electrode_bench.params import Split
from electrode_bench.project import Layout
from electrode_bench.report.parity import parity_png
from electrode_bench.splits.bootstrap import Bootstrap
from electrode_bench.splits.kfold import KFold
from electrode_bench.tracking import runs as tracking

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.electrodes import clusters, table

Made = tuple[tracking.Record, tracking.Trace]

SEED = 7
SPLIT = Split(stratified=KFold(folds=3), grouped=KFold(folds=3), bootstrap=Bootstrap(sizes=[0.5, 1.0], repeats=2))
CONFIG = {"control": {}, "rf_magpie": {"n_estimators": 5}}


def provenance(**changed: Any) -> dict[str, Any]:
    data = {"source": "sample", "md5": "d41d8cd98f00b204e9800998ecf8427e", "release": "made up, 1"}
    return {**data, "licence": "CC0", "synthetic": True, **changed}


def make(
    root: Path, model: str, protocol: str, *, rows: int = 40, data: dict[str, Any] | None = None, **config: Any
) -> Made:
    """One cell on ``rows`` made-up electrodes, fitted by the runner; ``config`` changes the model's settings."""
    electrodes = table(rows)
    indexed = electrodes.set_index(ID)
    spec = models.spec(model)
    settings = models.configure(model, {**CONFIG[model], **config})
    every = splits.all_folds(electrodes, clusters(electrodes), SPLIT, seed=SEED)
    folds = [fold for fold in every if fold.protocol == protocol]
    frame = indexed[[]] if spec.feature_set is None else features.featurize(
        indexed[[FORMULA]], feature_set=spec.feature_set
    )  # fmt: skip
    fitted: dict[str, Any] = {"frame": frame, "targets": indexed[list(TARGETS)], "seed": SEED, "cache": root / ".cache"}
    split_digest = splits.digests(folds)[protocol]
    cell = runner.fit_cell(spec, settings, folds, split_digest=split_digest, composition="discharged", **fitted)
    about = {"composition": "discharged", "feature_set": spec.feature_set, "synthetic": True}
    record = tracking.Record(
        about=cell.about,
        predictions=cell.predictions,
        scores=metrics.score(cell.predictions, folds, electrodes),
        costs={key: runner.cost(root / ".cache", of["cache_key"]) for key, of in cell.about["folds"].items()},
        model=runner.final_model(spec, settings, about=about, **fitted),
        lock_sha="1" * 64,
    )
    file = Layout(root).table
    if not file.exists():
        write_table(electrodes, file)
    trace = tracking.Trace(provenance=data or provenance(), table=file, commit="0" * 40, dirty=False)
    return record, trace


SIX = [(m, p) for m in ("control", "rf_magpie") for p in ("stratified", "grouped", "loco")]
KILLED = ("rf_magpie", "bootstrap")


def main(root: Path) -> None:
    # Children are forked, so that only this process pays for the imports.
    for module in ("mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "plotly.graph_objects"):
        importlib.import_module(module)
    made = [make(root, *cell) for cell in SIX]
    parity_png(made[0][0].predictions, title="for its imports and fonts")
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(made))

    def one(cell: Made) -> None:
        start.wait()
        publish(root, cell)

    codes = run([context.Process(target=one, args=(cell,)) for cell in made])
    codes += run([context.Process(target=killed, args=(root,))])
    print(codes)


def killed(root: Path) -> None:
    """Die as by the kernel's hand once folds and model are there and the run is not complete."""
    tracking._log_files = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
    publish(root, make(root, *KILLED))


def run(processes: list[Any]) -> list[int]:
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def publish(root: Path, made: Made) -> None:
    layout = Layout(root)
    tracking.publish_cell(layout, made[0], trace=made[1], uri=tracking.tracking_uri(layout, {}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
