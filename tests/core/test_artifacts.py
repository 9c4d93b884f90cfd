from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.core import artifacts
from electrode_bench.core.schema import VOLTAGE
from electrode_bench.errors import UserError

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
    back = artifacts.read_table(tmp_path / "a", stage="prepare")
    assert back["average_voltage"][0] == 3.45
    assert back["n"].tolist() == [1, 2]


def test_json_has_no_nan(tmp_path: Path) -> None:
    artifacts.write_json({"b": np.float64("nan"), "a": [np.int64(1), 0.1 + 0.2]}, tmp_path / "x.json")
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": [1, 0.3], "b": None}


def test_a_missing_or_spoilt_result_names_the_stage_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"map\.parquet is missing; make it with: dvc repro map"):
        artifacts.read_table(tmp_path / "map.parquet", stage="map")
    (tmp_path / "map.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(UserError, match="make it again with: dvc repro -f map"):
        artifacts.read_table(tmp_path / "map.parquet", stage="map")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(UserError, match="make it again with: dvc repro -f split"):
        artifacts.read_json(tmp_path / "x.json", stage="split")


def test_digests_see_values_names_and_order_but_not_the_last_bits() -> None:
    frame = pd.DataFrame({"x": [0.1 + 0.2, 0.0]}, index=["a", "b"])
    assert artifacts.digest_frame(frame) == artifacts.digest_frame(frame.assign(x=[0.3, -0.0]))
    for other in (frame.assign(x=[0.3, 1e-9]), frame.rename(columns={"x": "y"}), frame.iloc[::-1]):
        assert artifacts.digest_frame(other) != artifacts.digest_frame(frame)


def test_the_digest_of_files_does_not_depend_on_their_order_even_with_one_name(tmp_path: Path) -> None:
    files = [tmp_path / "one" / "x.py", tmp_path / "two" / "x.py", tmp_path / "one" / "a.py"]
    for i, file in enumerate(files):
        file.parent.mkdir(exist_ok=True)
        file.write_text(str(i))
    assert artifacts.digest_files(files) == artifacts.digest_files(reversed(files))
    assert artifacts.digest_files(files) != artifacts.digest_files(files[:2])
