"""sweep adopt: what is written, what is refused, and where later studies begin."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import optuna
import pandas as pd
import pytest
from support.small_sweeps import SPACE, small_params, small_sweep, stored

from electrode_bench import models, params
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Local
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.stages import fit
from electrode_bench.tasks import adopt, tune
from electrode_bench.tuning.adopt import Adopted
from electrode_bench.tuning.looks import keep_score
from electrode_bench.tuning.plan import plan_studies
from electrode_bench.tuning.record import read_record, write_record


def _params(project: Project) -> Params:
    return params.load(project.paths.params)


def _configured(project: Project) -> Strict:
    return models.configured(models.spec("rf_magpie"), _params(project))


def _with_sweep(given: Params, **changes: Any) -> Params:
    return given.model_copy(update={"sweep": given.sweep.model_copy(update=changes)})


def _trial_unlike(project: Project, study: str, *configurations: Strict) -> int:
    """A trial whose configuration is none of these."""
    tuned = stored(project, study)
    return next(trial.number for trial in tuned.trials() if tuned.configuration(trial) not in configurations)


def test_an_adopted_configuration_is_in_params_and_its_provenance_beside_it(project: Project) -> None:
    path = project.paths.params
    comment = "  # About the next model.\n  modnet:\n"
    path.write_text(path.read_text(encoding="utf-8").replace("  modnet:\n", comment, 1))
    given, before = _params(project), path.read_text(encoding="utf-8")
    (tuned,) = small_sweep(project, given, trials=4)
    value, again = adopt.check(project, given, study=tuned.study)
    assert value == again
    adopted = adopt.run(project, given, study=tuned.study)
    after, config = path.read_text(encoding="utf-8"), _configured(project)
    assert adopted.value == tuned.summary["best"]
    assert config.model_dump(mode="json").items() >= tuned.summary["best_values"].items()
    # Only values of this model changed, and no comment is lost.
    comments = [[line.partition("#")[2] for line in text.splitlines() if "#" in line] for text in (before, after)]
    assert comments[0] == comments[1]
    assert comment in after
    changed = set(after.splitlines()) - set(before.splitlines())
    assert {line.split(":")[0].strip() for line in changed} == set(adopted.changes)
    adoption = project.adoption("rf_magpie")
    assert adoption is not None
    assert (adoption.study, adoption.trial, adoption.part) == (tuned.study, adopted.trial, "grouped/fold-0")
    assert adoption.base == models.configured(models.spec("rf_magpie"), given).model_dump(mode="json")
    # The values can still be computed again, from what the study was made with.
    assert adopt.check(project, _params(project), study=tuned.study) == (value, again)
    run = fit.run(project, _params(project), model="rf_magpie", protocol="grouped")
    assert adoption.state(config=run.digests.config, table=run.digests.table) == "not_nested"


def test_nothing_misleading_is_left_by_a_crash_before_params_is_written(project: Project) -> None:
    given, text = _params(project), project.paths.params.read_text(encoding="utf-8")
    (tuned,) = small_sweep(project, given, trials=4)
    trial = _trial_unlike(project, tuned.study, _configured(project))
    adopt.run(project, given, study=tuned.study, trial=trial)
    # params.yaml is written last.
    project.paths.params.write_text(text, encoding="utf-8")
    adoption, config = project.adoption("rf_magpie"), digest(_configured(project).model_dump(mode="json"))
    assert adoption is not None
    # The old values do not pass for the adopted ones, and studies elsewhere still begin with the clean configuration.
    assert adoption.state(config=config, table=adoption.table) == "edited"
    assert adoption.base == _configured(project).model_dump(mode="json")
    # The same command again completes it.
    adopt.run(project, given, study=tuned.study, trial=trial)
    assert digest(_configured(project).model_dump(mode="json")) == adoption.config


def test_a_params_file_that_cannot_be_changed_leaves_everything_as_it_was(project: Project) -> None:
    given = _params(project)
    (tuned,) = small_sweep(project, given, trials=4)
    trial = _trial_unlike(project, tuned.study, _configured(project))
    # The file was damaged after it was read.
    project.paths.params.write_text("models: [", encoding="utf-8")
    with pytest.raises(UserError, match=r"params.yaml cannot be changed \(.*set these by hand under models.rf_magpie"):
        adopt.run(project, given, study=tuned.study, trial=trial)
    assert project.paths.params.read_text(encoding="utf-8") == "models: ["
    assert not (project.root / "sweeps").exists()


def test_a_study_does_not_begin_with_values_tuned_on_its_test_rows(project: Project) -> None:
    given, before = _params(project), _configured(project)
    (tuned,) = small_sweep(project, given, trials=3)
    adopt.run(project, given, study=tuned.study, trial=_trial_unlike(project, tuned.study, before))
    after, now = _configured(project), _params(project)
    # The same outer fold: the study that found the values has not seen its test rows.
    (same,) = plan_studies(project, now, model="rf_magpie", nested=False)
    assert (same.base, same.clean_base, same.outer.name) == (after, before, "grouped/fold-0")
    nested = plan_studies(project, now, model="rf_magpie", nested=True)
    assert {spec.outer.name for spec in nested} == {"grouped/fold-0", "grouped/fold-1", "grouped/fold-2"}
    assert all(spec.base == before for spec in nested)
    elsewhere = _with_sweep(now, fold="fold-1")
    (one,) = plan_studies(project, elsewhere, model="rf_magpie", nested=False)
    assert one.base == before
    lines: list[str] = []
    small_sweep(project, elsewhere, trials=1, notify=lines.append)
    assert any(f"from before {tuned.study} was adopted" in line for line in lines)
    # Without knowing what was configured before, no study can begin.
    project.paths.adoption("rf_magpie").unlink()
    with pytest.raises(UserError, match=r"sweeps/rf_magpie/adopted.json, .* is missing: restore it from git"):
        plan_studies(project, elsewhere, model="rf_magpie", nested=False)


@pytest.mark.parametrize("keeps_clean_base", [True, False])
def test_a_chain_of_adoptions_leads_back_to_the_clean_configuration(project: Project, keeps_clean_base: bool) -> None:
    given, clean = _params(project), _configured(project)
    (first,) = small_sweep(project, given, trials=3)
    adopt.run(project, given, study=first.study, trial=_trial_unlike(project, first.study, clean))
    tuned_once = _configured(project)
    # A narrower space makes another study of the same outer training set; it begins with the tuned values.
    narrower = _with_sweep(_params(project), spaces={"rf_magpie": {**SPACE, "max_depth": None}})
    (second,) = small_sweep(project, narrower, trials=4)
    study = stored(project, second.study)
    assert second.study != first.study
    assert (study.base, study.clean_base) == (tuned_once, clean)
    if not keeps_clean_base:
        # A study of an earlier version: its record leads back.
        study.keep(clean_base=None)
        assert stored(project, second.study).clean_base == tuned_once
    trial = _trial_unlike(project, second.study, tuned_once, clean)
    adopt.run(project, narrower, study=second.study, trial=trial)
    tuned_twice, now = _configured(project), _params(project)
    for planned in (
        plan_studies(project, now, model="rf_magpie", nested=True),
        plan_studies(project, _with_sweep(now, fold="fold-2"), model="rf_magpie", nested=False),
    ):
        assert all(spec.base == clean for spec in planned)
    (third,) = plan_studies(project, now, model="rf_magpie", nested=False)
    assert (third.base, third.clean_base) == (tuned_twice, clean)


def _score(study: str, trial: int, **row: Any) -> dict[str, Any]:
    smae = {"configured_smae": 0.4, "configured_spread": None, "tuned_smae": 0.5, "tuned_spread": None}
    values = {"configured_mae": 2.0, "relative": 0.1, "low": 0.1, "high": 0.3, "p": 0.01, **smae, **row}
    rows = [{"target": target, "n": 9, "verdict": "", **values} for target in ("average_voltage", "mean")]
    return {
        "study": study, "model": "rf_magpie", "trial": trial, "claim": "nested", "protocol": "grouped",
        "folds": ["fold-0", "fold-1", "fold-2"], "before": [], "rows": rows,
    }  # fmt: skip


@pytest.fixture
def scored(project: Project) -> Callable[..., str]:
    """Sweeps the project, and keeps a made-up score of trial 1 with these values in every row."""

    def make(**row: Any) -> str:
        (tuned,) = small_sweep(project, _params(project), trials=2)
        keep_score(stored(project, tuned.study), _score(tuned.study, 1, **row))
        return tuned.study

    return make


def test_a_trial_that_was_found_significantly_worse_is_refused(project: Project, scored: Callable[..., str]) -> None:
    study, text = scored(), project.paths.params.read_text(encoding="utf-8")
    with pytest.raises(UserError, match=r"found trial 1 significantly worse .*average_voltage, mean.*--anyway"):
        adopt.run(project, _params(project), study=study, trial=1)
    assert project.paths.params.read_text(encoding="utf-8") == text
    assert project.adoption("rf_magpie") is None
    # Another trial of the study is not concerned.
    adopt.run(project, _params(project), study=study, trial=0)
    warnings = adopt.run(project, _params(project), study=study, trial=1, anyway=True).warnings
    assert any("significantly worse" in line for line in warnings)
    assert project.adoption("rf_magpie") is not None


@pytest.mark.parametrize("row", [{"p": None}, {"p": 0.2}, {"low": -0.1}, {"low": -0.3, "high": -0.1}])
def test_a_trial_that_is_not_significantly_worse_is_adopted(
    project: Project, scored: Callable[..., str], row: dict[str, Any]
) -> None:
    adopted = adopt.run(project, _params(project), study=scored(**row), trial=1)
    assert isinstance(adopted, Adopted)
    assert not any("significantly" in line for line in adopted.warnings)


def test_a_record_of_other_data_is_not_replaced_silently(project: Project) -> None:
    given = _params(project)
    (tuned,) = small_sweep(project, given, trials=1)
    adopt.run(project, given, study=tuned.study)
    path = project.paths.study_record("rf_magpie")
    record = read_record(path)
    assert record is not None
    data = {"release": "2023.11.1", "md5": "other", "table": "other"}
    write_record({**record, "study": "another-study", "data": data}, path)
    with pytest.raises(UserError) as caught:
        adopt.run(project, given, study=tuned.study)
    line = str(caught.value)
    assert "sweeps/rf_magpie.json has another-study, a study of other data (release 2023.11.1)" in line
    assert "commit it to git" in line
    assert "--anyway" in line
    assert "\n" not in line
    replaced = json.loads(path.read_text(encoding="utf-8"))
    assert replaced["study"] == "another-study"
    warnings = adopt.run(project, given, study=tuned.study, anyway=True).warnings
    assert any("the record of another-study was replaced" in line for line in warnings)
    # A record of the same data is replaced with a warning, and one of the same study without.
    write_record({**record, "study": "another-study"}, path)
    (warning,) = adopt.run(project, given, study=tuned.study).warnings
    assert warning.startswith("the record of another-study was replaced")
    assert adopt.run(project, given, study=tuned.study).warnings == ()


def test_a_study_of_other_data_than_the_project_has_is_refused(project: Project) -> None:
    given = _params(project)
    (tuned,) = small_sweep(project, given, trials=1)
    table = pd.read_parquet(project.paths.table)
    table.assign(average_voltage=table["average_voltage"] + 0.1).to_parquet(project.paths.table)
    before = project.paths.params.read_bytes()
    with pytest.raises(UserError, match="was made on other data than the project has; adopt it all the same with"):
        adopt.run(project, given, study=tuned.study)
    assert project.paths.params.read_bytes() == before
    assert adopt.run(project, given, study=tuned.study, anyway=True).warnings


def test_a_trial_worse_than_the_configured_one_is_adopted_with_a_warning(project: Project) -> None:
    """The configured shift is the smallest one of the space, and a larger one is worse."""
    outside = {"module": "support.fragile_model", "shift": 0.5}
    space = {"shift": {"low": 0.5}, "broken": [False]}
    given = small_params(spaces={"fragile": space}, sampler="random")
    given = given.model_copy(update={"models": {**given.models, "fragile": outside}})
    (tuned,) = tune.run(project, given, model="fragile", trials=2, executor=Local())
    (warning,) = adopt.run(project, given, study=tuned.study, trial=1).warnings
    assert warning.startswith("on the inner folds it is worse than the configuration that the study began with")
    assert adopt.run(project, given, study=tuned.study, trial=0).warnings == ()


@pytest.mark.parametrize(
    ("study", "trial", "message"),
    [
        ("rf_magpie-nothing", None, "there is no study 'rf_magpie-nothing' in journal"),
        (None, 9, "has no complete trial 9"),
    ],
)
def test_an_unknown_study_or_trial_is_an_error(
    project: Project, study: str | None, trial: int | None, message: str
) -> None:
    (tuned,) = small_sweep(project, small_params(), trials=1)
    text = project.paths.params.read_text(encoding="utf-8")
    with pytest.raises(UserError, match=message):
        adopt.run(project, small_params(), study=study or tuned.study, trial=trial)
    assert project.paths.params.read_text(encoding="utf-8") == text


def test_a_pruned_trial_cannot_be_adopted(project: Project) -> None:
    """Optuna keeps the last value that it reported, of some of the folds, as its value."""
    (tuned,) = small_sweep(project, small_params(), trials=1)
    study = stored(project, tuned.study).optuna
    pruned = study.ask()
    pruned.report(0.01, 1)
    study.tell(pruned, state=optuna.trial.TrialState.PRUNED)
    assert study.trials[1].values == [0.01]
    with pytest.raises(UserError, match="has no complete trial 1"):
        adopt.run(project, small_params(), study=tuned.study, trial=1)
