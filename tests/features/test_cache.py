"""The per-formula cache: computes what is new, loses nothing, survives damage."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import forks

from electrode_bench.core.sealed import read_sealed, write_sealed
from electrode_bench.errors import UserError
from electrode_bench.features import FEATURE_SETS, featurize
from electrode_bench.features.cache import cache_file

SET = "magpie_mean"


def run(formulas: list[str], cache: Path | None) -> tuple[pd.DataFrame, tuple[int, int]]:
    said: list[tuple[int, int]] = []
    parts = pd.DataFrame({"formula_discharge": formulas})
    frame = featurize(parts, feature_set=SET, cache=cache, report=lambda new, needed: said.append((new, needed)))
    (counts,) = said
    return frame, counts


def stored(cache: Path) -> pd.DataFrame:
    return pd.read_parquet(BytesIO(read_sealed(cache_file(FEATURE_SETS[SET], folder=cache))))


def store(frame: pd.DataFrame, cache: Path) -> None:
    write_sealed(frame.to_parquet(index=False), cache_file(FEATURE_SETS[SET], folder=cache))


def test_only_new_formulas_are_computed(tmp_path: Path) -> None:
    _, counts = run(["LiF", "NaCl", "LiF"], tmp_path)
    assert counts == (2, 2)
    # A value planted in the cache comes back: that formula was read, the others computed.
    planted = stored(tmp_path)
    planted.loc[planted["formula"] == "LiF", "mean Row"] = 123.0
    store(planted, tmp_path)
    frame, counts = run(["LiF", "KBr", "NaCl"], tmp_path)
    assert counts == (1, 3)
    assert frame["mean Row"].tolist() == [123.0, 4.0, 3.0]
    assert list(stored(tmp_path)["formula"]) == ["KBr", "LiF", "NaCl"]
    assert run(["KBr", "LiF"], tmp_path)[1] == (0, 2)


def test_with_and_without_cache_are_equal_to_the_bit(tmp_path: Path) -> None:
    formulas = ["Li0.333NbO2", "LiFePO4", "Na0.67MnO2"]
    plain, _ = run(formulas, None)
    run(formulas[1:], tmp_path)
    mixed, counts = run(formulas, tmp_path)
    warm, _ = run(formulas, tmp_path)
    assert counts == (1, 3)
    for frame in (mixed, warm):
        pd.testing.assert_frame_equal(frame, plain, check_exact=True)
        assert frame.to_numpy().tobytes() == plain.to_numpy().tobytes()


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "flipped", "columns", "nan", "repeated"])
def test_a_damaged_cache_is_set_aside_and_made_again(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    good, _ = run(["LiF", "NaCl"], tmp_path)
    path = cache_file(FEATURE_SETS[SET], folder=tmp_path)
    frame = stored(tmp_path)
    if damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    elif damage == "text":
        path.write_text("no parquet")
    elif damage == "flipped":
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        path.write_bytes(content)
    elif damage == "columns":
        store(frame.drop(columns="formula"), tmp_path)
    elif damage == "nan":
        store(frame.assign(**{"mean Row": np.nan}), tmp_path)
    else:
        store(pd.concat([frame, frame]), tmp_path)
    spoilt = path.read_bytes()
    again, counts = run(["LiF", "NaCl"], tmp_path)
    assert counts == (2, 2)
    pd.testing.assert_frame_equal(again, good, check_exact=True)
    assert len(stored(tmp_path)) == 2
    (message,) = caplog.messages
    assert message.startswith(f"{path} is damaged (")
    assert (tmp_path / "damaged" / path.name).read_bytes() == spoilt


def test_features_that_an_earlier_version_kept_without_a_checksum_are_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, _ = run(["LiF"], None)
    path = cache_file(FEATURE_SETS[SET], folder=tmp_path)
    earlier = path.with_suffix(".parquet")
    good.assign(**{"mean Row": 7.0}).rename_axis("formula").reset_index().to_parquet(earlier, index=False)
    pd.testing.assert_frame_equal(run(["LiF"], tmp_path)[0], good, check_exact=True)
    assert not earlier.exists()
    assert caplog.messages == [f"{earlier} has no checksum; it was removed, and its features are computed again"]


def test_a_failed_run_leaves_the_cache_as_it_was(tmp_path: Path) -> None:
    run(["LiF"], tmp_path)
    before = cache_file(FEATURE_SETS[SET], folder=tmp_path).read_bytes()
    with pytest.raises(UserError, match="Cf"):
        run(["LiF", "NaCl", "CfO2"], tmp_path)
    assert cache_file(FEATURE_SETS[SET], folder=tmp_path).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_two_processes_at_once_lose_no_row(tmp_path: Path) -> None:
    cations, anions = ["Li", "Na", "K", "Rb"], ["F", "Cl", "Br", "I"]
    code = (
        "import os, sys, pandas as pd\n"
        "from pathlib import Path\n"
        "from electrode_bench.features import featurize\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"  # both are off at the same moment
        "for formula in sys.argv[2:]:\n"
        "    table = pd.DataFrame({'formula_discharge': [formula]})\n"
        f"    featurize(table, feature_set={SET!r}, cache=Path(sys.argv[1]))\n"
        "os._exit(0)"  # on a busy machine, a process that exits just after reading a parquet may die of Arrow's threads
    )
    halves = [[c + a for c in cations[i : i + 3] for a in anions] for i in (0, 1)]  # two of four cations in both
    command = [sys.executable, "-c", code, str(tmp_path)]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                forks.Process([*command, *half], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            for half in halves
        ]
        assert [p.stdout.readline() for p in processes if p.stdout] == ["ready\n"] * 2
        for p in processes:
            assert p.stdin
            p.stdin.write("go\n")
            p.stdin.flush()
        assert [p.wait() for p in processes] == [0, 0]
    assert set(stored(tmp_path)["formula"]) == {c + a for c in cations for a in anions}
    assert stored(tmp_path)["formula"].is_unique
