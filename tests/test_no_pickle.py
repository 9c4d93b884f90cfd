"""No pickle is loaded from data, caches, registry or network: a search of the sources, and files that would act."""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import ROOT, pickles

from electrode_bench import models, params
from electrode_bench.data import readers
from electrode_bench.data.origin import provenance
from electrode_bench.inference.candidates import read_candidates
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.known import Known
from electrode_bench.models import safe_files
from electrode_bench.project import read_json, read_table
from electrode_bench.tuning.storage import study_names

SOURCES = [
    *sorted((ROOT / "src").rglob("*.py")), *sorted((ROOT / "benchmarks").glob("*.py")), ROOT / "sample" / "generate.py"
]  # fmt: skip

#: Modules whose purpose is to load any object, and functions of others that may.
MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "shelve", "marshal", "jsonpickle", "joblib"}
FUNCTIONS = {
    "read_pickle", "torch.load", "joblib.load", "np.load", "numpy.load", "pyfunc.load_model", "sklearn.load_model",
    "jit.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load", "register_extension_type",
}  # fmt: skip

#: Where one of them is used, and why that is safe.
ALLOWED = {
    (
        "src/electrode_bench/inference/screening/processes.py",
        "pickle",
    ): "a file of its own, in its own folder",
    ("src/electrode_bench/inference/screening/processes.py", "cloudpickle"): "writes that file",
    ("src/electrode_bench/inference/domain.py", "np.load"): "with allow_pickle=False",
    ("src/electrode_bench/tracking/provenance.py", "yaml.load"): "with a safe loader",
    ("src/electrode_bench/core/documents.py", "yaml.load"): "with a safe loader",
    ("src/electrode_bench/tuning/params_file.py", "yaml.load"): "a method of ruamel.yaml, which makes no objects",
    ("src/electrode_bench/fitting/executor.py", "joblib"): "loky, which talks to processes of its own through pipes",
    ("src/electrode_bench/cli/execution.py", "joblib"): "counts processors",
}


def uses(source: str) -> set[str]:
    """What a module uses of :data:`MODULES` and :data:`FUNCTIONS`."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module.partition(".")[0]} & MODULES
            found |= {alias.name for alias in node.names} & FUNCTIONS
        elif isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            found |= {each for each in FUNCTIONS if name == each or name.endswith(f".{each}")}
        elif isinstance(node, ast.Call):
            found |= {"allow_pickle" for each in node.keywords if each.arg == "allow_pickle" and not _is_false(each)}
            found |= {"weights_only" for each in node.keywords if each.arg == "weights_only" and _is_false(each)}
    return found


def _is_false(keyword: ast.keyword) -> bool:
    return isinstance(keyword.value, ast.Constant) and keyword.value.value is False


def test_the_sources_use_nothing_that_loads_any_object() -> None:
    found = {(str(file.relative_to(ROOT)), name) for file in SOURCES for name in uses(file.read_text("utf-8"))}
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import torch\ntorch.load('x')", "torch.load"),
        ("import pandas as pd\npd.read_pickle('x')", "read_pickle"),
        ("from joblib import load", "joblib"),
        ("import mlflow\nmlflow.pyfunc.load_model('x')", "pyfunc.load_model"),
        ("np.load('x', allow_pickle=True)", "allow_pickle"),
        ("f('x', weights_only=False)", "weights_only"),
    ],
)
def test_the_search_finds_them(source: str, name: str) -> None:
    assert name in uses(source)


# --- files that would act if they were loaded ---


def raw(canary: Path) -> bytes:
    return pickles.payload(canary)


def npz(canary: Path) -> bytes:
    """Arrays of objects: what is in them is a pickle."""
    out = io.BytesIO()
    array = np.array([pickles.acting(canary)], dtype=object)
    np.savez(out, formulas=array, elements=array, cumulative=array, reach=array)
    return out.getvalue()


def parquet(canary: Path) -> bytes:
    """A column of pickles, and an extension type of pyarrow whose metadata is one."""
    text = pickles.payload(canary)
    names = (b"arrow.py_extension_type", b"arrow.unknown")
    fields = [
        pa.field(f"c{i}", pa.binary(), metadata={b"ARROW:extension:name": n, b"ARROW:extension:metadata": text})
        for i, n in enumerate(names)
    ]
    columns = [pa.field(name, pa.binary()) for name in ("composition", "electrode_id", "formula", "battery_id")]
    schema = pa.schema([*fields, *columns], metadata={b"pandas": b"{}", b"pickle": text})
    out = io.BytesIO()
    pq.write_table(pa.table([[text]] * len(schema), schema=schema), out)
    return out.getvalue()


def yaml(canary: Path) -> bytes:
    call = f"!!python/object/apply:os.mkdir ['{canary}']"
    return f"outs: {call}\nseed: {call}\n".encode()


def torch(canary: Path) -> bytes:
    """What torch.save writes: a zip file with a pickle."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pickles.payload(canary))
        archive.writestr("archive/version", "3")
    return out.getvalue()


