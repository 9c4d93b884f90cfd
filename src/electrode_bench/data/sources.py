"""The sources of data that a user can name: the sample, a release of the Materials Project, a file, folder or URL."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from electrode_bench.core.addresses import masked
from electrode_bench.core.paths import Paths
from electrode_bench.data import readers
from electrode_bench.data.materials_api import ENDPOINT, MP_API, ROUTE
from electrode_bench.data.origin import UNKNOWN, release_in
from electrode_bench.errors import UserError

SAMPLE = "sample"
SAMPLE_PATH = "sample/electrodes.csv"
SAMPLE_RELEASE = "synthetic 2"

MATERIALS_PROJECT = "materials-project"
#: Collections of the Materials Project's public bucket that hold insertion electrodes in one paths.
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

_CC_BY = "CC BY 4.0 (Materials Project)"
_CITATION = "A. Jain et al., APL Materials 1, 011002 (2013), doi:10.1063/1.4812323"
_HOW = (
    f"give 'sample', '{MP_API}', 'materials-project[@DATE]', or the path or URL of "
    f"a {readers.formats()} file or of a folder of {readers.formats(many_files=True)} files"
)

#: What to do first with files that hold a table.
_FIRST: Mapping[str, str] = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".ods"), ", save the sheet as CSV first"),
    **dict.fromkeys((".gz", ".zip", ".bz2", ".xz", ".zst", ".7z", ".tar"), ", unpack it first"),
}


@dataclass(frozen=True)
class Source:
    """A source as data.dvc will name it."""

    path: str
    """What is imported."""
    name: str
    """Its name in the folder ``data``."""
    meta: Mapping[str, Any]
    """Source, release, licence and citation."""
    downloads: bool = False
    """Whether it is downloaded from an API, which DVC could not ask again."""


def resolve(root: Path, source: str) -> Source:
    """The source that a user means, checked as far as possible without fetching it.

    Parameters
    ----------
    source : "sample", "mp-api", "materials-project[@DATE]", or the path (relative to the current folder) or URL of a
        table or of a folder of documents.

    Raises
    ------
    UserError
        When the source is unknown or missing, or a library for it is not installed.
    """
    if source == SAMPLE:
        if not (root / SAMPLE_PATH).is_file():
            raise UserError(f"{root / SAMPLE_PATH} is missing; make it with: python sample/generate.py")
        meta = {"source": SAMPLE, "release": SAMPLE_RELEASE, "licence": "MIT (synthetic, not measured or computed)"}
        return Source(SAMPLE_PATH, Path(SAMPLE_PATH).name, meta)
    if source == MP_API:
        return _api()
    if source == MATERIALS_PROJECT or source.startswith(f"{MATERIALS_PROJECT}@"):
        return _materials_project(source)
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", source):
        return _url(source)
    return _local(root, source)


def _api() -> Source:
    if importlib.util.find_spec("mp_api") is None:
        raise UserError(f"{MP_API} needs the Materials Project's client; install it with: make {MP_API}")
    meta = {
        "source": MP_API,
        "release": UNKNOWN,
        # Where documents state theirs, these take its place.
        "licence": f"{UNKNOWN}: the documents state none (Materials Project: CC BY 4.0, but for some contributions)",
        "citation": _CITATION,
    }
    return Source(f"{ENDPOINT}{ROUTE}", f"{COLLECTION}.jsonl", meta, downloads=True)


def _materials_project(source: str) -> Source:
    release = source.partition("@")[2] if "@" in source else RELEASES[-1]
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", release):
            raise ValueError
        date.fromisoformat(release)
    except ValueError:
        raise UserError(
            f"{source}: '{release}' is not a date like {RELEASES[-1]}; known releases: {', '.join(RELEASES)}"
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
    if masked(source) != source:
        raise UserError(
            f"{masked(source)} has a password or a key, which data.dvc would keep in git; "
            "download the file and give its path"
        )
    scheme = source.partition("://")[0].lower()
    if scheme not in ("http", "https", "s3"):
        raise UserError(f"{source}: cannot fetch '{scheme}://' addresses; {_HOW}")
    name = unquote(urlsplit(source).path.rstrip("/").rpartition("/")[2])
    if scheme == "s3":
        _need_s3(source)
    elif readers.suffix(name) is None:
        raise UserError(f"{source} does not end in {readers.formats()}; download the file and give its path")
    return Source(source, _safe(name), _meta(source))


def _local(root: Path, source: str) -> Source:
    paths = Paths(root.absolute())
    path = Path(os.path.abspath(Path(source).expanduser()))
    if not path.exists():
        raise UserError(f"{source}: no such file or folder; {_HOW}")
    if path.is_relative_to(paths.data):
        raise UserError(f"{source} is in {paths.data}, which the import replaces; move it elsewhere first")
    if path.is_dir():
        of_many = tuple(ending for r in readers.READERS.values() if r.many_files for ending in r.suffixes)
        if not any(f.name.lower().endswith(of_many) for f in path.rglob("*")):
            many, one = readers.formats(many_files=True), readers.formats(many_files=False)
            raise UserError(f"{source} has no {many} file; give a folder that has, or a {one} file itself")
    elif readers.suffix(path.name) is None:
        first = next((todo for ending, todo in _FIRST.items() if path.name.lower().endswith(ending)), "")
        raise UserError(f"{source}: unsupported kind of file{first}; {_HOW}")
    # Inside the project the path is kept relative, so that a clone elsewhere finds it too.
    kept = path.relative_to(paths.root).as_posix() if path.is_relative_to(paths.root) else path.as_posix()
    return Source(kept, _safe(path.name), _meta(kept))


def _safe(name: str) -> str:
    return re.sub(r"[^\w.+-]", "_", name).lstrip(".") or "snapshot"


def _meta(source: str) -> dict[str, str]:
    return {
        "source": source,
        "release": release_in(source),
        "licence": f"{UNKNOWN}: the file states none (Materials Project exports: CC BY 4.0)",
        "citation": f"{_CITATION}, where it is an export of the Materials Project",
    }
