"""A model from outside the repository: a Python module in the project's folder, named in params.yaml."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import forks
from support.outside import DISTANCE, MODEL, VALUES, write_model
from support.projects import QUICK, write_params

from electrode_bench import models
from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.fitting.ray import cluster
from electrode_bench.params import Fit
from electrode_bench.project import Project
from electrode_bench.stages import compare

PARAMS = QUICK.model_copy(
    update={
        "fit": Fit(models=["control", "rf_magpie", "neighbours"]),
        "models": {**QUICK.models, "neighbours": VALUES},
    }
)


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    project = Project(shutil.copytree(finished.root, tmp_path / "project"))
    write_params(project, PARAMS)
    write_model(project.root)
    return project


def _command(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own, outside the project's folder."""
    command = [sys.executable, "-m", "electrode_bench", "--project", str(project.root), *arguments]
    return forks.run(command, capture_output=True, text=True, cwd="/", check=False)


def _fit(project: Project) -> pd.DataFrame:
    done = _command(project, "fit", "neighbours", "grouped", "--workers", "2", "--no-publish")
    assert done.returncode == 0, done.stderr
    return project.run("neighbours", "grouped").predictions


def _fitted_folds(project: Project) -> set[str]:
    return {path.name for path in (project.paths.cache / "folds").iterdir()}


def test_worker_processes_fit_it_and_only_changed_code_fits_it_again(project: Project) -> None:
    before = _fitted_folds(project)
    first = _fit(project)
    assert set(first["model"]) == {"neighbours"}
    assert project.run("neighbours", "grouped").config == {"neighbours": 2}
    fitted = _fitted_folds(project)
    assert len(fitted - before) == 3

    commented = DISTANCE.replace("ORDER = 2.0", "# The Euclidean distance, squared.\nORDER = 2.0")
    write_model(project.root, distance=commented.replace("How far", "By how much"))
    pd.testing.assert_frame_equal(_fit(project), first, check_exact=True)
    assert _fitted_folds(project) == fitted

    # A constant of another file that the model imports.
    write_model(project.root, distance=DISTANCE.replace("2.0", "0.5"))
    assert not _fit(project)["y_pred"].equals(first["y_pred"])
    assert len(_fitted_folds(project) - fitted) == 3


