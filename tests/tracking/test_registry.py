"""Registered models are versions with a card, and MLflow's own command serves them over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import tracked_runs
from support.serving import free_port, wait_for
from support.tracked_runs import Made

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.project import Project
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.publish import PublishedRun
from electrode_bench.tracking.registry import ALIAS, NAME, register
from electrode_bench.tracking.store import open_store

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("promotion")

Published = tuple[Project, dict[str, tuple[Made, PublishedRun]]]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A project with the forest and the control published under grouped folds."""
    project = Project(tmp_path_factory.mktemp("project"))
    runs = {}
    for name in ("control", "rf_magpie"):
        made = tracked_runs.make(project.root, name, "grouped")
        runs[name] = (made, tracked_runs.publish(project, made)[0])
    return project, runs


def test_a_version_has_card_alias_signature_and_run(
    published: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, runs = published
    monkeypatch.chdir(tmp_path)
    run, control = runs["rf_magpie"][1], runs["control"][1]
    tags = {"content_digest": run.content_digest, "model": "rf_magpie"}
    first = register(project, run_id=run.run_id, card="# Card", tags=tags)
    again = register(project, run_id=run.run_id, card="# Better card", tags=tags)
    assert (first.version, first.created, again.version, again.created) == ("1", True, "1", False)
    other = register(project, run_id=control.run_id, card="c", tags={**tags, "content_digest": "x"})
    assert other.version == "2"
    assert register(project, run_id=run.run_id, card="# Best card", tags=tags).version == "1"
    # MLflow makes a database in the current folder when no other store is named.
    assert list(tmp_path.iterdir()) == []
    with open_store(project) as store:
        version = store.client.get_model_version_by_alias(NAME, ALIAS)
        assert (str(version.version), version.run_id, version.description) == ("1", run.run_id, "# Best card")
        assert version.tags["model"] == "rf_magpie"
        place = store.client.get_model_version_download_uri(NAME, "1")
    from mlflow.models import Model

    saved = Model.load(place.removeprefix("file://"))
    assert saved.signature is not None
    # Any of them may be left out: the formula has two names, and the ion is needed where several could move.
    inputs = {column["name"]: column["required"] for column in saved.signature.inputs.to_dict()}
    assert inputs == {"formula_discharge": False, "working_ion": False, "formula": False}
    assert saved.saved_input_example_info is not None


def test_a_run_without_a_model_cannot_be_registered(published: Published) -> None:
    project, _ = published
    with open_store(project) as store:
        empty = store.client.create_run(store.runs).info.run_id
    with pytest.raises(UserError, match="holds no model"):
        register(project, run_id=empty, card="", tags={"content_digest": "y"})


def test_mlflow_serves_the_champion_over_http(published: Published) -> None:
    project, runs = published
    (record, _), run = runs["rf_magpie"]
    champion = register(project, run_id=run.run_id, card="card", tags={"content_digest": run.content_digest})
    port = free_port()
    command = [
        sys.executable, "-m", "mlflow", "models", "serve", "-m", champion.uri, "--env-manager", "local",
        "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
    ]  # fmt: skip
    env = {**os.environ, "MLFLOW_TRACKING_URI": tracking_uri(project), "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = project.root / "serve.log"
    with log.open("wb") as out, subprocess.Popen(command, env=env, stdout=out, stderr=out, cwd=project.root) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server, log)
            frame = {"columns": ["formula"], "data": [["LiFePO4"], ["NaCoO2"]]}
            answer = post(f"http://127.0.0.1:{port}/invocations", {"dataframe_split": frame})
            for formula, reason in (("LiXxO2", "unknown element: Xx"), ("FePO4", "contains no working ion")):
                bad = {"columns": ["formula"], "data": [["LiFePO4"], [formula]]}
                with pytest.raises(urllib.error.HTTPError) as caught:
                    post(f"http://127.0.0.1:{port}/invocations", {"dataframe_split": bad})
                message = caught.value.read().decode()
                assert caught.value.code == 400
                assert "row 1" in message, message
                assert reason in message, message
                assert "Traceback" not in message, message
        finally:
            server.terminate()
    assert record.model is not None
    expected = FormulaModel(record.model).predict(["LiFePO4", "NaCoO2"])[list(TARGETS)]
    served = pd.DataFrame(answer["predictions"])
    np.testing.assert_allclose(served[list(TARGETS)], expected, rtol=1e-9)
    assert served["reduced_formula"].tolist() == ["LiFePO4", "NaCoO2"]
    # The run was published before the comparison, so it has no intervals: null in JSON.
    assert served["average_voltage_low"].isna().all()


def post(url: str, body: dict[str, Any]) -> Any:
    """The answer to a JSON request."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
