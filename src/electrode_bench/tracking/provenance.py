"""Where the data and the code of a project come from: the data import, git's commit, and entries of dvc.lock."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from electrode_bench.core.digests import digest
from electrode_bench.data import origin
from electrode_bench.data.licences import with_stated
from electrode_bench.errors import UserError, brief
from electrode_bench.project import Project

#: libyaml's loader, where PyYAML was built with it: the other one takes half a second for each run.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Provenance:
    """Where the data and the code of a project's runs come from.

    Parameters
    ----------
    data : source, md5, release, licence (text or None) and synthetic (bool) of the raw data.
    table : the prepared table, a parquet file.
    commit, dirty : git's commit, and whether tracked files differ from it; None outside a repository.
    """

    data: Mapping[str, Any]
    table: Path
    commit: str | None = None
    dirty: bool | None = None

    @property
    def synthetic(self) -> bool:
        """Whether the data is the embedded synthetic sample."""
        return bool(self.data.get("synthetic"))


def of(project: Project) -> Provenance:
    """Where the data and the code of a project come from, as they are now."""
    commit, dirty = _git_state(project.root)
    data = {**with_stated(origin.provenance(project.root), project.card()), "synthetic": project.synthetic()}
    return Provenance(data=data, table=project.paths.table, commit=commit, dirty=dirty)


def code_version() -> dict[str, Any]:
    """The version of this package, and where its code is in a git repository, the commit and whether files differ."""
    import electrode_bench

    folder = Path(electrode_bench.__file__).parent
    commit, dirty = _git_state(folder)
    # An environment inside a repository of something else is not part of it.
    tracked = (
        subprocess.run(
            ["git", "-C", str(folder), "ls-files", "--error-unmatch", "__init__.py"], capture_output=True, check=False
        )
        if commit
        else None
    )
    if tracked is None or tracked.returncode:
        commit = dirty = None
    return {"version": electrode_bench.__version__, "commit": commit, "modified": dirty}


def lock_entry_digest(root: Path, stage: str) -> str | None:
    """SHA-256 of a stage's entry in dvc.lock: its command, parameters, and the md5 of everything it read and wrote.

    The digest of the whole file would not do: DVC rewrites it while the pipeline runs. None when there is no entry yet.

    Raises
    ------
    UserError
        When dvc.lock is not what DVC writes: it is in git, and a run must not be published without its entry.
    """
    path = root / "dvc.lock"
    if not path.exists():
        return None
    entry = _lock_entries(path, path.stat().st_mtime_ns).get(stage)
    return digest(entry) if entry else None


@lru_cache(maxsize=1)
def _lock_entries(path: Path, modified: int) -> Mapping[str, Any]:  # noqa: ARG001 (a changed file is read again)
    """The stages of dvc.lock; parsed once for all runs that are published together."""
    try:
        lock = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {}
        return dict(lock.get("stages") or {})
    except PermissionError:
        raise
    except (OSError, ValueError, yaml.YAMLError, AttributeError, TypeError, RecursionError) as error:
        why = brief(error, 200)
        raise UserError(
            f"{path} is not a lock file of DVC ({why}); restore it from git (git checkout dvc.lock), or run: dvc repro"
        ) from error


def _git_state(root: Path) -> tuple[str | None, bool | None]:
    """The commit, and whether tracked files differ from it; (None, None) outside a repository."""

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return None, None
