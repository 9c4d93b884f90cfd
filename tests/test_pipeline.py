"""The pipeline as a whole: dvc.yaml names what the stages use, and the same input gives the same bytes."""

from __future__ import annotations

import ast
import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support import ROOT
from support.projects import QUICK, small_project, until_split

from electrode_bench import models, params, splits
from electrode_bench.core.schema import TARGETS
from electrode_bench.features import FEATURE_SETS
from electrode_bench.fitting.executor import Local
from electrode_bench.project import Layout
from electrode_bench.stages import compare, featurize, fit, prepare, publish
from electrode_bench.tracking import runs as tracking

SOURCE = ROOT / "src" / "electrode_bench"
STAGES, PLOTS = (yaml.safe_load((ROOT / "dvc.yaml").read_text())[key] for key in ("stages", "plots"))

#: What `dvc repro` fits.
FITTED = [s.name for s in models.REGISTRY.values() if not s.reference]

#: Not under deps: these say where files lie, how errors read, which keys params.yaml may have
#: (the values are tracked by DVC as params), and what a sweep may try.
EXEMPT = {SOURCE / name for name in ("errors.py", "layout.py", "params.py", "search_space.py", "models/spaces.py")}
#: Registries import every entry; a stage depends on the entry that it runs.
REGISTRIES = {SOURCE / "models" / "__init__.py", SOURCE / "features" / "__init__.py"}


