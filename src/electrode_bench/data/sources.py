"""Where the data comes from: the DVC import ``data.dvc``, how it is switched, and what it says of the data's origin."""

from __future__ import annotations

import configparser
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from electrode_bench.data import readers
from electrode_bench.errors import UserError
from electrode_bench.project import Paths

SAMPLE = "sample"
SAMPLE_PATH = "sample/electrodes.csv"
SAMPLE_RELEASE = "synthetic 2"

MATERIALS_PROJECT = "materials-project"
#: Collections of the Materials Project's public bucket that hold insertion electrodes in one layout.
RELEASES = (
    "2022-10-28",
    "2023-11-01",
    "2024-02-29",
    "2024-11-14",
    "2025-02-12",
    "2025-04-10",
    "2025-06-09",
    "2025-09-25",
)
REFUSED_RELEASES: Mapping[str, str] = {"2024-12-18": "this release lost electrodes"}
COLLECTION = "insertion-electrodes"

_UNKNOWN = "unknown"
_CC_BY = "CC BY 4.0 (Materials Project)"
_CITATION = "A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323"
_SUFFIXES = (".csv", ".parquet", ".jsonl.gz", ".jsonl")
_HOW = "give 'sample', 'materials-project[@DATE]', or the path or URL of a .csv, .parquet or folder of .jsonl.gz files"


@dataclass(frozen=True)
class Source:
    """A source as data.dvc will name it: what is imported (``path``), the name below data/, and its origin."""

    path: str
    name: str
    meta: Mapping[str, str]


def use(root: Path, source: str) -> dict[str, Any]:
    """Make ``source`` the project's data: import it into ``data/`` and rewrite ``data.dvc``; return its provenance.

    ``source`` is "sample", "materials-project[@DATE]", or the path (relative to the current folder) or
    URL of a table or of a folder of documents. The import happens beside the project's data, which it
    replaces only once it is whole and readable.

    Raises
    ------
    UserError
        When the source is unknown, missing, out of reach or no electrode data. Nothing has changed then.
    """
    paths = Paths(root)
    if not (root / ".dvc").is_dir():
        raise UserError(f"{root} is no DVC project; run the command in the project's folder, or name it with --project")
    found = resolve(root, source)
    with _workspace(paths) as workspace:
        _import(root, found, workspace)
        _check(found, workspace / paths.data.name)
        _swap(paths, workspace)
    return provenance(root)


# --- naming a source ----------------------------------------------------------------------------------------------


def resolve(root: Path, source: str) -> Source:
    """What ``source`` names, checked as far as that goes without fetching it; errors as :func:`use`."""
    if source == SAMPLE:
        if not (root / SAMPLE_PATH).is_file():
            raise UserError(f"{root / SAMPLE_PATH} is missing; make it with: python sample/generate.py")
        meta = {"source": SAMPLE, "release": SAMPLE_RELEASE, "licence": "MIT (synthetic, not measured or computed)"}
        return Source(SAMPLE_PATH, Path(SAMPLE_PATH).name, meta)
    if source == MATERIALS_PROJECT or source.startswith(f"{MATERIALS_PROJECT}@"):
        return _materials_project(source)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        return _url(source)
    return _local(root, source)


def _materials_project(source: str) -> Source:
    release = source.partition("@")[2] if "@" in source else RELEASES[-1]
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", release):
            raise ValueError
        date.fromisoformat(release)
    except ValueError:
        raise UserError(
            f"{source}: '{release}' is no date like {RELEASES[-1]}; known releases: {', '.join(RELEASES)}"
        ) from None
    if release in REFUSED_RELEASES:
        raise UserError(f"{source}: {REFUSED_RELEASES[release]}; use one of: {', '.join(RELEASES)}")
    _need_s3(source)
    meta = {
        "source": f"{MATERIALS_PROJECT}@{release}",
        "release": release,
        "licence": _CC_BY,
        "citation": _CITATION,
    }
    return Source(f"remote://{MATERIALS_PROJECT}/{release}/{COLLECTION}", COLLECTION, meta)


def _need_s3(source: str) -> None:
    if importlib.util.find_spec("dvc_s3") is None:
        raise UserError(f"{source} needs S3 support; install it with: make s3")


def _url(source: str) -> Source:
    scheme = source.partition("://")[0].lower()
    if scheme not in ("http", "https", "s3"):
        raise UserError(f"{source}: no way to fetch '{scheme}://'; {_HOW}")
    name = unquote(urlsplit(source).path.rstrip("/").rpartition("/")[2])
    if scheme == "s3":
        _need_s3(source)
    elif not name.lower().endswith(_SUFFIXES):
        raise UserError(f"{source} does not end in .csv, .parquet or .jsonl.gz; download the file and give its path")
    return Source(source, _safe(name), _meta(source))


def _local(root: Path, source: str) -> Source:
    paths = Paths(root.absolute())
    path = Path(os.path.abspath(Path(source).expanduser()))
    if not path.exists():
        raise UserError(f"{source}: no such file or folder; {_HOW}")
    if path.is_relative_to(paths.data):
        raise UserError(f"{source} lies in {paths.data}, which the import replaces; move it elsewhere first")
    if path.is_dir():
        if not any(f.name.lower().endswith(_SUFFIXES[2:]) for f in path.rglob("*")):
            raise UserError(f"{source} holds no .jsonl.gz file; give such a folder, or a .csv or .parquet file itself")
    elif not path.name.lower().endswith(_SUFFIXES):
        raise UserError(f"{source}: unsupported kind of file; {_HOW}")
    # Inside the project the path is kept relative, so that a clone elsewhere finds it too.
    kept = path.relative_to(paths.root).as_posix() if path.is_relative_to(paths.root) else path.as_posix()
    return Source(kept, _safe(path.name), _meta(kept))


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "snapshot"


