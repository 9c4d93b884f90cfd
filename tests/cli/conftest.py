from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.projects import small_project

from electrode_bench import cli
from electrode_bench.project import Project

#: Calls the command line: arguments -> (exit code, stdout, stderr).
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command line, called in this process."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["electrode-bench", *arguments])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return int(caught.value.code or 0), out, err

    return call


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small project without results."""
    return small_project(tmp_path)
