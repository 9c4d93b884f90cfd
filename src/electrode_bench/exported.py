"""An exported folder of results: a study's numbers and what they were made from, without the rows of the data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from electrode_bench.core import documents
from electrode_bench.core.digests import digest, digest_files
from electrode_bench.core.paths import Paths
from electrode_bench.core.results import Adoption, Run, digest_of_record
from electrode_bench.core.schema import COMPARISON_TABLES, PREDICTION_COLUMNS, SHARE_COLUMNS
from electrode_bench.errors import UserError, brief, nearest
from electrode_bench.params import Params
from electrode_bench.project import Project

#: What says that a folder was exported, by which code and on which machine.
ABOUT = "about.json"
#: The SHA-256 of every other file, in the form that ``sha256sum --check`` reads.
SUMS = "SHA256SUMS"
#: What the folds took.
COSTS = "costs.csv"


def sha256(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes, as ``sha256sum`` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Exported:
    """A folder that ``electrode-bench results export`` has written; its files lie where a project has them."""

    root: Path

    @classmethod
    def open(cls, folder: str | Path) -> Exported:
        """The exported results in a folder.

        Raises
        ------
        UserError
            When it holds none, or one of its files is missing or was changed after it was exported.
        """
        found = cls(Path(folder).expanduser().resolve())
        if not (found.root / ABOUT).exists():
            raise UserError(
                f"{found.root} holds no exported results: {ABOUT} is missing; "
                "write them with: electrode-bench results export FOLDER"
            )
        found._check()
        return found

    def _check(self) -> None:
        """Compare every file with its SHA-256."""
        self._require(self.root / SUMS)
        for line in (self.root / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
            known, _, name = line.partition("  ")
            path = self.root / name
            self._require(path)
            if sha256(path) != known:
                raise self._changed(path)

    @cached_property
    def paths(self) -> Paths:
        return Paths(self.root)

    def about(self) -> dict[str, Any]:
        """The content of about.json."""
        return dict(self._record(self.root / ABOUT))

    def comparison(self, name: str) -> pd.DataFrame:
        """A table of the comparison by its name.

        Raises
        ------
        UserError
            When it is missing, or was changed after it was exported.
        """
        if name not in COMPARISON_TABLES:
            raise UserError(f"there is no comparison table '{name}'; {nearest(name, COMPARISON_TABLES)}")
        path = self.paths.comparison(name)
        self._require(path)
        if self._inputs()["files"].get(path.name) != digest_files([path]):
            raise self._changed(path)
        return pd.read_csv(path, keep_default_na=False, na_values=[""])

    def costs(self) -> pd.DataFrame:
        """What the folds took, as :func:`electrode_bench.fitting.costs.fold_costs` returns it."""
        path = self.root / COSTS
        self._require(path)
        return pd.read_csv(path, keep_default_na=False, na_values=[""])

    def synthetic(self) -> bool:
        """Whether the results are of the embedded synthetic sample."""
        return bool(self.about()["data"]["synthetic"])

    def params(self) -> Params:
        """The params.yaml that the results were made with."""
        return Project(self.root).params()

    def left_out(self) -> dict[str, str]:
        """The protocols that the data had no folds for, each with the reason in one line."""
        return Project(self.root).left_out()

    def run(self, model: str, protocol: str) -> Run:
        """The record of a run. Its tables have no rows where they were not exported.

        Raises
        ------
        UserError
            When it is missing, or was changed after it was exported.
        """
        path = self.paths.run(model, protocol)
        record = self._json(path)
        tables = {
            "predictions": self._table(self.paths.predictions(model, protocol), PREDICTION_COLUMNS),
            "share": self._table(self.paths.share(model, protocol), SHARE_COLUMNS),
        }
        try:
            run = Run.model_validate({**record, **tables})
        except (ValidationError, TypeError) as error:
            raise self._changed(path) from error
        own = digest_of_record(record)
        if own != run.digests.run or own != self._inputs()["runs"].get(f"{model}/{protocol}"):
            raise self._changed(path)
        return run

    def adoption(self, model: str) -> Adoption | None:
        """Which trial the model's configuration comes from; None for one that was not tuned."""
        return Project(self.root).adoption(model)

    def _inputs(self) -> dict[str, Any]:
        return self._record(self.paths.comparison_inputs)

    def _record(self, path: Path) -> dict[str, Any]:
        """A JSON object with the digest of its content, without the digest."""
        record = self._json(path)
        if record.pop("digest", None) != digest(record):
            raise self._changed(path)
        return record

    def _json(self, path: Path) -> dict[str, Any]:
        self._require(path)
        try:
            content = documents.read_json(path)
        except documents.DocumentError as error:
            raise UserError(f"{path} cannot be read ({brief(error)}); get the folder again") from error
        if not isinstance(content, dict):
            raise self._changed(path)
        return content

    def _table(self, path: Path, columns: Any) -> pd.DataFrame:
        return pd.read_parquet(path) if path.exists() else pd.DataFrame(columns=list(columns))

    def _require(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"{path} is missing; get the folder of the exported results again")

    def _changed(self, path: Path) -> UserError:
        return UserError(f"{path} was changed after it was exported; get the folder of the exported results again")
