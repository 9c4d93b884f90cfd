from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from dvc.repo import Repo
from support import ROOT

from electrode_bench.core.outputs import write_record
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.errors import UserError
from electrode_bench.exported import Exported
from electrode_bench.project import Project
from electrode_bench.tasks.export import export
from electrode_bench.tasks.trace import refit, trace, verify


@pytest.fixture(scope="module")
def folder(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(finished, tmp_path_factory.mktemp("exported") / "results of a study").folder


def test_no_electrode_is_exported_but_for_the_representatives_of_clusters(finished: Project, folder: Path) -> None:
    table, clusters = finished.table(), finished.map_summary()["clusters"]
    named = {str(cluster["representative_id"]) for cluster in clusters}
    ids = [one.encode() for one in set(map(str, table[ID])) - named]
    formulas = [f.encode() for f in set(table[FORMULA]) - {cluster["representative_formula"] for cluster in clusters}]
    assert len(ids) > len(named)
    for path in (path for path in folder.rglob("*") if path.suffix in (".csv", ".json", ".md", ".svg", ".yaml")):
        content = path.read_bytes()
        assert not [one for one in ids if one in content], path
        assert not [one for one in formulas if b'"' + one + b'"' in content or b"," + one + b"," in content], path
    assert not list(folder.rglob("*.parquet"))


def test_the_tables_are_those_of_the_project_and_every_file_is_listed(finished: Project, folder: Path) -> None:
    exported = Exported.open(folder)
    pd.testing.assert_frame_equal(exported.comparison("scores"), finished.comparison("scores"))
    about = exported.about()
    listed = [line.split("  ") for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {name for _, name in listed} == present - {"SHA256SUMS"}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == known for known, name in listed)
    assert about["data"]["targets_sha256"] == finished.targets_digest()
    assert str(finished.root) not in (folder / "about.json").read_text(encoding="utf-8")
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "RF@Magpie" in page
    assert "electrode-bench trace" in page


def test_exported_results_in_a_project_are_no_second_pipeline(finished: Project, tmp_path: Path) -> None:
    """DVC takes every folder that has a dvc.yaml for a pipeline: `dvc exp show` had all its columns twice."""
    root = shutil.copytree(finished.root, tmp_path / "project", ignore=shutil.ignore_patterns("mlruns"))
    shutil.copy(ROOT / "dvc.yaml", root)
    Repo.init(str(root), no_scm=True).close()

    def stages() -> list[str]:
        with Repo(str(root)) as repo:
            return sorted(stage.addressing for stage in repo.index.stages)

    before = stages()
    assert any(stage.endswith("dvc.yaml:compare") for stage in before)
    export(Project(root), root / "docs" / "results")
    assert stages() == before


def test_a_number_is_traced_and_made_again_from_exported_results(finished: Project, folder: Path) -> None:
    wanted = {"model": "rf_magpie", "protocol": "grouped", "target": "average_voltage", "metric": "mae"}
    there, here = trace(Exported.open(folder), **wanted), trace(finished, **wanted)
    assert there.number == here.number
    for section in ("folds", "configuration", "pipeline"):
        different = {key for key in here.sources[section] if here.sources[section][key] != there.sources[section][key]}
        assert different <= {"file"}
    assert there.sources["data"]["md5"] == here.sources["data"]["md5"]
    with pytest.raises(UserError, match="were not exported; --refit"):
        verify(finished, there)
    same, number = refit(finished, there)
    assert (same.passed, same.found) == (True, here.run.digests.predictions)
    assert number.passed


def test_with_rows_the_number_follows_from_the_exported_predictions(finished: Project, tmp_path: Path) -> None:
    folder = export(finished, tmp_path / "all", rows=True).folder
    assert (folder / "results/report/index.html").is_file() == finished.paths.report.is_file()
    traced = trace(Exported.open(folder), model="control", protocol="grouped", target="average_voltage")
    assert all(check.passed for check in verify(finished, traced))


def test_other_folds_are_not_fitted_as_if_they_were_the_same(finished: Project, folder: Path) -> None:
    traced = trace(Exported.open(folder), model="control", protocol="grouped", target="average_voltage")
    digests = traced.run.digests
    for changed, message in (({"split": "0" * 64}, "other folds"), ({"table": "0" * 64}, "other data")):
        run = traced.run.model_copy(update={"digests": digests.model_copy(update=changed)})
        with pytest.raises(UserError, match=message):
            refit(finished, type(traced)(traced.number, run, traced.sources))


@pytest.mark.parametrize(
    "name", ["results/compare/scores.csv", "results/fit/control/grouped/cell.json", "about.json", "README.md"]
)
def test_a_file_that_was_changed_is_refused(finished: Project, tmp_path: Path, name: str) -> None:
    folder = export(finished, tmp_path / "changed").folder
    path = folder / name
    if path.suffix == ".json":
        path.write_text(json.dumps({**json.loads(path.read_text()), "seed": 7, "title": "x"}))
    else:
        path.write_text(path.read_text().replace("0.", "1."))

    def read() -> None:
        exported = Exported.open(folder)
        exported.about()
        trace(exported, model="control", protocol="grouped", target="average_voltage")

    with pytest.raises(UserError, match="was changed after it was exported"):
        read()


def test_another_folder_is_never_replaced(finished: Project, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.tex").write_text("")
    for force in (False, True):
        with pytest.raises(UserError, match="holds something else than exported results"):
            export(finished, folder, force=force)
    assert [path.name for path in folder.iterdir()] == ["thesis.tex"]
    written = export(finished, tmp_path / "results").folder
    with pytest.raises(UserError, match="replace them with --force"):
        export(finished, written)
    assert export(finished, written, force=True).folder == written


def test_a_licence_without_commercial_use_is_in_the_export(finished: Project, tmp_path: Path) -> None:
    copied = Project(tmp_path / "project")
    shutil.copytree(finished.root, copied.root, symlinks=True)
    write_record({**copied.card(), "licences": {"CC BY 4.0": 100, "CC BY-NC 4.0": 20}}, copied.paths.card)
    folder = export(copied, tmp_path / "exported").folder
    data = Exported.open(folder).about()["data"]
    assert data["licences"] == {"CC BY 4.0": 100, "CC BY-NC 4.0": 20}
    assert data["licence"] == "CC BY 4.0 (100 electrodes); CC BY-NC 4.0 (20 electrodes, no commercial use)"
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "**Part of the data must not be used commercially: CC BY-NC 4.0**" in page
    assert data["licence"] in " ".join(page.split())
