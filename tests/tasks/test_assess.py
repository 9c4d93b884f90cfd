"""sweep score: what tuning changed, and which looks at held-out rows are counted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.small_sweeps import small_sweep, stored
from typer.testing import CliRunner

from electrode_bench import params
from electrode_bench.cli import app
from electrode_bench.core.digests import digest_frame
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.params import Params
from electrode_bench.project import Project
from electrode_bench.report import tuning
from electrode_bench.splits import headline_folds
from electrode_bench.stages import fit
from electrode_bench.tasks import adopt, assess
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning.assess import CONFIGURED, MEAN, TUNED
from electrode_bench.tuning.looks import scores_of
from electrode_bench.tuning.record import read_record

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("scores of a sweep")


def _params(project: Project) -> Params:
    return params.load(project.paths.params)


@pytest.fixture(scope="module")
def swept(make_project: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """A project with a study, and the study's name, for tests that only add scores."""
    project = make_project(tmp_path_factory.mktemp("swept"))
    (tuned,) = small_sweep(project, _params(project), trials=3)
    return project, tuned.study


def test_held_out_rows_are_those_that_no_trial_has_seen(swept: tuple[Project, str]) -> None:
    project, study = swept
    score = assess.run(project, _params(project), study=study)
    outer = project.protocol_folds("grouped")[0]
    assert (score.claim, score.protocol, score.folds) == ("held_out", "grouped", (outer.key,))
    assert set(score.comparison.predictions[ID]) == set(outer.test_ids)
    tuned = score.comparison.rows.set_index("target")["tuned_smae"]
    assert tuned[MEAN] == pytest.approx(tuned[list(TARGETS)].mean())
    assert set(score.comparison.rows["verdict"]) == {"no verdict"}


def test_all_folds_of_a_protocol_are_not_nested_and_equal_the_pipeline(swept: tuple[Project, str]) -> None:
    project, name = swept
    given, study = _params(project), stored(project, name)
    score = assess.run(project, given, study=name, protocol="stratified")
    assert score.claim == "not_nested"
    assert "not nested" in tuning.title(score.as_json())
    tuned = study.configuration(study.choose(score.trial))
    # As configured and as adopted: the same seeds, the same numbers.
    for variant, config in ((CONFIGURED, study.base), (TUNED, tuned)):
        changed = given.model_copy(update={"models": {"rf_magpie": config.model_dump(mode="json")}})
        run = fit.run(project, changed, model="rf_magpie", protocol="stratified")
        ours = score.comparison.predictions
        ours = ours[ours["model"] == variant].assign(model="rf_magpie").reset_index(drop=True)
        assert digest_frame(ours) == digest_frame(run.predictions)


def test_only_the_headline_folds_are_compared(swept: tuple[Project, str]) -> None:
    """The smaller sizes of the bootstrap are a learning curve."""
    project, study = swept
    score = assess.run(project, _params(project), study=study, protocol="bootstrap")
    headline = headline_folds(project.protocol_folds("bootstrap"))
    assert set(score.comparison.rows["folds"]) == {len(headline)}


def test_nested_takes_the_best_trial_of_each_folds_own_study(project: Project) -> None:
    given = _params(project)
    (first,) = small_sweep(project, given, trials=2)
    with pytest.raises(UserError, match=r"no study of grouped/fold-1 .* electrode-bench sweep rf_magpie --nested"):
        assess.run(project, given, study=first.study, nested=True)
    with pytest.raises(UserError, match="leave out --protocol and --trial"):
        assess.run(project, given, study=first.study, nested=True, protocol="loco")
    studies = small_sweep(project, given, trials=2, nested=True)
    assert studies[0].study == first.study
    score = assess.run(project, given, study=studies[1].study, nested=True)
    assert (score.claim, score.folds) == ("nested", ("fold-0", "fold-1", "fold-2"))
    alone = assess.run(project, given, study=studies[1].study)
    same = [each.comparison.predictions.query("fold == 'fold-1'").reset_index(drop=True) for each in (score, alone)]
    assert digest_frame(same[0]) == digest_frame(same[1])
    assert score.comparison.rows["p"].notna().all()
    # The held-out rows of the other studies were tested too, for their own best trials.
    for study in studies[::2]:
        (kept,) = scores_of(stored(project, study.study))
        assert (kept["claim"], kept["study"], kept["trial"]) == ("nested", study.study, study.summary["best_trial"])
        other = 1 - study.summary["best_trial"]
        later = assess.run(project, given, study=study.study, trial=other)
        assert later.before == (study.summary["best_trial"],)


