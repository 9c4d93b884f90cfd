"""A published package as a model: a worker script runs it in the reference environment, and files are exchanged."""

from __future__ import annotations

import json
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.errors import UserError
from electrode_bench.models.base import ModelSpec, Prediction, check_columns, content_order
from electrode_bench.models.published import environment

_SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Package:
    """A published package in the reference environment.

    Parameters
    ----------
    model : name of the model.
    worker : the script beside this module that calls the package, without its suffix.
    libraries : distributions of the reference environment that decide its numbers.
    """

    model: str
    worker: str
    libraries: tuple[str, ...]

    @property
    def sources(self) -> tuple[Path, ...]:
        """The scripts that run in the reference environment."""
        return (_SCRIPTS / "worker.py", _SCRIPTS / f"{self.worker}.py")

    def spec(self, *, title: str, model: type[PublishedModel], feature_set: str, quick: Mapping[str, Any]) -> ModelSpec:
        """The ``SPEC`` of the package's model."""
        return ModelSpec(
            name=self.model,
            title=title,
            build=model,
            load=model.load,
            config=model.config_type,
            feature_set=feature_set,
            libraries=self.libraries,
            version_of=self.version_of,
            scripts=(f"{__package__}.worker", f"{__package__}.{self.worker}"),
            available=self.missing,
            reference=True,
            quick=quick,
        )

    def missing(self) -> str | None:
        """One line on why the package cannot run here; None when it can."""
        reason = environment.missing(self.libraries)
        return None if reason is None else f"{self.model} skipped: {reason}"

    def version_of(self, library: str) -> str:
        """The version of ``library`` in the reference environment.

        Raises
        ------
        UserError
            When the environment or the library is missing.
        """
        version = environment.version(library)
        if version is None:
            raise UserError(self.missing() or f"{self.model} skipped: {environment.folder()} lacks {library}")
        return version

    def run(self, operation: str, *, within: Path) -> None:
        """Run an operation of the worker, "fit" or "predict", in the folder ``within``, which holds its input.

        Raises
        ------
        UserError
            When the environment is missing, or the worker failed.
        """
        if reason := self.missing():
            raise UserError(reason)
        try:
            environment.run([str(self.sources[0]), self.worker, operation], within=within)
        except environment.WorkerFailed as failure:
            error = UserError(f"{self.model} could not {operation} in {environment.folder()}: {failure}")
            # Shown by --debug.
            error.add_note(failure.output)
            raise error from None


class PublishedModel:
    """A model of a published package. A subclass names the package and the type of its configuration.

    Rows are given to the worker in the order of their content, and equal rows are predicted once, so that neither the
    order of rows nor their repetition changes a number.
    """

    package: ClassVar[Package]
    config_type: ClassVar[type[Strict]]

    def __init__(self, config: Strict, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.features_: list[str] = []
        self.targets_: list[str] = []
        self.state_: Path | None = None

    def fit(self, frame: pd.DataFrame, targets: pd.DataFrame) -> Self:
        if targets.empty:
            raise ValueError("no training rows")
        x, y = frame.to_numpy(dtype=float), targets.to_numpy(dtype=float)
        # modnet imputes missing features itself.
        if np.isinf(x).any() or not np.isfinite(y).all():
            raise ValueError("targets must be finite, and features finite or missing")
        self.features_, self.targets_ = [str(c) for c in frame.columns], [str(c) for c in targets.columns]
        self._check()
        order = content_order(x, y)
        with tempfile.TemporaryDirectory(prefix=f"{self.package.model}-") as name:
            within = Path(name)
            self._give(x[order], within)
            (within / "state").mkdir()
            pd.DataFrame(y[order], columns=self.targets_).to_parquet(within / "targets.parquet")
            self.package.run("fit", within=within)
            self.state_ = self._keep(within / "state")
        return self

    def predict(self, frame: pd.DataFrame) -> Prediction:
        if self.state_ is None:
            raise ValueError(f"{self.package.model} is not fitted; call fit first")
        check_columns(frame, self.features_)
        x, inverse = np.unique(frame.to_numpy(dtype=float), axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        with tempfile.TemporaryDirectory(prefix=f"{self.package.model}-") as name:
            within = Path(name)
            self._give(x, within)
            (within / "state").symlink_to(self.state_, target_is_directory=True)
            self.package.run("predict", within=within)
            back = pd.read_parquet(within / "prediction.parquet")

        def columns(kind: str) -> np.ndarray:
            values: np.ndarray = back[[f"{kind} {t}" for t in self.targets_]].to_numpy(dtype=float)[inverse]
            return values

        std = columns("std") if f"std {self.targets_[0]}" in back else None
        return Prediction.of(columns("mean"), std, index=frame.index, targets=self.targets_)

    def save(self, folder: Path) -> None:
        if self.state_ is None:
            raise ValueError(f"{self.package.model} is not fitted; call fit first")
        shutil.copytree(self.state_, folder / "state")
        about = {
            "config": self.config.model_dump(mode="json"),
            "seed": self.seed,
            "features": self.features_,
            "targets": self.targets_,
        }
        write_text(json.dumps(about), folder / "upstream.json")

    @classmethod
    def load(cls, folder: Path) -> Self:
        about = json.loads((folder / "upstream.json").read_text(encoding="utf-8"))
        model = cls(cls.config_type(**about["config"]), about["seed"])
        model.features_, model.targets_ = about["features"], about["targets"]
        model.state_ = model._keep(folder / "state")
        return model

    def _check(self) -> None:
        """Raise a UserError when the package cannot read these features."""

    def _keep(self, state: Path) -> Path:
        """A copy of the folder ``state`` that lives as long as this model."""
        folder = tempfile.mkdtemp(prefix=f"{self.package.model}-state-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(shutil.copytree(state, folder, dirs_exist_ok=True))

    def _give(self, x: np.ndarray, within: Path) -> None:
        pd.DataFrame(x, columns=self.features_).to_parquet(within / "frame.parquet")
        # Seeds of the packages have 32 bits, and 0 means "no seed" in MODNet.
        task = {"config": self.config.model_dump(mode="json"), "seed": self.seed % (2**32 - 1) + 1}
        write_text(json.dumps(task), within / "task.json")
