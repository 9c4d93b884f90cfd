"""The pipeline as a whole: dvc.yaml names what the stages use, and the same input gives the same bytes."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import ROOT
from support.projects import FITTED, PROTOCOLS, QUICK, small_project, until_split

from electrode_bench import models, params, splits
from electrode_bench.core import feature_names
from electrode_bench.core.source_closure import SourceClosure, source_closure
from electrode_bench.core.syntax import source_digest
from electrode_bench.data.readers import READERS
from electrode_bench.errors import UserError
from electrode_bench.features import FEATURE_SETS
from electrode_bench.fitting.executor import Local
from electrode_bench.project import Project
from electrode_bench.stages import compare, fit, prepare, publish

SOURCE = ROOT / "src" / "electrode_bench"
STAGES, PLOTS = (yaml.safe_load((ROOT / "dvc.yaml").read_text())[key] for key in ("stages", "plots"))
VALUES = yaml.safe_load((ROOT / "params.yaml").read_text())

#: Not under deps, because an edit of them can refuse a result, but not alter it. project.py checks that files belong
#: together and passes on what they hold, and errors.py says how errors read. params.py says which keys params.yaml may
#: have; DVC tracks the values themselves.
EXEMPT = {SOURCE / name for name in ("errors.py", "params.py", "project.py")}


def _listed(value: Any) -> Any:
    """A value of dvc.yaml; ``${key}`` is the value of a key in params.yaml."""
    for key in value[2:-1].split(".") if isinstance(value, str) and value.startswith("${") else ():
        value = (VALUES if isinstance(value, str) else value)[key]
    return value


def _expanded() -> Iterator[tuple[str, dict[str, str]]]:
    """Every stage by name, with the values of its matrix."""
    for name, stage in STAGES.items():
        matrix = {key: _listed(values) for key, values in stage.get("matrix", {}).items()}
        for values in itertools.product(*matrix.values()):
            yield name, dict(zip(matrix, values, strict=True))


def _closures(stage: str, item: dict[str, str]) -> Iterator[SourceClosure]:
    """The source code of a stage, and of the registered things that it looks up by name."""
    yield source_closure(f"electrode_bench.stages.{stage}:run")
    if stage == "prepare":
        yield from (source_closure(f"{READERS.module(name)}:READER") for name in READERS)
    if stage == "featurize":
        yield from (FEATURE_SETS[name].closure() for name in VALUES["featurize"]["sets"])
        yield source_closure("electrode_bench.features.atomic_packing:ATOMIC_PACKING")
    if stage in ("split", "compare", "report", "publish"):
        yield from (source_closure(f"{splits.PROTOCOLS.module(name)}:PROTOCOL") for name in splits.PROTOCOLS)
    if stage == "fit":
        values = params.load(ROOT / "params.yaml")
        spec = models.named(item["model"], values)
        members = models.members_of(models.configured(spec, values)).values()
        yield from (one.closure() for one in (spec, *(member.spec for member in members)))
    if stage == "publish":
        yield from (models.spec(name).closure() for name in FITTED)


@pytest.mark.parametrize(
    ("name", "item"), [pytest.param(*stage, id="-".join([stage[0], *stage[1].values()])) for stage in _expanded()]
)
def test_dvc_knows_every_source_file_of_a_stage(name: str, item: dict[str, str]) -> None:
    deps = [ROOT / dep for dep in STAGES[name]["deps"] if dep.startswith("src/")]
    used = set().union(*(closure.files for closure in _closures(name, item))) - EXEMPT
    forgotten = {file for file in used if not any(file == dep or dep in file.parents for dep in deps)}
    assert sorted(str(file.relative_to(ROOT)) for file in forgotten) == []
    assert [str(dep) for dep in deps if not dep.exists()] == []


def _md5(path: Path) -> str:
    """As DVC has it; of a folder, the digest of the list of its files."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    listed = [{"md5": _md5(file), "relpath": file.relative_to(path).as_posix()} for file in _files(path)]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)


def _git(*command: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, check=True).stdout


def _behaviour(file: str, content: bytes) -> str:
    """Equal for two versions of a file that differ in comments and docstrings only."""
    return source_digest(content.decode()) if file.endswith(".py") else hashlib.md5(content).hexdigest()


