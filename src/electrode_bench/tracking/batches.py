"""Reading and writing runs within MLflow's limits on one request."""

from __future__ import annotations

import math
import random
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from electrode_bench.core.addresses import masked
from electrode_bench.core.artifacts import replacing

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

# MLflow's limits: params and tags in one request, entries in one request, and lengths of texts.
BATCH, METRIC_BATCH, PARAM_LENGTH, TAG_LENGTH = 100, 1000, 6000, 8000

#: How databases say that two transactions collided, and how often a call is tried.
_COLLISION = re.compile(
    r"duplicate key|UNIQUE constraint|deadlock|could not serialize|database is locked", re.IGNORECASE
)
_ATTEMPTS = 6


def log(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: Mapping[str, float] = MappingProxyType({}),
    params: Mapping[str, str] = MappingProxyType({}),
    tags: Mapping[str, str] = MappingProxyType({}),
    model_id: str | None = None,
    at: int | None = None,
) -> None:
    """Write metrics, params and tags of a run in as few requests as possible; metrics that are not finite are left out.

    Parameters
    ----------
    model_id : the logged model that the metrics belong to.
    at : time of the metrics in milliseconds since 1970; now where it is None.
    """
    from mlflow.entities import Metric, Param, RunTag
    from mlflow.utils.time import get_current_time_millis

    moment = at if at is not None else get_current_time_millis()
    todo_metrics = [Metric(k, v, moment, 0, model_id=model_id) for k, v in metrics.items() if math.isfinite(v)]
    todo_params = [Param(k, masked(v)[:PARAM_LENGTH]) for k, v in params.items()]
    todo_tags = [RunTag(k, masked(v)[:TAG_LENGTH]) for k, v in tags.items()]
    while todo_metrics or todo_params or todo_tags:
        room = METRIC_BATCH - 2 * BATCH
        batch = todo_metrics[:room], todo_params[:BATCH], todo_tags[:BATCH]
        insist(lambda batch=batch: client.log_batch(run_id, *batch))  # type: ignore[misc]
        todo_metrics, todo_params, todo_tags = todo_metrics[room:], todo_params[BATCH:], todo_tags[BATCH:]


def log_files(client: MlflowClient, run_id: str, folder: Path, subfolder: str = "") -> None:
    """Copy the files in ``folder`` into the run's artifacts, below ``subfolder``.

    Where the artifacts are in a local folder, each file is replaced as a whole. MLflow itself would write into a file
    that exists, and a kill would leave half of it.
    """
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    place = client.get_run(run_id).info.artifact_uri
    if not is_local_uri(place):
        client.log_artifacts(run_id, str(folder), subfolder or None)
        return
    target = Path(local_file_uri_to_path(place)) / subfolder
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            with replacing(target / file.relative_to(folder)) as temporary:
                shutil.copyfile(file, temporary)


def search(client: MlflowClient, experiment: str, query: str) -> list[MlflowRun]:
    """All runs of an experiment that a search finds."""
    runs: list[MlflowRun] = []
    token = None
    while True:
        page = client.search_runs([experiment], query, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def insist(call: Callable[[], object]) -> None:
    """Call again what may be called twice, when the database says that another writer was at the same place.

    Databases end one of two transactions that insert the same row or wait for each other. MLflow passes the error on.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for attempt in range(_ATTEMPTS):
        try:
            call()
        except (MlflowException, SQLAlchemyError) as error:
            if attempt == _ATTEMPTS - 1 or not _COLLISION.search(str(error)):
                raise
            time.sleep(random.uniform(0.05, 0.2) * 2**attempt)
        else:
            return
