"""The description of a study's run in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from electrode_bench.report import tuning
from electrode_bench.tracking.links import artifact_link, comparison_link, run_link, runs_link
from electrode_bench.tuning.looks import scores_of
from electrode_bench.tuning.stored_study import StoredStudy
from electrode_bench.tuning.summary import in_words

#: The metric of a trial that the study minimises.
OBJECTIVE = "objective"
#: The same error on the rows that no trial has seen, where `sweep score` has measured it.
HELD_OUT_OBJECTIVE = "objective_held_out"

#: How many of the best trials are compared: more lines cannot be read, and the address gets too long.
_COMPARED = 50


def study_note(study: StoredStudy, summary: Mapping[str, Any], *, experiment: str) -> str:
    """What the study found, where its trials are, and what it was.

    MLflow shows the first lines of it, so the links come early.
    """
    lines = [
        f"**{study.model.title}**, {in_words(summary)}",
        "",
        " · ".join(_links(study, experiment)),
        "",
        f"Tuned on inner folds of the training rows of `{study.outer}`; its test rows were not seen.",
        "",
        "Values are SMAE: 0 is perfect, 1 is as good as the control.",
        "",
        f"Adopt: `electrode-bench sweep adopt {study.name}`",
    ]
    for score in scores_of(study):
        lines += ["", tuning.markdown(score)]
    return "\n".join(lines)


def trials_link(study: StoredStudy, experiment: str) -> str:
    """A link to the list of the study's trials."""
    query = f"tags.study = '{study.name}' and tags.kind = 'trial'"
    return f"[all trials, the best first]({runs_link(experiment, query, by=OBJECTIVE)})"


def _links(study: StoredStudy, experiment: str) -> list[str]:
    links, best = [trials_link(study, experiment)], study.best()
    if best is not None and best.run_id is not None:
        links.insert(0, f"[best trial: {best.number}]({run_link(experiment, best.run_id)})")
    tracked = [trial for trial in study.complete() if trial.run_id is not None]
    tracked.sort(key=lambda trial: (trial.result.values[0], trial.number))
    if len(tracked) > 1:
        text = "compared" if len(tracked) <= _COMPARED else f"the best {_COMPARED} compared"
        runs = [str(trial.run_id) for trial in tracked[:_COMPARED]]
        links.append(f"[{text}]({comparison_link(experiment, runs)})")
    files = (("plots", "plots.html"), ("table", "trials.csv"))
    return links + [f"[{title}]({artifact_link(experiment, str(study.run_id), name)})" for title, name in files]
