"""The best model goes into MLflow's registry, and is served over HTTP by MLflow's own command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import tracking_cells
from support.serving import free_port, wait_for

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation import scores as compare
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.calibration import Calibration
from electrode_bench.project import Layout
from electrode_bench.report import model_card
from electrode_bench.tasks import promote
from electrode_bench.tracking import registry as model_registry
from electrode_bench.tracking import runs as tracking

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("promotion")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Layout, str, dict[str, tuple[Any, Any]]]:
    """A store with the forest and the control under grouped folds, and the runs' ids."""
    layout = Layout(tmp_path_factory.mktemp("project"))
    uri = tracking.tracking_uri(layout, {})
    made = {}
    for name in ("control", "rf_magpie"):
        record, trace = tracking_cells.make(layout.root, name, "grouped")
        made[name] = (record, tracking.publish_cell(layout, record, trace=trace, uri=uri))
    return layout, uri, made


def test_a_version_has_card_alias_signature_and_its_run(published, tmp_path: Path, monkeypatch) -> None:
    layout, uri, made = published
    monkeypatch.chdir(tmp_path)
    run = made["rf_magpie"][1]
    tags = {"content_digest": run.content_digest, "model": "rf_magpie"}
    first = model_registry.promote(layout, run_id=run.run_id, card="# Card", tags=tags, uri=uri)
    again = model_registry.promote(layout, run_id=run.run_id, card="# Better card", tags=tags, uri=uri)
    assert (first.version, first.created, again.version, again.created) == ("1", True, "1", False)
    other = model_registry.promote(
        layout, run_id=made["control"][1].run_id, card="c", tags={**tags, "content_digest": "x"}, uri=uri
    )
    assert other.version == "2"
    assert model_registry.promote(layout, run_id=run.run_id, card="# Best card", tags=tags, uri=uri).version == "1"
    # MLflow makes a database in the current folder where it is not told of another store.
    assert list(tmp_path.iterdir()) == []
    with tracking.opened(layout, uri=uri) as store:
        version = store.client.get_model_version_by_alias(model_registry.NAME, model_registry.ALIAS)
        assert (str(version.version), version.run_id, version.description) == ("1", run.run_id, "# Best card")
        assert version.tags["model"] == "rf_magpie"
        place = store.client.get_model_version_download_uri(model_registry.NAME, "1")
    from mlflow.models import Model

    saved = Model.load(place.removeprefix("file://"))
    assert saved.signature is not None
    assert [c["name"] for c in saved.signature.inputs.to_dict()] == ["formula_discharge", "formula"]
    assert saved.saved_input_example_info is not None


def test_a_run_without_a_model_cannot_be_promoted(published) -> None:
    layout, uri, _ = published
    with tracking.opened(layout, uri=uri) as store:
        empty = store.client.create_run(store.cells).info.run_id
    with pytest.raises(UserError, match="holds no model"):
        model_registry.promote(layout, run_id=empty, card="", tags={"content_digest": "y"}, uri=uri)


def test_mlflow_serves_the_champion_over_http(published) -> None:
    layout, uri, made = published
    record, run = made["rf_magpie"]
    tags = {"content_digest": run.content_digest}
    champion = model_registry.promote(layout, run_id=run.run_id, card="card", tags=tags, uri=uri)
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "-m", champion.uri, "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    env = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = layout.root / "serve.log"
    with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=layout.root) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server, log)
            frame = {"columns": ["formula"], "data": [["LiFePO4"], ["NaCoO2"]]}
            answer = _post(f"http://127.0.0.1:{port}/invocations", {"dataframe_split": frame})
            for formula, why in (("LiXxO2", "unknown element: Xx"), ("FePO4", "'FePO4' holds no working ion")):
                bad = {"columns": ["formula"], "data": [["LiFePO4"], [formula]]}
                with pytest.raises(urllib.error.HTTPError) as caught:
                    _post(f"http://127.0.0.1:{port}/invocations", {"dataframe_split": bad})
                told = caught.value.read().decode()
                assert caught.value.code == 400
                assert "row 1" in told, told
                assert why in told, told
                assert "Traceback" not in told, told
        finally:
            server.terminate()
    expected = FormulaModel(record.model).predict(["LiFePO4", "NaCoO2"])
    np.testing.assert_allclose(pd.DataFrame(answer["predictions"])[list(expected.columns)], expected, rtol=1e-9)


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def _pairs(high: float) -> pd.DataFrame:
    rows = [{"protocol": "grouped", "target": t, "model": "rf_magpie", "other": "control", "mae": 1.0, "other_mae": 2.0,
             "difference": -1.0, "low": -2.0, "high": high} for t in TARGETS]  # fmt: skip
    return pd.DataFrame(rows).assign(different=lambda of: of["target"] != "average_voltage")


