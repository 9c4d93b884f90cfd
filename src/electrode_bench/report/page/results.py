"""What the page shows: the results of a project that belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.results import Adoption, Run
from electrode_bench.core.schema import CONTROL
from electrode_bench.data.licences import with_stated
from electrode_bench.data.origin import provenance
from electrode_bench.project import Project
from electrode_bench.report.composition_map import CompositionMap
from electrode_bench.tuning.record import adopted_record

#: The tables of ``results/compare`` that the page shows beside the headline.
TABLES = (
    "pairs",
    "ranking",
    "learning_curve",
    "by_ion",
    "by_cluster",
    "leakage",
    "penalties",
    "penalty_against_distance",
    "power_laws",
    "ceilings",
    "coverage",
    "rejection",
)


@dataclass(frozen=True)
class Results:
    """The page's input.

    ``card`` holds the data card's numbers, ``origin`` where the data comes from, ``table`` the canonical table,
    ``map`` the map and ``splits`` the digest of each protocol's folds. The tables from ``headline`` on are those of
    ``results/compare``, empty where there is nothing to compare.
    """

    card: Mapping[str, Any]
    origin: Mapping[str, Any]
    table: pd.DataFrame
    map: pd.DataFrame
    splits: Mapping[str, str]
    runs: Sequence[Run]
    headline: pd.DataFrame
    pairs: pd.DataFrame
    ranking: pd.DataFrame
    learning_curve: pd.DataFrame
    by_ion: pd.DataFrame
    by_cluster: pd.DataFrame
    leakage: pd.DataFrame
    penalties: pd.DataFrame
    penalty_against_distance: pd.DataFrame
    power_laws: pd.DataFrame
    ceilings: pd.DataFrame
    coverage: pd.DataFrame
    rejection: pd.DataFrame
    #: What the map's summary notes, such as that only a sample was embedded.
    map_notes: Sequence[str] = ()
    #: The nominal coverage of the intervals that answers show.
    level: float = 0.9
    #: For each tuned model, the trial that its configuration comes from.
    adoptions: Mapping[str, Adoption] = field(default_factory=dict)
    #: For each tuned model, the record of that study, where there is one.
    sweeps: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    #: For each protocol that the data has no folds for, the reason.
    left_out: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project) -> Results:
        """The results of a project.

        Raises
        ------
        UserError
            When results are missing or do not belong together.
        """
        headline, card = project.comparison("table"), project.card()
        models = [str(model) for model in headline["model"].unique()]
        runs = project.runs()
        fitted = dict.fromkeys(name for run in runs for name in run.configurations)
        adoptions = {name: adoption for name in fitted if (adoption := project.adoption(name)) is not None}
        return cls(
            card=card,
            origin=with_stated(provenance(project.root), card),
            table=project.table(),
            map=project.map(),
            map_notes=project.map_summary()["notes"],
            splits=project.split_digests(),
            left_out=project.left_out(),
            runs=runs,
            headline=headline,
            level=project.params().intervals.level,
            adoptions=adoptions,
            sweeps={
                model: record
                for model in models
                if model in adoptions and (record := adopted_record(project, model)) is not None
            },
            **{name: project.comparison(name) for name in TABLES},
        )

    @cached_property
    def chart(self) -> CompositionMap:
        """The map with what the table says of its electrodes."""
        return CompositionMap.of(self.map, self.table)

    @property
    def protocols(self) -> list[str]:
        """The protocols that were run, in the order of the tables."""
        return list(dict.fromkeys(str(name) for name in self.headline["protocol"]))

    @property
    def titles(self) -> dict[str, str]:
        """The models' names for people, in the order of the tables."""
        return {str(m): str(t) for m, t in zip(self.headline["model"], self.headline["title"], strict=True)}

    @property
    def main_protocol(self) -> str:
        """The protocol of the answers: the one that best represents new compositions, or else the first."""
        return splits.for_new_compositions(self.protocols) or self.protocols[0]

    @property
    def study_protocol(self) -> str:
        """The protocol of the study's own figures (stratified), or the first."""
        return "stratified" if "stratified" in self.protocols else self.protocols[0]

    def predictions(self, protocol: str) -> dict[str, pd.DataFrame]:
        """Predictions under a protocol by the model's title, without the control."""
        return {run.title: run.predictions for run in self.runs if run.protocol == protocol and run.model != CONTROL}
