from __future__ import annotations

import json
import math
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.core import artifacts
from electrode_bench.core.schema import VOLTAGE

magnitudes = st.floats(min_value=1e-280, max_value=1e280)


@given(st.one_of(magnitudes, magnitudes.map(lambda x: -x)))
def test_rounding_agrees_with_decimal_arithmetic(value: float) -> None:
    rounded = float(artifacts.round_significant(np.array([value]))[0])
    exact = float(f"{Decimal(value):.11e}")
    assert rounded == pytest.approx(exact, rel=2e-12)


@given(st.floats(min_value=1e-6, max_value=1e9))
def test_rounding_removes_the_last_bits_and_is_stable(value: float) -> None:
    once = artifacts.round_significant(np.array([value]))
    assert np.array_equal(artifacts.round_significant(once), once)


def test_rounding_keeps_what_is_no_number() -> None:
    values = artifacts.round_significant(np.array([np.nan, np.inf, -np.inf, 0.0]))
    assert math.isnan(values[0])
    assert values[1:].tolist() == [np.inf, -np.inf, 0.0]


def test_a_write_that_fails_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    artifacts.write_text("good\n", path)

    def fail() -> None:
        with artifacts.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert path.read_text() == "good\n"
    assert [p.name for p in tmp_path.iterdir()] == ["scores.csv"]


def test_tables_are_equal_to_the_byte_and_carry_units(tmp_path: Path) -> None:
    frame = pd.DataFrame({"average_voltage": [3.4500000000000006, np.nan], "n": [1, 2]})
    for name in ("a", "b"):
        artifacts.write_table(frame, tmp_path / name, {VOLTAGE.key: VOLTAGE})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert artifacts.units(tmp_path / "a") == {VOLTAGE.key: VOLTAGE}
    back = pd.read_parquet(tmp_path / "a")
    assert back["average_voltage"][0] == 3.45
    assert back["n"].tolist() == [1, 2]


def test_json_has_no_nan(tmp_path: Path) -> None:
    artifacts.write_json({"b": np.float64("nan"), "a": [np.int64(1), 0.1 + 0.2]}, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, 0.3], "b": None}


def test_what_a_killed_write_left_is_removed_whatever_the_name_is(tmp_path: Path) -> None:
    path = tmp_path / "best [1] it's *.csv"
    left, other = tmp_path / f".{path.name}.x.part", tmp_path / ".best 1 it's y.csv.x.part"
    for file in (left, other):
        file.touch()
        os.utime(file, (1, 1))
    artifacts.write_text("x", path)
    assert {file.name for file in tmp_path.iterdir()} == {path.name, other.name}
