"""What tuning brought: configured and tuned on the same folds, and what may be said of it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from support.small_sweeps import small_sweep
from typer.testing import CliRunner

from electrode_bench import params, splits
from electrode_bench.cli import app
from electrode_bench.core.digests import digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation import metrics
from electrode_bench.project import Layout
from electrode_bench.report import tuning
from electrode_bench.stages import fit
from electrode_bench.tasks import assess as score
from electrode_bench.tasks import tune as stage
from electrode_bench.tracking.batches import search
from electrode_bench.tracking.store import open_store
from electrode_bench.tuning import record
from electrode_bench.tuning import record_file as sweep_record
from electrode_bench.tuning.assess import CONFIGURED, MEAN, TUNED, compared, verdict

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("scores of a sweep")


def _predictions(errors: dict[str, list[float]], folds: tuple[Fold, ...], truth: pd.DataFrame) -> pd.DataFrame:
    """Predictions that miss each test row, in the order of the folds, by these errors; every target alike."""
    rows = []
    for model, of in errors.items():
        todo = iter(of)
        for fold in folds:
            for electrode in fold.test_ids:
                off = next(todo)
                for target in TARGETS:
                    true = float(truth.loc[electrode, target])
                    rows.append((electrode, fold.protocol, fold.key, model, target, true, true + off, np.nan))
    columns = [ID, "protocol", "fold", "model", "target", "y_true", "y_pred", "y_std"]
    return pd.DataFrame(rows, columns=columns)


FOLDS = (Fold("grouped", "fold-0", ("c", "d"), ("a", "b")), Fold("grouped", "fold-1", ("a", "b"), ("c", "d")))
#: The training mean is 7 for a and b and 2 for c and d: the control's MAE is 5 in both folds.
TRUTH = pd.DataFrame({t: [1.0, 3.0, 6.0, 8.0] for t in TARGETS}, index=list("abcd"))
FORMULAS = pd.Series(["LiFeO2", "LiCoO2", "LiNiO2", "LiMnO2"], index=list("abcd"))


def test_rows_are_those_worked_out_by_hand() -> None:
    errors = {CONFIGURED: [2.0, 2.0, 1.0, 3.0], TUNED: [1.0, 1.0, 1.0, 2.0]}
    found = compared(_predictions(errors, FOLDS, TRUTH), FOLDS, targets=TRUTH, formulas=FORMULAS, seed=1)
    assert list(found["target"]) == [*TARGETS, MEAN]
    for row in found.to_dict("records"):
        assert (row["n"], row["folds"]) == (4, 2)
        scale = 5.0 if row["target"] == MEAN else 1.0
        # Means over folds: 2 and 1.25 in the target's unit; the control's is 5.
        assert row["configured_mae"] == pytest.approx(2.0 / scale)
        assert row["tuned_mae"] == pytest.approx(1.25 / scale)
        assert row["difference"] == pytest.approx(-0.75 / scale)
        assert row["relative"] == pytest.approx(-0.375)
        assert row["configured_smae"] == pytest.approx(0.4)
        assert row["tuned_smae"] == pytest.approx(0.25)
        # Folds' own SMAE: 0.4 and 0.4, 0.2 and 0.3.
        assert row["configured_spread"] == pytest.approx(0.0)
        assert row["tuned_spread"] == pytest.approx(math.sqrt(0.005))
        assert row["low"] < row["difference"] < row["high"]


def test_one_fold_has_no_test_over_folds() -> None:
    errors = {CONFIGURED: [2.0, 3.0], TUNED: [1.0, 1.0]}
    found = compared(_predictions(errors, FOLDS[:1], TRUTH), FOLDS[:1], targets=TRUTH, formulas=FORMULAS, seed=1)
    assert found["p"].isna().all()
    assert found["tuned_spread"].isna().all()
    assert set(found["verdict"]) == {"better"}


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [(-2.0, -1.0, 0.01, "better"), (-2.0, -1.0, 0.2, "not told apart"), (-2.0, -1.0, math.nan, "better"),
     (1.0, 2.0, 0.01, "worse"), (-1.0, 2.0, 0.01, "not told apart"), (math.nan, math.nan, math.nan, "not told apart")],
)  # fmt: skip
def test_verdict(low: float, high: float, p: float, expected: str) -> None:
    assert verdict({"low": low, "high": high, "p": p}) == expected


@pytest.fixture(scope="module")
def swept(make_project: Callable[[Path], Layout], tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, str]:
    """A project with a study, for tests that only read what comes of it; and the study's name."""
    layout = make_project(tmp_path_factory.mktemp("swept"))
    (made,) = small_sweep(layout, params.load(layout.params), trials=3)
    return layout, made.study