def test_a_fresh_process_loads_the_saved_model(project: Project) -> None:
    _fit(project)
    # Intervals come from a comparison, in which every model has the same protocols.
    for other in ("bootstrap", "loco", "stratified"):
        for cell in (project.paths.results / "fit").glob(f"*/{other}"):
            shutil.rmtree(cell)
    compare.run(project, seed=PARAMS.seed)
    code = (
        "import sys, electrode_bench as eb; from pathlib import Path\n"
        "model = eb.load_model(sys.argv[1], 'neighbours')\n"
        "print(eb.predict(model, ['LiFePO4', 'NaMnO2']).to_json())"
    )

    def predicted() -> dict[str, dict[str, float]]:
        done = forks.run(
            [sys.executable, "-c", code, str(project.root)], capture_output=True, text=True, cwd="/", check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first = predicted()
    (saved,) = (project.paths.cache / "models").glob("*/neighbours.json")
    written = saved.stat().st_mtime_ns
    assert predicted() == first
    assert saved.stat().st_mtime_ns == written
    assert set(TARGETS) < set(first)
    about = json.loads((saved.parent / "model.json").read_text())
    assert about["module"] == "my_lab.neighbours"


@pytest.mark.xdist_group("ray")
@pytest.mark.usefixtures("ray_nodes")
def test_a_ray_cluster_on_this_machine_fits_it(project: Project, tmp_path: Path) -> None:
    models.use_project_modules(project.root)
    spec = models.named("neighbours", PARAMS)
    frame, targets = project.training_data(spec.feature_set)
    case = {
        "config": models.configured(spec, PARAMS), "folds": project.protocol_folds("stratified"), "split_digest": "s",
        "frame": frame, "targets": targets, "composition": "discharged", "seed": 1,
    }  # fmt: skip
    here = fit_run(spec, **case, cache=tmp_path / "here")
    with cluster() as executor:
        there = fit_run(spec, **case, cache=tmp_path / "there", executor=executor)
    pd.testing.assert_frame_equal(there.predictions, here.predictions, check_exact=True)


def test_its_own_file_and_what_it_imports_decide_a_fit(project: Project) -> None:
    models.use_project_modules(project.root)
    files = {path.name for path in models.named("neighbours", PARAMS).closure().files}
    assert {"neighbours.py", "distance.py", "base.py"} <= files


def _named(**values: object) -> models.ModelSpec:
    name = str(values.pop("name", "mine"))
    return models.named(name, QUICK.model_copy(update={"models": {name: values}}))


def test_mistakes_are_one_clear_line(tmp_path: Path) -> None:
    models.use_project_modules(tmp_path)
    (tmp_path / "outside_empty.py").write_text("x = 1\n")
    (tmp_path / "outside_wrong.py").write_text("def f(:\n")
    (tmp_path / "outside_needs.py").write_text("import a_library_that_nobody_has\n")
    (tmp_path / "outside_named.py").write_text(MODEL.replace("from my_lab.distance import between", "between = None"))
    for module, message in {
        "outside_absent": "there is no Python module 'outside_absent'; install it, or put its file into the project's",
        "outside_empty": r"the module 'outside_empty' does not define a model: it must assign SPEC = ModelSpec\(...\)",
        "outside_empty.inner": "there is no Python module 'outside_empty.inner'",
        "outside_wrong": "the module 'outside_wrong' cannot be imported: SyntaxError: ",
        "outside_needs": "the module 'outside_needs' needs a_library_that_nobody_has, which is not installed",
        "outside_named": "the model of 'outside_named' is called 'neighbours'; use that name in params.yaml",
        "outside_named.py": "'outside_named.py' is not the name of a module; write 'outside_named'",
        "lab/outside_named.py": "'lab/outside_named.py' is not the name of a module; write 'lab.outside_named'",
    }.items():
        with pytest.raises(UserError, match=f"^params.yaml, models.mine.module: {message}") as error:
            _named(module=module)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"models.mine.module must be the name of a Python module \(got 3\)"):
        _named(module=3)
    with pytest.raises(UserError, match="'rf_magpie' is a model of electrode-bench; give yours another name"):
        _named(name="rf_magpie", module="outside_named")
    assert _named(name="neighbours", module="outside_named", neighbours=1).title == "Neighbours"
    spec = _named(name="neighbours", module="outside_named")
    with pytest.raises(UserError, match=r"models.neighbours: unknown key 'neighbour'; did you mean 'neighbours'\?"):
        models.configure(spec, {"module": "outside_named", "neighbour": 1})


def test_a_missing_module_is_an_exit_code_and_a_line(project: Project) -> None:
    shutil.rmtree(project.root / "my_lab")
    done = _command(project, "fit", "neighbours", "grouped", "--no-publish")
    assert done.returncode == 2
    assert "there is no Python module 'my_lab.neighbours'" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_file_of_the_project_does_not_hide_a_library(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("raise SystemExit('hidden')\n")
    models.use_project_modules(tmp_path)
    assert sys.path[-1] == str(tmp_path.resolve())


def test_a_misspelt_feature_set_is_named_before_anything_is_read(project: Project) -> None:
    write_model(project.root, model=MODEL.replace('feature_set="magpie_mean"', 'feature_set="magpy_mean"'))
    done = _command(project, "fit", "neighbours", "grouped", "--no-publish")
    assert done.returncode == 2
    assert "unknown feature set 'magpy_mean'; did you mean 'magpie_mean'?" in done.stderr


@pytest.mark.parametrize("module", ["./my_lab/neighbours.py", "my_lab/neighbours", ".my_lab.neighbours"])
def test_a_path_in_place_of_a_module_is_answered_with_the_modules_name(module: str) -> None:
    with pytest.raises(UserError, match=r"is not the name of a module; write 'my_lab\.neighbours'"):
        models.from_module(module)
