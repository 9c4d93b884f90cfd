"""A registered model answers in MLflow's scoring protocol, without code or pickles of the registry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mlflow
import numpy as np
import pandas as pd
import pytest
from support import pickles
from support.tracked_runs import Published

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.scoring import CHAMPION, Scorer, fetched
from electrode_bench.tracking.served_model import ServedModel
from electrode_bench.tracking.store import Store, open_store

pytestmark = pytest.mark.xdist_group("promotion")

JSON = "application/json"


@pytest.fixture(scope="module")
def folder(published: Published) -> Path:
    """The files of a published model."""
    project, runs = published
    with open_store(project) as store:
        (logged,) = store.client.search_logged_models([store.runs], f"source_run_id = '{runs['rf_magpie'][1].run_id}'")
    return Path(unquote(logged.artifact_location.removeprefix("file://")))


@pytest.fixture(scope="module")
def scorer(folder: Path) -> Scorer:
    return Scorer(folder, most_rows=3)


def asked(*formulas: str) -> bytes:
    return json.dumps({"dataframe_split": {"columns": ["formula"], "data": [[f] for f in formulas]}}).encode()


def test_answers_are_those_of_the_model(folder: Path, scorer: Scorer) -> None:
    answer = scorer(asked("LiFePO4", "NaCoO2"), f"{JSON}; charset=utf-8")
    assert (answer.status, answer.kind) == (200, JSON)
    made = pd.DataFrame(json.loads(answer.body)["predictions"])[list(TARGETS)]
    expected = ServedModel(next(folder.glob("data/*"))).predict(["LiFePO4", "NaCoO2"])[list(TARGETS)]
    np.testing.assert_allclose(made, expected.astype(float))
    assert scorer(b"formula\nLiFePO4\nNaCoO2\n", "text/csv").body == answer.body


@pytest.mark.parametrize(
    ("body", "kind", "status", "said"),
    [
        (asked("LiFePO4", "LiXxO2"), JSON, 400, "row 1 (counted from 0), column formula: "),
        (asked(*["LiFePO4"] * 4), JSON, 400, "the request has 4 rows; send at most 3 at a time"),
        (b"no JSON", JSON, 400, "valid JSON"),
        (b"[" * 200_000, JSON, 400, "RecursionError"),
        (b'{"dataframe_split": {"columns": ["formula"], "data": 5}}', JSON, 400, "dataframe_split"),
        (b'{"\xff": 1}', JSON, 400, "UnicodeDecodeError"),
        (b"\xff\xfe", "text/csv", 400, "UTF-8"),
        (b"PAR1", "application/vnd.apache.parquet", 415, "send JSON or CSV"),
        (pickles.payload(Path("never")), "application/octet-stream", 415, "send JSON or CSV"),
        (b"{}", "", 415, "send JSON or CSV"),
    ],
)
def test_a_bad_request_is_one_line_without_a_stack_trace(
    scorer: Scorer, body: bytes, kind: str, status: int, said: str
) -> None:
    answer = scorer(body, kind)
    content: dict[str, Any] = json.loads(answer.body)
    assert answer.status == status
    assert said in content["message"]
    assert "\n" not in content["message"]
    assert "Traceback" not in answer.body
    assert set(content) == {"error_code", "message"}


def test_a_model_of_another_kind_is_not_loaded(tmp_path: Path) -> None:
    class Own(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: list[str]) -> list[str]:  # noqa: ARG002
            return model_input

    mlflow.pyfunc.save_model(tmp_path / "own", python_model=Own(), pip_requirements=[])
    (file,) = (tmp_path / "own").rglob("*.pkl")
    file.write_bytes(pickles.payload(tmp_path / "canary"))
    with pytest.raises(UserError, match="is not a model that `electrode-bench promote` registered, and is not served"):
        Scorer(tmp_path / "own", most_rows=3)
    assert not (tmp_path / "canary").exists()


def test_the_data_of_a_model_lies_in_its_own_folder(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    text = (copy / "MLmodel").read_text().replace("data: data/data", "data: ../../elsewhere")
    (copy / "MLmodel").write_text(text)
    with pytest.raises(UserError, match="is not served"):
        Scorer(copy, most_rows=3)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (CHAMPION, "there is no model models:/electrodes@champion in the registry; make one: electrode-bench promote"),
        ("models:/electrodes/7", "there is no model models:/electrodes/7 in the registry"),
        ("runs:/1/model", "'runs:/1/model' is not a registered model; name one as in models:/electrodes@champion"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(
    project: Project, store: Store, tmp_path: Path, model: str, said: str
) -> None:
    assert store.local
    with pytest.raises(UserError, match=f"^{said}"):
        fetched(project, model, tmp_path)
