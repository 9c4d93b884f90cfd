"""The data and the results of a project as they were at a commit, from git and DVC's cache."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from electrode_bench.core.documents import DocumentError, read_json, read_yaml
from electrode_bench.core.paths import Paths
from electrode_bench.data import importing
from electrode_bench.errors import UserError, brief

#: Stages whose outputs say how good the models of a commit were; `fit@<model>` are the others.
_STAGES = ("prepare", "split")


def commit_of(root: Path, revision: str) -> str | None:
    """The commit that a revision of the project's git repository names; None where it names none."""
    # git would take a text that begins with a dash for an option.
    if revision.startswith("-") or not revision.strip():
        return None
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return None if found is None else found.strip()


def restore(root: Path, commit: str, folder: Path) -> Path:
    """Make the project as it was at a commit in ``folder``: links to files in DVC's cache; return the folder.

    It has params.yaml, data.dvc and the snapshot in ``data``, and as far as the cache holds them the table, the split
    and the runs.

    Raises
    ------
    UserError
        When the commit has no data.dvc, or the cache holds neither the snapshot nor the table that was made from it.
    """
    cache, paths = importing.cache_folder(root), Paths(folder)
    for name in ("data.dvc", "params.yaml", "dvc.lock"):
        text = _git(root, "show", f"{commit}:./{name}")
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    if not paths.data_dvc.exists():
        raise UserError(f"commit {commit[:10]} has no data.dvc; name a commit of this project")
    data = list(_outputs(_read(paths.data_dvc, commit).get("outs")))
    complete = all(_link(cache, out, folder) for out in data)
    for stage, entry in dict(_read(folder / "dvc.lock", commit).get("stages") or {}).items():
        if stage in _STAGES or stage.startswith("fit@"):
            for out in _outputs(entry.get("outs")):
                _link(cache, out, folder)
    if not complete and not paths.table.exists():
        what = ", ".join(str(out["md5"]) for out in data)
        raise UserError(
            f"the data of commit {commit[:10]} (md5 {what}) is not in DVC's cache; "
            "name the file or folder itself, or check the commit out and run: dvc repro"
        )
    return folder


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails, as outside a repository."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _read(path: Path, commit: str) -> Mapping[str, Any]:
    if not path.exists():
        return {}
    try:
        content = read_yaml(path)
    except DocumentError as error:
        raise UserError(f"{path.name} of commit {commit[:10]} cannot be read ({brief(error)})") from error
    return content if isinstance(content, dict) else {}


def _outputs(outs: Any) -> Iterator[Mapping[str, Any]]:
    """Outputs of a stage that may be in the cache, with a path inside the project."""
    for out in outs or ():
        if isinstance(out, dict) and {"path", "md5"} <= set(out) and _inside(str(out["path"])):
            yield out


def _inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts


def _link(cache: Path, out: Mapping[str, Any], folder: Path) -> bool:
    """Link an output into ``folder``; False where a file of it is not in the cache, and then nothing is linked."""
    md5, place = str(out["md5"]), folder / str(out["path"])
    files = {place: md5}
    if md5.endswith(".dir"):
        listing = _cached(cache, md5)
        try:
            listed = read_json(listing)
            files = {place / item["relpath"]: str(item["md5"]) for item in listed if _inside(item["relpath"])}
        except (OSError, DocumentError, TypeError, KeyError, json.JSONDecodeError):
            return False
    sources = {target: _cached(cache, digest) for target, digest in files.items()}
    if not all(source.is_file() for source in sources.values()):
        return False
    for target, source in sources.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)
    return True


def _cached(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]