def skops(canary: Path) -> bytes:
    """A call that skops would make if it trusted it."""
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(str(canary))}
    known = {"__class__": "mkdir", "__module__": "os", "protocol": 2, "_skops_version": "0.16", "__id__": 1}
    function = {**known, "__loader__": "FunctionNode", "content": "mkdir"}
    reduce = {**known, "__loader__": "ReduceNode", "constructor": function, "args": text, "reduce": {"args": text}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("schema.json", json.dumps(reduce))
        archive.writestr("1.pkl", pickles.payload(canary))
    return out.getvalue()


KINDS = (raw, npz, parquet, yaml, torch, skops)


def _studies(path: Path) -> object:
    return study_names(f"journal:///{path}")


#: Every name of a file that a model's module mentions.
MODEL_FILES = {
    name
    for file in (ROOT / "src" / "electrode_bench" / "models").rglob("*.py")
    for name in re.findall(
        r'"([\w.-]+\.(?:safetensors|json|skops|txt|npz|parquet|pt|bin|pkl))"', file.read_text("utf-8")
    )
} - {"model.json"}


#: What loads a file of each kind that is read, by the file's name.
LOADERS: dict[str, Callable[[Path], object]] = {
    "table.parquet": lambda path: read_table(path, stage="prepare"),
    "card.json": lambda path: read_json(path, stage="prepare"),
    "params.yaml": params.load,
    "data.dvc": lambda path: provenance(path.parent),
    "raw.csv": readers.read,
    "raw.json": readers.read,
    "raw.jsonl": readers.read,
    "raw.parquet": readers.read,
    "list.csv": lambda path: list(read_candidates(path)),
    "list.xlsx": lambda path: list(read_candidates(path)),
    "list.parquet": lambda path: list(read_candidates(path)),
    "list.txt": lambda path: list(read_candidates(path)),
    "domain.npz": Domain.load,
    "known.parquet": Known.load,
    "model.skops": safe_files.load,
    "studies.journal": _studies,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", LOADERS)
def test_a_pickle_in_a_file_is_never_loaded(name: str, kind: Callable[[Path], bytes], tmp_path: Path) -> None:
    canary, file = tmp_path / "canary", tmp_path / name
    file.write_bytes(kind(canary))
    with suppress(Exception):
        LOADERS[name](file)
    assert not canary.exists()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", sorted(models.MODELS))
def test_a_pickle_in_a_saved_model_is_never_loaded(name: str, kind: Callable[[Path], bytes], tmp_path: Path) -> None:
    canary, folder = tmp_path / "canary", tmp_path / "model"
    folder.mkdir()
    assert len(MODEL_FILES) > 5
    for file in MODEL_FILES:
        (folder / file).write_bytes(kind(canary))
    (folder / "model.json").write_text(json.dumps({"model": name, "module": models.spec(name).module, "members": []}))
    with suppress(Exception):
        models.load(folder)
    assert not canary.exists()


def test_the_files_would_act(tmp_path: Path) -> None:
    """Guards the test above: each payload acts where it is loaded without care."""
    import pickle

    import yaml as pyyaml

    pickle.loads(raw(tmp_path / "raw"))
    with np.load(io.BytesIO(npz(tmp_path / "npz")), allow_pickle=True) as stored:
        assert stored["reach"] is not None
    pyyaml.unsafe_load(yaml(tmp_path / "yaml").splitlines()[0])
    column = pq.read_table(io.BytesIO(parquet(tmp_path / "parquet")))["formula"][0].as_py()
    pickle.loads(column)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["npz", "parquet", "raw", "yaml"]
