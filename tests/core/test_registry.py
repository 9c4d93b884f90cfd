from __future__ import annotations

import sys
from pathlib import Path

import pytest

from electrode_bench.core.registry import Registry
from electrode_bench.errors import UserError


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[str]:
    """A package with an entry that is a module, one that is a package, one that fails, and a module without entry."""
    files = {
        "__init__.py": "",
        "plain.py": 'ENTRY: str = "a module"\n',
        "folder/__init__.py": 'ENTRY = "a package"\n',
        "fails.py": "import no_such_library\nENTRY = None\n",
        "helper.py": "OTHER_ENTRY = 1\ndef f():\n    ENTRY = 1\n# ENTRY = 1\nprint(OTHER_ENTRY == 1)\n",
    }
    for name, text in files.items():
        file = tmp_path / "made_up_entries" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("made_up_entries", "ENTRY", kind="thing")
    for name in [name for name in sys.modules if name.partition(".")[0] == "made_up_entries"]:
        del sys.modules[name]


def test_entries_are_listed_without_importing_them(registry: Registry[str]) -> None:
    assert registry.names == tuple(registry) == ("fails", "folder", "plain")
    assert len(registry) == 3
    assert "plain" in registry
    assert "helper" not in registry
    assert "made_up_entries.plain" not in sys.modules


def test_an_entry_is_imported_when_it_is_asked_for(registry: Registry[str]) -> None:
    assert (registry["plain"], registry["folder"]) == ("a module", "a package")
    assert registry.module("folder") == "made_up_entries.folder"
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        registry["fails"]


def test_an_unknown_name_has_the_nearest_one(registry: Registry[str]) -> None:
    with pytest.raises(UserError, match=r"unknown thing 'plane'; did you mean 'plain'\?"):
        registry["plane"]
    with pytest.raises(UserError, match="unknown thing 'x'; known are: fails, folder, plain"):
        registry.module("x")
