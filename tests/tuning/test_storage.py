"""Storages, samplers and pruners."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrode_bench.errors import UserError
from electrode_bench.params import Sweep
from electrode_bench.tuning.storage import journal, load_study, make_pruner, make_sampler, open_storage


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:///studies.db", "'sqlite:///studies.db' is not a study storage"),
        ("postgresql://me:secret@127.0.0.1:1/none", r"postgresql://me@127.0.0.1:1/none cannot be reached"),
        ("", "'' is not a study storage"),
        ("postgres://me:secret@127.0.0.1/x", r"'postgres...' is not a study storage; give postgresql://"),
        ("mysql:/me:secret@127.0.0.1:1/x", r"'mysql...' is not a study storage"),
        ("postgresql://me:secret/x", r"'postgresql...' is not an address.*; give postgresql://"),
        ("postgresql://me:secret@127.0.0.1:port/x", r"'postgresql...' is not an address.*; give postgresql://"),
        ("postgresql://[::1/x", r"'postgresql...' is not an address"),
        ("postgresql://me@127.0.0.1:1/x?no=1", "cannot be reached: .*invalid connection option"),
        ("postgresql://me@127.0.0.1:1/x?connect_timeout=x", "cannot be reached: .*bad value for connect_timeout"),
        ("postgresql+none://me@127.0.0.1:1/x", "cannot be reached: Can't load plugin"),
        ("postgresql+asyncpg://me:secret@127.0.0.1:1/x", "the driver of postgresql.* is not installed"),
        ("postgresql://\ud800@127.0.0.1:1/x", "is not an address"),
        ("journal:///", "'journal:///' names no file"),
        ("journal:///a\0b", "names no file"),
        ("journal://a", "is not a study storage"),
        ("journal:////dev/null", "cannot be opened: it is not a file; move it away"),
    ],
    ids=ascii,
)
def test_a_storage_that_cannot_be_used_is_one_line(url: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_storage_that_must_exist_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"the study storage .*studies.journal does not exist"):
        load_study(journal(tmp_path), "a-study", must_exist=True)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_study_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no study 'a-study' in journal:.*; none are known"):
        load_study(journal(tmp_path), "a-study")


@pytest.mark.parametrize(
    ("kind", "trials", "two", "expected"),
    [
        ("tpe", 10, False, "TPESampler"),
        ("random", 10, False, "RandomSampler"),
        ("gp", 10, False, "GPSampler"),
        ("auto", 100, False, "GPSampler"),
        ("auto", 1000, False, "TPESampler"),
        ("auto", 100, True, "TPESampler"),
    ],
)
def test_samplers(kind: str, trials: int, two: bool, expected: str) -> None:
    options = Sweep.model_validate({"sampler": kind, "against_seconds": two})
    assert type(make_sampler(options, trials=trials, seed=1)).__name__ == expected


@pytest.mark.parametrize(
    ("kind", "two", "expected"),
    [
        ("median", False, "MedianPruner"),
        ("wilcoxon", False, "WilcoxonPruner"),
        ("none", False, "NopPruner"),
        ("median", True, "NopPruner"),
        ("wilcoxon", True, "NopPruner"),
    ],
)
def test_pruners(kind: str, two: bool, expected: str) -> None:
    options = Sweep.model_validate({"pruner": kind, "against_seconds": two})
    assert type(make_pruner(options)).__name__ == expected
