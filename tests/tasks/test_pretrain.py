"""The pre-trained model: made from a project, it answers without one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from support.projects import QUICK, small_project, until_split

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.inference import pretrained
from electrode_bench.inference.chosen import choose
from electrode_bench.models import archive
from electrode_bench.project import Project
from electrode_bench.stages import compare, fit
from electrode_bench.tasks import pretrain

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("pretrained")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished project whose electrodes have ids of real ones."""
    project = small_project(tmp_path_factory.mktemp("real"), synthetic=False)
    until_split(project, feature_sets=("magpie_mean", "modnet"))
    for model in ("control", "rf_magpie"):
        for protocol in ("grouped", "loco"):
            fit.run(project, QUICK, model=model, protocol=protocol)
    compare.run(project, seed=QUICK.seed)
    return project


@pytest.fixture(scope="module")
def folder(real: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "pretrained"
    pretrain.run(real, out=out)
    return out


def test_it_predicts_what_the_project_predicts(real: Project, folder: Path) -> None:
    ours, theirs = pretrained.load(folder), choose(real)
    assert (ours.name, ours.protocol) == (theirs.name, theirs.protocol)
    assert ours.title == f"{theirs.title} (pre-trained)"
    assert ours.pretrained
    assert not ours.synthetic
    formulas = ["LiFePO4", "NaMnO2"]
    for one, other in zip(ours.predictor.predict(formulas), theirs.predictor.predict(formulas), strict=True):
        assert {t: e.value for t, e in one.targets.items()} == {t: e.value for t, e in other.targets.items()}
        assert one.neighbours == ()
        assert one.fitted_on == 0


def test_it_has_intervals_and_a_domain(folder: Path) -> None:
    predictor = pretrained.load(folder).predictor
    inside, outside = predictor.predict(["LiMnO2", "LiUB11"])
    for target in TARGETS:
        estimate = inside.targets[target]
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
    assert inside.outside is None
    assert outside.outside is not None


def test_it_has_no_electrode_of_the_data(real: Project, folder: Path, tmp_path: Path) -> None:
    archive.unpack(folder / "model.tar.xz", tmp_path)
    files = [path for root in (folder, tmp_path) for path in root.rglob("*") if path.suffix in (".json", ".md", ".txt")]
    text = "\n".join(path.read_text("utf-8") for path in files)
    table = real.table()
    words = set(re.findall(r"[A-Za-z0-9().-]+", text))
    assert not words & {*table[ID], *table[FORMULA], *(chemistry.canonical(formula) for formula in table[FORMULA])}
    values = pd.concat([table[target] for target in TARGETS])
    assert not words & {repr(float(value)) for value in values if value % 1}


def test_the_same_project_gives_the_same_bytes(real: Project, folder: Path, tmp_path: Path) -> None:
    made = pretrain.run(real, out=tmp_path / "again")
    again = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    assert again == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert made.size == sum(map(len, again.values()))


def test_the_card_names_data_licence_and_errors(real: Project, folder: Path) -> None:
    card, about = (folder / "README.md").read_text("utf-8"), json.loads((folder / "about.json").read_text("utf-8"))
    assert about["rows"] == len(real.table())
    assert set(about["data"]) == {"release", "md5", "licence", "citation"}
    for part in (about["data"]["md5"], "### Errors", "### Coverage", "### Limits", "leave one cluster out"):
        assert part in card, part


def test_the_sample_makes_no_pretrained_model(finished: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="needs real data"):
        pretrain.run(finished, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_one_clear_error(real: Project, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'crabnet' is not fitted under grouped"):
        pretrain.run(real, model="crabnet", out=tmp_path / "out")


def test_a_damaged_file_is_one_clear_error(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "domain.json").write_text("{")
    with pytest.raises(UserError, match=r"domain\.json cannot be read"):
        pretrained.load(tmp_path)
