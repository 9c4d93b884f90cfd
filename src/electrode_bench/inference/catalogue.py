"""The models of a project that can answer, remembered until a file of the project or the code changes.

To find them, all runs are read and checked, and the distances between all known compositions are
measured. This takes seconds, and its result is kept in ``.cache/answers`` under a digest of the state of all files
and of the installation, so that it is done once. What is damaged there is set aside and made again.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from electrode_bench import models
from electrode_bench.core.digests import digest
from electrode_bench.core.installation import installation
from electrode_bench.core.results import Run
from electrode_bench.core.schema import FORMULA
from electrode_bench.core.sealed import Damaged, read_sealed, set_aside, write_sealed
from electrode_bench.errors import UserError
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.evaluation.scores import by_error
from electrode_bench.fitting.cache_entries import is_intact
from electrode_bench.fitting.final import final_folder, final_model
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.known import Known
from electrode_bench.project import Project
from electrode_bench.splits import NEW_COMPOSITION, for_new_compositions

T = TypeVar("T")

#: Seconds after which what belongs to an older state is removed.
_OLD = 24 * 3600.0


@dataclass(frozen=True)
class Entry:
    """A model of the catalogue.

    Attributes
    ----------
    folder : where the model fitted on all rows is kept; it may not be there yet, or no longer.
    calibration : of its intervals.
    """

    folder: Path
    calibration: Calibration

    @property
    def is_fitted(self) -> bool:
        """Whether the cache has the model fitted on all rows, undamaged."""
        return is_intact(self.folder)


class Catalogue:
    """The models of a project that can answer."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = project.paths.cache / "answers" / digest([project.state(), installation()])

    @property
    def protocol(self) -> str:
        """The protocol that stands for new compositions."""
        return str(self._fitted["protocol"])

    @property
    def synthetic(self) -> bool:
        """Whether the models were fitted on the embedded synthetic sample."""
        return bool(self._fitted["synthetic"])

    @property
    def titles(self) -> Mapping[str, str]:
        """The models that are fitted under :attr:`protocol`: name and title. Published packages are left out.

        Raises
        ------
        UserError
            When there is none.
        """
        return dict(self._fitted["titles"])

    @cached_property
    def ranking(self) -> list[str]:
        """Names of the models, smallest mean SMAE first, without the control.

        Raises
        ------
        UserError
            When they were not compared.
        """
        return list(self._remembered("ranking.json", self._rank)["models"])

    @cached_property
    def domain(self) -> Domain:
        """The applicability domain of the known electrodes."""
        return self._kept("domain.npz", Domain.load, lambda: Domain(self.project.table()[FORMULA].tolist()).save)

    @cached_property
    def known(self) -> Known:
        """The known electrodes by composition."""
        return self._kept("known.parquet", Known.load, lambda: Known(self.project.table()).save)

    def entry(self, name: str) -> Entry:
        """One of :attr:`titles`.

        Raises
        ------
        UserError
            When the features or the table are no longer those that the model was fitted on.
        """
        if name in self._from_outside:
            return self._entry(self._make_entry(name))
        return self._entry(self._remembered(f"model-{name}.json", lambda: self._make_entry(name)))

    def fit(self, name: str) -> None:
        """Fit a model on all rows, unless it is."""
        if not self.entry(name).is_fitted:
            final_model(self.project, self._run(name))

    # --- what is remembered ---

    def _remembered(self, file: str, make: Any) -> dict[str, Any]:
        def made() -> Callable[[Path], Any]:
            # Not write_json, which rounds numbers.
            text = json.dumps(make(), sort_keys=True)
            return lambda path: path.write_text(text, encoding="utf-8")

        return dict(self._kept(file, json.load, made))

    def _kept(self, file: str, load: Callable[[io.BytesIO], T], make: Callable[[], Callable[[Path], Any]]) -> T:
        """What a sealed file of the folder holds; made first where the file is missing or damaged.

        Parameters
        ----------
        make : makes the content, and returns a function that writes it to a path.
        """
        path = self.folder / f"{file}.sealed"
        try:
            return load(io.BytesIO(read_sealed(path)))
        except FileNotFoundError:
            pass
        except Damaged as damage:
            set_aside(path, str(damage))
        write = make()
        with tempfile.TemporaryDirectory(prefix="electrode-bench-") as name:
            write(Path(name) / file)
            content = (Path(name) / file).read_bytes()
        write_sealed(content, path)
        return load(io.BytesIO(content))

    @cached_property
    def _fitted(self) -> dict[str, Any]:
        self._forget_older()
        return self._remembered("fitted.json", self._find)

    def _find(self) -> dict[str, Any]:
        runs = [run for run in self.project.runs() if not models.from_module(run.module).reference]
        protocol = for_new_compositions(run.protocol for run in runs)
        if protocol is None:
            raise UserError(f"no model is fitted under {' or '.join(NEW_COMPOSITION)} folds; run: dvc repro")
        fitted = {run.model: run for run in runs if run.protocol == protocol}
        return {
            "protocol": protocol,
            "synthetic": self.project.synthetic(),
            "titles": {name: run.title for name, run in fitted.items()},
            "from_outside": [name for name, run in fitted.items() if _is_from_outside(run)],
        }

    @property
    def _from_outside(self) -> list[str]:
        """Models whose code lies outside the package: its files do not tell when it changes."""
        return list(self._fitted["from_outside"])

    def _rank(self) -> dict[str, Any]:
        # What is wrong with the runs is said before what is wrong with their comparison.
        titles = self.titles
        ranking = by_error(self.project.comparison("scores"), self.protocol, titles)
        if not ranking:
            raise UserError(f"no model other than the control is compared under {self.protocol}; run: dvc repro")
        return {"models": ranking}

    def _run(self, name: str) -> Run:
        return self.project.run(name, self.protocol)

    def _make_entry(self, name: str) -> dict[str, Any]:
        run = self._run(name)
        folder = final_folder(self.project, run)
        assert folder is not None
        return {"folder": folder.name, "calibration": self.project.calibration(name)}

    def _entry(self, stored: Mapping[str, Any]) -> Entry:
        return Entry(
            self.project.paths.cache / "models" / stored["folder"], Calibration.from_json(stored["calibration"])
        )

    def _forget_older(self) -> None:
        for other in self.folder.parent.glob("*"):
            with suppress(OSError):
                if other != self.folder and time.time() - other.stat().st_mtime > _OLD:
                    shutil.rmtree(other)


def _is_from_outside(run: Run) -> bool:
    modules = [run.module, *(member.module for member in run.members.values())]
    return any(module.partition(".")[0] != "electrode_bench" for module in modules)
