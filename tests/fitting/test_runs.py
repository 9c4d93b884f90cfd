from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from support import TESTS, forks
from support.cases import case_of, fit_case
from support.sharing_model import VALUES

from electrode_bench import models
from electrode_bench.core.schema import ID, SHARE_COLUMNS
from electrode_bench.fitting.executor import Local
from electrode_bench.fitting.fold_cache import fold_resources
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.fitting.runs import plan

T = TypeVar("T")


def _finished(cache: Path) -> dict[str, float]:
    return {p.parent.name: p.stat().st_mtime_ns for p in (cache / "folds").glob("[!.]*/predictions.parquet")}


def test_workers_row_order_and_cache_do_not_change_a_number(tmp_path: Path) -> None:
    case = fit_case()
    one = fit_run(**case, cache=tmp_path / "one")
    two = fit_run(**case, cache=tmp_path / "two", executor=Local(2))
    shuffled = {**case, "frame": case["frame"].sample(frac=1, random_state=1), "targets": case["targets"].iloc[::-1]}
    three = fit_run(**shuffled, cache=tmp_path / "three")
    again = fit_run(**case, cache=tmp_path / "one")
    for other in (two, three, again):
        pd.testing.assert_frame_equal(one.predictions, other.predictions, check_exact=True)
        assert other.record() == one.record()


def test_only_missing_folds_are_fitted(tmp_path: Path) -> None:
    case, seen = fit_case(), []
    first = fit_run(**case, cache=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    before = _finished(tmp_path)
    lost = first.folds["fold-2"].cache_key
    (tmp_path / "folds" / lost / "predictions.parquet").write_bytes(b"spoilt by a full disk")
    seen.clear()
    second = fit_run(**case, cache=tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, 4), (4, 4)]
    after = _finished(tmp_path)
    assert {key for key in after if after[key] != before[key]} == {lost}
    pd.testing.assert_frame_equal(first.predictions, second.predictions)


def test_a_cell_holds_each_test_row_once_a_target_with_its_true_value(tmp_path: Path) -> None:
    case = fit_case()
    run = fit_run(**case, cache=tmp_path)
    assert len(run.predictions) == 60 * 3
    merged = run.predictions.merge(case["targets"].stack().rename("y").reset_index(), left_on=[ID, "target"],
                                    right_on=[ID, "level_1"])  # fmt: skip
    np.testing.assert_allclose(merged["y_true"], merged["y"], rtol=1e-11)
    assert run.predictions["y_std"].notna().all()
    spent = fold_resources(tmp_path, run.folds["fold-0"].cache_key)
    assert spent["seconds"] > 0
    assert spent["peak_rss_mb"] > 1
    assert fold_resources(tmp_path, "no such fold") == {}


@pytest.mark.parametrize("change", ["seed", "config", "targets", "frame", "folds"])
def test_whatever_changes_a_number_changes_the_key(change: str) -> None:
    case = fit_case()
    given = {k: case[k] for k in ("spec", "config", "folds", "frame", "targets", "seed")}
    spec, config, folds = given.pop("spec"), given.pop("config"), given.pop("folds")
    before = {t.key for t in plan(spec, config, folds, **given).values()}
    if change == "seed":
        given["seed"] = 4
    elif change == "config":
        config = models.configure(spec, {"n_estimators": 6})
    elif change == "folds":
        fold = folds[0]
        moved = type(fold)(fold.protocol, fold.key, fold.train_ids[1:], fold.test_ids)
        folds = (moved,)
    else:
        given[change] = given[change] + 1e-6
    assert not before & {t.key for t in plan(spec, config, folds, **given).values()}


KILLED = """
import sys
sys.path[:0] = [{tests!r}]
from pathlib import Path
from support.cases import fit_case
from electrode_bench.fitting.fold_cache import fold_resources
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.fitting.runs import plan
from electrode_bench.fitting.executor import Local
if __name__ == "__main__":
    fit_run(**fit_case(trees=100), cache=Path(sys.argv[1]), executor=Local(2))
"""


def test_a_run_killed_at_any_time_goes_on_where_it_stopped(tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(KILLED.format(tests=str(TESTS)))
    cache = tmp_path / "cache"
    process = forks.Process([sys.executable, str(script), str(cache)], start_new_session=True)
    deadline = time.monotonic() + 60
    while not _finished(cache) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = _finished(cache)
    assert kept, "no fold was finished before the kill"
    seen = []
    case = fit_case(trees=100)
    run = fit_run(**case, cache=cache, progress=lambda done, total: seen.append((done, total)))
    assert seen[0] == (len(kept), 4)
    assert {key: time for key, time in _finished(cache).items() if key in kept} == kept
    whole = fit_run(**case, cache=tmp_path / "whole")
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)


