"""The model of a run, fitted on all rows, as an MLflow model: its own code inside, and no pickle."""

from __future__ import annotations

import functools
import importlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

import electrode_bench
from electrode_bench import models
from electrode_bench.core.artifacts import plain
from electrode_bench.core.digests import digest
from electrode_bench.core.installed import distributions_of, version
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.inference import served
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.known import Known
from electrode_bench.inference.served import ServedAnswers
from electrode_bench.tracking.fields import flag, parameters
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.records import Record
from electrode_bench.tracking.store import Store

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

#: Distributions that every published model needs to predict, pinned in its requirements beside the model's own.
_SERVING = (
    "ElementEmbeddings", "filelock", "matminer", "mlflow", "numpy", "pandas", "pyarrow", "pydantic",
    "pymatgen", "pyyaml", "safetensors", "scikit-learn",
)  # fmt: skip

#: The module that MLflow loads a model with. It imports mlflow.
LOADER = "electrode_bench.tracking.served_model"

#: The folder of this package: it travels with every model.
_PACKAGE = Path(electrode_bench.__file__).parent

#: Formulas for the input example, by column.
_EXAMPLE = {
    "framework_formula": "FePO4",
    "working_ion": "Li",
    "formula_charge": "FePO4",
    "formula_discharge": "LiFePO4",
}


class LoggedModels:
    """Logs models on runs.

    A model belongs to no protocol, so several runs in a row have the same one: it is saved once for all of them. Only
    the ids in its MLmodel file differ.

    Parameters
    ----------
    folder : an empty folder, where the last model is kept.
    """

    def __init__(self, store: Store, provenance: Provenance, folder: Path) -> None:
        self._store, self._provenance, self._folder = store, provenance, folder
        self._key = ""
        self._saved: Any = None

    @classmethod
    @contextmanager
    def of(cls, store: Store, provenance: Provenance) -> Iterator[Self]:
        """For the time of the block."""
        with tempfile.TemporaryDirectory() as name:
            yield cls(store, provenance, Path(name))

    def log(self, record: Record, *, folder: Path, run_id: str) -> str:
        """Log the model saved in ``folder`` on a run; the id of the logged model.

        These are the calls of ``mlflow.pyfunc.log_model``, which would need a global tracking URI and an active run.
        """
        from mlflow.entities import LoggedModelOutput

        run, client = record.run, self._store.client
        modules = (run.module, *(member.module for member in run.members.values()))
        tags = {"model": run.model, "protocol": run.protocol, "synthetic": flag(self._provenance.synthetic) or ""}
        logged = client.create_logged_model(
            self._store.runs,
            name=run.model,
            source_run_id=run_id,
            tags=tags,
            params=parameters(run),
            model_type="regressor",
        )
        key = digest([str(folder), record.calibration, modules])
        if key != self._key:
            self._key = ""
            self._save(folder, modules, record.calibration)
            self._key = key
        self._write_ids(logged, run_id)
        client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        client.log_model_artifacts(logged.model_id, str(self._model))
        client.finalize_logged_model(logged.model_id, "READY")
        return str(logged.model_id)

    @property
    def _model(self) -> Path:
        return self._folder / "model"

    def _save(self, folder: Path, modules: tuple[str, ...], calibration: Mapping[str, Any] | None) -> None:
        import mlflow
        from mlflow.models import Model

        data, table = self._folder / "data", self._provenance.table
        for earlier in (self._model, data):
            shutil.rmtree(earlier, ignore_errors=True)
        domain, known = _surroundings(table, table.stat().st_mtime_ns)
        served.write(data, model=folder, domain=domain, known=known, calibration=calibration)
        loaded = ServedAnswers(data)
        metadata = {
            "about": plain(loaded.model.about),
            "units": {column.key: column.unit for column in TARGETS.values()},
            "data": plain(self._provenance.data),
        }
        self._saved = Model()
        mlflow.pyfunc.save_model(
            self._model,
            loader_module=LOADER,
            data_path=str(data),
            code_paths=[str(path) for path in code_paths(*modules)],
            mlflow_model=self._saved,
            signature=_signature(loaded),
            input_example=_example(loaded),
            pip_requirements=_requirements(*modules),
            metadata=metadata,
        )

    def _write_ids(self, logged: LoggedModel, run_id: str) -> None:
        """Write the MLmodel file of one run's model."""
        self._saved.artifact_path, self._saved.run_id = logged.artifact_location, run_id
        self._saved.model_id = self._saved.model_uuid = logged.model_id
        self._saved.utc_time_created = str(datetime.now(UTC).replace(tzinfo=None))
        self._saved.save(self._model / "MLmodel")


@functools.lru_cache(maxsize=1)
def _surroundings(table: Path, modified: int) -> tuple[Domain, Known]:  # noqa: ARG001 (a changed table is read again)
    """The applicability domain and the known electrodes of a prepared table: the same for all runs of a project."""
    electrodes = pd.read_parquet(table)
    return Domain(electrodes[FORMULA].tolist()), Known(electrodes)


def code_paths(*modules: str) -> list[Path]:
    """The code that travels with a model: this package, and the model's own file or package.

    A model of an installed distribution is named in the requirements instead.

    Parameters
    ----------
    modules : the module that defines the model, and those of an ensemble's members.
    """
    tops = dict.fromkeys(module.partition(".")[0] for module in modules)
    own = [top for top in tops if top != electrode_bench.__name__ and not distributions_of(top)]
    return [_PACKAGE, *map(_code_of, own)]


def _code_of(top: str) -> Path:
    """The folder of a top-level package, or the file of a top-level module."""
    code = importlib.import_module(top)
    if hasattr(code, "__path__"):
        return Path(next(iter(code.__path__)))
    assert code.__file__ is not None
    return Path(code.__file__)


def _requirements(*modules: str) -> list[str]:
    """Installed versions of what the model needs; the package's own code travels with it."""
    tops = {module.partition(".")[0] for module in modules} - {electrode_bench.__name__}
    own = sorted(distribution for top in tops for distribution in distributions_of(top))
    pinned = {name: number for module in modules for name, number in models.from_module(module).versions().items()}
    for name in (*_SERVING, *own):
        try:
            pinned[name] = version(name)
        except PackageNotFoundError:
            continue
    unique = {name.lower(): f"{name}=={number}" for name, number in pinned.items()}
    return [unique[name] for name in sorted(unique)]


def _signature(model: ServedAnswers) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    single = len(model.required) == 1
    required = () if single else model.required
    inputs = [ColSpec("string", column, required=column in required) for column in model.columns]
    # Either name will do, so neither is required; the model says when both are missing.
    inputs += [ColSpec("string", "formula", required=False)] if single else []
    outputs = [ColSpec(_type(column), str(column)) for column in model.predict(_example(model)).columns]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def _type(column: Any) -> Any:
    texts = ("reduced_formula", "working_ion", "states", "notes")
    return "string" if column in texts else "boolean" if column == "in_domain" else "double"


def _example(model: ServedAnswers) -> pd.DataFrame:
    return pd.DataFrame([{column: _EXAMPLE[column] for column in model.columns}])
