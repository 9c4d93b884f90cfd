"""A project on disk: what its files hold, and whether they belong together.

Nothing else reads result files. Every method returns content that belongs to the rest of the project, or raises one
:class:`~electrode_bench.errors.UserError` that says which command to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from electrode_bench import params
from electrode_bench.core import documents, feature_names
from electrode_bench.core import folds as fold_tables
from electrode_bench.core.config import validate
from electrode_bench.core.digests import digest, digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.installation import file_states
from electrode_bench.core.paths import Paths
from electrode_bench.core.results import Adoption, Run, stage_of
from electrode_bench.core.schema import COMPARISON_TABLES, ID, TARGETS
from electrode_bench.errors import LeftOut, UserError, nearest

#: Stages whose files answers are made from, directly or through what must belong to them.
_STAGES = ("prepare", "featurize", "split", "fit", "compare")


@dataclass(frozen=True)
class Project:
    """The files of a project as tables and records that belong together.

    Parameters
    ----------
    root : the project's folder, which holds params.yaml.

    Examples
    --------
    >>> project = Project.open(folder)
    >>> len(project.table())
    120
    >>> project.comparison("table").query("protocol == 'grouped'")["title"].tolist()
    ['Control (training mean)', 'RF@Magpie']
    """

    root: Path

    @classmethod
    def open(cls, root: str | Path = ".") -> Project:
        """The project in a folder.

        Raises
        ------
        UserError
            When the folder has no params.yaml.
        """
        project = cls(Path(root).expanduser().resolve())
        if not project.paths.params.exists():
            raise UserError(
                f"{project.paths.params} is missing; run the command in the project's folder, "
                "or name the folder with --project"
            )
        return project

    @cached_property
    def paths(self) -> Paths:
        return Paths(self.root)

    def params(self) -> params.Params:
        """params.yaml, checked but for the configurations of models and protocols, which know their own keys."""
        return params.load(self.paths.params)

    def state(self) -> str:
        """A digest that changes whenever a file may have changed that runs, comparisons and answers are made from.

        It is made from sizes and times, as make does it, since reading the files takes seconds. A new state says
        nothing about whether the files belong together.
        """
        made = [path for stage in _STAGES for path in (self.paths.results / stage).rglob("*") if path.is_file()]
        return digest(file_states([self.paths.params, *made], root=self.root))

    # --- the prepared table ---

    def table(self) -> pd.DataFrame:
        """The canonical table: one row for each electrode, with the columns of ``schema.TABLE_COLUMNS``."""
        return read_table(self.paths.table, stage="prepare")

    def card(self) -> dict[str, Any]:
        """The data card's numbers."""
        return dict(read_json(self.paths.card, stage="prepare"))

    def synthetic(self) -> bool:
        """Whether the table is the embedded synthetic sample."""
        return bool(self.card()["synthetic"])

    def targets(self) -> pd.DataFrame:
        """The three targets (mAh/g, mAh/cm3, V) by electrode id."""
        return self.table().set_index(ID)[list(TARGETS)]

    def targets_digest(self) -> str:
        """The digest of the targets, by which runs and studies say which table they were made from."""
        return digest_frame(self.targets().sort_index())

    # --- features, map, folds ---

    def features(self, name: str) -> pd.DataFrame:
        """The features of a feature set, one row for each electrode of the table, in its order.

        ``name`` may be several feature sets, joined by "+"; their columns stand side by side in that order.

        Raises
        ------
        UserError
            When the features were not computed, or were computed for other electrodes.
        ValueError
            When two sets have a column of the same name.
        """
        return feature_names.side_by_side({one: self._features(one) for one in feature_names.split(name)})

    def _features(self, name: str) -> pd.DataFrame:
        stage, path = f"featurize@{name}", self.paths.features(name)
        computed = sorted(file.stem for file in path.parent.glob("*.parquet"))
        if computed and name not in computed:
            raise UserError(f"{path} is missing; make it with: dvc repro {stage} (there are: {', '.join(computed)})")
        frame = read_table(path, stage=stage).set_index(ID)
        ids = pd.Index(self.table()[ID])
        if set(frame.index) != set(ids):
            raise UserError(f"{path} belongs to other data than the table; run: dvc repro {stage}")
        in_order: pd.DataFrame = frame.loc[ids]
        return in_order

    def training_data(self, feature_set: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Features and targets by electrode id; no feature columns where ``feature_set`` is None."""
        targets = self.targets()
        return (pd.DataFrame(index=targets.index) if feature_set is None else self.features(feature_set)), targets

    def map(self) -> pd.DataFrame:
        """The map: electrode_id, x, y, cluster (-1 is noise), representative.

        Raises
        ------
        UserError
            When there is no map, or it belongs to other electrodes.
        """
        placed = read_table(self.paths.map, stage="map")
        missing = set(self.table()[ID]) - set(placed[ID])
        if missing:
            raise UserError(
                f"{len(missing)} electrodes have no place on the map ({min(missing)} first); run: dvc repro map"
            )
        return placed

    def map_summary(self) -> dict[str, Any]:
        """How the map was made: parameters, clusters with their representatives, noise, trustworthiness."""
        return dict(read_json(self.paths.map_summary, stage="map"))

    def clusters(self) -> pd.Series:
        """Cluster label by electrode id; -1 is noise."""
        labels: pd.Series = self.map().set_index(ID)["cluster"]
        return labels

    def folds(self) -> dict[str, tuple[Fold, ...]]:
        """The folds of each protocol, in the order of the split.

        Raises
        ------
        UserError
            When there are none, or they belong to other electrodes.
        """
        frame = read_table(self.paths.folds, stage="split")
        if set(frame[ID]) != set(self.table()[ID]):
            raise UserError(f"{self.paths.folds} belongs to other data than the table; run: dvc repro split")
        folds = fold_tables.from_frame(frame)
        if fold_tables.digests(fold for of_protocol in folds.values() for fold in of_protocol) != self.split_digests():
            raise UserError(f"{self.paths.split_digest} describes other folds; run: dvc repro -f split")
        return folds

    def protocol_folds(self, protocol: str) -> tuple[Fold, ...]:
        """The folds of one protocol; errors as :meth:`folds`, and when the split has none of it.

        Raises
        ------
        LeftOut
            When the data has no folds of the protocol.
        """
        folds = self.folds()
        if protocol not in folds:
            if protocol in self.left_out():
                raise LeftOut(protocol, self.left_out()[protocol])
            raise UserError(f"the split has no folds of '{protocol}'; {nearest(protocol, folds)}")
        return folds[protocol]

    def split_digests(self) -> dict[str, str]:
        """The digest of each protocol's folds."""
        return dict(read_json(self.paths.split_digest, stage="split", key="protocols"))

    def left_out(self) -> dict[str, str]:
        """The protocols of params.yaml that this data has no folds for, each with the reason in one line."""
        return dict(read_json(self.paths.split_digest, stage="split").get("left_out", {}))

    # --- runs ---

    def run(self, model: str, protocol: str) -> Run:
        """A fitted model under one protocol.

        Raises
        ------
        UserError
            When it was not fitted, or was fitted on other data or another split than the project has now.
        """
        run = self._read_run(model, protocol)
        self._require_current([run])
        return run

    def runs(self, protocol: str | None = None) -> list[Run]:
        """Every fitted run, or those under one protocol, by protocol in the order of the split, then by model.

        Raises
        ------
        UserError
            When one was fitted on other data or another split than the project has now.
        """
        runs = [self._read_run(*name) for name in self._fitted() if protocol in (None, name[1])]
        self._require_current(runs)
        order = list(self.split_digests()) if protocol is not None else list(self.folds()) if runs else []
        return sorted(runs, key=lambda run: (order.index(run.protocol), run.model))

    def _fitted(self) -> Iterator[tuple[str, str]]:
        """Model and protocol of every run. A protocol that is left out has none, whatever its files hold."""
        paths = sorted(self.paths.results.glob("fit/*/*/cell.json"))
        left_out = self.left_out() if paths else {}
        for path in paths:
            if path.parent.name not in left_out:
                yield path.parent.parent.name, path.parent.name

    def _read_run(self, model: str, protocol: str) -> Run:
        stage, path = stage_of(model), self.paths.run(model, protocol)
        record = read_json(path, stage=stage)
        if isinstance(record, dict) and "left_out" in record:
            raise UserError(f"{path} says that {protocol} was left out ({record['left_out']}); run: dvc repro {stage}")
        predictions = read_table(self.paths.predictions(model, protocol), stage=stage)
        share = read_table(self.paths.share(model, protocol), stage=stage)
        try:
            return Run.model_validate({**record, "predictions": predictions, "share": share})
        except (ValidationError, TypeError) as error:
            raise UserError(
                f"{path} was written by another version of electrode-bench; run: dvc repro -f {stage}"
            ) from error

    def _require_current(self, runs: list[Run]) -> None:
        """Raise a UserError that lists every run that does not belong to the project's data and split."""
        if not runs:
            return
        splits, table = self.split_digests(), self.targets_digest()
        problems: dict[str, list[Run]] = {}
        composition = self.params().featurize.composition
        other_composition = f"{{}} fitted with another featurize.composition than {composition}"
        for run in runs:
            if run.composition != composition:
                # With the charged formula the capacity is known exactly: never to be compared with the other settings.
                problems.setdefault(other_composition, []).append(run)
            if run.digests.split != splits.get(run.protocol):
                problems.setdefault("{} fitted on another split", []).append(run)
            if run.digests.table != table:
                problems.setdefault("{} fitted on other data", []).append(run)
            if (run.digests.predictions, run.digests.share) != (digest_frame(run.predictions), digest_frame(run.share)):
                problems.setdefault("{} written with other predictions than it has now", []).append(run)
        if problems:
            text = "; ".join(problem.format(_listed(concerned)) for problem, concerned in problems.items())
            stages = sorted({run.stage for concerned in problems.values() for run in concerned})
            raise UserError(
                f"{text}; run: dvc repro {' '.join(stages) if len(stages) <= 3 else 'fit'} "
                "(or delete results/fit/<model> of a model that params.yaml no longer lists)"
            )

    # --- comparison ---

    def comparison(self, name: str) -> pd.DataFrame:
        """A table of ``results/compare`` by its name, such as ``table``, ``scores`` or ``pairs``.

        Raises
        ------
        UserError
            When the comparison was not made, or was made from other runs than the project has now.
        """
        if name not in COMPARISON_TABLES:
            raise UserError(f"there is no comparison table '{name}'; {nearest(name, COMPARISON_TABLES)}")
        path = self.paths.comparison(name)
        if not path.exists():
            raise UserError(f"{path} is missing; make it with: dvc repro compare")
        self._require_comparison_current()
        # Only an empty field means "no value": write_csv writes nothing else for one.
        try:
            return pd.read_csv(path, keep_default_na=False, na_values=[""])
        except pd.errors.EmptyDataError:
            return pd.DataFrame(columns=list(COMPARISON_TABLES[name]))

    def calibration(self, model: str) -> dict[str, Any]:
        """How wide a model's prediction intervals are, as plain values.

        Raises
        ------
        UserError
            When the comparison was not made, or was made from other runs than the project has now, or the model was
            not fitted under a protocol that its intervals can be taken from.
        """
        calibrations = dict(read_json(self.paths.calibrations, stage="compare", key="models"))
        self._require_comparison_current()
        if model not in calibrations:
            raise UserError(f"'{model}' has no prediction intervals; {nearest(model, calibrations)}")
        return dict(calibrations[model])

    def _require_comparison_current(self) -> None:
        compared = dict(read_json(self.paths.comparison_inputs, stage="compare", key="runs"))
        # The records alone: reading the predictions of all runs for each table would take seconds.
        digests = {
            f"{model}/{protocol}": read_json(self.paths.run(model, protocol), stage=stage_of(model), key="digests")
            for model, protocol in self._fitted()
        }
        fitted = {name: own.get("run") for name, own in digests.items()}
        changed = sorted(name for name in {*compared, *fitted} if compared.get(name) != fitted.get(name))
        if changed:
            raise UserError(f"results/compare was made from other runs ({', '.join(changed[:3])}); run: dvc repro")
        table = self.targets_digest()
        if any(own.get("table") != table for own in digests.values()):
            raise UserError("results/compare belongs to other data than the table; run: dvc repro")

    # --- tuned configurations ---

    def adoption(self, model: str) -> Adoption | None:
        """Which trial the model's configuration comes from; None for one that was not tuned.

        Raises
        ------
        UserError
            When the record cannot be read.
        """
        path = self.paths.adoption(model)
        if not path.exists():
            return None
        try:
            return validate(Adoption, documents.read_json(path), where="it")
        except (documents.DocumentError, UserError) as error:
            raise UserError(f"{path} is not a record of an adopted trial ({error}); restore it from git") from error


def _listed(runs: list[Run]) -> str:
    """The names of some runs with their verb; the number of them where there are many."""
    if len(runs) == 1:
        return f"{runs[0].name} was"
    names = ", ".join(run.name for run in runs[:3])
    return f"{names} were" if len(runs) <= 3 else f"{len(runs)} runs ({names}, ...) were"


def read_table(path: Path, *, stage: str) -> pd.DataFrame:
    """Read a parquet file that a stage writes.

    Raises
    ------
    UserError
        When the file is missing or is not parquet; the message names the stage to run.
    """
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro {stage}")
    try:
        return pd.read_parquet(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path} cannot be read as parquet ({error}); make it again: dvc repro -f {stage}") from error


def read_json(path: Path, *, stage: str, key: str | None = None) -> Any:
    """Read a JSON file that a stage writes, or one key of it; errors as :func:`read_table`."""
    if not path.exists():
        raise UserError(f"{path} is missing; make it with: dvc repro {stage}")
    try:
        content = documents.read_json(path)
    except documents.DocumentError as error:
        raise UserError(f"{path} cannot be read as JSON ({error}); make it again: dvc repro -f {stage}") from error
    if key is None:
        return content
    if not isinstance(content, dict) or key not in content:
        raise UserError(f"{path} was written by another version of electrode-bench; run: dvc repro -f {stage}")
    return content[key]
