"""One side of a comparison of releases: the table of a source, of a project, or of a commit."""

from __future__ import annotations

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from electrode_bench.core import documents
from electrode_bench.core.config import validate
from electrode_bench.core.digests import digest_frame
from electrode_bench.core.paths import Paths
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.data import importing, origin, readers, sources
from electrode_bench.data.card import SYNTHETIC_PREFIX
from electrode_bench.data.materials_api import MP_API
from electrode_bench.data.prepare import Prepared, prepare
from electrode_bench.data.releases import commit as commits
from electrode_bench.data.steps import NONE, Steps
from electrode_bench.errors import UserError
from electrode_bench.params import Prepare
from electrode_bench.project import Project


@dataclass(frozen=True)
class Side:
    """A table to compare.

    Attributes
    ----------
    name : what the user called it.
    source : where the rows come from, for people.
    md5 : of the snapshot; None for a folder that DVC does not know.
    table : the canonical table.
    rejects : how many rows could not be used.
    steps : which rows are voltage steps.
    project : where its runs are, if it is a project that has some.
    """

    name: str
    source: str
    md5: str | None
    table: pd.DataFrame
    rejects: int | None = None
    steps: Steps = NONE
    project: Project | None = None

    @property
    def synthetic(self) -> bool:
        """Whether it is the embedded synthetic sample."""
        return bool(self.table[ID].str.startswith(SYNTHETIC_PREFIX).all())


def side(root: Path, named: str | None, folder: Path) -> Side:
    """The side that ``named`` means; nothing in the project changes.

    Parameters
    ----------
    root : the project's folder, which need not be a project.
    named : None for the project itself; else a project's folder, a source as in
        :func:`~electrode_bench.data.sources.resolve`, or a commit of the project, whichever there is first. Sources are
        prepared by the rules of the project, projects and commits by their own.
    folder : an empty folder for temporary files, which the side needs as long as it is used.

    Raises
    ------
    UserError
        When there is no such thing, or it cannot be read.
    """
    if named is None:
        return _of_project(Project.open(root), "this project")
    if not named.strip():
        # The path without a name is the current folder.
        raise _no_such(named)
    path = Path(named).expanduser()
    if (path / "params.yaml").is_file():
        return _of_project(Project.open(path), named)
    if path.exists():
        return _of_files(named, path, _rules(root))
    if named == sources.SAMPLE:
        return _of_files(named, root / sources.resolve(root, named).path, _rules(root))
    if _is_remote(named):
        return _fetched(root, named, folder)
    commit = commits.commit_of(root, named)
    if commit is None:
        raise _no_such(named)
    return _of_project(Project(commits.restore(root, commit, folder)), f"{named} ({commit[:10]})")


def _no_such(named: str) -> UserError:
    return UserError(
        f"{named or 'an empty text'}: no such file, folder or commit; give a source as for 'data use', the folder of a "
        "project, or a commit of this project"
    )


def _is_remote(named: str) -> bool:
    known = named in (sources.MATERIALS_PROJECT, MP_API) or named.startswith(f"{sources.MATERIALS_PROJECT}@")
    return known or re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", named) is not None


def _rules(root: Path) -> Prepare:
    """The section ``prepare`` of params.yaml. Other sections may be those of another version."""
    path = Paths(root).params
    if not path.exists():
        return Prepare()
    try:
        values = documents.read_yaml(path)
    except documents.DocumentError as error:
        raise UserError(error.at(path)) from error
    section = values.get("prepare") if isinstance(values, dict) else None
    return validate(Prepare, section or {}, where=f"{path}, prepare")


def _of_files(named: str, path: Path, rules: Prepare) -> Side:
    return _made(named, path.name, _md5(path), prepare(readers.read(path), rules))


def _made(name: str, source: str, md5: str | None, prepared: Prepared, project: Project | None = None) -> Side:
    return Side(name, source, md5, prepared.table, len(prepared.rejects), prepared.steps, project)


def _md5(path: Path) -> str | None:
    """As DVC names a file's content."""
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _fetched(root: Path, named: str, folder: Path) -> Side:
    source = sources.resolve(root, named)
    path = importing.fetch(root, source, Path(tempfile.mkdtemp(dir=folder)))
    try:
        prepared = prepare(readers.read(path), _rules(root))
    except UserError as error:
        raise UserError(str(error).replace(str(path), source.meta["source"])) from error
    return _made(named, source.meta["source"], _md5(path), prepared)


def _of_project(project: Project, name: str) -> Side:
    """The project's snapshot as its own rules prepare it. Where that is missing, the table that was made from it."""
    try:
        known = origin.provenance(project.root)
    except UserError:
        known = {"source": origin.UNKNOWN, "md5": None}
    source, md5 = str(known["source"]), known["md5"]
    has_runs = project if project.paths.runs() and project.paths.table.exists() else None
    if project.paths.data.is_dir() and any(project.paths.data.iterdir()):
        prepared = prepare(readers.read(project.paths.data), _rules(project.root))
        return _made(name, source, md5, prepared, has_runs)
    if not project.paths.table.exists():
        raise UserError(
            f"{project.root} has no data; bring some in with `electrode-bench data use SOURCE`, or name a source"
        )
    return Side(name, source, md5, project.table(), project=has_runs)


def fitted_on(project: Project, table: pd.DataFrame) -> bool:
    """Whether the project's runs were fitted on the labels of ``table``: it may hold a newer snapshot than they saw."""
    labels = table.set_index(ID)[list(TARGETS)].sort_index()
    return project.targets_digest() == digest_frame(labels)
