"""A tiny finished project, made once; each case gets a copy of it.

Files that commands replace by renaming are hard links in a copy, so that a copy takes milliseconds. A command that
wrote into such a file would change the original, which :func:`Template.unchanged` finds.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from chaos import preload
from chaos.commands import Ended, finish, run, start
from electrode_bench.params import Params

ROOT = Path(__file__).parents[1]

ROWS = 160
MODELS = ("control", "faraday", "rf_magpie", "crabnet")
PROTOCOLS = ("grouped",)

#: Commands in the order of the pipeline, by a name for each.
PIPELINE: dict[str, tuple[str, ...]] = {
    "prepare": ("prepare",),
    **{f"featurize {name}": ("featurize", name) for name in ("magpie_mean", "elements", "redox")},
    "map": ("map",),
    "split": ("split",),
    **{
        f"fit {model} {protocol}": ("fit", model, protocol, "--no-publish", "--workers", "1")
        for model in MODELS
        for protocol in PROTOCOLS
    },
    "compare": ("compare",),
    "report": ("report",),
    "publish": ("publish",),
}

#: Commands that use the results.
TASKS: dict[str, tuple[str, ...]] = {
    "sweep": ("sweep", "rf_magpie", "--trials", "3", "--workers", "1"),
    "predict": ("predict", "LiFePO4", "--own", "--json"),
    "screen": ("screen", "candidates.csv", "--own", "--out", "screened.csv", "--force"),
    "promote": ("promote", "--model", "rf_magpie"),
    "show": ("show", "--json"),
}

#: The order in which the tiny project is made, for two processor cores. Only one command at a time uses MLflow.
_SIDE_BY_SIDE: tuple[tuple[str, ...], ...] = (
    ("prepare",),
    tuple(name for name in PIPELINE if name.startswith("featurize")),
    ("map",),
    ("split",),
    tuple(name for name in PIPELINE if name.startswith("fit")),
    ("compare",),
    ("report", "publish"),
    ("predict", "sweep"),
    ("screen", "promote", "show"),
)

SETTINGS: dict[str, Any] = {
    "seed": 1,
    "featurize": {"sets": ["magpie_mean", "elements", "redox"]},
    "map": {
        "features": "magpie_mean",
        "tsne": {"perplexity": 8, "max_iter": 250},
        "dbscan": {"clusters": 3, "min_samples": 3},
    },
    "split": {"protocols": list(PROTOCOLS), "grouped": {"folds": 3}},
    "sweep": {
        "folds": 2,
        "checkpoints": 2,
        "spaces": {"rf_magpie": {"n_estimators": {"low": 50, "high": 54}, "max_features": None, "max_samples": None}},
    },
    "fit": {"models": list(MODELS)},
    "models": {
        "control": {},
        "faraday": {},
        "rf_magpie": {"n_estimators": 30},
        "crabnet": {"epochs": 1, "ensemble_size": 1},
    },
}

#: Written in place, or changed by what reads them: never hard links.
_OWN = ("mlruns/mlflow.db", "mlruns/studies.journal", "data", ".dvc", "params.yaml", "sweeps", "dvc.lock")

#: What a command writes, and what must be gone for it to do all of its work again: paths below the project.
_CLEARED: dict[str, tuple[str, ...]] = {
    "prepare": ("results/prepare",),
    "featurize": ("results/featurize/{1}.parquet", ".cache/features"),
    "map": ("results/map/map.parquet", "results/map/summary.json"),
    "split": ("results/split",),
    "fit": ("results/fit/{1}/{2}", ".cache/folds"),
    "compare": ("results/compare",),
    "report": ("results/report", "results/figures", "results/map/map.html", "results/map/working_ions.html"),
    "publish": ("results/publish", "mlruns"),
    "sweep": ("mlruns",),
    "predict": (".cache/models", ".cache/answers"),
    "screen": ("screened.csv", ".cache/models"),
    "promote": (".cache/models",),
}


def cleared_by(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Paths that a case removes so that the command does all of its work again."""
    if argv[:2] == ("sweep", "adopt"):
        return ()
    return tuple(path.format(*argv) for path in _CLEARED.get(argv[0], ()))


@dataclass
class Template:
    """The tiny project, and what undisturbed commands do in it."""

    root: Path
    ended: dict[str, Ended] = field(default_factory=dict)
    """How each command ended, by its name: its seconds, its file events and what it printed."""
    digests: dict[str, str] = field(default_factory=dict)
    """Of every file in results/ and of the caches, when all was finished."""
    linked: dict[str, tuple[float, int]] = field(default_factory=dict)
    adopted: dict[str, str] = field(default_factory=dict)
    """Of what `sweep adopt` writes, after it."""
    study: str = ""

    def copy(self, to: Path, *, links: bool = True) -> Path:
        """A copy for one case; without links it is as separate as ``cp -r`` makes it."""
        shutil.copytree(self.root, to, symlinks=True, copy_function=_link if links else shutil.copy2)
        if links:
            for name in _OWN:
                _separate(to / name)
        move_store(to, self.root)
        return to

    def commands(self) -> dict[str, tuple[str, ...]]:
        """Every command by its name."""
        adopt = ("sweep", "adopt", self.study) if self.study else ("sweep", "list")
        return {**PIPELINE, **TASKS, "adopt": adopt}

    def unchanged(self) -> list[str]:
        """Files of the template that a command wrote into; there must be none."""
        return [name for name, state in _states(self.root).items() if self.linked.get(name, state) != state]


