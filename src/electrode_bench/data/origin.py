"""Where the project's data comes from, as the DVC import ``data.dvc`` says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from electrode_bench.core.addresses import masked
from electrode_bench.core.documents import DocumentError, read_yaml
from electrode_bench.core.paths import Paths
from electrode_bench.errors import UserError

#: The value of whatever is not known about a source.
UNKNOWN = "unknown"

_MD5 = re.compile("[0-9a-f]{32}")


def provenance(root: Path) -> dict[str, Any]:
    """What data.dvc says of the data: source, path, md5, size (bytes), files, release, licence, citation.

    Raises
    ------
    UserError
        When data.dvc is missing or is not a DVC import.
    """
    path = Paths(root).data_dvc
    if not path.exists():
        raise UserError(f"{path} is missing; bring data in with: electrode-bench data use SOURCE")
    try:
        stage = read_yaml(path)
        out, meta = dict(stage["outs"][0]), dict(stage.get("meta") or {})
        # What an API was asked for has no dependency that DVC could import again.
        where = str(stage["deps"][0]["path"] if "deps" in stage else meta["address"])
        # DVC writes it last: a file that was cut short lacks it.
        md5 = str(stage["md5"] if "deps" in stage else out["md5"])
        if not _MD5.fullmatch(md5.removesuffix(".dir")):
            raise ValueError(md5)
    except (DocumentError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = f" ({error})" if isinstance(error, DocumentError) else ""
        raise UserError(
            f"{path} is not a DVC import{reason}; make it again with: electrode-bench data use SOURCE"
        ) from error
    return {
        "source": masked(str(meta.get("source", where))),
        "path": masked(where),
        "md5": out.get("md5", UNKNOWN),
        "size": out.get("size"),
        "files": out.get("nfiles", 1),
        "release": meta.get("release", release_in(where)),
        "licence": meta.get("licence", UNKNOWN),
        "citation": meta.get("citation", ""),
    }


def release_in(source: str) -> str:
    """The last date or version that a path or URL holds ("2023-11-01", "2023.11.1")."""
    dates = re.findall(r"(?<!\d)\d{4}[.-]\d{1,2}[.-]\d{1,2}(?!\d)", source)
    return dates[-1] if dates else UNKNOWN
