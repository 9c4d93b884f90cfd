"""Small runs to publish, made by the real models, splits and metrics.

``python tracked_runs.py ROOT`` publishes six of them from six processes at once into a new store, then one more from a
process that dies of SIGKILL on the way.
"""

from __future__ import annotations

import dataclasses
import importlib
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

from electrode_bench import features, models, params, splits
from electrode_bench.core import feature_names
from electrode_bench.core import folds as fold_tables
from electrode_bench.core.artifacts import write_table
from electrode_bench.core.outputs import write_record
from electrode_bench.core.schema import ID, TABLE_COLUMNS, TARGETS
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.project import Project
from electrode_bench.report.parity import parity_png
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.publish import PublishedRun, publish_records
from electrode_bench.tracking.records import Record, collect

sys.path.insert(0, str(Path(__file__).parents[1]))
from support.electrodes import clusters, table

#: A run as it is published.
Made = tuple[Record, Provenance]

#: A project with published runs, by model.
Published = tuple[Project, dict[str, tuple[Made, PublishedRun]]]

SEED = 7
SPLIT = params.Split(stratified={"folds": 3}, grouped={"folds": 3}, bootstrap={"sizes": [0.5, 1.0], "repeats": 2})
CONFIG = {"rf_magpie": {"n_estimators": 5}}

SIX = [(model, protocol) for model in ("control", "rf_magpie") for protocol in ("stratified", "grouped", "loco")]
KILLED = ("rf_magpie", "bootstrap")


def data(**changed: Any) -> dict[str, Any]:
    """Where the made-up data comes from."""
    origin = {"source": "sample", "md5": "d41d8cd98f00b204e9800998ecf8427e", "release": "made up, 1"}
    return {**origin, "licence": "CC0", "synthetic": True, **changed}


def make(root: Path, model: str, protocol: str, *, module: str | None = None, **config: Any) -> Made:
    """One run on 40 made-up electrodes in the project at ``root``.

    ``module`` is that of a model from outside the package; ``config`` changes the model's configuration.
    """
    project, electrodes = Project(root), table(40)
    spec = models.from_module(module) if module else models.spec(model)
    indexed = electrodes.set_index(ID)
    every = splits.make_folds(electrodes, clusters(electrodes), SPLIT, seed=SEED)
    frame = indexed[[]]
    if spec.feature_set is not None:
        frame = features.featurize(indexed, feature_set=spec.feature_set)
        for name in feature_names.split(spec.feature_set):
            own = features.featurize(indexed, feature_set=name)
            write_table(own.reset_index(), project.paths.features(name))
    # Nothing that is published comes from the other columns of a prepared table.
    write_table(electrodes.reindex(columns=list(TABLE_COLUMNS)), project.paths.table)
    write_table(fold_tables.to_frame(every), project.paths.folds)
    write_record({"protocols": fold_tables.digests(every)}, project.paths.split_digest)
    write_record({"synthetic": True}, project.paths.card)
    folds = [fold for fold in every if fold.protocol == protocol]
    run = fit_run(
        spec,
        models.configure(spec, {**CONFIG.get(model, {}), **config}),
        folds,
        split_digest=fold_tables.digests(folds)[protocol],
        frame=frame,
        targets=indexed[list(TARGETS)],
        composition="discharged",
        seed=SEED,
        cache=project.paths.cache,
    )
    record = dataclasses.replace(collect(project, run), lock_digest="1" * 64)
    return record, Provenance(data=data(), table=project.paths.table, commit="0" * 40, dirty=False)


def publish(project: Project, *made: Made, uri: str | None = None) -> list[PublishedRun]:
    """Publish runs one after the other, each with its own provenance."""
    return [publish_records(project, [record], provenance=source, uri=uri)[0] for record, source in made]


def main(root: Path) -> None:
    """Publish from six processes at once, then from one that is killed; print the exit codes."""
    # Children are forked, so that only this process pays for the imports.
    for module in ("mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "plotly.graph_objects"):
        importlib.import_module(module)
    made = [make(root, *names) for names in SIX]
    parity_png(made[0][0].run.predictions, title="for its imports and fonts")
    context = multiprocessing.get_context("fork")
    start = context.Barrier(len(made))

    def publish_at_once(one: Made) -> None:
        start.wait()
        publish(Project(root), one)

    codes = exit_codes([context.Process(target=publish_at_once, args=(one,)) for one in made])
    codes += exit_codes([context.Process(target=publish_and_die, args=(root,))])
    print(codes)


def publish_and_die(root: Path) -> None:
    """Die as if killed by the kernel once folds and model are written and the run's files are not."""
    made = make(root, *KILLED)

    def kill(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and "cell.json" in str(arguments[0]):
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    publish(Project(root), made)


def exit_codes(processes: list[Any]) -> list[int]:
    """Start processes together and wait for all of them."""
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
