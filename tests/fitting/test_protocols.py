"""One model under several protocols at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from support.cases import ensemble_case, fit_case
from support.executors import InOrder

from electrode_bench.core.folds import Fold
from electrode_bench.fitting.executor import Local
from electrode_bench.fitting.protocols import fit_run, fit_runs


def _protocols(folds: tuple[Fold, ...]) -> dict[str, tuple[Fold, ...]]:
    """The folds of a case, and a second protocol with smaller training sets."""
    small = tuple(
        Fold("bootstrap", fold.key, fold.train_ids[: 10 + 5 * i], fold.test_ids) for i, fold in enumerate(folds)
    )
    return {"bootstrap": small, "stratified": folds}


def _several(case: dict[str, Any], **settings: Any) -> dict[str, Any]:
    protocols = _protocols(case["folds"])
    of_all = {name: value for name, value in case.items() if name not in ("folds", "split_digest")}
    return {**of_all, "protocols": protocols, "split_digests": dict.fromkeys(protocols, "s"), **settings}


def _sizes(executor: InOrder) -> list[int]:
    return [len(task.train_ids) for task in executor.tasks]


@pytest.mark.parametrize("ensemble", [False, True], ids=["model", "ensemble"])
def test_protocols_together_give_what_each_gives_alone(ensemble: bool, tmp_path: Path) -> None:
    case = ensemble_case()[0] if ensemble else fit_case()
    together = {run.protocol: run for run in fit_runs(**_several(case), cache=tmp_path / "a", executor=Local(2))}
    assert list(together) == ["stratified", "bootstrap"]
    for protocol, folds in _protocols(case["folds"]).items():
        alone = fit_run(**{**case, "folds": folds}, cache=tmp_path / "b")
        assert together[protocol].record() == alone.record()
        pd.testing.assert_frame_equal(together[protocol].predictions, alone.predictions, check_exact=True)


def test_the_largest_training_sets_come_first_and_each_run_when_its_folds_are_done(tmp_path: Path) -> None:
    case, listed, seen = fit_case(), InOrder(), []
    runs = fit_runs(
        **_several(case), cache=tmp_path, executor=listed, progress=lambda done, total: seen.append((done, total))
    )
    first = next(runs)
    # Four folds are enough for the first run; the small ones have not begun.
    assert (first.protocol, _sizes(listed)) == ("stratified", [45] * 4)
    assert [run.protocol for run in runs] == ["bootstrap"]
    assert _sizes(listed)[4:] == [25, 20, 15, 10]
    assert seen == [(done, 8) for done in range(9)]


def test_a_run_of_cached_folds_does_not_wait_for_others(tmp_path: Path) -> None:
    case = fit_case()
    fit_run(**{**case, "folds": _protocols(case["folds"])["bootstrap"]}, cache=tmp_path)
    listed = InOrder()
    runs = fit_runs(**_several(case), cache=tmp_path, executor=listed)
    assert (next(runs).protocol, _sizes(listed)) == ("bootstrap", [])
    assert next(runs).protocol == "stratified"