@pytest.mark.parametrize("first", ["default", "protocol"])
def test_every_earlier_look_is_counted_whatever_command_made_it(project: Project, first: str) -> None:
    """Testing on all grouped folds looks at the held-out fold too."""
    given = _params(project)
    (tuned,) = small_sweep(project, given, trials=3)
    options = [{}, {"protocol": "grouped"}]
    if first == "protocol":
        options.reverse()
    best = tuned.summary["best_trial"]
    other = next(number for number in range(3) if number != best)
    assert assess.run(project, given, study=tuned.study, trial=best, **options[0]).before == ()
    # Another protocol has no rows held out for this study.
    assert assess.run(project, given, study=tuned.study, trial=other, protocol="stratified").before == ()
    again = assess.run(project, given, study=tuned.study, trial=other, **options[1])
    assert again.before == (best,)
    assert f"also tested on the held-out rows: trial {best}" in tuning.title(again.as_json())
    (line,) = adopt.run(project, given, study=tuned.study, trial=best).warnings
    assert f"also used to test trial {other}:" in line


def test_a_score_is_kept_in_mlflow_in_the_record_and_with_the_study(project: Project) -> None:
    given = _params(project)
    (tuned,) = small_sweep(project, given, trials=3)
    adopt.run(project, given, study=tuned.study)
    path, best = project.paths.study_record("rf_magpie"), tuned.summary["best_trial"]
    before = read_record(path)
    assert before is not None
    assert (before["study"], before["adopted"], before["scores"]) == (tuned.study, best, [])
    assert [trial["number"] for trial in before["trials"]] == [0, 1, 2]
    score = assess.run(project, given, study=tuned.study)
    after = read_record(path)
    assert after is not None
    (kept,) = after["scores"]
    assert (kept["claim"], kept["trial"]) == ("held_out", best)
    assert {**after, "scores": []} == before
    run, files = _study_run(project)
    row = score.comparison.rows.set_index("target").loc["average_voltage"]
    assert run.data.metrics["held_out/average_voltage/tuned_smae"] == pytest.approx(row["tuned_smae"])
    assert "which the study has not seen" in run.data.tags["mlflow.note.content"]
    mean = score.comparison.rows.set_index("target").loc["mean"]
    study = stored(project, tuned.study)
    with open_store(project) as store:
        shown = [store.client.get_run(study.trial(number).run_id).data.metrics for number in (best, 0)]
    assert [of["objective_held_out"] for of in shown] == pytest.approx([mean["tuned_smae"], mean["configured_smae"]])
    name = f"score/held_out_trial_{best:04d}"
    assert files == {f"{name}.csv", f"{name}_predictions.parquet"}
    assert run.data.tags["scored.held_out"] == f"trial {best}"
    # A later look for another trial is reported, and does not replace the adopted trial's score.
    other = next(number for number in range(3) if number != best)
    assert assess.run(project, given, study=tuned.study, trial=other).before == (best,)
    last = read_record(path)
    assert last is not None
    assert [each["trial"] for each in last["scores"]] == [best, other]
    assert last["scores"][0] == kept
    shown = tuning.description(last)
    assert [each["title"] for each in shown["scores"]] == [tuning.title(kept)]
    assert f"test trial {other}:" in shown["looks"]
    tags = _study_run(project)[0].data.tags
    assert tags["held_out_rows_tested_for"] == ", ".join(f"trial {number}" for number in sorted({best, other}))
    assert f"also tested on the held-out rows: trial {best}" in tags["mlflow.note.content"]


def test_a_score_on_other_data_is_refused(swept: tuple[Project, str], tmp_path: Path) -> None:
    project, study = swept
    other = Project(tmp_path / "other")
    shutil.copytree(project.root, other.root)
    table = other.table()
    table[list(TARGETS)] *= 2
    table.to_parquet(other.paths.table)
    with pytest.raises(UserError, match="was made with other data, folds or code than the project has"):
        assess.run(other, _params(other), study=study)


def test_the_command_shows_the_comparison(swept: tuple[Project, str]) -> None:
    project, study = swept
    command = ["-p", str(project.root), "sweep", "score", study, "-w", "1"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    for part in ("which the study has not seen", "Average voltage", "mean of the three", "95% interval", "test rows"):
        assert part in done.output
    shown = CliRunner().invoke(app, [*command, "--json"])
    assert [row["target"] for row in json.loads(shown.stdout)["rows"]] == [*TARGETS, MEAN]


def _study_run(project: Project) -> tuple[Any, set[str]]:
    """The study's run in MLflow, and the names of its score files."""
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        (run,) = search(store.client, experiment.experiment_id, "tags.kind = 'sweep'")
        return run, {file.path for file in store.client.list_artifacts(run.info.run_id, "score")}
