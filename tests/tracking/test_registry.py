"""Registered models are versions with a card, and are served over HTTP."""

from __future__ import annotations

import json
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import forks
from support.serving import free_port, wait_for
from support.tracked_runs import Published

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.tracking.registry import ALIAS, NAME, register
from electrode_bench.tracking.store import open_store

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("promotion")


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


def test_the_champion_is_served_over_http(published: Published) -> None:
    project, runs = published
    (record, _), run = runs["rf_magpie"]
    register(project, run_id=run.run_id, card="card", tags={"content_digest": run.content_digest})
    (project.root / "params.yaml").touch()
    port = free_port()
    command = [
        sys.executable, "-m", "electrode_bench", "--project", str(project.root), "serve", "--port", str(port),
    ]  # fmt: skip
    log = project.root / "serve.log"
    with log.open("wb") as out, forks.Process(command, stdout=out, stderr=out) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/ping", server, log)
            frame = {"columns": ["formula"], "data": [["LiFePO4"], ["NaCoO2"]]}
            answer = post(f"http://127.0.0.1:{port}/invocations", {"dataframe_split": frame})
            for formula, reason in (("LiXxO2", "unknown element: Xx"), ("FePO4", "contains no working ion")):
                bad = {"columns": ["formula"], "data": [["LiFePO4"], [formula]]}
                with pytest.raises(urllib.error.HTTPError) as caught:
                    post(f"http://127.0.0.1:{port}/invocations", {"dataframe_split": bad})
                message = json.loads(caught.value.read())["message"]
                assert caught.value.code == 400
                assert message.startswith("row 1 (counted from 0), column formula: "), message
                assert reason in message, message
            server.send_signal(signal.SIGINT)
            assert server.wait(timeout=60) in (0, 130)
            assert "Traceback" not in log.read_text()
        finally:
            server.kill()
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
