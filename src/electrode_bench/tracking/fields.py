"""What MLflow stores about a run and its folds: tags, parameters, metrics, times and the data set."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.parquet as pq

from electrode_bench.core.addresses import masked
from electrode_bench.core.results import Run
from electrode_bench.evaluation.metrics import ALL
from electrode_bench.tracking.batches import TAG_LENGTH
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.records import Record

#: Tags that must be equal for two runs to be compared.
COMPARABLE = ("split_digest", "table_digest", "data_md5")


def shared_tags(record: Record, provenance: Provenance) -> dict[str, str]:
    """The tags of a run and of each of its folds: what they were made from. Unknown values are left out."""
    run, digests, data = record.run, record.run.digests, provenance.data
    values = {
        "model": run.model,
        "protocol": run.protocol,
        "run": record.name,
        "split_digest": digests.split,
        "data_md5": data.get("md5"),
        "data_source": data.get("source"),
        "data_release": data.get("release"),
        "synthetic": flag(data.get("synthetic")),
        "table_digest": digests.table,
        "feature_digest": digests.features,
        "code_digest": digests.code,
        "params_digest": digests.config,
        "run_digest": digests.run,
        "content_digest": record.content_digest(provenance),
        "dvc_lock_sha": record.lock_digest,
        "git_commit": provenance.commit,
        "git_dirty": flag(provenance.dirty),
        "versions": json.dumps(dict(run.versions), sort_keys=True),
        **{"tuning" if key == "state" else f"tuning_{key}": value for key, value in record.tuning.items()},
        # What MLflow's own columns Source and Version show.
        "mlflow.source.name": "electrode-bench publish",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": provenance.commit,
    }
    return {k: masked(str(value))[:TAG_LENGTH] for k, value in values.items() if value is not None and value != ""}


def flag(value: bool | None) -> str | None:
    """A truth value as a tag; None stays None."""
    return None if value is None else str(bool(value)).lower()


def parameters(run: Run) -> dict[str, str]:
    """The configuration of a run, with nested keys joined by dots."""
    values = {**flat(run.config), "seed": run.seed, "composition": run.composition}
    values["feature_set"] = run.feature_set or "none"
    return {key: str(value) for key, value in values.items()}


def flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested configuration as one mapping, with keys joined by dots."""
    out: dict[str, Any] = {}
    for key, value in config.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return out


def run_metrics(record: Record) -> dict[str, float]:
    """The metrics of a run: scores over folds, and the resources of all folds."""
    return _scores(record, ALL) | _total_resources(record)


def fold_metrics(record: Record, fold: str) -> dict[str, float]:
    """The metrics of one fold: scores, numbers of rows, and resources."""
    sizes = record.run.folds[fold]
    rows = {"rows/train": float(sizes.n_train), "rows/test": float(sizes.n_test)}
    return _scores(record, fold) | rows | _resources(record.resources.get(fold, {}))


def _scores(record: Record, fold: str) -> dict[str, float]:
    """Scores of one fold by "<target>/<metric>", and their standard deviation over folds where there is one."""
    rows = record.scores_by_fold.get(fold)
    if rows is None:
        return {}
    values = dict(zip(rows["target"] + "/" + rows["metric"], rows["value"].astype(float), strict=True))
    # A group of its own on MLflow's page, so that the charts of a target begin with its errors.
    std = dict(zip(rows["target"] + "_std/" + rows["metric"], rows["spread"].astype(float), strict=True))
    return {key: value for key, value in (values | std).items() if math.isfinite(value)}


def _resources(fold: Mapping[str, Any]) -> dict[str, float]:
    keys = ("seconds", "cpu_seconds", "peak_rss_mb")
    return {f"resources/{key}": float(fold[key]) for key in keys if fold.get(key) is not None}


def _total_resources(record: Record) -> dict[str, float]:
    """Seconds of all folds and the largest memory; nothing where they are unknown for a fold."""
    folds = [_resources(record.resources.get(fold, {})) for fold in record.run.folds]
    out = {}
    for key, total in (("seconds", sum), ("cpu_seconds", sum), ("peak_rss_mb", max)):
        name = f"resources/{key}"
        if folds and all(name in fold for fold in folds):
            out[name] = float(total(fold[name] for fold in folds))
    return out


def devices(resources: Mapping[str, Mapping[str, Any]]) -> str:
    """The devices that the folds were fitted on."""
    return ", ".join(sorted({str(fold["device"]) for fold in resources.values() if "device" in fold})) or "unknown"


def time_span(resources: Iterable[Mapping[str, Any]]) -> tuple[int | None, int | None]:
    """First start and last end of folds in milliseconds since 1970; (None, None) where unknown, now for MLflow."""
    timed = [fold for fold in resources if fold.get("started") and fold.get("seconds") is not None]
    starts = [datetime.fromisoformat(fold["started"]).timestamp() for fold in timed]
    if not starts:
        return None, None
    ends = [start + float(fold["seconds"]) for start, fold in zip(starts, timed, strict=True)]
    return round(1000 * min(starts)), round(1000 * max(ends))


def dataset(run: Run, provenance: Provenance) -> Any:
    """The data as an MLflow data set: columns and size of the prepared table, source of the raw data."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    source = str(provenance.data.get("source") or provenance.table)
    kind = {"s3": "s3", "http": "http", "https": "http"}.get(urlsplit(source).scheme, "local")
    parquet = pq.read_metadata(provenance.table)
    arrow = parquet.schema.to_arrow_schema()
    types = {"string": "string", "large_string": "string", "double": "double", "int64": "long", "bool": "boolean"}
    columns = [{"type": types.get(str(f.type), "string"), "name": f.name, "required": True} for f in arrow]
    release = provenance.data.get("release")
    entity = Dataset(
        name=str(release or Path(source).name or source)[:500],
        # MLflow allows 36 characters.
        digest=run.digests.table[:36],
        source_type=kind,
        source=json.dumps({"url" if kind == "http" else "uri": source}),
        schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps({"num_rows": parquet.num_rows, "num_elements": parquet.num_rows * len(columns)}),
    )
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training and evaluation")])
