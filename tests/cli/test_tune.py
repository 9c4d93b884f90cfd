"""Sweeps from the command line: exit codes, and what is printed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.projects import write_params
from support.small_sweeps import small_params

from electrode_bench.core.schema import VOLTAGE
from electrode_bench.project import Project


@pytest.fixture
def constant(finished: Project, tmp_path: Path) -> Project:
    """A finished project all of whose voltages are equal."""
    project = Project(shutil.copytree(finished.root, tmp_path / "project", ignore=shutil.ignore_patterns("mlruns")))
    write_params(project, small_params())
    table = project.table()
    table[VOLTAGE.key] = 3.7
    table.to_parquet(project.paths.table)
    return project


def test_a_sweep_in_which_every_trial_fails_says_why(run, constant: Project) -> None:
    code, out, err = run("-p", str(constant.root), "sweep", "rf_magpie", "-n", "2", "-w", "1")
    assert code == 2
    (line,) = [line for line in err.splitlines() if line.startswith("error:")]
    assert "every trial failed (2 of 2): the SMAE of average_voltage is not defined" in line
    assert "adopt" not in out + err
    # The same command again tries nothing new.
    assert run("-p", str(constant.root), "sweep", "rf_magpie", "-n", "2", "-w", "1", "--json")[0] == 2
