"""core.installation: a digest of what is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from electrode_bench.core.installation import installation


def test_another_version_of_a_distribution_is_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = installation()
    (tmp_path / "something-1.0.dist-info").mkdir()
    first = installation()
    (tmp_path / "something-1.0.dist-info").rename(tmp_path / "something-1.1.dist-info")
    assert len({before, first, installation()}) == 3


def test_a_folder_that_cannot_be_looked_at_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = installation()
    # Root may read every folder; no system has a folder with this name.
    monkeypatch.setattr(sys, "path", ["x" * 5000, *sys.path])
    assert installation() == before