def _changed_since(commit: str, path: str) -> bool:
    """Whether a source file, or a file of a folder, behaves otherwise than at a commit."""
    names = _git("ls-tree", "-r", "--name-only", commit, path).decode().split()
    then = {name: _git("show", f"{commit}:{name}") for name in names}
    now = {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in _files(ROOT / path)}
    return {name: _behaviour(name, content) for name, content in then.items()} != {
        name: _behaviour(name, content) for name, content in now.items()
    }


def test_dvc_lock_is_of_the_sources_as_they_are() -> None:
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    deps = [dep for stage in lock.values() for dep in stage["deps"] if dep["path"].startswith("src/")]
    locked = {dep["path"]: dep["md5"] for dep in deps}
    missing = {path for path in locked if not (ROOT / path).exists()}
    differing = {path for path, md5 in locked.items() if path not in missing and _md5(ROOT / path) != md5}
    if differing and _git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("only the history tells whether more than comments changed, and this clone has none")
    commit = _git("log", "-1", "--format=%H", "--", "dvc.lock").decode().strip()
    stale = missing | {path for path in differing if _changed_since(commit, path)}
    assert stale == set(), "run dvc repro and commit dvc.lock"
    assert set(lock) == {"@".join([name, "-".join(item.values())]).rstrip("@") for name, item in _expanded()}


def test_models_protocols_and_feature_sets_are_listed_once_in_params() -> None:
    assert STAGES["fit"]["matrix"] == {"model": "${fit.models}"}
    for model in VALUES["fit"]["models"]:
        spec = models.spec(model)
        read = models.feature_set_of(spec, models.configured(spec, params.load(ROOT / "params.yaml")))
        assert set(() if read is None else feature_names.split(read)) <= set(VALUES["featurize"]["sets"])


def test_dvc_shows_figures_that_the_report_makes() -> None:
    made = STAGES["report"]["outs"][0]
    assert {Path(plot).parent.as_posix() for plot in PLOTS} == set(made) == {"results/figures"}
    assert {Path(plot).suffix for plot in PLOTS} == {".svg"}


def test_a_failed_stage_does_not_throw_away_the_last_outputs() -> None:
    for stage in STAGES.values():
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            (options,) = entry.values()
            assert options["persist"] is True


#: Networks under one protocol: what a protocol changes is the folds, and those of the others are the forest's too.
COMPARED = [(model, protocol) for model in ("control", "rf_magpie") for protocol in PROTOCOLS]
NETWORKS = [(model, "grouped") for model in FITTED[2:]]
RUNS = [*COMPARED, *NETWORKS]


def _run(project: Project, *, workers: int) -> None:
    until_split(project)
    for model, protocol in COMPARED:
        fit.run(project, QUICK, model=model, protocol=protocol, executor=Local(workers))
    compare.run(project, seed=0)
    # Later, because models are compared under the same protocols.
    for model, protocol in NETWORKS:
        fit.run(project, QUICK, model=model, protocol=protocol, executor=Local(workers))


def _bytes(project: Project) -> dict[str, str]:
    results = project.paths.results
    files = sorted(p for p in results.rglob("*") if p.is_file())
    return {str(p.relative_to(results)): hashlib.md5(p.read_bytes()).hexdigest() for p in files}


def test_the_same_rows_in_any_order_give_the_same_bytes_and_runs_in_mlflow(tmp_path: Path) -> None:
    one, other = small_project(tmp_path / "one"), small_project(tmp_path / "other", shuffle=True)
    _run(one, workers=1)
    _run(other, workers=2)
    made = _bytes(one)
    assert {f"fit/{m}/{p}/predictions.parquet" for m, p in RUNS} <= set(made)
    assert _bytes(other) == made

    first = publish.run(one)
    assert [run.created for run in first] == [True] * len(RUNS)
    again = publish.run(one)
    assert [(run.created, run.run_id) for run in again] == [(False, run.run_id) for run in first]


def test_a_failed_stage_leaves_the_last_good_outputs(tmp_path: Path) -> None:
    project = small_project(tmp_path)
    prepare.run(project, QUICK.prepare)
    before = _bytes(project)
    raw = project.paths.data / "cut.csv"
    raw.write_text(raw.read_text().replace("Average Voltage", "Voltage"))
    with pytest.raises(UserError, match="Average Voltage"):
        prepare.run(project, QUICK.prepare)
    assert _bytes(project) == before
