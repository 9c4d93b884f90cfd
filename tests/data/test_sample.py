"""The embedded sample is what its generator makes, and has the traits of real data that its README names."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from support import forks

from electrode_bench.data import readers
from electrode_bench.data.card import card
from electrode_bench.data.prepare import Prepared, prepare
from electrode_bench.params import Prepare

SAMPLE = Path(__file__).parents[2] / "sample"


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(readers.read(SAMPLE / "electrodes.csv"), Prepare())


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SAMPLE / "generate.py"), *arguments]
    return forks.run(command, capture_output=True, text=True, check=False)


def test_generator_gives_the_committed_bytes(tmp_path: Path) -> None:
    assert generate("--out", str(tmp_path / "x.csv")).returncode == 0
    assert (tmp_path / "x.csv").read_bytes() == (SAMPLE / "electrodes.csv").read_bytes()


def test_cut_down_sample_has_all_ions(tmp_path: Path) -> None:
    assert generate("--rows", "60", "--out", str(tmp_path / "x.csv")).returncode == 0
    few = prepare(readers.read(tmp_path / "x.csv"), Prepare())
    assert len(few.table) == 60
    assert few.table["working_ion"].value_counts().min() >= 3
    assert few.table["working_ion"].nunique() == 10
    refused = generate("--rows", "5", "--out", str(tmp_path / "y.csv"))
    assert refused.returncode == 2
    assert "--rows must be at least 40" in refused.stderr
    assert not (tmp_path / "y.csv").exists()


def test_columns_are_the_exports() -> None:
    with (SAMPLE / "electrodes.csv").open(encoding="utf-8") as file:
        header = next(csv.reader(file))
    assert header == [
        "Battery ID", "Battery Formula", "Working Ion", "Formula Charge", "Formula Discharge", "Max Delta Volume",
        "Average Voltage", "Gravimetric Capacity", "Volumetric Capacity", "Gravimetric Energy", "Volumetric Energy",
        "Atomic Fraction Charge", "Atomic Fraction Discharge", "Stability Charge", "Stability Discharge", "Steps",
        "Max Voltage Step",
    ]  # fmt: skip


def test_every_row_is_usable_and_says_that_it_is_synthetic(prepared: Prepared) -> None:
    assert prepared.rejects.empty
    assert len(prepared.table) == 160
    made = card(prepared.table, prepared.rejects)
    assert made["synthetic"] is True
    assert all(count >= 3 for count in made["ions"].values())
    assert made["ions"]["Li"] == max(made["ions"].values())


def test_gravimetric_capacity_is_faradays_law(prepared: Prepared) -> None:
    table = prepared.table
    assert table["gravimetric_capacity"].to_numpy() == pytest.approx(table["theoretical_capacity_pair"], rel=1e-8)


def test_blemishes_of_the_real_data(prepared: Prepared) -> None:
    table, made = prepared.table, card(prepared.table, prepared.rejects)
    partial = table["gravimetric_capacity"] < 0.99 * table["theoretical_capacity_full"]
    assert 0.15 < partial.mean() < 0.4
    assert 0.3 < made["shared"] < 0.5
    assert 1 <= made["unphysical_voltages"] <= 8
    assert (table["steps"] > 1).mean() > 0.1


def test_density_is_that_of_known_compounds(prepared: Prepared) -> None:
    """Within a tenth of the crystallographic density (g/cm3) of LiCoO2."""
    table = prepared.table
    density = pd.Series(table["volumetric_capacity"] / table["gravimetric_capacity"])
    cobaltate = density[table["formula_discharge"] == "LiCoO2"]
    assert len(cobaltate) > 0
    assert cobaltate.between(0.9 * 5.05, 1.1 * 5.05).all()
