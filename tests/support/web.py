"""What holds for the files of every page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from electrode_bench.report.web.files import Asset, bundle

#: The name that a statement at the beginning of a line gives.
_NAMED = r"(?:const|let|(?:async )?function) (\w+)"


def check_files(package: str, *, styles: Sequence[Asset], scripts: Sequence[Asset]) -> None:
    """All files of a package are used and short, and each script imports only what earlier scripts export."""
    folder = Path(str(files(package)))
    used = [asset.name for asset in (*styles, *scripts) if asset.package == package]
    assert sorted(path.name for path in (folder / "assets").iterdir()) == sorted(used)
    paths = [Path(str(files(script.package))) / "assets" / script.name for script in scripts]
    for position, path in enumerate(paths):
        source = path.read_text(encoding="utf-8")
        for names, module in re.findall(r'^import \{([^}]+)\} from "(\..+?)";$', source, flags=re.MULTILINE):
            imported = (path.parent / module).resolve()
            assert imported in [earlier.resolve() for earlier in paths[:position]], (path, module)
            exported = re.findall(rf"^export {_NAMED}", imported.read_text(), flags=re.MULTILINE)
            assert {name.strip() for name in names.split(",")} <= set(exported), (path, module)
    joined = bundle(scripts)
    assert not re.search(r"^(import|export) ", joined, flags=re.MULTILINE)
    # A page has one scope for all scripts.
    names = re.findall(rf"^{_NAMED}", joined, flags=re.MULTILINE)
    assert sorted(names) == sorted(set(names))
    for path in [*folder.glob("assets/*"), *folder.glob("templates/*")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 350, path
        assert max(map(len, lines)) <= 120, path
