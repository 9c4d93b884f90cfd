"""Answers of a registered model in MLflow's scoring protocol, by this installation's code.

Of the registry only data is read: the fitted model, its domain, its calibration and its signature. Code and pickles
that a version may hold are never loaded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from electrode_bench.errors import UserError, brief
from electrode_bench.project import Project
from electrode_bench.tracking.failures import user_errors
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.models import LOADER
from electrode_bench.tracking.registry import ALIAS, NAME
from electrode_bench.tracking.served_model import ServedModel
from electrode_bench.tracking.store import environment, open_store

#: The model that is served unless another one is named.
CHAMPION = f"models:/{NAME}@{ALIAS}"

#: A message is cut off here: it may repeat what was asked.
_LONGEST = 1_000

#: What the scoring server of MLflow puts before the message of a model: the whole input.
_REPEATED_INPUT = re.compile(r"^Failed to predict data .*?\nError: ", flags=re.DOTALL)


@dataclass(frozen=True)
class Scored:
    """The answer to a request: an HTTP status, the body and its type."""

    status: int
    body: str
    kind: str = "application/json"


def fetched(project: Project, model: str, folder: Path, *, uri: str | None = None) -> Path:
    """The folder of a registered model, downloaded into ``folder`` where the store is not on this computer.

    Parameters
    ----------
    model : as MLflow names it, for example ``models:/electrodes@champion`` or ``models:/electrodes/3``.
    uri : address of the tracking store; the project's where it is None.

    Raises
    ------
    UserError
        When the store cannot be used, or has no such model.
    """
    uri = tracking_uri(project) if uri is None else uri
    again = "electrode-bench serve"
    if not model.startswith("models:/"):
        raise UserError(f"'{model}' is not a registered model; name one as in {CHAMPION} or models:/{NAME}/1")
    # MLflow looks for names of models in the store of its global tracking URI.
    settings = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    with open_store(project, uri=uri, again=again), environment(**settings):
        from mlflow.artifacts import download_artifacts
        from mlflow.exceptions import MlflowException

        try:
            path = download_artifacts(artifact_uri=model, dst_path=str(folder))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise UserError(
                    f"there is no model {model} in the registry; make one: electrode-bench promote"
                ) from error
            raise
    return Path(path)


class Scorer:
    """Answers requests with a model that ``electrode-bench promote`` registered.

    Parameters
    ----------
    folder : the folder of a version, with its file MLmodel.
    most_rows : a request with more rows is refused.

    Raises
    ------
    UserError
        When the folder holds another kind of model, which may need code or pickles of unknown origin.
    """

    def __init__(self, folder: Path, *, most_rows: int) -> None:
        from mlflow.models import Model
        from mlflow.pyfunc import PyFuncModel

        with user_errors(str(folder), "electrode-bench serve"):
            about = Model.load(str(folder))
        flavour = about.flavors.get("python_function", {})
        data = (folder / str(flavour.get("data"))).resolve()
        if flavour.get("loader_module") != LOADER or not data.is_relative_to(folder.resolve()):
            raise UserError(
                f"{folder} is not a model that `electrode-bench promote` registered, and is not served: "
                "it may hold code or a pickle, which can do anything when it is loaded"
            )
        served = _Limited(ServedModel(data), most_rows)
        self._model = PyFuncModel(model_meta=about, model_impl=served)
        self._signature = about.get_input_schema()

    def __call__(self, body: bytes, kind: str) -> Scored:
        """Answer the body of a request of this content type."""
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import scoring_server

        # A small parquet file can unpack to any size.
        if kind.partition(";")[0].strip() not in ("application/json", "text/csv"):
            return problem(
                415, "INVALID_PARAMETER_VALUE", f"send JSON or CSV (Content-Type: application/json), not {kind!r}"
            )
        try:
            made = scoring_server.invocations(body, kind, self._model, self._signature)
        except MlflowException as error:
            return problem(error.get_http_status_code(), error.error_code, _REPEATED_INPUT.sub("", error.message))
        except Exception as error:
            # What MLflow's parser makes of odd input, such as lists nested a thousand deep.
            return problem(400, "BAD_REQUEST", f"the request cannot be read: {type(error).__name__}: {error}")
        return Scored(made.status, made.response, made.mimetype)


class _Limited:
    """A model that refuses long tables."""

    def __init__(self, model: ServedModel, most_rows: int) -> None:
        self._model, self._most = model, most_rows

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> Any:
        from mlflow.exceptions import MlflowException

        if len(model_input) > self._most:
            raise MlflowException.invalid_parameter_value(
                f"the request has {len(model_input):,} rows; send at most {self._most:,} at a time, "
                "or screen longer lists with: electrode-bench screen"
            )
        return self._model.predict(model_input, params)


def problem(status: int, code: str, message: str) -> Scored:
    """An error in the form of MLflow's server, with a message of one line and without a stack trace."""
    return Scored(status, json.dumps({"error_code": code, "message": brief(message, _LONGEST)}))
