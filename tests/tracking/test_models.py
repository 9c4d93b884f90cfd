"""Published models load in a process that has neither the source tree nor the project."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from support import forks, tracked_runs
from support.electrodes import table
from support.projects import QUICK
from support.tracked_runs import Made, publish

import electrode_bench
from electrode_bench import features, models
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.fitting.final import final_model
from electrode_bench.project import Project
from electrode_bench.stages import fit
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.models import code_paths
from electrode_bench.tracking.provenance import Provenance
from electrode_bench.tracking.records import collect
from electrode_bench.tracking.store import Store

pytestmark = pytest.mark.xdist_group("tracking")

LOAD = """
import sys, pandas as pd, mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
model.predict(pd.read_json(sys.argv[3])).to_json(sys.argv[4], double_precision=15)
"""


def predictions_of_a_new_process(project: Project, address: str, formulas: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Load a published model where nothing but the model and installed distributions can be found."""
    formulas.to_json(folder / "in.json")
    arguments = [tracking_uri(project), address, str(folder / "in.json"), str(folder / "out.json")]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = forks.run(
        [sys.executable, "-c", LOAD, *arguments],
        capture_output=True, text=True, check=False, cwd=folder, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return pd.read_json(folder / "out.json", precise_float=True)


def logged_files(store: Store) -> Path:
    """The files of the only logged model."""
    (logged,) = store.client.search_logged_models([store.runs])
    return Path(unquote(logged.artifact_location.removeprefix("file://")))


def test_a_model_gives_the_same_numbers_in_a_new_process(
    project: Project, store: Store, made: dict[str, Made], tmp_path: Path
) -> None:
    record, source = made["rf_magpie stratified"]
    (published,) = publish(project, (record, source))
    formulas = table(40)[[FORMULA]].iloc[::-3]
    answer = predictions_of_a_new_process(project, f"runs:/{published.run_id}/rf_magpie", formulas, tmp_path)

    assert record.model is not None
    saved, _ = models.load(record.model)
    expected = saved.predict(features.featurize(formulas, feature_set="magpie_mean"))
    assert answer.index.tolist() == formulas.index.tolist()
    # Standard deviations are not calibrated, and are not served.
    assert not [column for column in answer if column.endswith("_std")]
    assert {"average_voltage_low", "theoretical_capacity", "in_domain", "notes"} <= set(answer)
    np.testing.assert_allclose(answer[list(TARGETS)], expected.mean, rtol=1e-9)

    files = logged_files(store)
    assert list(files.rglob("*.pkl")) == []
    assert (files / "code" / "electrode_bench" / "tracking" / "publish.py").is_file()
    requirements = (files / "requirements.txt").read_text()
    assert "pymatgen==" in requirements
    assert "scikit-learn==" in requirements
    assert "units:" in (files / "MLmodel").read_text()


OUTSIDE = '''
"""The median of the training targets."""

import json

import numpy as np

from electrode_bench.core.config import Strict
from electrode_bench.models.base import ModelSpec, Prediction
{imports}

class Median:
    def fit(self, frame, targets):
        self.medians = middle(targets).to_dict()
        return self

    def predict(self, frame):
        values = np.tile(list(self.medians.values()), (len(frame), 1))
        return Prediction.of(values, None, index=frame.index, targets=list(self.medians))

    def save(self, folder):
        (folder / "medians.json").write_text(json.dumps(self.medians))

    @classmethod
    def load(cls, folder):
        model = cls()
        model.medians = json.loads((folder / "medians.json").read_text())
        return model


class Options(Strict):
    pass


def build(config, seed):
    return Median()


SPEC = ModelSpec("median", "Median", build, Median.load, Options, feature_set={feature_set!r})
'''


def write_outside_model(folder: Path, module: str, *, feature_set: str | None = None) -> None:
    """A model that is one file, or a package that imports another of its own modules."""
    package, _, name = module.rpartition(".")
    middle = "def middle(targets):\n    return targets.median()\n"
    (folder / package).mkdir(exist_ok=True)
    if package:
        (folder / package / "__init__.py").touch()
        (folder / package / "middle.py").write_text(middle)
        imports = f"from {package}.middle import middle\n"
    else:
        imports = f"\n\n{middle}\n"
    (folder / package / f"{name}.py").write_text(OUTSIDE.format(imports=imports, feature_set=feature_set))


@pytest.mark.parametrize(
    ("module", "file"), [("outside_median", "outside_median.py"), ("outside_lab.median", "outside_lab/middle.py")]
)
def test_the_code_of_a_model_from_outside_the_package_travels_with_it(
    project: Project, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, file: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_outside_model(outside, module)
    monkeypatch.syspath_prepend(outside)
    (published,) = publish(project, tracked_runs.make(tmp_path / "made", "median", "stratified", module=module))
    assert published.model == "median"
    formulas = pd.DataFrame({FORMULA: ["LiFePO4"]})
    answer = predictions_of_a_new_process(project, f"runs:/{published.run_id}/median", formulas, tmp_path)
    np.testing.assert_allclose(answer[list(TARGETS)].iloc[0].astype(float), table(40)[list(TARGETS)].median())
    assert (logged_files(store) / "code" / file).is_file()


def test_an_ensemble_is_published_with_the_code_of_its_members(
    finished: Project, project: Project, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_outside_model(outside, "outside_member")
    monkeypatch.syspath_prepend(outside)
    source = Project(shutil.copytree(finished.root, tmp_path / "source"))
    values = {"ensemble": {"members": ["median", "rf_magpie"]}, "median": {"module": "outside_member"}}
    params = QUICK.model_copy(update={"models": {**QUICK.models, **values}})
    run = fit.run(source, params, model="ensemble", protocol="stratified")
    record = dataclasses.replace(collect(source, run), lock_digest="1" * 64)
    provenance = Provenance(data=tracked_runs.data(), table=source.paths.table, commit="0" * 40, dirty=False)
    (published,) = publish(project, (record, provenance))
    formulas = pd.DataFrame({FORMULA: ["LiFePO4", "Na2MnO3"]})
    answer = predictions_of_a_new_process(project, f"runs:/{published.run_id}/ensemble", formulas, tmp_path)
    frame = features.featurize(formulas, feature_set="magpie_mean")
    folder = final_model(source, source.run("rf_magpie", "stratified"))
    assert folder is not None
    expected = (models.load(folder)[0].predict(frame).mean + source.targets().median()) / 2
    np.testing.assert_allclose(answer[list(TARGETS)], expected[list(TARGETS)], rtol=1e-9)
    assert (logged_files(store) / "code" / "outside_member.py").is_file()


def test_only_code_that_is_not_installed_travels() -> None:
    package = Path(electrode_bench.__file__).parent
    assert code_paths("electrode_bench.models.rf_magpie") == [package]
    # As a plugin would be: in a distribution of its own, which the requirements name.
    assert code_paths("sklearn.ensemble") == [package]


def test_the_ion_is_an_optional_column_of_a_model_that_reads_it(
    project: Project, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.models import Model

    outside = tmp_path / "outside"
    outside.mkdir()
    write_outside_model(outside, "outside_ion", feature_set="elements+redox")
    monkeypatch.syspath_prepend(outside)
    (published,) = publish(project, tracked_runs.make(tmp_path / "made", "median", "stratified", module="outside_ion"))
    files = logged_files(store)
    logged = Model.load(str(files))
    required = {column.name: column.required for column in logged.signature.inputs}
    # One of the two names of the formula is needed, and the model itself says so.
    assert required == {"formula_discharge": False, "working_ion": False, "formula": False}
    example = logged.load_input_example(str(files))
    assert example.to_dict("records") == [{"formula_discharge": "LiFePO4", "working_ion": "Li"}]
    assert store.client.get_run(published.run_id).data.params["feature_set"] == "elements+redox"
    formulas = pd.DataFrame({"formula": ["LiFePO4", "NaLiMnO4"], "working_ion": [None, "Na"]})
    answer = predictions_of_a_new_process(project, f"runs:/{published.run_id}/median", formulas, tmp_path)
    np.testing.assert_allclose(answer[list(TARGETS)].iloc[1].astype(float), table(40)[list(TARGETS)].median())
