"""A project on disk: what its files hold, and whether they belong together.

Nothing else reads result files. Every method returns content that belongs to the rest of the project, or raises one
:class:`~electrode_bench.errors.UserError` that says which command to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from electrode_bench import params
from electrode_bench.core import documents, feature_names
from electrode_bench.core import folds as fold_tables
from electrode_bench.core.config import validate
from electrode_bench.core.digests import digest, digest_files, digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.installation import file_states
from electrode_bench.core.outputs import (
    changed,
    of_another_version,
    read_csv,
    read_json,
    read_mapping,
    read_record,
    read_table,
    require,
)
from electrode_bench.core.paths import Paths
from electrode_bench.core.results import Adoption, FoldRecord, Run, digest_of_record, stage_of
from electrode_bench.core.schema import (
    COMPARISON_TABLES,
    FORMULA,
    ID,
    PREDICTION_COLUMNS,
    SHARE_COLUMNS,
    TARGETS,
)
from electrode_bench.errors import LeftOut, UserError, brief, nearest

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
        return read_table(self.paths.table, stage="prepare", columns=[ID, FORMULA, *TARGETS])

    def card(self) -> dict[str, Any]:
        """The data card's numbers."""
        return dict(read_record(self.paths.card, stage="prepare"))

    def synthetic(self) -> bool:
        """Whether the table is the embedded synthetic sample."""
        return bool(read_record(self.paths.card, stage="prepare", key="synthetic"))

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
        stage, path = "featurize", self.paths.features(name)
        computed = sorted(file.stem for file in path.parent.glob("*.parquet"))
        if computed and name not in computed:
            raise UserError(f"{path} is missing; make it with: dvc repro {stage} (there are: {', '.join(computed)})")
        frame = read_table(path, stage=stage, columns=[ID]).set_index(ID)
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
        placed = read_table(self.paths.map, stage="map", columns=[ID, "x", "y", "cluster", "representative"])
        missing = set(self.table()[ID]) - set(placed[ID])
        if missing:
            raise UserError(
                f"{len(missing)} electrodes have no place on the map ({min(missing)} first); run: dvc repro map"
            )
        return placed

    def map_summary(self) -> dict[str, Any]:
        """How the map was made: parameters, clusters with their representatives, noise, trustworthiness."""
        return dict(read_record(self.paths.map_summary, stage="map"))

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
        frame = read_table(self.paths.folds, stage="split", columns=["protocol", "fold", "part", ID, "repeat"])
        if set(frame[ID]) != set(self.table()[ID]):
            raise UserError(f"{self.paths.folds} belongs to other data than the table; run: dvc repro split")
        try:
            folds = fold_tables.from_frame(frame)
        except (TypeError, ValueError) as error:
            raise UserError(f"{self.paths.folds} is damaged ({brief(error)}); run: dvc repro -f split") from None
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
        (found,) = self.folds_under([protocol])
        if isinstance(found, LeftOut):
            raise found
        return found

    def folds_under(self, protocols: Iterable[str]) -> list[tuple[Fold, ...] | LeftOut]:
        """The folds of several protocols, or the reason why one is left out; other errors as :meth:`protocol_folds`.

        They are read and checked once for all protocols.
        """
        folds, left_out = self.folds(), self.left_out()
        found: list[tuple[Fold, ...] | LeftOut] = []
        for protocol in protocols:
            if protocol not in folds and protocol not in left_out:
                raise UserError(f"the split has no folds of '{protocol}'; {nearest(protocol, folds)}")
            found.append(folds[protocol] if protocol in folds else LeftOut(protocol, left_out[protocol]))
        return found

    def split_digests(self) -> dict[str, str]:
        """The digest of each protocol's folds."""
        return dict(read_record(self.paths.split_digest, stage="split", key="protocols"))

    def left_out(self) -> dict[str, str]:
        """The protocols of params.yaml that this data has no folds for, each with the reason in one line."""
        return dict(read_record(self.paths.split_digest, stage="split").get("left_out", {}))

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

    def fitted_folds(self) -> dict[tuple[str, str], dict[str, FoldRecord]]:
        """What the record of each run says of its folds, by model and protocol."""
        found = {}
        for name, folds in self._recorded("folds").items():
            try:
                found[name] = {key: FoldRecord.model_validate(fold) for key, fold in folds.items()}
            except ValidationError as error:
                raise of_another_version(self.paths.run(*name), stage_of(name[0])) from error
        return found

    def _recorded(self, key: str) -> dict[tuple[str, str], dict[str, Any]]:
        """The value of a key in the record of each run. The predictions are not read, which would take seconds."""
        return {name: read_mapping(self.paths.run(*name), stage=stage_of(name[0]), key=key) for name in self._fitted()}

    def _fitted(self) -> Iterator[tuple[str, str]]:
        """Model and protocol of every run. A protocol that is left out has none, whatever its files hold.

        Predictions without a record belong to a run, too: reading it then says what is missing.
        """
        folders = self.paths.runs()
        left_out = self.left_out() if folders else {}
        for folder in folders:
            if folder.name not in left_out:
                yield folder.parent.name, folder.name

    def _read_run(self, model: str, protocol: str) -> Run:
        stage, path = stage_of(model), self.paths.run(model, protocol)
        record = read_json(path, stage=stage)
        if "left_out" in record:
            raise UserError(f"{path} says that {protocol} was left out ({record['left_out']}); run: dvc repro {stage}")
        predictions = read_table(self.paths.predictions(model, protocol), stage=stage, columns=PREDICTION_COLUMNS)
        share = read_table(self.paths.share(model, protocol), stage=stage, columns=SHARE_COLUMNS)
        try:
            run = Run.model_validate({**record, "predictions": predictions, "share": share})
        except (ValidationError, TypeError) as error:
            raise of_another_version(path, stage) from error
        if digest_of_record(record) != run.digests.run:
            raise changed(path, stage)
        return run

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
            if not run.has_its_tables:
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
        require(path, stage="compare")
        # Before it is parsed: pandas' parser of CSV ends the process at some damaged files (segmentation fault).
        self._require_comparison_current(path)
        return read_csv(path, stage="compare", columns=COMPARISON_TABLES[name])

    def calibration(self, model: str) -> dict[str, Any]:
        """How wide a model's prediction intervals are, as plain values.

        Raises
        ------
        UserError
            When the comparison was not made, or was made from other runs than the project has now, or the model was
            not fitted under a protocol that its intervals can be taken from.
        """
        calibrations = read_mapping(self.paths.calibrations, stage="compare", key="models")
        self._require_comparison_current(self.paths.calibrations)
        if model not in calibrations:
            raise UserError(f"'{model}' has no prediction intervals; {nearest(model, calibrations)}")
        return dict(calibrations[model])

    def _require_comparison_current(self, path: Path) -> None:
        """Raise a UserError when a file of the comparison belongs to other runs, or was changed."""
        inputs = read_record(self.paths.comparison_inputs, stage="compare")
        compared, files = inputs["runs"], inputs["files"]
        digests = {"/".join(name): own for name, own in self._recorded("digests").items()}
        fitted = {name: own.get("run") for name, own in digests.items()}
        others = sorted(name for name in {*compared, *fitted} if compared.get(name) != fitted.get(name))
        if others:
            raise UserError(f"results/compare was made from other runs ({', '.join(others[:3])}); run: dvc repro")
        table = self.targets_digest()
        if any(own.get("table") != table for own in digests.values()):
            raise UserError("results/compare belongs to other data than the table; run: dvc repro")
        if files.get(path.name) != digest_files([path]):
            raise changed(path, "compare")

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
            why = brief(error)
            raise UserError(f"{path} is not a record of an adopted trial ({why}); restore it from git") from error


def _listed(runs: list[Run]) -> str:
    """The names of some runs with their verb; the number of them where there are many."""
    if len(runs) == 1:
        return f"{runs[0].name} was"
    names = ", ".join(run.name for run in runs[:3])
    return f"{names} were" if len(runs) <= 3 else f"{len(runs)} runs ({names}, ...) were"
