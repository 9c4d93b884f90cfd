"""A project returns what belongs together; otherwise one line says what is wrong and which command to run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.projects import QUICK

from electrode_bench import params
from electrode_bench.core.artifacts import units
from electrode_bench.core.outputs import read_csv, read_json, read_table
from electrode_bench.core.results import Run
from electrode_bench.core.schema import COMPARISON_TABLES, ID, TABLE_COLUMNS, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.stages import compare, fit, split


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may edit."""
    return Project(shutil.copytree(finished.root, tmp_path / "project"))


def edit_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def edit_table(path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def without_first(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame[ID] != frame[ID].min()]


def message(call: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_finished_project_holds_everything(finished: Project) -> None:
    ids = set(finished.table()[ID])
    assert list(finished.table().columns) == list(TABLE_COLUMNS)
    assert list(finished.targets().columns) == list(TARGETS)
    assert finished.synthetic()
    for frame in (finished.features("modnet"), finished.clusters(), finished.training_data(None)[0]):
        assert set(frame.index) == ids
    assert set(finished.folds()) == set(finished.split_digests())
    assert [(run.model, run.protocol) for run in finished.runs()] == [
        (model, protocol) for protocol in finished.folds() for model in ("control", "rf_magpie")
    ]
    assert finished.runs("loco") == [finished.run(model, "loco") for model in ("control", "rf_magpie")]
    assert finished.adoption("rf_magpie") is None
    assert finished.map_summary()["n_clusters"] == finished.clusters().max() + 1
    for name in COMPARISON_TABLES:
        assert isinstance(finished.comparison(name), pd.DataFrame)
    assert Project.open(finished.root).params() == QUICK


def test_the_rows_of_features_are_in_the_order_of_the_table(project: Project) -> None:
    edit_table(project.paths.features("magpie_mean"), lambda frame: frame.iloc[::-1])
    frame, targets = project.training_data("magpie_mean")
    assert list(frame.index) == list(targets.index) == list(project.table()[ID])


def test_features_of_several_sets_stand_side_by_side(project: Project) -> None:
    frame, targets = project.training_data("modnet+magpie_mean")
    assert list(frame.index) == list(targets.index)
    expected = pd.concat([project.features("modnet"), project.features("magpie_mean")], axis=1)
    pd.testing.assert_frame_equal(frame, expected, check_exact=True)
    assert "elements.parquet" in message(lambda: project.features("modnet+elements"))
    edit_table(project.paths.features("magpie_mean"), lambda f: f.rename(columns={f.columns[1]: frame.columns[0]}))
    with pytest.raises(ValueError, match="the feature sets modnet and magpie_mean both have a column"):
        project.features("modnet+magpie_mean")


def test_a_folder_without_params_is_not_a_project(tmp_path: Path) -> None:
    assert "params.yaml is missing; run the command in the project's folder" in message(lambda: Project.open(tmp_path))


@pytest.mark.parametrize(
    ("read", "file", "stage"),
    [
        (Project.table, "prepare/table.parquet", "prepare"),
        (Project.card, "prepare/card.json", "prepare"),
        (Project.map, "map/map.parquet", "map"),
        (Project.map_summary, "map/summary.json", "map"),
        (Project.folds, "split/folds.parquet", "split"),
        (Project.split_digests, "split/digest.json", "split"),
        (lambda p: p.features("modnet"), "featurize/modnet.parquet", "featurize"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/cell.json", "fit@control"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/predictions.parquet", "fit@control"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/share.parquet", "fit@control"),
        (lambda p: p.comparison("table"), "compare/table.csv", "compare"),
        (lambda p: p.comparison("table"), "compare/inputs.json", "compare"),
    ],
)
def test_a_missing_file_names_the_stage_that_makes_it(
    project: Project, read: Callable[[Project], object], file: str, stage: str
) -> None:
    (project.paths.results / file).unlink()
    assert f"{file} is missing; make it with: dvc repro {stage}" in message(lambda: read(project))


@pytest.mark.parametrize(
    ("read", "file", "stage"),
    [
        (Project.table, "prepare/table.parquet", "prepare"),
        (Project.card, "prepare/card.json", "prepare"),
        (Project.folds, "split/folds.parquet", "split"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/cell.json", "fit@control"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/predictions.parquet", "fit@control"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/share.parquet", "fit@control"),
        (lambda p: p.comparison("table"), "compare/inputs.json", "compare"),
        (lambda p: p.calibration("rf_magpie"), "compare/calibration.json", "compare"),
        (Project.map, "map/map.parquet", "map"),
        (lambda p: p.features("modnet"), "featurize/modnet.parquet", "featurize"),
    ],
)
def test_an_unreadable_file_names_the_stage_that_makes_it(
    project: Project, read: Callable[[Project], object], file: str, stage: str
) -> None:
    (project.paths.results / file).write_bytes(b"{half")
    text = message(lambda: read(project))
    assert f"{file} cannot be read as " in text
    assert text.endswith(f"make it again: dvc repro -f {stage}")


def test_features_of_other_electrodes_are_refused(project: Project) -> None:
    edit_table(project.paths.features("modnet"), without_first)
    expected = "modnet.parquet belongs to other data than the table; run: dvc repro featurize"
    assert expected in message(lambda: project.features("modnet"))


def test_features_that_were_not_computed_are_named_with_those_that_were(project: Project) -> None:
    assert message(lambda: project.features("magpi")).endswith(
        "is missing; make it with: dvc repro featurize (there are: magpie_mean, modnet)"
    )


def test_a_map_without_an_electrode_is_refused(project: Project) -> None:
    edit_table(project.paths.map, without_first)
    assert "1 electrodes have no place on the map" in message(project.clusters)
    assert "run: dvc repro map" in message(project.map)


@pytest.mark.parametrize("smaller", ["table", "folds"])
def test_folds_of_other_electrodes_are_refused(project: Project, smaller: str) -> None:
    edit_table(getattr(project.paths, smaller), without_first)
    assert "folds.parquet belongs to other data than the table; run: dvc repro split" in message(project.folds)


def test_folds_that_their_digest_does_not_describe_are_refused(project: Project) -> None:
    edit_table(project.paths.folds, lambda frame: frame[frame["fold"] != "cluster-00"])
    assert "digest.json describes other folds; run: dvc repro -f split" in message(project.folds)


@pytest.mark.parametrize("edit", [lambda frame: frame.assign(repeat=0.5), lambda frame: frame.assign(part="x")])
def test_folds_that_cannot_be_are_refused(project: Project, edit: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    edit_table(project.paths.folds, edit)
    assert "folds.parquet is damaged" in message(project.folds)


def test_an_unknown_protocol_or_table_has_the_nearest_name(finished: Project) -> None:
    assert "no folds of 'groupd'; did you mean 'grouped'?" in message(lambda: finished.protocol_folds("groupd"))
    assert "no comparison table 'scors'; did you mean 'scores'?" in message(lambda: finished.comparison("scors"))


def test_runs_of_another_composition_setting_are_never_mixed(project: Project) -> None:
    text = project.paths.params.read_text(encoding="utf-8")
    assert "composition: discharged" in text
    project.paths.params.write_text(text.replace("composition: discharged", "composition: pair"), encoding="utf-8")
    expected = "rf_magpie under grouped was fitted with another featurize.composition than pair; run: dvc repro"
    assert expected in message(lambda: project.run("rf_magpie", "grouped"))
    assert "fitted with another featurize.composition than pair" in message(lambda: project.runs("grouped"))


def test_a_run_of_another_split_is_refused(project: Project) -> None:
    split.run(project, QUICK.split, seed=QUICK.seed + 1)
    expected = "rf_magpie under grouped was fitted on another split; run: dvc repro fit@rf_magpie"
    assert expected in message(lambda: project.run("rf_magpie", "grouped"))
    text = message(lambda: project.runs("grouped"))
    assert "control under grouped, rf_magpie under grouped were fitted on another split" in text
    assert "run: dvc repro fit@control fit@rf_magpie" in text
    # Clusters do not depend on the seed.
    assert len(project.runs("loco")) == 2


def test_many_runs_of_another_split_are_one_line(project: Project) -> None:
    split.run(project, QUICK.split, seed=QUICK.seed + 1)
    edit_table(project.paths.table, lambda frame: frame.assign(average_voltage=frame["average_voltage"] + 1e-6))
    assert "run: dvc repro fit@control fit@rf_magpie (or delete results/fit/<model> of a model" in message(project.runs)


def test_a_run_of_other_targets_is_refused(project: Project) -> None:
    edit_table(project.paths.table, lambda frame: frame.assign(average_voltage=frame["average_voltage"] + 1e-6))
    expected = "control under loco was fitted on other data; run: dvc repro fit@control"
    assert expected in message(lambda: project.run("control", "loco"))


def test_edited_predictions_are_refused(project: Project) -> None:
    path = project.paths.predictions("rf_magpie", "stratified")
    edit_table(path, lambda frame: frame.assign(y_pred=frame["y_pred"] * 1.01))
    expected = "rf_magpie under stratified was written with other predictions than it has now"
    assert expected in message(lambda: project.run("rf_magpie", "stratified"))


def test_edited_distributions_of_the_share_are_refused(project: Project) -> None:
    outside = params.Params.model_validate(
        {**QUICK.model_dump(), "models": {"sharing_model": {"module": "support.sharing_model"}}}
    )
    made = fit.run(project, outside, model="sharing_model", protocol="grouped")
    read = project.run("sharing_model", "grouped")
    pd.testing.assert_frame_equal(read.share, made.share, rtol=1e-11)
    assert read.record() == made.record()
    path = project.paths.share("sharing_model", "grouped")
    assert units(path)["share_at_most_0.15"].unit == "probability"
    edit_table(path, lambda frame: frame.assign(**{"share_at_most_0.15": frame["share_at_most_0.15"] * 0.99}))
    expected = "sharing_model under grouped was written with other predictions than it has now"
    assert expected in message(lambda: project.run("sharing_model", "grouped"))


def test_a_run_whose_writing_was_cut_short_is_refused(project: Project) -> None:
    record = project.paths.run("rf_magpie", "stratified").read_bytes()
    other = QUICK.model_copy(update={"models": {"rf_magpie": {"n_estimators": 3}}})
    fit.run(project, other, model="rf_magpie", protocol="stratified")
    compare.run(project, seed=0)
    # As if the second fit had been killed between its two files.
    project.paths.run("rf_magpie", "stratified").write_bytes(record)
    expected = r"rf_magpie under stratified was written with other predictions than it has now.*dvc repro fit"
    with pytest.raises(UserError, match=expected):
        compare.run(project, seed=0)


def older_digest(record: dict[str, Any]) -> None:
    record["digests"]["cell"] = record["digests"].pop("run")


@pytest.mark.parametrize(
    "change",
    [older_digest, lambda r: r.pop("folds"), lambda r: r.update(about={}), lambda r: r.update(seed="one")],
)
def test_a_record_of_another_version_is_refused(project: Project, change: Callable[[dict[str, Any]], object]) -> None:
    edit_json(project.paths.run("control", "loco"), change)
    text = message(lambda: project.run("control", "loco"))
    assert text.endswith(
        "control/loco/cell.json was written by another version of electrode-bench; run: dvc repro -f fit@control"
    )


def test_a_comparison_of_other_runs_is_refused(project: Project) -> None:
    other = QUICK.model_copy(update={"models": {"rf_magpie": {"n_estimators": 3}}})
    fit.run(project, other, model="rf_magpie", protocol="loco")
    expected = "results/compare was made from other runs (rf_magpie/loco); run: dvc repro"
    assert message(lambda: project.comparison("table")) == expected
    compare.run(project, seed=0)
    assert len(project.comparison("table")) == 8


def test_a_comparison_without_a_removed_run_is_refused(project: Project) -> None:
    shutil.rmtree(project.paths.run("rf_magpie", "loco").parent)
    assert "made from other runs (rf_magpie/loco); run: dvc repro" in message(lambda: project.comparison("scores"))


def test_a_comparison_of_other_data_is_refused(project: Project) -> None:
    edit_table(project.paths.table, lambda frame: frame.assign(average_voltage=frame["average_voltage"] + 1e-6))
    expected = "results/compare belongs to other data than the table; run: dvc repro"
    assert message(lambda: project.comparison("table")) == expected


@pytest.mark.parametrize(
    ("file", "stage"),
    [
        ("prepare/table.parquet", "prepare"),
        ("split/folds.parquet", "split"),
        ("split/digest.json", "split"),
        ("fit/control/loco/cell.json", "fit@control"),
        ("fit/control/loco/predictions.parquet", "fit@control"),
        ("compare/table.csv", "compare"),
    ],
)
def test_a_folder_in_the_place_of_a_file_is_named(project: Project, file: str, stage: str) -> None:
    path = project.paths.results / file
    path.unlink()
    path.mkdir()

    def read() -> None:
        project.comparison("table")
        project.folds()
        project.table()
        project.runs()

    assert f"{file} is a folder where a file belongs; move it away, then run: dvc repro -f {stage}" in message(read)


def test_a_run_without_its_record_is_not_left_out(project: Project) -> None:
    for protocol in project.folds():
        project.paths.run("rf_magpie", protocol).unlink()
    for read in (project.runs, project.fitted_folds, lambda: project.comparison("table")):
        text = message(read)
        assert text.endswith("/cell.json is missing; make it with: dvc repro fit@rf_magpie")


@pytest.mark.parametrize("file", ["compare/inputs.json", "fit/control/loco/cell.json", "split/digest.json"])
def test_files_of_another_version_are_refused(project: Project, file: str) -> None:
    (project.paths.results / file).write_text("{}")

    def read() -> None:
        project.comparison("table")
        project.split_digests()

    assert f"{file} was written by another version of electrode-bench; run: dvc repro -f " in message(read)


def test_tables_without_rows_keep_their_columns(tmp_path: Path) -> None:
    (tmp_path / "ranking.csv").write_text("")
    columns = COMPARISON_TABLES["ranking"]
    assert list(read_csv(tmp_path / "ranking.csv", stage="compare", columns=columns).columns) == list(columns)


@pytest.mark.parametrize(
    ("read", "file", "stage"),
    [
        (lambda p: p.comparison("scores"), "compare/scores.csv", "compare"),
        (lambda p: p.calibration("rf_magpie"), "compare/calibration.json", "compare"),
        (lambda p: p.run("control", "loco"), "fit/control/loco/cell.json", "fit@control"),
        (Project.runs, "fit/control/loco/cell.json", "fit@control"),
        (Project.card, "prepare/card.json", "prepare"),
        (Project.map_summary, "map/summary.json", "map"),
        (Project.folds, "split/digest.json", "split"),
        (lambda p: p.comparison("scores"), "compare/inputs.json", "compare"),
    ],
)
def test_a_digit_that_was_changed_is_noticed(
    project: Project, read: Callable[[Project], object], file: str, stage: str
) -> None:
    path = project.paths.results / file
    text = path.read_text()
    position = next(i for i in range(len(text) // 2, len(text)) if text[i] in "12345678")
    path.write_text(text[:position] + str(int(text[position]) + 1) + text[position + 1 :])
    expected = f"{path} was changed after it was written; make it again: dvc repro -f {stage}"
    assert message(lambda: read(project)) == expected


@pytest.mark.parametrize(
    ("read", "file", "stage"),
    [
        (Project.table, "prepare/table.parquet", "prepare"),
        (Project.map, "map/map.parquet", "map"),
        (Project.folds, "split/folds.parquet", "split"),
        (lambda p: p.features("modnet"), "featurize/modnet.parquet", "featurize"),
    ],
)
@pytest.mark.parametrize("share", [0.05, 0.2, 0.4])
def test_zeros_among_the_values_of_a_table_are_noticed(
    project: Project, read: Callable[[Project], object], file: str, stage: str, share: float
) -> None:
    path = project.paths.results / file
    content = bytearray(path.read_bytes())
    start = int(len(content) * share)
    content[start : start + 64] = bytes(64)
    path.write_bytes(content)
    text = message(lambda: read(project))
    assert text.startswith(f"{path} cannot be read as parquet")
    assert text.endswith(f"make it again: dvc repro -f {stage}")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'a,b\n1,2,3\n"', b"a\n" * 3])
def test_a_csv_that_is_not_ours_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.csv"
    path.write_bytes(content)
    text = message(lambda: read_csv(path, stage="compare", columns=COMPARISON_TABLES["pairs"]))
    assert text.startswith(f"{path} ")
    assert text.endswith("dvc repro -f compare")


@pytest.mark.parametrize(
    "file", ["prepare/card.json", "split/digest.json", "compare/inputs.json", "compare/calibration.json"]
)
@pytest.mark.parametrize("content", ["[1]", "3", '{"protocols": 3, "runs": [], "models": null}'])
def test_json_of_another_form_is_refused(project: Project, file: str, content: str) -> None:
    (project.paths.results / file).write_text(content)

    def read() -> None:
        project.synthetic()
        project.folds()
        project.calibration("rf_magpie")

    assert f"{file} was written by another version of electrode-bench; run: dvc repro -f " in message(read)


def test_an_adoption_is_read_or_refused(project: Project) -> None:
    path = project.paths.adoption("rf_magpie")
    path.parent.mkdir(parents=True)
    record = {"model": "rf_magpie", "study": "s", "trial": 3, "part": "grouped/fold-0", "config": "c", "table": "t"}
    path.write_text(json.dumps({**record, "base": {"n_estimators": 5}}))
    adoption = project.adoption("rf_magpie")
    assert adoption is not None
    assert (adoption.trial, adoption.base) == (3, {"n_estimators": 5})
    path.write_text(json.dumps(record))
    assert "adopted.json is not a record of an adopted trial" in message(lambda: project.adoption("rf_magpie"))
    path.write_text("{half")
    assert "restore it from git" in message(lambda: project.adoption("rf_magpie"))


def test_files_outside_a_project_are_read_alike(tmp_path: Path) -> None:
    for read in (read_table, read_csv, read_json):
        assert "x.parquet is missing; make it with: dvc repro map" in message(
            lambda read=read: read(tmp_path / "x.parquet", stage="map")
        )


def test_params_that_are_wrong_are_one_line(project: Project) -> None:
    project.paths.params.write_text("seed: 1\nsplits: {}\n")
    assert "unknown key 'splits'; did you mean 'split'?" in message(project.params)


def test_a_run_is_its_record_and_its_predictions(finished: Project) -> None:
    run = finished.run("rf_magpie", "bootstrap")
    assert (run.name, run.stage) == ("rf_magpie under bootstrap", "fit@rf_magpie")
    assert run.record() == json.loads(finished.paths.run("rf_magpie", "bootstrap").read_text())
    assert run.training_sizes == {f.key: len(f.train_ids) for f in finished.protocol_folds("bootstrap")}
    assert run == Run.model_validate({**run.record(), "predictions": run.predictions, "share": run.share})
    assert run.sealed() == run
    assert run != finished.run("control", "bootstrap")
    assert len({run, finished.run("rf_magpie", "bootstrap")}) == 1


def test_a_damaged_table_of_the_comparison_is_not_parsed(project: Project) -> None:
    # pandas' parser of CSV ended the process, with a segmentation fault, at a row with more fields than columns.
    path = project.paths.comparison("table")
    head, *rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([head, *rows[:1], '"' + rows[1], *rows[2:]]))
    assert "was changed after it was written; make it again: dvc repro -f compare" in message(
        lambda: project.comparison("table")
    )
