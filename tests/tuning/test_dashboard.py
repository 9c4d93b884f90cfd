"""The studies of both kinds of storage in optuna-dashboard, started as docs/tuning.md says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import ROOT, postgresql
from support.serving import free_port, wait_for
from support.small_sweeps import small_params, small_sweep

from electrode_bench.project import Project
from electrode_bench.tuning.storage import journal


@pytest.fixture(params=["journal", pytest.param("postgresql", marks=postgresql.needed)])
def storage(request: pytest.FixtureRequest, project: Project) -> Iterator[str]:
    if request.param == "journal":
        yield journal(project.paths.mlruns)
    else:
        with postgresql.server() as address:
            yield postgresql.database(address, "studies")
            postgresql.close_connections()


def _documented(kind: str) -> str:
    """The storage as the documented command names it."""
    text = (ROOT / "docs" / "tuning.md").read_text(encoding="utf-8")
    (named,) = re.findall(rf"^ *optuna-dashboard (\S*{kind}\S*)", text, flags=re.MULTILINE)
    return named


def test_the_dashboard_shows_the_studies(storage: str, project: Project, tmp_path: Path) -> None:
    (tuned,) = small_sweep(project, small_params(), trials=2, storage=storage)
    kind, shown = storage.split(":")[0], storage
    if kind == "journal":
        shown = _documented(kind)
        assert (project.root / shown).is_file()
    else:
        assert _documented(kind).startswith("postgresql://")
    port = free_port()
    address, log = f"http://127.0.0.1:{port}/api", tmp_path / "dashboard.log"
    command = [str(Path(sys.executable).with_name("optuna-dashboard")), shown, "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=project.root)
    try:
        wait_for(f"{address}/meta", server, log)
        (study,) = _answer(f"{address}/studies")["study_summaries"]
        assert study["study_name"] == tuned.study
        trials = _answer(f"{address}/studies/{study['study_id']}")["trials"]
        assert [trial["state"] for trial in trials] == ["Complete", "Complete"]
    finally:
        server.terminate()
        server.wait()


def _answer(address: str) -> dict[str, Any]:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return dict(json.load(answer))
