"""MLflow as a view of the results: real MLflow on SQLite, and on a real server on loopback."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import fresh_store, tracking_cells
from support.electrodes import table
from support.serving import free_port, mlflow_server
from support.tracking_cells import Made

from electrode_bench import features, models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.project import Layout
from electrode_bench.tracking import runs as tracking

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("tracking")

SCRIPT = Path(tracking_cells.__file__)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """Cells by name, fitted once."""
    root = tmp_path_factory.mktemp("made")
    names = ("control", "rf_magpie")
    cells = {f"{m} {p}": tracking_cells.make(root, m, p) for m in names for p in ("stratified", "bootstrap")}
    cells["rf_magpie other"] = tracking_cells.make(root, "rf_magpie", "stratified", n_estimators=6)
    return cells


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "a project, 100% #1")


@pytest.fixture
def uri(layout: Layout) -> str:
    return tracking.tracking_uri(layout, {})


@pytest.fixture
def opened(layout: Layout, uri: str, fresh: Path) -> Iterator[tracking.Store]:
    fresh_store.given(fresh, layout)
    with tracking.opened(layout, uri=uri) as store:
        yield store


def put(layout: Layout, uri: str, *cells: Made) -> list[tracking.PublishedRun]:
    return [tracking.publish_cell(layout, record, trace=trace, uri=uri) for record, trace in cells]


def runs(store: tracking.Store, experiment: str) -> dict[str, Any]:
    """Living runs by name."""
    found = store.client.search_runs([experiment], max_results=1000)
    assert len({run.info.run_name for run in found}) == len(found)
    return {run.info.run_name: run for run in found}


def test_a_cell_is_a_run_with_its_scores_traces_and_files(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    record, trace = made["rf_magpie stratified"]
    (published,) = put(layout, uri, (record, trace))
    run = opened.client.get_run(published.run_id)
    assert (run.info.run_name, run.info.status) == ("rf_magpie · stratified", "FINISHED")
    assert published.url.startswith(f"http://127.0.0.1:5000/#/experiments/{opened.cells}/runs/{published.run_id}")

    every = record.scores[record.scores["fold"] == "all"]
    for row in every.itertuples():
        assert run.data.metrics[f"{row.target}/{row.metric}"] == pytest.approx(row.value)
        assert run.data.metrics[f"{row.target}_spread/{row.metric}"] == pytest.approx(row.spread)
    assert run.data.metrics["cost/seconds"] == pytest.approx(sum(c["seconds"] for c in record.costs.values()))
    assert run.data.metrics["cost/peak_rss_mb"] == pytest.approx(max(c["peak_rss_mb"] for c in record.costs.values()))
    assert run.data.params["n_estimators"] == "5"
    assert run.data.params | {"seed": "7", "composition": "discharged", "feature_set": "magpie_mean"} == run.data.params

    digests = record.about["digests"]
    expected = {
        "kind": "cell", "model": "rf_magpie", "protocol": "stratified", "cell": "rf_magpie · stratified",
        "split_digest": digests["split"], "table_digest": digests["table"], "feature_digest": digests["features"],
        "code_digest": digests["code"], "params_digest": digests["config"], "cell_digest": digests["cell"],
        "data_md5": trace.provenance["md5"], "data_source": "sample", "synthetic": "true", "git_commit": "0" * 40,
        "git_dirty": "false", "dvc_lock_sha": "1" * 64, "device": "cpu", "complete": "true", "current": "true",
    }  # fmt: skip
    assert run.data.tags | expected == run.data.tags
    assert json.loads(run.data.tags["versions"]) == record.about["versions"]
    assert "control_run_id" not in run.data.tags

    data = run.inputs.dataset_inputs[0].dataset
    assert (data.digest, data.name) == (digests["table"][:36], "made up, 1")
    assert json.loads(data.profile)["num_rows"] == 40

    files = Path(opened.client.download_artifacts(run.info.run_id, ""))
    pd.testing.assert_frame_equal(pd.read_parquet(files / "predictions.parquet"), record.predictions)
    assert json.loads((files / "cell.json").read_text()) == record.about
    assert len(pd.read_csv(files / "scores.csv")) == len(record.scores)
    assert (files / "parity" / "parity.png").read_bytes().startswith(b"\x89PNG")
    assert table(40)[ID].iloc[0] in (files / "parity" / "parity.html").read_text()


def test_scores_that_changed_are_published_anew(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    record, trace = made["rf_magpie stratified"]
    (before,) = put(layout, uri, (record, trace))
    mended = record.scores.assign(value=record.scores["value"] * 2)
    (after,) = put(layout, uri, (dataclasses.replace(record, scores=mended), trace))
    assert after.created
    old, new = (opened.client.get_run(run.run_id).data for run in (before, after))
    assert new.metrics["average_voltage/mae"] == pytest.approx(2 * old.metrics["average_voltage/mae"])
    assert old.tags["superseded_by"] == after.run_id


def test_the_lock_entry_is_added_when_dvc_has_written_it(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    record, trace = made["rf_magpie stratified"]
    (before,) = put(layout, uri, (dataclasses.replace(record, lock_sha=None), trace))
    assert "dvc_lock_sha" not in opened.client.get_run(before.run_id).data.tags
    (after,) = put(layout, uri, (dataclasses.replace(record, lock_sha="2" * 64), trace))
    assert (after.run_id, after.created) == (before.run_id, False)
    tagged = [opened.client.get_run(before.run_id), *runs(opened, opened.folds).values()]
    assert {run.data.tags["dvc_lock_sha"] for run in tagged} == {"2" * 64}


def test_folds_are_children_in_an_experiment_of_their_own(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    record, trace = made["rf_magpie stratified"]
    (published,) = put(layout, uri, (record, trace))
    assert list(runs(opened, opened.cells)) == ["rf_magpie · stratified"]
    folds = runs(opened, opened.folds)
    assert sorted(folds) == [f"fold-{i} · rf_magpie · stratified" for i in range(3)]
    for run in folds.values():
        key = run.data.tags["fold"]
        assert (
            run.data.tags | {"kind": "fold", "mlflow.parentRunId": published.run_id, "device": "cpu"} == run.data.tags
        )
        assert run.data.tags["cell_digest"] == record.about["digests"]["cell"]
        rows = record.scores[(record.scores["fold"] == key) & (record.scores["target"] == "average_voltage")]
        for row in rows.itertuples():
            assert run.data.metrics[f"average_voltage/{row.metric}"] == pytest.approx(row.value)
        assert run.data.params["seed"] == str(record.about["folds"][key]["seed"])
        assert run.data.metrics["rows/test"] == record.about["folds"][key]["n_test"]
        cost = record.costs[key]
        assert run.data.metrics["cost/seconds"] == pytest.approx(cost["seconds"])
        assert run.info.start_time == round(1000 * pd.Timestamp(cost["started"]).timestamp())
        assert run.info.end_time - run.info.start_time == pytest.approx(1000 * cost["seconds"], abs=1)
        assert run.info.status == "FINISHED"
    # The search string that the parent's description shows finds exactly its folds.
    note = opened.client.get_run(published.run_id).data.tags["mlflow.note.content"]
    query = re.search(r"search there for `(.*)`", note)
    assert query is not None
    assert len(opened.client.search_runs([opened.folds], query[1])) == 3


def test_the_description_tells_scores_data_and_that_they_are_synthetic(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    record, trace = made["rf_magpie stratified"]
    real = dataclasses.replace(trace, provenance=tracking_cells.provenance(synthetic=False, source="mine.csv"))
    (published,) = put(layout, uri, (record, trace))
    note = opened.client.get_run(published.run_id).data.tags["mlflow.note.content"]
    row = record.scores.query("fold == 'all' and target == 'average_voltage' and metric == 'smae'").iloc[0]
    assert f"{row['value']:.2f}" in note
    assert f"± {row['spread']:.2f}" in note
    assert "**Synthetic data" in note
    assert trace.provenance["md5"] in note
    (published,) = put(layout, uri, (record, real))
    note = opened.client.get_run(published.run_id).data.tags["mlflow.note.content"]
    assert "ynthetic" not in note
    assert "mine.csv" in note


def test_nan_scores_and_unknown_costs_are_left_out(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    record, trace = made["control stratified"]
    scores = record.scores.copy()
    scores.loc[scores["metric"] == "r2_2sigma", "value"] = np.nan
    costs = {"fold-0": record.costs["fold-0"]}
    (published,) = put(layout, uri, (dataclasses.replace(record, scores=scores, costs=costs, model=None), trace))
    metrics = opened.client.get_run(published.run_id).data.metrics
    assert "average_voltage/r2_2sigma" not in metrics
    assert "average_voltage/r2" in metrics
    # The sum over some folds would look like a total.
    assert "cost/seconds" not in metrics
    assert "cost/seconds" in runs(opened, opened.folds)["fold-0 · control · stratified"].data.metrics


def test_publishing_again_creates_nothing(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    cells = [made["control stratified"], made["rf_magpie stratified"], made["rf_magpie bootstrap"]]
    first = put(layout, uri, *cells)
    before = (layout.mlruns / "mlflow.db").read_bytes(), sorted(layout.mlruns.rglob("*"))
    again = put(layout, uri, *cells)
    assert [run.created for run in first + again] == [True] * 3 + [False] * 3
    assert [run.run_id for run in first] == [run.run_id for run in again]
    assert ((layout.mlruns / "mlflow.db").read_bytes(), sorted(layout.mlruns.rglob("*"))) == before
    assert len(runs(opened, opened.folds)) == 3 + 3 + 4


def test_changed_content_supersedes_and_the_old_run_stays(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    old, new = put(layout, uri, made["rf_magpie stratified"], made["rf_magpie other"])
    assert new.created

    def state(run_id: str) -> list[tuple[str, str | None]]:
        children = opened.client.search_runs([opened.folds], f"tags.mlflow.parentRunId = '{run_id}'")
        tags = [run.data.tags for run in (opened.client.get_run(run_id), *children)]
        return [(t["current"], t.get("superseded_by")) for t in tags]

    assert state(old.run_id) == [("false", new.run_id)] * 4
    assert state(new.run_id) == [("true", None)] * 4
    assert tracking.cells(layout, uri=uri)["run_id"].tolist() == [new.run_id]
    # Back to the old results: the old run is the current one again.
    (back,) = put(layout, uri, made["rf_magpie stratified"])
    assert (back.run_id, back.created) == (old.run_id, False)
    assert state(old.run_id) == [("true", None)] * 4
    assert state(new.run_id) == [("false", old.run_id)] * 4


def test_a_cell_names_its_control_whichever_came_first(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made]
) -> None:
    (later,) = put(layout, uri, made["rf_magpie stratified"])
    assert "not published" in opened.client.get_run(later.run_id).data.tags["mlflow.note.content"]
    control, other, bootstrap = put(
        layout, uri, made["control stratified"], made["rf_magpie other"], made["rf_magpie bootstrap"]
    )
    for run_id in (later.run_id, control.run_id, other.run_id):
        run = opened.client.get_run(run_id)
        children = opened.client.search_runs([opened.folds], f"tags.mlflow.parentRunId = '{run_id}'")
        assert {r.data.tags["control_run_id"] for r in (run, *children)} == {control.run_id}
    for run in (later, other):
        assert f"/runs/{control.run_id}" in opened.client.get_run(run.run_id).data.tags["mlflow.note.content"]
    # Another protocol is another split.
    assert "control_run_id" not in opened.client.get_run(bootstrap.run_id).data.tags


@pytest.mark.parametrize("what", ["split", "table", "md5"])
def test_no_control_on_other_data_or_another_split(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made], what: str
) -> None:
    record, trace = made["rf_magpie stratified"]
    if what == "md5":
        trace = dataclasses.replace(trace, provenance=tracking_cells.provenance(md5="0" * 32))
    else:
        record = dataclasses.replace(
            record, about={**record.about, "digests": {**record.about["digests"], what: "other"}}
        )
    _, candidate = put(layout, uri, made["control stratified"], (dataclasses.replace(record, model=None), trace))
    run = opened.client.get_run(candidate.run_id)
    assert "control_run_id" not in run.data.tags
    assert "do not compare" in run.data.tags["mlflow.note.content"]


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, subprocess.CompletedProcess[str]]:
    """A fresh store after six processes published into it at once, and a seventh was killed in its midst."""
    root = tmp_path_factory.mktemp("processes") / "a project"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(root)]
    return Layout(root), subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_six_processes_publish_into_a_fresh_store_at_once(
    processes: tuple[Layout, subprocess.CompletedProcess[str]],
) -> None:
    layout, done = processes
    # No "database is locked", and nothing of MLflow's own noise either.
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0, 0, 0, -9]\n", "")
    published = tracking.cells(layout, uri=tracking.tracking_uri(layout, {})).set_index(["model", "protocol"])
    assert set(tracking_cells.SIX) <= set(published.index)
    for protocol in ("stratified", "grouped", "loco"):
        run_id = published.loc[("control", protocol), "run_id"]
        assert published.loc[("rf_magpie", protocol), "control_run_id"] == run_id


def test_a_killed_publish_is_made_whole_by_the_next(
    processes: tuple[Layout, subprocess.CompletedProcess[str]],
) -> None:
    layout, _ = processes
    uri = tracking.tracking_uri(layout, {})
    cell = "rf_magpie · bootstrap"
    with tracking.opened(layout, uri=uri) as store:

        def parents() -> list[str]:
            folds = [run.data.tags for run in runs(store, store.folds).values()]
            return [tags["mlflow.parentRunId"] for tags in folds if tags["cell"] == cell]

        dead = runs(store, store.cells)[cell]
        assert (dead.info.status, dead.data.tags["complete"]) == ("RUNNING", "false")
        assert parents() == [dead.info.run_id] * 4
        assert cell not in {f"{row.model} · {row.protocol}" for row in tracking.cells(layout, uri=uri).itertuples()}

        (published,) = put(layout, uri, tracking_cells.make(layout.root, *tracking_cells.KILLED))
        assert published.created
        alive = runs(store, store.cells)[cell]
        assert (alive.info.run_id, alive.data.tags["complete"]) == (published.run_id, "true")
        assert parents() == [published.run_id] * 4
        logged = store.client.search_logged_models([store.cells])
        assert dead.info.run_id not in {model.source_run_id for model in logged}
        assert published.run_id in {model.source_run_id for model in logged}


LOAD = """
import sys, pandas as pd, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
model.predict(pd.read_json(sys.argv[3])).to_json(sys.argv[4], double_precision=15)
"""


def test_the_model_loads_in_a_fresh_process_and_gives_the_same_numbers(
    layout: Layout, uri: str, opened: tracking.Store, made: dict[str, Made], tmp_path: Path
) -> None:
    record, trace = made["rf_magpie stratified"]
    (published,) = put(layout, uri, (record, trace))
    formulas = table(40)[[FORMULA]].iloc[::-3]
    formulas.to_json(tmp_path / "in.json")
    address = f"runs:/{published.run_id}/rf_magpie"
    command = [sys.executable, "-c", LOAD, uri, address, str(tmp_path / "in.json"), str(tmp_path / "out.json")]
    # Outside the source tree, so that nothing but the model and the installed package can be found.
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = pd.read_json(tmp_path / "out.json", precise_float=True)

    assert record.model is not None
    saved, _ = models.load(record.model)
    expected = saved.predict(features.featurize(formulas, feature_set="magpie_mean"))
    assert answer.index.tolist() == formulas.index.tolist()
    assert answer.columns.tolist() == [*TARGETS, *(f"{t}_std" for t in TARGETS)]
    np.testing.assert_allclose(answer[list(TARGETS)], expected.mean, rtol=1e-9)
    assert expected.std is not None
    np.testing.assert_allclose(answer[[f"{t}_std" for t in TARGETS]], expected.std, rtol=1e-9, atol=1e-9)

    (logged,) = opened.client.search_logged_models([opened.cells])
    files = Path(logged.artifact_location.removeprefix("file://").replace("%20", " ").replace("%25", "%").replace(
        "%23", "#").replace("%2C", ","))  # fmt: skip
    assert list(files.rglob("*.pkl")) == []
    assert (files / "code" / "electrode_bench" / "tracking.py").is_file()
    assert "pymatgen==" in (files / "requirements.txt").read_text()
    assert "units:" in (files / "MLmodel").read_text()


def test_formulas_are_taken_as_column_or_list(made: dict[str, Made]) -> None:
    model = FormulaModel(made["rf_magpie stratified"][0].model)  # type: ignore[arg-type]
    frame = pd.DataFrame({"formula": ["LiFePO4", "NaCoO2"], "note": [1, 2]}, index=["b", "a"])
    of_frame = model.predict(frame)
    assert of_frame.index.tolist() == ["b", "a"]
    of_list = model.predict(["LiFePO4", "NaCoO2"])
    np.testing.assert_array_equal(of_frame, of_list)
    assert not np.allclose(of_list.iloc[0], of_list.iloc[1])


def test_the_control_has_no_spread_and_needs_formulas_all_the_same(made: dict[str, Made]) -> None:
    model = FormulaModel(made["control stratified"][0].model)  # type: ignore[arg-type]
    answer = model.predict(["LiFePO4"])
    assert answer.columns.tolist() == list(TARGETS)
    np.testing.assert_allclose(answer.iloc[0], table(40)[list(TARGETS)].mean())
    with pytest.raises(UserError, match="row 1"):
        model.predict(["LiFePO4", "Xy2"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["LiFePO4", "LiXxO2"], r"row 1 \(the first is 0\), column formula_discharge: .*'LiXxO2'.*unknown element: Xx"),
        (["LiFePO4", None], r"row 1 \(the first is 0\), column formula_discharge: the formula is missing"),
        (pd.DataFrame({"composition": ["LiFePO4"]}), r"no column formula_discharge; give the columns"),
        ([], r"no rows; give at least one formula"),
    ],
)
def test_a_bad_formula_is_named_with_its_row(made: dict[str, Made], given: Any, message: str) -> None:
    model = FormulaModel(made["rf_magpie stratified"][0].model)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=message):
        model.predict(given)


def test_a_server_over_http(layout: Layout, made: dict[str, Made], fresh: Path) -> None:
    database = layout.mlruns / "server.db"
    # The server is to make the experiments itself, with artifacts that go through it.
    fresh_store.copied(fresh, database, "update experiments set name = 'other ' || name")
    with mlflow_server(layout.mlruns, f"sqlite:///{database}") as remote:
        cells = [made["control stratified"], made["rf_magpie stratified"]]
        first = put(layout, remote, *cells)
        again = put(layout, remote, *cells)
        assert [run.created for run in first + again] == [True, True, False, False]
        shown = tracking.cells(layout, uri=remote)
        assert shown["control_run_id"].tolist() == [first[0].run_id] * 2
        assert first[1].url.startswith(f"{remote}/#/experiments/")
        with tracking.opened(layout, uri=remote) as store:
            names = {file.path for file in store.client.list_artifacts(first[1].run_id)}
        assert names == {"cell.json", "parity", "predictions.parquet", "scores.csv"}
        # Nothing went into the local store.
        assert not (layout.mlruns / "mlflow.db").exists()


def test_an_unreachable_server_is_one_line(layout: Layout, made: dict[str, Made]) -> None:
    address = f"http://someone:secret@127.0.0.1:{free_port()}"
    environment = dict(os.environ)
    with pytest.raises(UserError) as raised:
        put(layout, address, made["control stratified"])
    message = str(raised.value)
    assert "no server answers there" in message
    assert address.replace("someone:secret@", "") in message
    assert "results are safe" in message
    assert "electrode-bench publish" in message
    assert "\n" not in message
    assert "secret" not in message
    assert dict(os.environ) == environment


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("./mlruns", r"MLFLOW_TRACKING_URI is './mlruns', a folder, .* unset it"),
        ("file:///tmp/mlruns", r"a folder, which MLflow no longer writes to"),
        ("gopher://host", r"gopher://host cannot be used"),
    ],
)
def test_an_address_of_no_use_is_refused(layout: Layout, address: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tracking.cells(layout, uri=address)


def test_a_database_server_keeps_no_files_and_is_tried_once(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"postgresql://me:secret@127.0.0.1:{free_port()}/runs"
    monkeypatch.delenv(tracking.ARTIFACT_ROOT, raising=False)
    began = time.monotonic()
    told = r"keeps no files, so name a place for them that every host sees in MLFLOW_DEFAULT_ARTIFACT_ROOT"
    with pytest.raises(UserError, match=told):
        tracking.cells(layout, uri=uri)
    monkeypatch.setenv(tracking.ARTIFACT_ROOT, str(layout.mlruns))
    with pytest.raises(UserError, match=r"postgresql://127\.0\.0\.1:\d+/runs cannot be used: no server") as caught:
        tracking.cells(layout, uri=uri)
    assert "secret" not in str(caught.value)
    # MLflow itself tries for an hour.
    assert time.monotonic() - began < 20


def test_a_spoilt_or_missing_database_is_told(layout: Layout, uri: str) -> None:
    with pytest.raises(UserError, match=r"no runs are published in .*; run: electrode-bench publish"):
        tracking.cells(layout, uri=uri)
    assert not layout.mlruns.exists()
    layout.mlruns.mkdir(parents=True)
    (layout.mlruns / "mlflow.db").write_text("no database")
    with pytest.raises(UserError, match=r"mlflow\.db is no SQLite database; delete .*mlruns"):
        tracking.cells(layout, uri=uri)


def test_a_copied_project_does_not_write_into_the_first_ones_artifacts(layout: Layout, uri: str, fresh: Path) -> None:
    layout.mlruns.mkdir(parents=True)
    shutil.copyfile(fresh, layout.mlruns / "mlflow.db")
    with pytest.raises(UserError, match="the project was moved or copied; delete mlruns and run"):
        tracking.cells(layout, uri=uri)


def test_a_deleted_experiment_comes_back(layout: Layout, uri: str, opened: tracking.Store) -> None:
    opened.client.delete_experiment(opened.cells)
    assert tracking.cells(layout, uri=uri).empty
    assert opened.client.get_experiment(opened.cells).lifecycle_stage == "active"


def test_the_address_is_the_projects_own_unless_one_is_set(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    own = f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert tracking.tracking_uri(layout, {}) == own
    assert tracking.tracking_uri(layout, {"MLFLOW_TRACKING_URI": " "}) == own
    assert tracking.tracking_uri(layout, {"MLFLOW_TRACKING_URI": "http://host:5000"}) == "http://host:5000"
    with pytest.raises(UserError, match=r"has a '\?' in its path"):
        tracking.tracking_uri(Layout(tmp_path / "what?"), {})


def test_the_command_of_the_ui_is_quoted_and_a_server_has_none(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "a b")
    uri = tracking.tracking_uri(layout, {})
    words = shlex.split(tracking.ui_command(layout, uri=uri, port=5001))
    assert words[words.index("--backend-store-uri") + 1] == uri
    assert words[words.index("--default-artifact-root") + 1] == (layout.mlruns / "artifacts").as_uri()
    assert words[words.index("--port") + 1] == "5001"
    with pytest.raises(UserError, match="open http://host:5000 in a browser"):
        tracking.ui_command(layout, uri="http://me:pw@host:5000")


def test_importing_the_module_does_not_import_mlflow() -> None:
    code = "import sys, electrode_bench.tracking.runs; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local\\040disk xfs rw 0 0
tmpfs /shadowed tmpfs rw 0 0
//server/share /shadowed cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/data/mlflow.db", True),
        ("/home/lab/mlflow.db", False),
        ("/home/local disk/mlflow.db", True),
        ("/homework/mlflow.db", True),
        ("/shadowed/mlflow.db", False),
    ],
)
def test_a_networks_disk_is_told_from_this_machines(path: str, local: bool) -> None:
    assert tracking.on_one_machine(Path(path), MOUNTS) is local


def test_a_database_on_this_machines_disk_writes_ahead(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mounts")
    if not mounts.exists() or not tracking.on_one_machine(tmp_path.resolve(), mounts.read_text(encoding="utf-8")):
        pytest.skip("this folder is not known to be on a disk of this machine")
    layout = Layout(tmp_path)
    with tracking.opened(layout, uri=tracking.tracking_uri(layout, {})):
        # Readers hold the log of writes open: it is brought into the file all the same.
        reader = sqlite3.connect(layout.mlruns / "mlflow.db")
        reader.execute("SELECT count(*) FROM experiments").fetchone()
    log = layout.mlruns / "mlflow.db-wal"
    assert log.exists()
    assert log.stat().st_size == 0
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()
