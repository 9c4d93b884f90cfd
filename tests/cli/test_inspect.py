"""show, models, params and data."""

from __future__ import annotations

import json
from pathlib import Path

from support.projects import QUICK, write_params

from electrode_bench.models import MODELS
from electrode_bench.project import Project
from electrode_bench.splits import PROTOCOLS


def _output(run, project: Project, *arguments: str) -> str:
    code, out, err = run("--project", str(project.root), *arguments)
    assert (code, err) == (0, "")
    return out


def test_show_prints_the_comparison(run, finished: Project) -> None:
    assert "| Average voltage, V | RF@Magpie | " in _output(run, finished, "show", "--full", "--markdown")
    assert "| RF@Magpie | **" in _output(run, finished, "show", "--markdown")
    assert r"\textbf{" in _output(run, finished, "show", "--latex")
    assert _output(run, finished, "show", "--csv").startswith("protocol,model,title,gravimetric_capacity/smae,")
    assert "eprint = {2603.07805}" in _output(run, finished, "show", "--bibtex")
    assert "Which model is better" in _output(run, finished, "show", "--full")
    assert run("--project", str(finished.root), "show", "--csv", "--latex")[2] == (
        "error: --latex and --csv exclude each other\n"
    )
    shown = json.loads(_output(run, finished, "show", "--json"))
    assert set(shown) == {"synthetic", "rows", "pairs", "ceilings", "costs", "left_out"}
    assert shown["synthetic"] is True
    assert [row["model"] for row in shown["rows"]] == ["control", "rf_magpie"] * 4
    assert shown["rows"][0]["average_voltage/smae"] == 1
    assert shown["pairs"][0]["other"] == "control"
    text = _output(run, finished, "show")
    assert len(text.splitlines()) <= 60
    assert "The smallest errors (grouped k-fold)" in text
    assert "electrode-bench ui" in text
    assert "Synthetic data" in text


def test_params_lists_every_key_with_its_meaning(run, project: Project) -> None:
    rows = {row["key"]: row for row in json.loads(_output(run, project, "params", "--json"))}
    assert rows["split.bootstrap.sizes"]["value"] == [0.5, 1.0]
    assert rows["split.stratified.folds"]["meaning"] == "Number of folds."
    assert all(row["meaning"] for row in rows.values())
    # Lists that params.yaml leaves open are written out.
    write_params(project, QUICK.model_copy(update={"fit": type(QUICK.fit)(), "split": type(QUICK.split)()}))
    rows = {row["key"]: row for row in json.loads(_output(run, project, "params", "--json"))}
    assert rows["split.protocols"]["value"] == list(PROTOCOLS)
    assert "rf_magpie" in rows["fit.models"]["value"]
    assert "magpie" in rows["featurize.sets"]["value"]


def test_models_lists_all_models(run, project: Project) -> None:
    text = _output(run, project, "models")
    assert "n_estimators" in text
    assert "modnet_upstream skipped: no-reference-environment is missing" in text
    models = json.loads(_output(run, project, "models", "--json"))
    assert set(models) == set(MODELS)
    assert set(models["rf_magpie"]) == {"title", "feature_set", "defaults", "unavailable"}


def test_models_explains_the_parameters_of_one(run, project: Project) -> None:
    assert "Passes over the training compositions" in _output(run, project, "models", "crabnet")
    searched = {row["key"]: row["searched"] for row in json.loads(_output(run, project, "models", "crabnet", "--json"))}
    assert searched["epochs"] == "40 to 200, logarithmic"
    assert searched["loss"] == 'one of "l1", "robust_l1"'
    assert "" in searched.values()
    # What the program fills in is no key of params.yaml.
    of_ensemble = json.loads(_output(run, project, "models", "ensemble", "--json"))
    assert [row["key"] for row in of_ensemble] == ["members", "weights"]
    assert "configurations" not in _output(run, project, "models")


def test_models_needs_no_project(run, tmp_path: Path) -> None:
    code, out, _ = run("--project", str(tmp_path), "models", "--json")
    assert code == 0
    assert set(json.loads(out)) == set(MODELS)


OWN_MODEL = """
from dataclasses import replace

from electrode_bench.models.control import SPEC as CONTROL

SPEC = replace(CONTROL, name="{name}", title="My own model")
"""


def test_a_model_in_the_projects_folder_is_listed(run, project: Project) -> None:
    (project.root / "model_of_test_inspect.py").write_text(OWN_MODEL.format(name="own"))
    models = QUICK.models | {"own": {"module": "model_of_test_inspect"}}
    write_params(project, QUICK.model_copy(update={"models": models}))
    assert "My own model" in _output(run, project, "models")
    code, _, err = run("--project", str(project.root), "fit", "own", "loco")
    assert (code, "digest.json is missing" in err) == (2, True), err


def test_data_show_prints_the_card(run, finished: Project) -> None:
    code, out, _ = run("--project", str(finished.root), "data", "show")
    assert code == 0
    assert "Synthetic data" in out
    card = json.loads(run("--project", str(finished.root), "data", "show", "--json")[1])
    assert set(card) == {"provenance", "card"}
    assert card["card"]["rows"] == 120