def test_nothing_is_promoted_that_may_be_no_better_than_the_control(tmp_path: Path) -> None:
    where = tmp_path / "pairs.csv"
    rows = promote._against_control(_pairs(-0.1), model="rf_magpie", protocol="grouped", where=where)
    assert rows["target"].tolist() == list(TARGETS)
    with pytest.raises(UserError, match=r"rf_magpie is not promoted: .*Average voltage, -2 to 0.1 V"):
        promote._against_control(_pairs(0.1), model="rf_magpie", protocol="grouped", where=where)
    with pytest.raises(UserError, match="name another model"):
        promote._against_control(_pairs(-0.1), model="control", protocol="grouped", where=where)
    with pytest.raises(UserError, match="does not have modnet under grouped"):
        promote._against_control(_pairs(-0.1), model="modnet", protocol="grouped", where=where)


def test_a_card_tells_data_errors_limits_and_trace(published) -> None:
    record = published[2]["rf_magpie"][0]
    scores = compare.headline(record.scores, titles={"rf_magpie": "RF@Magpie"})
    calibration = {t: Calibration(2.5, 0.1, has_std=True, coverage=0.9) for t in TARGETS}
    text = model_card.markdown(
        title="RF@Magpie", about=record.about, rows=40, headline=scores, against_control=_pairs(-0.1),
        calibration=calibration, provenance=tracking_cells.provenance(), commit="0" * 40,
    )  # fmt: skip
    for part in ("Synthetic data", "Fitted on all 40 electrodes", "Not for chemistries far from them",
                 "Average voltage -1 (-2 to -0.1) V",
                 "does not tell it apart from the control for: Average voltage.",
                 "± 2.5 times the predicted spread", "polymorphs",
                 record.about["digests"]["split"], "release made up, 1"):  # fmt: skip
        assert part in text, text
    real = model_card.markdown(
        title="RF@Magpie", about=record.about, rows=40, headline=scores, against_control=_pairs(-0.1),
        calibration=calibration, provenance=tracking_cells.provenance(synthetic=False), commit=None,
    )  # fmt: skip
    assert "ynthetic" not in real
    assert "DFT" in real
    assert "DFT" not in text


def test_promote_takes_the_best_cell_of_a_finished_project(finished: Layout, tmp_path: Path) -> None:
    layout = Layout(tmp_path / "project")
    shutil.copytree(finished.root, layout.root)
    # On so few electrodes the forest beats the control for sure only where its folds are the bootstrap's.
    with pytest.raises(UserError, match=r"rf_magpie is not promoted: under grouped"):
        promote.run(layout)
    made = promote.run(layout, protocol="bootstrap")
    assert (made.model, made.protocol) == ("rf_magpie", "bootstrap")
    assert (made.champion.version, made.champion.created) == ("1", True)
    assert "Fitted on all 120 electrodes" in made.card
    # Nothing has changed: the same version, and no other run.
    again = promote.run(layout, protocol="bootstrap", model="rf_magpie")
    assert (again.champion.version, again.champion.created) == ("1", False)
    assert again.champion.run_id == made.champion.run_id
    with pytest.raises(UserError, match="'modnet' is not fitted under grouped"):
        promote.run(layout, model="modnet")