def make(folder: Path) -> Template:
    """Make the tiny project and run every command once.

    Raises
    ------
    RuntimeError
        When a command fails although nothing disturbed it.
    """
    template = Template(folder / "template")
    root = template.root
    (root / "data").mkdir(parents=True)
    generate = [sys.executable, str(ROOT / "sample" / "generate.py"), "--rows", str(ROWS)]
    subprocess.run([*generate, "--out", str(root / "cut.csv")], check=True, capture_output=True)
    shutil.copy(root / "cut.csv", root / "data")
    other = [*generate[:-1], str(ROWS + 10), "--seed", "7", "--out", str(root / "other.csv")]
    subprocess.run(other, check=True, capture_output=True)
    md5 = hashlib.md5((root / "data" / "cut.csv").read_bytes(), usedforsecurity=False).hexdigest()
    file = {"md5": md5, "size": (root / "cut.csv").stat().st_size, "hash": "md5"}
    places = {"deps": [{"path": "cut.csv", **file}], "outs": [{"path": "data/cut.csv", **file}]}
    origin = {"meta": {"source": "sample", "release": "synthetic", "licence": "MIT"}, **places}
    (root / "data.dvc").write_text(yaml.safe_dump({**origin, "md5": "0" * 31 + "a"}, sort_keys=False))
    # DVC wants every key that a stage depends on.
    values = Params(**SETTINGS).model_dump(mode="json")
    (root / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    no_scm = true\n")
    shutil.copy(ROOT / "dvc.yaml", root)
    (root / "src").symlink_to(ROOT / "src")
    (root / "candidates.csv").write_text("formula\nLiFePO4\nLiCoO2\nNaMnO2\nMgV2O5\nLi2FeSiO4\n")
    for names in _SIDE_BY_SIDE:
        _undisturbed(template, names)
    listed = json.loads(run(root, ("sweep", "list", "--json")).out)
    template.study = (listed["studies"] if isinstance(listed, dict) else listed)[0]["study"]
    template.digests = digests(root)
    preload.more({name for ended in template.ended.values() for name in ended.modules})
    # Last, in a copy: it changes params.yaml.
    adopted = Template(template.copy(folder / "adopted"))
    adopted.study = template.study
    _undisturbed(adopted, ["adopt"])
    template.ended["adopt"] = adopted.ended["adopt"]
    # For the readers of records; beside the place where they would count.
    shutil.copytree(adopted.root / "sweeps", root / "adopted-sweeps")
    template.linked = _states(root)
    template.adopted = adoption_digests(adopted.root)
    return template


def source_digest() -> str:
    """SHA-256 of the package's and the harness's source, which decide what is in the tiny project."""
    files = [path for folder in ("src", "chaos") for path in sorted((ROOT / folder).rglob("*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _undisturbed(template: Template, names: Sequence[str]) -> None:
    """Run commands side by side."""
    commands = template.commands()
    running = {name: start(template.root, commands[name], count=True) for name in names}
    for name, command in running.items():
        ended = finish(command)
        if ended.code or ended.left:
            words = " ".join(ended.argv)
            raise RuntimeError(f"undisturbed, `{words}` ended with {ended.code}: {ended.err} {ended.left}")
        template.ended[name] = ended


def digests(root: Path) -> dict[str, str]:
    """SHA-256 of every file in results/, and of what the tasks wrote, by path."""
    files = [path for path in (root / "results").rglob("*") if path.is_file()]
    files += [path for path in (root / "screened.csv",) if path.is_file()]
    return {str(path.relative_to(root)): _sha(path) for path in sorted(files)}


def adoption_digests(root: Path) -> dict[str, str]:
    """The same for what `sweep adopt` writes."""
    files = [root / "params.yaml", *sorted((root / "sweeps").rglob("*.json"))]
    return {str(path.relative_to(root)): _sha(path) for path in files if path.is_file()}


def move_store(root: Path, old: Path) -> None:
    """Let the MLflow store of a copied project keep its artifacts in the copy."""
    database = root / "mlruns" / "mlflow.db"
    if not database.exists():
        return
    places = {
        "experiments": ["artifact_location"],
        "runs": ["artifact_uri"],
        "logged_models": ["artifact_location"],
        "model_versions": ["source", "storage_location"],
    }
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for table, columns in places.items():
            for column in columns:
                change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"
                connection.execute(change, (str(old), str(root)))


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _states(root: Path) -> dict[str, tuple[float, int]]:
    """Time of the last change and size of each file that copies are linked to."""
    states = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_file() and not path.is_symlink() and not name.startswith((*_OWN, "src")):
            states[name] = (path.stat().st_mtime, path.stat().st_size)
    return states


def _link(source: str, target: str) -> str:
    os.link(source, target)
    return target


def _separate(path: Path) -> None:
    """Make files of one's own of hard links."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]  # none where it does not exist
    for file in files:
        content, mode = file.read_bytes(), file.stat()
        file.unlink()
        file.write_bytes(content)
        os.utime(file, ns=(mode.st_atime_ns, mode.st_mtime_ns))