def test_held_out_rows_are_those_that_no_trial_has_seen(swept: tuple[Layout, str]) -> None:
    layout, study = swept
    found = score.run(layout, params.load(layout.params), study=study)
    outer = splits.read_folds(layout.folds)["grouped"][0]
    assert (found.claim, found.protocol, found.folds) == ("held_out", "grouped", (outer.key,))
    assert set(found.comparison.predictions[ID]) == set(outer.test_ids)
    tuned = found.comparison.rows.set_index("target")["tuned_smae"]
    assert tuned[MEAN] == pytest.approx(tuned[list(TARGETS)].mean())


def test_all_folds_of_a_protocol_are_not_nested_and_what_the_pipeline_gives(swept: tuple[Layout, str]) -> None:
    layout, study = swept
    given = params.load(layout.params)
    found = score.run(layout, given, study=study, protocol="stratified")
    assert (found.claim, found.key) == ("not_nested", "stratified")
    assert "not nested" in tuning.title(found.as_json())
    best = record_of(layout, study)
    values = {**best["base"], **best["trials"][found.trial]["params"]}
    # As configured, and as adopted: the same seeds, the same numbers.
    for name, of in ((CONFIGURED, best["base"]), (TUNED, values)):
        changed = given.model_copy(update={"models": {"rf_magpie": of}})
        cell = fit.run(layout, changed, model="rf_magpie", protocol="stratified")
        ours = found.comparison.predictions
        ours = ours[ours["model"] == name].assign(model="rf_magpie").reset_index(drop=True)
        assert digest_frame(ours) == digest_frame(cell.predictions)


def record_of(layout: Layout, study: str) -> dict:
    loaded, _ = stage.found(layout, study=study, storage=None, trial=None)
    return record.of(loaded, adopted=0, data={})


def test_nested_takes_each_folds_own_best_and_wants_all_studies(project: Layout) -> None:
    given = params.load(project.params)
    (first,) = small_sweep(project, given, trials=2)
    with pytest.raises(UserError, match=r"no study of grouped/fold-1 .* electrode-bench sweep rf_magpie --nested"):
        score.run(project, given, study=first.study, nested=True)
    with pytest.raises(UserError, match="leave out --protocol and --trial"):
        score.run(project, given, study=first.study, nested=True, protocol="loco")
    made = small_sweep(project, given, trials=2, nested=True)
    assert made[0].study == first.study
    found = score.run(project, given, study=made[1].study, nested=True)
    assert (found.claim, found.folds) == ("nested", ("fold-0", "fold-1", "fold-2"))
    alone = score.run(project, given, study=made[1].study)
    same = [c.comparison.predictions.query("fold == 'fold-1'").reset_index(drop=True) for c in (found, alone)]
    assert digest_frame(same[0]) == digest_frame(same[1])
    assert found.comparison.rows["p"].notna().all() or (found.comparison.rows["difference"] == 0).any()


