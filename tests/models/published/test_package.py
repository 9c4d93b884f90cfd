"""The published packages as models, as far as they can be tested without their environment."""

from __future__ import annotations

import dataclasses
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.fitting.runs import plan, run_folds
from electrode_bench.models import crabnet_upstream, modnet_upstream
from electrode_bench.models.published import environment as reference

UPSTREAM = {"crabnet_upstream": crabnet_upstream, "modnet_upstream": modnet_upstream}
both = pytest.mark.parametrize("name", list(UPSTREAM))


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like the reference environment. Its Python is this one, which lacks the packages that it claims."""
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    for library in {*crabnet_upstream.PACKAGE.libraries, *modnet_upstream.PACKAGE.libraries}:
        _claim(folder, library, "1.2.3")
    monkeypatch.setenv(reference.VARIABLE, str(folder))
    return folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are created."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def _claim(folder: Path, library: str, version: str) -> None:
    about = folder / "lib" / "python3.11" / "site-packages" / f"{library.replace('-', '_')}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {library}\nVersion: {version}\n")


def _data(rows: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(rows).set_index(ID)
    return featurize(electrodes[[FORMULA]], feature_set="elements"), electrodes[list(TARGETS)]


def _model(name: str, **values: object) -> models.Model:
    spec = models.spec(name)
    return spec.build(models.configure(spec, values), 1)


@both
def test_without_the_environment_one_line_says_how_to_build_it(name: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv(reference.VARIABLE)
    monkeypatch.chdir(tmp_path)
    line = f"{name} skipped: .venv-reference is missing; build it with: make reference"
    assert models.spec(name).available() == line
    with pytest.raises(UserError) as caught:
        _model(name).fit(*_data())
    assert str(caught.value) == line
    with pytest.raises(UserError, match="skipped"):
        models.spec(name).versions()


@both
def test_an_environment_without_the_package_is_not_accepted(name: str, environment: Path) -> None:
    package = UPSTREAM[name].PACKAGE
    first = package.libraries[0]
    assert models.spec(name).available() is None
    (next(environment.rglob(f"{first}-*.dist-info")) / "METADATA").unlink()
    next(environment.rglob(f"{first}-*.dist-info")).rmdir()
    assert models.spec(name).available() == (
        f"{name} skipped: {environment} lacks {first}; build it again with: make reference"
    )


@both
@pytest.mark.usefixtures("environment")
def test_versions_and_scripts_of_the_environment_decide_a_fit(name: str) -> None:
    spec = models.spec(name)
    assert {library: spec.versions()[library] for library in spec.libraries} == dict.fromkeys(spec.libraries, "1.2.3")
    scripts = {"worker.py", f"{name.removesuffix('_upstream')}_worker.py"}
    assert scripts < {path.name for path in spec.closure().files}
    assert spec.closure().digest != dataclasses.replace(spec, scripts=()).closure().digest


def test_scripts_import_nothing_of_ours() -> None:
    for module in UPSTREAM.values():
        for path in module.PACKAGE.sources:
            assert "import electrode_bench" not in path.read_text()
            assert "from electrode_bench" not in path.read_text()


@both
@pytest.mark.usefixtures("environment")
def test_files_are_exchanged_with_the_worker(name: str, temporary: Path, tmp_path: Path) -> None:
    # With two rows, too few to learn from, the worker answers without the package.
    frame, targets = _data()
    model = _model(name).fit(frame.iloc[:2], targets.iloc[:2])
    rows = frame.iloc[[5, 3, 3]].set_axis(["x", "b", "q"])
    prediction = model.predict(rows)
    assert list(prediction.mean.index) == ["x", "b", "q"]
    expected = np.tile(targets.iloc[:2].mean().to_numpy(), (3, 1))
    np.testing.assert_allclose(prediction.mean[list(TARGETS)], expected, rtol=1e-14)
    assert (prediction.std is None) == (name == "modnet_upstream")

    saved = tmp_path / "saved"
    saved.mkdir()
    models.save(model, saved, spec=models.spec(name), about={})
    assert {p.suffix for p in saved.rglob("*") if p.is_file()} == {".json"}
    loaded, _ = models.load(saved)
    pd.testing.assert_frame_equal(loaded.predict(rows).mean, prediction.mean)
    with pytest.raises(ValueError, match="expected the columns"):
        loaded.predict(frame.iloc[:, :5])

    del model, loaded
    gc.collect()
    assert list(temporary.iterdir()) == []


@both
def test_a_worker_that_fails_is_one_line_and_leaves_nothing(name: str, environment: Path, temporary: Path) -> None:
    frame, targets = _data()
    package = name.removesuffix("_upstream")
    model = _model(name)
    with pytest.raises(UserError) as caught:
        model.fit(frame, targets)
    assert str(caught.value) == (
        f"{name} could not fit in {environment}: ModuleNotFoundError: No module named '{package}'"
    )
    assert "Traceback" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match="not fitted"):
        model.predict(frame)
    del model
    gc.collect()
    assert list(temporary.iterdir()) == []


@pytest.mark.usefixtures("environment")
def test_a_worker_that_fails_leaves_no_fold_in_the_cache(tmp_path: Path) -> None:
    frame, targets = _data()
    spec = models.spec("crabnet_upstream")
    ids = tuple(frame.index)
    tasks = plan(spec, spec.config(), [Fold("stratified", "0", ids[:8], ids[8:])], frame=frame, targets=targets, seed=1)
    with pytest.raises(UserError, match="could not fit"):
        run_folds(tasks, frame=frame, targets=targets, cache=tmp_path / "cache")
    assert [p for p in (tmp_path / "cache").rglob("*") if p.is_file()] == []


def test_an_interpreter_without_output_is_reported_by_its_exit_code(environment: Path) -> None:
    (environment / "bin" / "python").write_text("#!/bin/sh\nexit 7\n")
    with pytest.raises(UserError, match=r"could not fit in .*: it ended with code 7 and no output"):
        _model("crabnet_upstream").fit(*_data())


@pytest.mark.usefixtures("environment")
def test_crabnet_requires_a_single_composition() -> None:
    frame, targets = _data()
    with pytest.raises(UserError, match=r"reads one composition; in params.yaml set featurize"):
        _model("crabnet_upstream").fit(frame.add_prefix("formula_charge: "), targets)


def test_the_worker_ends_with_the_run_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "sleeper.py").write_text(
        "import time\ndef fit(*_):\n    print('asleep', flush=True)\n    time.sleep(600)\n"
    )
    frame, targets = _data()
    frame.to_parquet(tmp_path / "frame.parquet")
    targets.to_parquet(tmp_path / "targets.parquet")
    (tmp_path / "task.json").write_text('{"config": {}, "seed": 1}')
    command = [sys.executable, str(crabnet_upstream.PACKAGE.sources[0]), "sleeper", "fit"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        assert worker.stdout.readline() == "asleep\n"
        worker.stdin.close()
        assert worker.wait(timeout=60) == 1