@dataclass(frozen=True)
class Elsewhere:
    """An executor whose calls see no file of this machine."""

    n_workers: int = 1
    shares_files: bool = False
    n_hosts: int = 1
    refuses: bool = False

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        for call in calls:
            assert not self.refuses
            assert not any(isinstance(argument, Path) for argument in call)
            yield function(*call)


def test_what_another_machine_has_fitted_is_kept_as_it_arrives(tmp_path: Path) -> None:
    case = fit_case()
    there, here = tmp_path / "there", tmp_path / "here"

    def stop(done: int, _: int) -> None:
        assert len(_finished(there)) == done
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_run(**case, cache=there, executor=Elsewhere(), progress=stop)
    kept = _finished(there)
    run = fit_run(**case, cache=there, executor=Elsewhere())
    assert {key: time for key, time in _finished(there).items() if key in kept} == kept
    whole = fit_run(**case, cache=here)
    pd.testing.assert_frame_equal(run.predictions, whole.predictions, check_exact=True)
    assert run.record() == whole.record()
    for key in _finished(here):
        file = Path("folds", key, "predictions.parquet")
        assert (there / file).read_bytes() == (here / file).read_bytes()
        assert fold_resources(there, key)["seconds"] > 0


def test_distributions_of_the_share_are_kept_with_the_predictions(tmp_path: Path) -> None:
    case = case_of(models.from_module("support.sharing_model"))
    run = fit_run(**case, cache=tmp_path / "one")
    assert list(run.share.columns) == list(SHARE_COLUMNS)
    tested = [(fold.key, row) for fold in case["folds"] for row in sorted(fold.test_ids)]
    assert list(zip(run.share["fold"], run.share[ID], strict=True)) == tested
    level = 1 / (1 + np.exp(-case["frame"]["a"] / 100))
    np.testing.assert_allclose(run.share["share_at_most_0.985"], 0.985 * level[run.share[ID]])
    assert all(fold.share_values == VALUES for fold in run.folds.values())
    # From the cache, in other processes and on another machine.
    for other in (
        fit_run(**case, cache=tmp_path / "one"),
        fit_run(**case, cache=tmp_path / "two", executor=Local(2)),
        fit_run(**case, cache=tmp_path / "three", executor=Elsewhere()),
    ):
        pd.testing.assert_frame_equal(run.share, other.share, check_exact=True)
        assert other.record() == run.record()


@pytest.mark.parametrize("file", ["share.parquet", "share_values.json"])
def test_a_fold_whose_distributions_are_damaged_is_fitted_again(tmp_path: Path, file: str) -> None:
    case = case_of(models.from_module("support.sharing_model"))
    run = fit_run(**case, cache=tmp_path)
    lost = tmp_path / "folds" / run.folds["fold-2"].cache_key / file
    lost.write_bytes(b"{spoilt")
    again = fit_run(**case, cache=tmp_path)
    pd.testing.assert_frame_equal(run.share, again.share)
    assert again.record() == run.record()


def test_a_model_without_a_distribution_has_an_empty_table_of_it(tmp_path: Path) -> None:
    run = fit_run(**fit_case(), cache=tmp_path)
    assert (len(run.share), list(run.share.columns)) == (0, list(SHARE_COLUMNS))
    assert all(fold.share_values is None for fold in run.folds.values())


def test_a_light_model_is_fitted_in_this_process(tmp_path: Path) -> None:
    case = {**fit_case(), "spec": models.spec("control"), "config": models.configure(models.spec("control"), {})}
    nowhere = Elsewhere(refuses=True)
    assert len(fit_run(**case, cache=tmp_path, executor=nowhere).predictions) == 60 * 3


def test_what_a_model_reads_is_in_its_record_and_decides_no_number(tmp_path: Path) -> None:
    case = fit_case()
    plain = fit_run(**case, cache=tmp_path)
    told = fit_run(**{**case, "spec": replace(case["spec"], reads="composition and ion")}, cache=tmp_path)
    assert (plain.reads, told.reads) == ("composition", "composition and ion")
    assert told.record()["reads"] == "composition and ion"
    assert told.folds == plain.folds
