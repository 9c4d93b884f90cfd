"""A cached fold is what was fitted, or it is fitted again: no flipped bit changes a prediction."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.cases import fit_case

from electrode_bench.core.folds import FoldResult
from electrode_bench.core.sealed import SUMS, Damaged, content_files, read_folder
from electrode_bench.fitting.claims import claimed
from electrode_bench.fitting.fold_cache import fold_folder, fold_resources, read_fold, store_fold
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.models.base import FoldPrediction

PREDICTED = FoldPrediction(
    pd.DataFrame({"electrode_id": ["a"], "target": ["average_voltage"], "y_pred": [3.4], "y_std": [0.1]}), None, None
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stored fold with one prediction."""
    store_fold(tmp_path, "key", PREDICTED, {"seconds": 1.5})
    return fold_folder(tmp_path, "key")


def _read(folder: Path) -> FoldResult | None:
    return read_fold(folder.parent.parent, "key", fold="fold-0")


def test_every_flipped_bit_of_a_cached_fold_is_noticed(folder: Path) -> None:
    whole = read_folder(folder)
    for path in [*content_files(folder), folder / SUMS]:
        original = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for position, byte in enumerate(original):
                for bit in range(8):
                    file.seek(position)
                    file.write(bytes([byte ^ 1 << bit]))
                    with pytest.raises(Damaged):
                        read_folder(folder)
                file.seek(position)
                file.write(bytes([byte]))
    assert read_folder(folder) == whole


def test_a_damaged_fold_is_set_aside_with_one_line(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = _read(folder)
    assert result is not None
    pd.testing.assert_frame_equal(result.predictions, PREDICTED.targets)
    assert (result.resources, fold_resources(folder.parent.parent, "key")) == ({"seconds": 1.5}, {"seconds": 1.5})
    (folder / "predictions.parquet").unlink()
    assert _read(folder) is None
    aside = folder.parent / "damaged" / "key"
    expected = f"{folder} is damaged (predictions.parquet is missing); it was moved to {aside} and is made again"
    assert caplog.messages == [expected]
    store_fold(folder.parent.parent, "key", PREDICTED, {})
    assert _read(folder) is not None


def test_resources_that_have_changed_are_unknown(folder: Path) -> None:
    (folder / "cost.json").write_text('{"seconds": 9.5}')
    assert fold_resources(folder.parent.parent, "key") == {}


@pytest.mark.parametrize("spoilt", ["cost.json", "predictions.parquet"])
def test_what_was_damaged_before_it_had_a_checksum_is_set_aside(folder: Path, spoilt: str) -> None:
    (folder / SUMS).unlink()
    (folder.parent / ".sealed").unlink()
    (folder / spoilt).write_bytes(b"[spoilt")
    assert _read(folder) is None
    assert (folder.parent / "damaged" / "key" / spoilt).exists()


def test_a_run_after_bits_were_flipped_equals_the_first(tmp_path: Path) -> None:
    case, draw = fit_case(trees=1), np.random.default_rng(0)
    first = fit_run(**case, cache=tmp_path)
    for fold in first.folds.values():
        files = sorted(fold_folder(tmp_path, fold.cache_key).iterdir())
        path = files[draw.integers(len(files))]
        content = bytearray(path.read_bytes())
        content[draw.integers(len(content))] ^= 1 << draw.integers(8)
        path.write_bytes(content)
    again = fit_run(**case, cache=tmp_path)
    pd.testing.assert_frame_equal(again.predictions, first.predictions, check_exact=True)
    assert again.record() == first.record()
    assert len(list((tmp_path / "folds" / "damaged").iterdir())) == 4


def test_a_fold_that_another_command_is_fitting_is_left_to_it(tmp_path: Path) -> None:
    case = fit_case(trees=1)
    whole = fit_run(**case, cache=tmp_path / "whole")
    key = whole.folds["fold-1"].cache_key
    done = fold_folder(tmp_path / "whole", key)
    shared, steps = tmp_path / "shared", []
    claimed_there, alone = threading.Event(), threading.Event()

    def other() -> None:
        with claimed(fold_folder(shared, key)):
            claimed_there.set()
            alone.wait()
            time.sleep(0.1)
            done.rename(fold_folder(shared, key))

    def progress(count: int, total: int) -> None:
        steps.append((count, total))
        if count == 3:
            alone.set()

    thread = threading.Thread(target=other)
    thread.start()
    claimed_there.wait()
    fitted = (done / "cost.json").read_bytes()
    run = fit_run(**case, cache=shared, progress=progress)
    thread.join()
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)
    assert steps == [(count, 4) for count in range(5)]
    assert (fold_folder(shared, key) / "cost.json").read_bytes() == fitted