def test_a_score_stands_in_mlflow_in_the_record_and_beside_the_study(project: Layout) -> None:
    given = params.load(project.params)
    (made,) = small_sweep(project, given, trials=3)
    stage.adopt(project, given, study=made.study)
    path = project.sweep_record("rf_magpie")
    before = sweep_record.read(path)
    assert before is not None
    assert (before["study"], before["adopted"], before["scores"]) == (made.study, made.summary["best_trial"], [])
    assert [t["number"] for t in before["trials"]] == [0, 1, 2]
    found = score.run(project, given, study=made.study)
    after = sweep_record.read(path)
    assert after is not None
    (kept,) = after["scores"]
    assert {k: kept[k] for k in ("claim", "trial")} == {"claim": "held_out", "trial": made.summary["best_trial"]}
    assert {**after, "scores": []} == before
    assert (
        before["data"]["table"] == yaml.safe_load(project.params.read_text())["models"]["rf_magpie"]["adopted"]["table"]
    )
    with open_store(project) as store:
        experiment = store.client.get_experiment_by_name("sweeps/rf_magpie")
        (run,) = search(store.client, experiment.experiment_id, "tags.kind = 'sweep'")
        files = {a.path for a in store.client.list_artifacts(run.info.run_id, "score")}
    row = found.comparison.rows.set_index("target").loc["average_voltage"]
    assert run.data.metrics["held_out/average_voltage/tuned_smae"] == pytest.approx(row["tuned_smae"])
    assert "which the study has not seen" in run.data.tags["mlflow.note.content"]
    name = f"score/held_out_trial_{found.trial:04d}"
    assert files == {f"{name}.csv", f"{name}_predictions.parquet"}
    assert run.data.tags["scored.held_out"] == f"trial {found.trial}"
    # To look again for another trial is told: these rows would become rows that are tuned on.
    other = next(n for n in range(3) if n != made.summary["best_trial"])
    again = score.run(project, given, study=made.study, trial=other)
    assert again.before == (made.summary["best_trial"],)
    # Nor may a later look push the adopted trial's own score out of the record.
    last = sweep_record.read(path)
    assert last is not None
    assert [s["trial"] for s in last["scores"]] == [found.trial, other]
    assert last["scores"][0] == kept
    assert [s["title"] for s in tuning.told(last)["scores"]] == [tuning.title(kept)]
    assert tuning.told(last)["others"] == [other]
    with open_store(project) as store:
        tags = store.client.get_run(run.info.run_id).data.tags
    assert tags["scored.held_out"] == ", ".join(f"trial {n}" for n in sorted({found.trial, other}))
    assert f"looked at for trial {found.trial} too" in tags["mlflow.note.content"]


def test_a_score_of_other_data_is_refused(swept: tuple[Layout, str], tmp_path: Path) -> None:
    layout, study = swept
    other = Layout(tmp_path / "other")
    shutil.copytree(layout.root, other.root)
    table = pd.read_parquet(other.table)
    table[list(TARGETS)] *= 2
    table.to_parquet(other.table)
    with pytest.raises(UserError, match="was made with other data, folds or code than are here"):
        score.run(other, params.load(other.params), study=study)


def test_the_command_says_what_tuning_brought(swept: tuple[Layout, str]) -> None:
    layout, study = swept
    done = CliRunner().invoke(app, ["-p", str(layout.root), "sweep", "score", study, "-w", "1"])
    assert done.exit_code == 0, done.output
    for part in ("which the study has not seen", "Average voltage", "mean of the three", "95% interval", "test rows"):
        assert part in done.output
    shown = CliRunner().invoke(app, ["-p", str(layout.root), "sweep", "score", study, "-w", "1", "--json"])
    assert [r["target"] for r in json.loads(shown.stdout)["rows"]] == [*TARGETS, MEAN]


def test_a_spoilt_record_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rf_magpie.json"
    assert sweep_record.read(path) is None
    for text in ("{", "[]", '{"study": 1}'):
        path.write_text(text)
        with pytest.raises(UserError, match=r"record of a study"):
            sweep_record.read(path)


def test_the_folds_compared_may_be_few(swept: tuple[Layout, str]) -> None:
    """The sizes of the bootstrap are a learning curve: only the largest is compared."""
    layout, study = swept
    found = score.run(layout, params.load(layout.params), study=study, protocol="bootstrap")
    headline = metrics.headline_folds(splits.read_folds(layout.folds)["bootstrap"])
    assert set(found.comparison.rows["folds"]) == {len(headline)}