def _meta(source: str) -> dict[str, str]:
    return {
        "source": source,
        "release": _release(source),
        "licence": f"{_UNKNOWN} (Materials Project exports: CC BY 4.0)",
        "citation": f"{_CITATION}, where it is an export of the Materials Project",
    }


def _release(source: str) -> str:
    """The last date or version that a path or URL holds ("2023-11-01", "2023.11.1")."""
    found = re.findall(r"(?<!\d)\d{4}[.-]\d{1,2}[.-]\d{1,2}(?!\d)", source)
    return found[-1] if found else _UNKNOWN


# --- importing ----------------------------------------------------------------------------------------------------


@contextmanager
def _workspace(paths: Paths) -> Iterator[Path]:
    """A folder for one import on the project's own disk, removed in the end; one import at a time."""
    from filelock import FileLock, Timeout

    paths.cache.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(paths.cache / "data-use.lock", timeout=0):
            for left in paths.cache.glob("data-use-*"):  # by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            workspace = Path(tempfile.mkdtemp(prefix="data-use-", dir=paths.cache))
            try:
                yield workspace
            finally:
                shutil.rmtree(workspace, ignore_errors=True)
    except Timeout:
        raise UserError(f"another 'data use' is running in {paths.root}; wait for it to end") from None


def _import(root: Path, source: Source, workspace: Path) -> None:
    """Import into ``workspace``, a DVC project of its own that shares the cache and remotes of ``root``."""
    (workspace / ".dvc").mkdir()
    for name in ("config", "config.local"):
        if (root / ".dvc" / name).exists():
            shutil.copyfile(root / ".dvc" / name, workspace / ".dvc" / name)
    local = configparser.RawConfigParser()
    local.read(workspace / ".dvc" / "config.local", encoding="utf-8")
    cache = _dvc(root, "cache", "dir").stdout.strip()
    for section, key, value in (("core", "no_scm", "true"), ("cache", "dir", cache)):
        if not local.has_section(section):
            local.add_section(section)
        local.set(section, key, value)
    with (workspace / ".dvc" / "config.local").open("w", encoding="utf-8") as file:
        local.write(file)
    if "://" not in source.path and not Path(source.path).is_absolute():
        inside, copy = root / source.path, workspace / source.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if inside.is_dir():
            shutil.copytree(inside, copy)
        else:
            shutil.copyfile(inside, copy)
    stage = {
        "meta": dict(source.meta),
        "deps": [{"path": source.path}],
        "outs": [{"path": f"{Paths(root).data.name}/{source.name}"}],
    }
    (workspace / "data.dvc").write_text(yaml.safe_dump(stage, sort_keys=False, allow_unicode=True), encoding="utf-8")
    done = _dvc(workspace, "repro", "data.dvc")
    if done.returncode != 0:
        raise UserError(f"{source.meta['source']} could not be imported: {_reason(done.stderr)}; {_advice(source)}")


def _dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    if folder.name.startswith("data-use-"):
        # Locks and indexes of a passing project must not pile up in the machine's site cache.
        environment["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc" / "site")
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _reason(stderr: str) -> str:
    errors = [line.removeprefix("ERROR:").strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    reason = errors[0] if errors else (stderr.strip().splitlines() or ["DVC gave no reason"])[-1]
    return reason.replace("failed to reproduce 'data.dvc': ", "").replace("dependency ", "").rstrip(".")


def _advice(source: Source) -> str:
    if source.path.startswith(f"remote://{MATERIALS_PROJECT}/"):
        return f"check the network and the date (known: {', '.join(RELEASES)})"
    if "://" in source.path:
        return "check the address and the network, or download the file and give its path"
    return "check that the file can be read"


def _check(source: Source, data: Path) -> None:
    """Refuse what is no electrode data before it takes the place of some that is."""
    try:
        readers.read(data)
    except UserError as error:
        named = str(error).replace(str(data / source.name), source.meta["source"])
        raise UserError(named.replace(str(data), source.meta["source"])) from error


def _swap(paths: Paths, workspace: Path) -> None:
    """Three renames, undone where one fails. The old data leaves with the workspace; DVC's cache still has it."""
    old, new = workspace / "old", workspace / paths.data.name
    try:
        if paths.data.exists():
            os.rename(paths.data, old)
        os.rename(new, paths.data)
        os.replace(workspace / "data.dvc", paths.data_dvc)
    except BaseException:
        if (workspace / "data.dvc").exists():
            if paths.data.exists() and not new.exists():
                os.rename(paths.data, new)
            if old.exists():
                os.rename(old, paths.data)
        raise


# --- origin -------------------------------------------------------------------------------------------------------


def provenance(root: Path) -> dict[str, Any]:
    """What data.dvc says of the data: source, path, md5, size (bytes), files, release, licence, citation.

    Raises
    ------
    UserError
        When data.dvc is missing or is no DVC import.
    """
    path = Paths(root).data_dvc
    if not path.exists():
        raise UserError(f"{path} is missing; bring data in with: electrode-bench data use SOURCE")
    try:
        stage = yaml.safe_load(path.read_text(encoding="utf-8"))
        dependency, out = stage["deps"][0], stage["outs"][0]
        where = str(dependency["path"])
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path} is no DVC import; make it anew with: electrode-bench data use SOURCE") from error
    meta = stage.get("meta") or {}
    return {
        "source": meta.get("source", where),
        "path": where,
        "md5": out.get("md5", _UNKNOWN),
        "size": out.get("size"),
        "files": out.get("nfiles", 1),
        "release": meta.get("release", _release(where)),
        "licence": meta.get("licence", _UNKNOWN),
        "citation": meta.get("citation", ""),
    }
