"""Adopting a trial: its values into params.yaml, and where they come from into ``sweeps``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from electrode_bench import models
from electrode_bench.core.artifacts import write_json, write_text
from electrode_bench.core.digests import digest
from electrode_bench.core.results import Adoption
from electrode_bench.errors import UserError
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.tuning import looks
from electrode_bench.tuning.assess import judged
from electrode_bench.tuning.params_file import with_model_values
from electrode_bench.tuning.record import make_record, read_record, write_record
from electrode_bench.tuning.stored_study import StoredStudy, StoredTrial


@dataclass(frozen=True)
class Adopted:
    """What was written."""

    model: str
    study: str
    trial: int
    value: float
    #: Parameter: (before, after), of those that changed.
    changes: dict[str, tuple[Any, Any]]
    #: What may speak against the adoption.
    warnings: tuple[str, ...] = ()


def adopt_trial(
    project: Project, params: Params, study: StoredStudy, trial: StoredTrial, *, anyway: bool = False
) -> Adopted:
    """Write a trial's configuration into params.yaml, with its record and its provenance in ``sweeps``.

    Raises
    ------
    UserError
        Unless ``anyway``, when `sweep score` found the trial significantly worse than the configuration that the study
        began with, when the study was made on other data than the project has, or when the record of a study of other
        data would be replaced; and when params.yaml cannot be changed. Then nothing was written.
    """
    model = models.named(study.model.name, params)
    before = models.configured(model, params).model_dump(mode="json")
    new = study.configuration(trial).model_dump(mode="json")
    changes = {key: (before[key], new[key]) for key in new if before[key] != new[key]}
    record_path = project.paths.study_record(model.name)
    old_record = read_record(record_path)
    record = make_record(study, adopted=trial.number, data=study.attributes.get("snapshot", {}))
    objections = [
        *_worse(record["scores"], trial.number),
        *_not_of_the_project(project, study),
        *_other_data(project, model.name, old_record, record),
    ]
    if objections and not anyway:
        raise UserError("; ".join(objections))
    adoption = Adoption(
        model=model.name,
        study=study.name,
        trial=trial.number,
        part=study.outer,
        config=digest(new),
        table=study.table,
        base=_clean_base(project, study),
    )
    text = with_model_values(project.paths.params, model.name, {key: value for key, (_, value) in changes.items()})
    # params.yaml comes last: whatever was written before a crash, no configuration is taken for one that it is not.
    # Until then adopted.json describes another configuration than params.yaml has, and makes no claim about it.
    write_record(record, record_path)
    write_json(adoption.model_dump(mode="json"), project.paths.adoption(model.name))
    write_text(text, project.paths.params)
    warnings = (*objections, *_doubts(old_record, record))
    return Adopted(model.name, study.name, trial.number, float(trial.result.values[0]), changes, warnings)


def _clean_base(project: Project, study: StoredStudy) -> dict[str, Any]:
    """The configuration before any tuning, however often it was tuned since."""
    clean = study.clean_base.model_dump(mode="json")
    earlier = project.adoption(study.model.name)
    # A study that keeps no clean configuration of its own may have begun with an adopted one.
    if earlier is not None and digest(clean) == earlier.config:
        return dict(earlier.base)
    return clean


def _worse(scores: Sequence[Mapping[str, Any]], trial: int) -> list[str]:
    """One line for each score that found the trial significantly worse."""
    lines = []
    for score in scores:
        table = judged(score["rows"])
        worse = list(table.loc[table["verdict"] == "worse", "target"])
        if score["trial"] == trial and worse:
            lines.append(
                f"`sweep score` found trial {trial} significantly worse than the configuration that the study began "
                f"with ({score['claim'].replace('_', ' ')}, {score['protocol']}: {', '.join(worse)}); adopt another "
                "trial, or this one with --anyway"
            )
    return lines


def _not_of_the_project(project: Project, study: StoredStudy) -> list[str]:
    """One line when the study was made on other data than the prepared table."""
    if not project.paths.table.exists() or study.table == project.targets_digest():
        return []
    return [f"{study.name} was made on other data than the project has; adopt it all the same with --anyway"]


def _other_data(project: Project, model: str, old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[str]:
    """One line when the record that would be replaced was made on other data."""
    if old is None or old["study"] == new["study"] or _same_data(old.get("data") or {}, new["data"]):
        return []
    release, path = (old.get("data") or {}).get("release"), project.paths.study_record(model).relative_to(project.root)
    other = f"{old['study']}, a study of other data{f' (release {release})' if release else ''}"
    return [f"{path} has {other}; commit it to git or copy it elsewhere, then replace it with --anyway"]


def _same_data(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    key = "table" if one.get("table") and other.get("table") else "md5"
    return bool(one.get(key) == other.get(key))


def _doubts(old: Mapping[str, Any] | None, record: Mapping[str, Any]) -> list[str]:
    """What may speak against the adoption that ``record`` was written for, in place of the record ``old``."""
    doubts = []
    (value,) = (trial["values"][0] for trial in record["trials"] if trial["number"] == record["adopted"])
    configured = record["summary"].get("configured")
    if configured is not None and value > configured:
        doubts.append(
            f"on the inner folds it is worse than the configuration that the study began with ({configured:.4f})"
        )
    other_looks = [n for n in looks.trials_looked_at(record["scores"], record["part"]) if n != record["adopted"]]
    looked = looks.warning(other_looks)
    if looked is not None:
        doubts.append(looked)
    if old is not None and old["study"] != record["study"]:
        doubts.append(f"the record of {old['study']} was replaced; git has it if it was committed")
    return doubts