def _imports(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if parts[0] != "electrode_bench":
                continue
            module = SOURCE.joinpath(*parts[1:])
            for file in (module.with_suffix(".py"), module / "__init__.py"):
                if file.is_file() and file != SOURCE / "__init__.py":
                    yield file


def _closure(path: Path) -> set[Path]:
    seen, todo = set(), [path]
    while todo:
        file = todo.pop()
        if file not in seen:
            seen.add(file)
            if file not in REGISTRIES:
                todo += _imports(file)
    return seen


def _expanded() -> Iterator[tuple[str, dict[str, str], dict]]:
    for name, stage in STAGES.items():
        matrix = stage.get("matrix", {})
        for values in itertools.product(*matrix.values()):
            yield name, dict(zip(matrix, values, strict=True)), stage


@pytest.mark.parametrize(
    ("name", "item", "stage"),
    [pytest.param(*s, id="-".join([s[0], *s[1].values()])) for s in _expanded()],
)
def test_dvc_knows_every_source_file_of_a_stage(name: str, item: dict[str, str], stage: dict) -> None:
    deps = [re.sub(r"\$\{item\.(\w+)\}", lambda m: item[m[1]], dep) for dep in stage["deps"]]
    named = {file for dep in deps for file in [ROOT / dep, *(ROOT / dep).rglob("*.py")] if file.suffix == ".py"}
    folder = {"set": "features", "model": "models"}
    entries = [SOURCE / folder[kind] / f"{entry}.py" for kind, entry in item.items() if kind in folder]
    used = set().union(*map(_closure, [SOURCE / "stages" / f"{name}.py", *entries])) - EXEMPT
    used = {f for f in used if f.name != "__init__.py" or f.read_text().count("\n") > 3}
    forgotten = used - named - REGISTRIES
    assert sorted(str(f.relative_to(ROOT)) for f in forgotten) == []
    assert sorted(str(f.relative_to(ROOT)) for f in named if not f.is_file()) == []


def test_dvc_knows_the_template_of_the_report() -> None:
    templates = {str(p.relative_to(ROOT)) for p in SOURCE.rglob("*.j2")}
    assert templates
    assert templates <= set(STAGES["report"]["deps"])


def _md5(path: Path) -> str:
    """As DVC has it; of a folder, the digest of the list of its files."""
    if path.is_file():
        return hashlib.md5(path.read_bytes()).hexdigest()
    files = sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    listed = [{"md5": _md5(p), "relpath": p.relative_to(path).as_posix()} for p in files]
    return hashlib.md5(json.dumps(listed, sort_keys=True).encode()).hexdigest() + ".dir"


def test_dvc_lock_is_of_the_sources_as_they_are() -> None:
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    stale = {
        dep["path"]
        for stage in lock.values()
        for dep in stage["deps"]
        if dep["path"].startswith("src/") and _md5(ROOT / dep["path"]) != dep["md5"]
    }
    assert stale == set(), "run dvc repro and commit dvc.lock"
    assert {s.partition("@")[0] for s in lock} == set(STAGES)


def test_dvc_has_a_cell_for_every_model_and_protocol_and_a_stage_for_every_feature_set() -> None:
    assert STAGES["fit"]["matrix"] == {"model": FITTED, "protocol": list(splits.PROTOCOLS)}
    assert STAGES["featurize"]["matrix"] == {"set": list(FEATURE_SETS)}
    drawn = [y for plot in PLOTS for options in plot.values() for y in options["y"].values()]
    assert drawn == [FITTED] * len(TARGETS)
    assert {s.feature_set for s in models.REGISTRY.values()} <= {None, *FEATURE_SETS}


def test_nothing_that_stays_the_same_by_digest_is_thrown_away_by_a_failed_stage() -> None:
    for stage in STAGES.values():
        for entry in [*stage.get("outs", []), *stage.get("metrics", [])]:
            (options,) = entry.values()
            assert options["persist"] is True


def _run(layout: Layout, *, workers: int) -> None:
    until_split(layout)
    for model in FITTED:
        for protocol in splits.PROTOCOLS:
            fit.run(layout, QUICK, model=model, protocol=protocol, executor=Local(workers))
    compare.run(layout, seed=0)


def _bytes(layout: Layout) -> dict[str, str]:
    files = sorted(p for p in layout.results.rglob("*") if p.is_file())
    return {str(p.relative_to(layout.results)): hashlib.md5(p.read_bytes()).hexdigest() for p in files}


def test_the_same_rows_in_any_order_give_the_same_bytes_and_runs_in_mlflow(tmp_path: Path) -> None:
    one, other = small_project(tmp_path / "one", shuffle=False), small_project(tmp_path / "other", shuffle=True)
    _run(one, workers=1)
    _run(other, workers=2)
    made = _bytes(one)
    assert {f"fit/{m}/{p}/predictions.parquet" for m in FITTED for p in splits.PROTOCOLS} <= set(made)
    assert _bytes(other) == made

    first = publish.run(one)
    assert [c["created"] for c in first["cells"]] == [True] * len(FITTED) * len(splits.PROTOCOLS)
    again = publish.run(one)
    assert [(c["created"], c["run_id"]) for c in again["cells"]] == [(False, c["run_id"]) for c in first["cells"]]
    assert len(tracking.cells(one, uri=publish.tracking_uri(one))) == len(first["cells"])


def test_a_cell_whose_writing_was_cut_short_is_not_believed(tmp_path: Path) -> None:
    from electrode_bench.errors import UserError

    layout = small_project(tmp_path, shuffle=False)
    until_split(layout)
    for model in FITTED:
        fit.run(layout, QUICK, model=model, protocol="stratified")
    first = layout.cell("rf_magpie", "stratified").read_bytes()
    other = QUICK.model_copy(update={"models": {"rf_magpie": {"n_estimators": 3}}})
    fit.run(layout, other, model="rf_magpie", protocol="stratified")
    compare.run(layout, seed=0)
    # As if the second fit had been stopped between its two files.
    layout.cell("rf_magpie", "stratified").write_bytes(first)
    with pytest.raises(UserError, match=r"predictions of rf_magpie under stratified are not those .*dvc repro fit"):
        compare.run(layout, seed=0)


def test_the_published_model_is_the_cells_own_whatever_params_say_now(tmp_path: Path) -> None:
    from electrode_bench.errors import UserError

    layout = small_project(tmp_path, shuffle=False)
    until_split(layout)
    cell = fit.run(layout, QUICK, model="rf_magpie", protocol="stratified").about
    _, about = models.load(fit.final_model(layout, cell))
    assert (about["config"]["n_estimators"], about["seed"]) == (10, QUICK.seed)
    featurize.run(layout, params.Featurize(composition="pair"), feature_set="magpie_mean")
    with pytest.raises(UserError, match=r"fitted on other data; run: dvc repro fit@rf_magpie-stratified"):
        fit.final_model(layout, cell)


def test_a_failed_stage_leaves_the_last_good_outputs(tmp_path: Path) -> None:
    from electrode_bench.errors import UserError

    layout = small_project(tmp_path, shuffle=False)
    prepare.run(layout, QUICK.prepare)
    before = _bytes(layout)
    raw = layout.data / "cut.csv"
    raw.write_text(raw.read_text().replace("Average Voltage", "Voltage"))
    with pytest.raises(UserError, match="Average Voltage"):
        prepare.run(layout, QUICK.prepare)
    assert _bytes(layout) == before
