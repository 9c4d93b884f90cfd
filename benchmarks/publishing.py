"""How publishing to MLflow bears load: many writers at once, and runs with thousands of folds.

    python benchmarks/publishing.py writers --store sqlite --writers 8
    python benchmarks/publishing.py writers --store postgresql --writers 50
    python benchmarks/publishing.py folds --folds 10000

``writers`` lets processes publish one made-up run each at the same moment into a new store, and counts what is there
afterwards: every run and every fold, each once, with all of its metrics. It ends with 1 if anything is missing.
``folds`` publishes one made-up run with many folds and prints what each thousand of them cost. PostgreSQL is started on
the loopback interface by the tests' own helper.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sqlite3
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from support import postgresql
from support.records import make_run

from electrode_bench.core.artifacts import write_table
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation.metrics import score
from electrode_bench.project import Project
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.locations import ARTIFACT_ROOT, sqlite_file, tracking_uri
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.publish import publish_records
from electrode_bench.tracking.records import Record
from electrode_bench.tracking.store import open_store

#: Electrodes that each fold tests.
_TESTED = 2


def made_up(root: Path, number: int, *, folds: int) -> tuple[Record, Provenance]:
    """A run of the model ``model-<number>`` with made-up predictions, as it is published."""
    rng = np.random.default_rng(number)
    ids = [f"e{row:06}" for row in range(folds * _TESTED)]
    table = pd.DataFrame({ID: ids, **{target: rng.uniform(1, 5, len(ids)) for target in TARGETS}})
    every = []
    rows = []
    for position in range(folds):
        tested = ids[position * _TESTED : (position + 1) * _TESTED]
        every.append(Fold("stratified", f"fold-{position}", tuple(ids[:1] if position else ids[-1:]), tuple(tested)))
        rows += [(one, f"fold-{position}") for one in tested]
    frame = pd.DataFrame(rows, columns=[ID, "fold"])
    predictions = pd.concat([
        frame.assign(
            protocol="stratified", model=f"model-{number}", target=target,
            y_true=table[target], y_pred=table[target] + rng.normal(0, 0.1, len(ids)), y_std=np.nan,
        )
        for target in TARGETS
    ])  # fmt: skip
    columns = [ID, "protocol", "fold", "model", "target", "y_true", "y_pred", "y_std"]
    run = make_run(predictions[columns].reset_index(drop=True), every)
    path = root / f"table-{number}.parquet"
    write_table(table, path)
    data = {"source": "made up", "md5": "0" * 32, "synthetic": True}
    return Record(run=run, scores=score(run.predictions, every, table)), Provenance(data=data, table=path)


@contextmanager
def store(kind: str, root: Path) -> Iterator[str]:
    """The address of a new, empty store."""
    os.environ[ARTIFACT_ROOT] = str(root / "files")
    if kind == "sqlite":
        yield tracking_uri(Project(root))
        return
    with postgresql.server() as server:
        yield postgresql.database(server, "runs")
        postgresql.close_connections()


def _publish(root: Path, uri: str, number: int, folds: int, start: object) -> None:
    record, source = made_up(root, number, folds=folds)
    start.wait()  # type: ignore[attr-defined]
    publish_records(Project(root / f"clone-{number}"), [record], provenance=source, uri=uri)


def writers(kind: str, number: int, *, folds: int) -> list[str]:
    """Publish from this many processes at once; what is missing afterwards."""
    # Children are forked, so that only this process pays for the imports.
    with warnings.catch_warnings():
        # MLflow warns about type hints of its own.
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory() as name, store(kind, Path(name)) as uri:
        root, start = Path(name), context.Barrier(number)
        processes = [context.Process(target=_publish, args=(root, uri, one, folds, start)) for one in range(number)]
        began = time.perf_counter()
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        seconds = time.perf_counter() - began
        missing = [f"writer {one} ended with {p.exitcode}" for one, p in enumerate(processes) if p.exitcode]
        with open_store(Project(root / "reader"), uri=uri) as opened:
            runs = opened.client.search_runs([opened.runs], max_results=5000)
            children = opened.client.search_runs([opened.folds], max_results=50000)
        for one in range(number):
            mine = [run for run in runs if run.data.tags["model"] == f"model-{one}"]
            below = [run for run in children if mine and run.data.tags["mlflow.parentRunId"] == mine[0].info.run_id]
            if [run.data.tags.get("complete") for run in mine] != ["true"]:
                missing.append(f"model-{one}: {len(mine)} runs")
            elif len(below) != folds or any(len(run.data.metrics) < 2 for run in below):
                missing.append(f"model-{one}: {len(below)} folds")
        if any(run.info.status == "RUNNING" for run in (*runs, *children)):
            missing.append("runs are left RUNNING")
    print(f"{number} writers, {number * (folds + 1)} runs in {kind} in {seconds:.1f} s: {len(missing)} faults")
    return missing


def rates(folds: int, *, step: int = 1000) -> list[float]:
    """Publish one run with many folds; the processor seconds that each step of folds took.

    Processor time, because the rate of a machine on which other programs run says little.
    """
    with tempfile.TemporaryDirectory() as name, store("sqlite", Path(name)) as uri:
        root, ended = Path(name), threading.Event()
        costs: list[float] = []
        record, source = made_up(root, 0, folds=folds)

        def watch() -> None:
            began, last, done = time.perf_counter(), time.process_time(), 0
            while not ended.wait(0.2):
                with suppress(sqlite3.OperationalError), closing(sqlite3.connect(file)) as database:
                    (count,) = database.execute("SELECT COUNT(*) FROM runs").fetchone()
                    if count >= done + step:
                        now = time.process_time()
                        costs.append((now - last) * step / (count - done))
                        last, done = now, count
                        rate = count / (time.perf_counter() - began)
                        print(f"{count} runs, {rate:.1f} per second: {costs[-1]:.1f} processor seconds for {step}",
                              flush=True)  # fmt: skip

        with open_store(Project(root), uri=uri):
            tracked = sqlite_file(uri)
        assert tracked is not None
        file = tracked
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            publish_records(Project(root), [record], provenance=source, uri=uri)
        finally:
            ended.set()
            watcher.join()
        with open_store(Project(root), uri=uri) as opened:
            assert len(search(opened.client, opened.folds, "attributes.status = 'FINISHED'")) == folds
    return costs


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    many = commands.add_parser("writers")
    many.add_argument("--store", choices=["sqlite", "postgresql"], default="sqlite")
    many.add_argument("--writers", type=int, default=8)
    many.add_argument("--folds", type=int, default=3)
    long = commands.add_parser("folds")
    long.add_argument("--folds", type=int, default=10_000)
    long.add_argument("--step", type=int, default=1000)
    given = parser.parse_args()
    if given.command == "folds":
        rates(given.folds, step=given.step)
        return 0
    faults = writers(given.store, given.writers, folds=given.folds)
    print(*faults, sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
