"""The sources that a user may name, and what is wrong with others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from electrode_bench.data import readers, sources
from electrode_bench.errors import UserError


def test_resolve_names_what_is_imported(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    default = sources.resolve(root, "materials-project")
    assert default.path == "remote://materials-project/2025-09-25/insertion-electrodes"
    # Inside the project a path stays relative; elsewhere it is absolute.
    assert sources.resolve(root, "./sample/electrodes.csv").path == "sample/electrodes.csv"
    assert sources.resolve(root, "../mine.csv").path == str(tmp_path / "mine.csv")
    odd = tmp_path / ".my export_2023.11.1.csv"
    odd.write_text("x")
    assert sources.resolve(root, str(odd)).name == "my_export_2023.11.1.csv"
    assert sources.resolve(root, str(odd)).meta["release"] == "2023.11.1"
    assert sources.resolve(root, "https://host/a%20b.parquet?raw=1").name == "a_b.parquet"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("materials-project@2024-12-18", "this release lost electrodes; use one of: 2022-10-28"),
        ("materials-project@yesterday", "'yesterday' is not a date like 2025-09-25; known releases: 2022-10-28"),
        ("materials-project@2025-13-01", "'2025-13-01' is not a date"),
        ("materials-project@20250925", "'20250925' is not a date"),
        ("materials-project@", "'' is not a date"),
        ("ftp://host/x.csv", "cannot fetch 'ftp://' addresses; give 'sample', "),
        ("https://host/download/123", f"does not end in {readers.formats()}; download the file"),
        ("nowhere.csv", "nowhere.csv: no such file or folder; give 'sample', "),
        ("notes.txt", "notes.txt: unsupported kind of file; give 'sample', "),
        ("table.CSV.GZ", "unsupported kind of file, unpack it first; give 'sample', "),
        ("table.xlsx", "unsupported kind of file, save the sheet as CSV first; give 'sample', "),
        ("empty", f"empty has no {readers.formats(many_files=True)} file; give a folder that has, or a "),
        ("data/mine.csv", "which the import replaces; move it elsewhere first"),
    ],
)
def test_an_unusable_source_is_one_line_that_begins_with_it(
    root: Path, source: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    for name in ("notes.txt", "table.CSV.GZ", "table.xlsx"):
        (root / name).write_text("x")
    (root / "empty").mkdir()
    with pytest.raises(UserError) as error:
        sources.resolve(root, source)
    assert message in str(error.value)
    assert str(error.value).startswith(source)


@pytest.mark.parametrize("source", ["https://me:secret@host/x.csv", "https://host/x.csv?sig=secret"])
def test_an_address_with_a_password_is_refused(root: Path, source: str) -> None:
    with pytest.raises(UserError, match=r"has a password or a key, which data\.dvc would keep in git") as error:
        sources.resolve(root, source)
    assert "secret" not in str(error.value)


def test_materials_project_without_s3_support(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # None in sys.modules is how Python marks a module that cannot be imported.
    monkeypatch.setitem(sys.modules, "dvc_s3", None)
    with pytest.raises(UserError, match=r"needs S3 support; install it with: make s3"):
        sources.resolve(root, "materials-project")
