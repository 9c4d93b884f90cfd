"""Switching the project's data: a DVC import that replaces ``data/`` and ``data.dvc`` once it is whole and readable."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from electrode_bench.core.paths import Paths
from electrode_bench.data import licences, readers
from electrode_bench.data.doubts import doubts
from electrode_bench.data.materials_api import MP_API, Access, download
from electrode_bench.data.origin import provenance
from electrode_bench.data.prepare import NothingUsable, prepare
from electrode_bench.data.sources import MATERIALS_PROJECT, RELEASES, Source, resolve
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare

#: How the name of a folder for an import begins.
_WORKSPACE = ".data-use-"


def use(
    root: Path,
    source: str,
    *,
    access: Access | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Make ``source`` the project's data: import it into ``data/`` and rewrite ``data.dvc``; return its provenance.

    The import happens beside the project's data, which it replaces only once it is whole and has a usable row. The
    provenance has four more keys: ``rows`` and ``rejects`` (how many rows can and cannot be used), ``licences``
    (electrodes by licence, where documents state it) and ``warnings`` (sentences about converted units and voltage
    steps, and about a snapshot most of whose rows disagree with physics).

    Parameters
    ----------
    source : as in :func:`~electrode_bench.data.sources.resolve`.
    access : the key for the Materials Project's API, which only that source needs.
    progress : called with the number of documents that have been downloaded, and of all.

    Raises
    ------
    UserError
        When the source is unknown, missing, cannot be fetched, is not electrode data or has no usable row. Then nothing
        has changed.
    """
    paths = Paths(root)
    if not (root / ".dvc").is_dir():
        raise UserError(
            f"{root} is not a DVC project; run the command in the project's folder, or name it with --project"
        )
    resolved = resolve(root, source)
    with _workspace(paths) as workspace:
        repeats = 0
        if resolved.downloads:
            resolved, repeats = _download(resolved, workspace, paths, access or Access(""), progress)
        _import(root, resolved, workspace, cache=cache_folder(root))
        checked = _check(resolved, workspace / paths.data.name)
        if checked["licences"]:
            _state_licences(workspace / "data.dvc", checked["licences"])
        _swap(paths, workspace)
        if resolved.downloads:
            shutil.rmtree(_pages(paths), ignore_errors=True)
    restricted = [licence for licence in checked["licences"] if licences.restricts(licence)]
    if restricted:
        checked["warnings"].append(f"part of the data must not be used commercially: {', '.join(restricted)}")
    if repeats:
        checked["warnings"].append(f"{repeats:,} documents came twice, so others may be missing; import it again")
    return {**provenance(root), **checked}


def _pages(paths: Paths) -> Path:
    """Where the pages of a download are until all have arrived."""
    return paths.cache / MP_API


def _download(
    source: Source,
    workspace: Path,
    paths: Paths,
    access: Access,
    progress: Callable[[int, int], None] | None,
) -> tuple[Source, int]:
    """Download into the workspace; return the source with its release, and how many documents came twice."""
    file = workspace / paths.data.name / source.name
    done = download(file, _pages(paths), access, progress=progress)
    facts = {"release": done.release, "address": access.address, "client": done.client, "documents": done.documents}
    return replace(source, path=access.address, meta={**source.meta, **facts}), done.repeats


def fetch(root: Path, source: Source, folder: Path) -> Path:
    """Fetch a source into ``folder``, and nothing into the project or its cache; return where it lies.

    Raises
    ------
    UserError
        When it cannot be fetched.
    """
    if source.path.startswith("remote://") and not (root / ".dvc").is_dir():
        raise UserError(f"{source.meta['source']} is known to projects only; run the command in a project's folder")
    if source.downloads:
        name = source.meta["source"]
        raise UserError(
            f"{name} is downloaded page by page; run `electrode-bench data use {name}`, then "
            "compare it with a commit: electrode-bench data diff HEAD"
        )
    workspace = folder / f"{_WORKSPACE}fetched"
    workspace.mkdir()
    _import(root, source, workspace, cache=folder / "cache")
    return workspace / Paths(root).data.name / source.name


def cache_folder(root: Path) -> Path:
    """The folder of the project's DVC cache."""
    return root / _dvc(root, "cache", "dir").stdout.strip()


