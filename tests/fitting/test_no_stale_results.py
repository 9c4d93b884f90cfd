"""After an edit of the source, nothing old comes out of the caches, and nothing is fitted again without need."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
from support.package_copy import PackageCopy, copy_package

from electrode_bench.project import Project

#: A network that reads element vectors by itself, and a feature set that is made of the same vectors.
FIT = """
import sys
from support.projects import QUICK
from electrode_bench import models
from electrode_bench.project import Project
from electrode_bench.stages import featurize, fit
project = Project(__import__("pathlib").Path(sys.argv[1]))
for feature_set in ("magpie_mean", models.spec("crabnet").feature_set):
    featurize.run(project, QUICK.featurize, feature_set=feature_set)
fit.run(project, QUICK, model="crabnet", protocol="stratified")
"""

FILE, READ = "features/composition.py", "keep_default_na=False).astype(np.float64)"


def fit(project: Project, package: PackageCopy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions of the network, and the features."""
    package.run("-c", FIT, str(project.root))
    return project.run("crabnet", "stratified").predictions, project.features("magpie_mean")


def cached(project: Project) -> dict[str, int]:
    """When each fold and each table of features was written to the caches."""
    files = [*project.paths.cache.glob("folds/*/predictions.parquet"), *project.paths.cache.glob("features/*.sealed")]
    return {str(file.relative_to(project.paths.cache)): file.stat().st_mtime_ns for file in files}


def test_an_edit_refits_what_it_may_change_and_nothing_else(finished: Project, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    shutil.copytree(finished.root, project.root, ignore=shutil.ignore_patterns(".cache"))
    predictions, features = fit(project, copy_package(tmp_path / "as it is"))
    first = cached(project)
    assert len(first) == 3 + 2

    # A comment and a docstring of the file that reads the element vectors.
    documented = copy_package(tmp_path / "documented")
    documented.edit(FILE, "# No text in these", "# As said, no text in these")
    documented.edit(FILE, '"""Atoms per formula, shape', '"""How many atoms a formula has, shape')
    assert all(
        pd.DataFrame.equals(*pair) for pair in zip(fit(project, documented), (predictions, features), strict=True)
    )
    assert cached(project) == first

    # The element vectors themselves.
    changed = copy_package(tmp_path / "changed")
    changed.edit(FILE, READ, f"{READ} * 3")
    other_predictions, other_features = fit(project, changed)
    assert not other_predictions["y_pred"].equals(predictions["y_pred"])
    pd.testing.assert_frame_equal(other_features, features * 3)
    then = cached(project)
    # The features of the network do not hold the vectors: only its folds are new, and one table of features.
    assert {name: then[name] for name in first} == first
    assert len([name for name in then if name not in first and name.startswith("folds")]) == 3
    assert [name.partition("-")[0] for name in then if name not in first and name.startswith("features")] == [
        "features/magpie_mean"
    ]
