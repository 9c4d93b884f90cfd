"""Upstream packages as models: a worker runs them in an environment of their own, and files go between.

They need library versions that this package cannot live with (docs/decisions/0009-upstream-as-subprocess.md).
``make reference`` builds the environment.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
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

#: Names the folder of the reference environment; without it, :data:`FOLDER` in the current folder.
VARIABLE = "ELECTRODE_BENCH_REFERENCE"
FOLDER = ".venv-reference"

_SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Package:
    """An upstream package in the reference environment."""

    #: Name of the model in the registry.
    model: str
    #: The module in ``reference/`` that calls it.
    worker: str
    #: Distributions of the reference environment that its numbers depend on.
    libraries: tuple[str, ...]

    @property
    def sources(self) -> tuple[Path, ...]:
        """The scripts that run in the reference environment."""
        return (_SCRIPTS / "worker.py", _SCRIPTS / f"{self.worker}.py")

    def spec(self, *, title: str, model: type[Upstream], feature_set: str, quick: Mapping[str, Any]) -> ModelSpec:
        """The registry's line of a model of this package."""
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
        """One line on why the package cannot run here; None when it can. The environment is not started."""
        folder = _folder()
        if not _python(folder).exists():
            return f"{self.model} skipped: {folder} is missing; build it with: make reference"
        absent = [name for name in self.libraries if _version(folder, name) is None]
        if absent:
            return f"{self.model} skipped: {folder} lacks {', '.join(absent)}; build it again with: make reference"
        return None

    def version_of(self, library: str) -> str:
        """The version of ``library`` in the reference environment.

        Raises
        ------
        UserError
            When the environment or the library is missing.
        """
        version = _version(_folder(), library)
        if version is None:
            raise UserError(self.missing() or f"{self.model} skipped: {_folder()} lacks {library}")
        return version

    def run(self, operation: str, *, within: Path) -> None:
        """Run one operation of the worker in the folder ``within``, which holds what it reads (see the worker).

        One thread, no GPU, no network, and nothing of the caller's shell that could change a number or let it
        write elsewhere.

        Raises
        ------
        UserError
            When the environment is missing, or the worker failed: the last line of what it wrote to stderr.
        """
        reason = self.missing()
        if reason:
            raise UserError(reason)
        folder = _folder()
        home = within / "home"
        home.mkdir(exist_ok=True)
        # Absolute, but links not followed: a virtual environment's python is a link.
        command = [str(_python(folder).absolute()), str(self.sources[0]), self.worker, operation]
        with (within / "stderr.txt").open("w+b") as errors:
            # stdin stays open while this process lives: the worker ends when it closes.
            with subprocess.Popen(
                command,
                cwd=within,
                env=_environment(folder, home=home),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            ) as process:
                try:
                    code = process.wait()
                except BaseException:
                    process.kill()
                    raise
            if code == 0:
                return
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()
        last = said.splitlines()[-1].strip() if said else f"it ended with code {code} and said nothing"
        error = UserError(f"{self.model} could not {operation} in {folder}: {last}")
        # What --debug shows.
        error.add_note(said)
        raise error


def _folder() -> Path:
    return Path(os.environ.get(VARIABLE) or FOLDER)


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _version(folder: Path, library: str) -> str | None:
    places = [str(path) for path in sorted(folder.glob("lib/python3*/site-packages"))]
    return next((d.version for d in importlib.metadata.distributions(name=library, path=places)), None)


def _environment(folder: Path, *, home: Path) -> dict[str, str]:
    threads = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")
    return {
        "PATH": os.pathsep.join([str(_python(folder).absolute().parent), os.environ.get("PATH", os.defpath)]),
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "TMPDIR": str(home),
        "MPLCONFIGDIR": str(home),
        "MPLBACKEND": "Agg",
        "PYTHONDONTWRITEBYTECODE": "1",
        # MODNet goes through a set of target names.
        "PYTHONHASHSEED": "0",
        "CUDA_VISIBLE_DEVICES": "",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        **{f"{name}_NUM_THREADS": "1" for name in threads},
    }


class Upstream:
    """A model of an upstream package. A subclass names the package and its configuration.

    Rows go to the worker in the order of their content, and equal rows are predicted once, so that neither
    the order of rows nor their repetition changes a number.
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
        # A missing feature is modnet's own business.
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

        def part(what: str) -> np.ndarray:
            values: np.ndarray = back[[f"{what} {t}" for t in self.targets_]].to_numpy(dtype=float)[inverse]
            return values

        std = part("std") if f"std {self.targets_[0]}" in back else None
        return Prediction.of(part("mean"), std, index=frame.index, targets=self.targets_)

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
        """Raise a UserError when the features are not of the kind that the package reads."""

    def _keep(self, state: Path) -> Path:
        """A copy of the folder ``state`` that lives as long as this model."""
        folder = tempfile.mkdtemp(prefix=f"{self.package.model}-state-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(shutil.copytree(state, folder, dirs_exist_ok=True))

    def _give(self, x: np.ndarray, within: Path) -> None:
        pd.DataFrame(x, columns=self.features_).to_parquet(within / "frame.parquet")
        # Upstream's seeds have 32 bits, and a seed of 0 is none to MODNet.
        task = {"config": self.config.model_dump(mode="json"), "seed": self.seed % (2**32 - 1) + 1}
        write_text(json.dumps(task), within / "task.json")