@contextmanager
def _workspace(paths: Paths) -> Iterator[Path]:
    """A folder for an import, removed afterwards; one import at a time.

    It lies beside the data that it replaces, so that both are on one disk: the cache may be on another.
    """
    from filelock import FileLock, Timeout

    paths.cache.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(paths.cache / "data-use.lock", timeout=0):
            # Left by a run that was killed, and by earlier versions.
            for left in (*paths.root.glob(f"{_WORKSPACE}*"), *paths.cache.glob("data-use-*/")):
                shutil.rmtree(left, ignore_errors=True)
            workspace = Path(tempfile.mkdtemp(prefix=_WORKSPACE, dir=paths.root))
            try:
                yield workspace
            finally:
                shutil.rmtree(workspace, ignore_errors=True)
    except Timeout:
        raise UserError(f"another 'data use' is running in {paths.root}; wait until it has finished") from None


def _import(root: Path, source: Source, workspace: Path, *, cache: Path) -> None:
    """Import into ``workspace``, a DVC project of its own with this cache and the remotes of ``root``."""
    (workspace / ".dvc").mkdir()
    for name in ("config", "config.local"):
        if (root / ".dvc" / name).exists():
            shutil.copyfile(root / ".dvc" / name, workspace / ".dvc" / name)
    local = configparser.RawConfigParser()
    local.read(workspace / ".dvc" / "config.local", encoding="utf-8")
    for section, key, value in (("core", "no_scm", "true"), ("cache", "dir", str(cache))):
        if not local.has_section(section):
            local.add_section(section)
        local.set(section, key, value)
    with (workspace / ".dvc" / "config.local").open("w", encoding="utf-8") as file:
        local.write(file)
    if not source.downloads and "://" not in source.path and not Path(source.path).is_absolute():
        inside, copy = root / source.path, workspace / source.path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if inside.is_dir():
            shutil.copytree(inside, copy)
        else:
            shutil.copyfile(inside, copy)
    stage = {
        "meta": dict(source.meta),
        **({} if source.downloads else {"deps": [{"path": source.path}]}),
        "outs": [{"path": f"{Paths(root).data.name}/{source.name}"}],
    }
    (workspace / "data.dvc").write_text(yaml.safe_dump(stage, sort_keys=False, allow_unicode=True), encoding="utf-8")
    done = _dvc(workspace, "repro", "data.dvc")
    if done.returncode != 0:
        raise UserError(f"{source.meta['source']} could not be imported: {_reason(done.stderr)}; {_advice(source)}")


def _dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    if folder.name.startswith(_WORKSPACE):
        # Locks and indexes of a temporary project must not pile up in the machine's site cache.
        environment["DVC_SITE_CACHE_DIR"] = str(folder / ".dvc" / "site")
    command = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="backslashreplace", check=False
    )


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


def _check(source: Source, data: Path) -> dict[str, Any]:
    """Refuse what is not electrode data before it replaces data that is; return what can be said about it.

    Rows are judged without the choices of params.yaml, which can be relaxed.
    """
    try:
        raw = readers.read(data)
        prepared = prepare(raw, Prepare())
    except NothingUsable as error:
        raise UserError(
            f"{source.meta['source']}: none of its {len(error.rejects):,} rows can be used; the first: {error.first}; "
            "the data in place was kept"
        ) from error
    except UserError as error:
        named = str(error).replace(str(data / source.name), source.meta["source"])
        raise UserError(named.replace(str(data), source.meta["source"])) from error
    warnings = [*map(str, raw.conversions.values()), *prepared.steps.messages(), *doubts(prepared)]
    rejects = len(prepared.rejects)
    # A row of the table may be made from several rows of the source.
    rows = len(raw.frame) + len(raw.rejects) - rejects
    return {"rows": rows, "rejects": rejects, "licences": dict(prepared.licences), "warnings": warnings}


def _state_licences(data_dvc: Path, counts: Mapping[str, int]) -> None:
    """Write the licences that the documents state into data.dvc, in place of what is known of the source."""
    stage = yaml.safe_load(data_dvc.read_text(encoding="utf-8"))
    stage["meta"]["licence"] = licences.in_words(counts)
    data_dvc.write_text(yaml.safe_dump(stage, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _swap(paths: Paths, workspace: Path) -> None:
    """Three renames, undone if one fails. The old data is removed with the workspace; DVC's cache keeps it."""
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
