"""Publishing runs to MLflow: every run with its folds, and what it was made from.

The parquet files are the truth and MLflow is a view of them: all runs can be published again.

- Runs are in the experiment ``electrodes``. Their folds are child runs (``mlflow.parentRunId``) in
  ``electrodes/folds``, so that MLflow's page of runs is not filled with folds.
- ``content_digest`` names what is published. Publishing the same content again creates nothing.
- ``complete = 'true'`` is set last. A run without it is being written by the process that its tag ``writer`` names, or
  was cut off: then the next publish replaces it.
- ``current = 'true'`` marks the newest run of each model under each protocol. Older ones stay as history with
  ``current = 'false'`` and ``superseded_by``, the run that replaced them; their names begin with ``superseded``.
- ``control_run_id`` is the control's run on the same split, table and raw data; the tag is missing while there is
  none. The control's own tag names itself, so that grouping by it collects what may be compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from electrode_bench.core.artifacts import write_csv, write_json, write_table, write_text
from electrode_bench.core.results import Run
from electrode_bench.core.schema import CONTROL, PREDICTION_COLUMNS, SHARE_COLUMNS
from electrode_bench.evaluation.scores import headline_predictions
from electrode_bench.project import Project
from electrode_bench.tracking import provenance as provenances
from electrode_bench.tracking.batches import TAG_LENGTH, insist, log, log_files
from electrode_bench.tracking.current import (
    FORMER_KINDS,
    KIND,
    control_of,
    find_runs,
    is_complete,
    link_controls,
    make_current,
    tag,
)
from electrode_bench.tracking.describe import description
from electrode_bench.tracking.fields import (
    dataset,
    devices,
    fold_metrics,
    parameters,
    run_metrics,
    shared_tags,
    time_span,
)
from electrode_bench.tracking.models import LoggedModels
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.records import Collector, Record
from electrode_bench.tracking.store import Store, open_store
from electrode_bench.tracking.unfinished import WRITER, earlier_runs, writer

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun


@dataclass(frozen=True)
class PublishedRun:
    """A run in MLflow.

    ``created`` is False when it was there already; ``url`` is its page; ``content_digest`` names its content;
    ``no_model`` says why it was published without its model, when the model cannot be saved.
    """

    model: str
    protocol: str
    run_id: str
    url: str
    created: bool
    content_digest: str
    no_model: str = ""


def publish_run(project: Project, run: Run, *, uri: str | None = None) -> PublishedRun:
    """Publish one run of the project; see :func:`publish_runs`."""
    return publish_runs(project, [run], uri=uri)[0]


def publish_runs(
    project: Project,
    runs: Iterable[Run],
    *,
    uri: str | None = None,
    notify: Callable[[PublishedRun], None] | None = None,
) -> list[PublishedRun]:
    """Publish runs of the project one by one; errors as :func:`publish_records`.

    Parameters
    ----------
    uri : address of the tracking store; the project's where it is None.
    notify : called with each run once it is published.
    """
    collector = Collector(project)
    records = (collector.collect(run) for run in runs)
    return publish_records(project, records, provenance=provenances.of(project), uri=uri, notify=notify)


def publish_records(
    project: Project,
    records: Iterable[Record],
    *,
    provenance: Provenance,
    uri: str | None = None,
    notify: Callable[[PublishedRun], None] | None = None,
) -> list[PublishedRun]:
    """Publish records one by one. The control may come at any place.

    Content that is published already creates nothing and is only marked as current again. What a killed publish left
    unfinished is deleted and made again. What another process writes now is awaited.

    Raises
    ------
    UserError
        When the store cannot be reached or used.
    """
    published = []
    with open_store(project, uri=uri) as store, LoggedModels.of(store, provenance) as models:
        for record in records:
            with store.lock:
                published.append(_publish(store, record, provenance, models))
            if notify is not None:
                notify(published[-1])
    return published


def _publish(store: Store, record: Record, provenance: Provenance, models: LoggedModels) -> PublishedRun:
    run, content = record.run, record.content_digest(provenance)

    def found() -> list[MlflowRun]:
        kinds = (KIND, *FORMER_KINDS)
        return [one for kind in kinds for one in find_runs(store, model=run.model, protocol=run.protocol, kind=kind)]

    complete = earlier_runs(store, found, content)
    same = _same(complete, content)
    run_id = mine = "" if same else _create(store, record, provenance, models)
    if mine and not store.local:
        # Two clones that began at the same moment have both written it: they choose the same run.
        complete = [one for one in found() if is_complete(one)]
    if not store.local or same:
        run_id = min(_same(complete, content), default=mine)
    make_current(store, run_id, complete)
    if same and record.lock_digest and same[run_id].data.tags.get("dvc_lock_sha") != record.lock_digest:
        # The run was published by its stage, which DVC writes into dvc.lock only when it has ended.
        tag(store, run_id, {"dvc_lock_sha": record.lock_digest})
    link_controls(store, protocol=run.protocol)
    return PublishedRun(
        run.model,
        run.protocol,
        run_id,
        store.url(run_id),
        created=run_id == mine,
        content_digest=content,
        no_model=record.no_model,
    )


def _same(runs: Iterable[MlflowRun], content: str) -> dict[str, MlflowRun]:
    """The runs with this content, by id."""
    return {run.info.run_id: run for run in runs if run.data.tags["content_digest"] == content}


def _create(store: Store, record: Record, provenance: Provenance, models: LoggedModels) -> str:
    """Write a run with its folds, files and model; the tag ``complete`` comes last."""
    run, client = record.run, store.client
    started, ended = time_span(record.resources.values())
    tags, params = shared_tags(record, provenance), parameters(run)
    names = {"mlflow.runName": record.run_name, "complete": "false"}
    own = {**tags, "kind": KIND, "device": devices(record.resources), WRITER: writer(), **names}
    run_id: str = client.create_run(store.runs, start_time=started, tags=own).info.run_id
    control = run_id if run.model == CONTROL else control_of(store, own)
    if control is not None:
        tags["control_run_id"] = control
    for fold in run.folds:
        _create_fold(store, record, fold, parent=run_id, tags=tags, params=params)
    model_id = None
    if record.model is not None:
        model_id = models.log(record, folder=record.model, run_id=run_id)
    log(client, run_id, metrics=run_metrics(record), params=params, model_id=model_id, at=ended)
    # The data set is one row for all runs: whoever comes second finds it only on the next try.
    insist(lambda: client.log_inputs(run_id, datasets=[dataset(run, provenance)]))
    _log_files(store, record, run_id, synthetic=provenance.synthetic)
    text = description(store, record, provenance, run_id=run_id, control=control, model_id=model_id)
    last = {"mlflow.note.content": text[:TAG_LENGTH], "current": "true"}
    log(client, run_id, tags=last | ({"control_run_id": control} if control else {}))
    client.set_terminated(run_id, "FINISHED", end_time=ended)
    client.set_tag(run_id, "complete", "true")
    return run_id


def _create_fold(
    store: Store, record: Record, fold: str, *, parent: str, tags: Mapping[str, str], params: Mapping[str, str]
) -> None:
    resources = record.resources.get(fold, {})
    started, ended = time_span([resources])
    own = {
        **tags,
        "kind": "fold",
        "fold": fold,
        "device": str(resources.get("device", "unknown")),
        # The fold comes first: MLflow's page cuts long names off.
        "mlflow.runName": f"{fold} · {record.run_name}",
        "mlflow.parentRunId": parent,
        "current": "true",
    }
    run_id = store.client.create_run(store.folds, start_time=started, tags=own).info.run_id
    # The seed of a fold is derived from that of the run.
    seed = {"seed": str(record.run.folds[fold].seed)}
    log(store.client, run_id, metrics=fold_metrics(record, fold), params={**params, **seed}, at=ended)
    store.client.set_terminated(run_id, "FINISHED", end_time=ended)


def _log_files(store: Store, record: Record, run_id: str, *, synthetic: bool) -> None:
    from electrode_bench.report.parity import parity_html, parity_png

    run, shown = record.run, headline_predictions(record.run)
    title = record.name
    if len(shown) < len(run.predictions):
        # Small training sets belong to the learning curve.
        size = max(run.training_sizes.values())
        title += f", {size} training rows"
    if synthetic:
        title += " (synthetic data)"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_table(run.predictions, folder / "predictions.parquet", PREDICTION_COLUMNS)
        if len(run.share):
            write_table(run.share, folder / "share.parquet", SHARE_COLUMNS)
        write_json(run.record(), folder / "cell.json")
        write_csv(record.scores, folder / "scores.csv")
        write_text(parity_html(shown, title=title), folder / "parity" / "parity.html")
        (folder / "parity" / "parity.png").write_bytes(parity_png(shown, title=title))
        log_files(store.client, run_id, folder)
