"""Folds of an ensemble: combined from those of its members' own runs, of which none is fitted twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pytest
from support.cases import MEMBERS, case_of, ensemble_case
from support.drifting_model import VERSION
from support.executors import InOrder

from electrode_bench import models
from electrode_bench.core.digests import digest
from electrode_bench.core.schema import ID
from electrode_bench.fitting.executor import Local
from electrode_bench.fitting.fold_cache import fold_resources
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.fitting.runs import plan
from electrode_bench.params import Params

T = TypeVar("T")


def _models(executor: InOrder) -> list[str]:
    """Which model each fit was of."""
    return [task.module.rpartition(".")[2] for task in executor.tasks]


def _written(cache: Path) -> dict[str, int]:
    return {p.parent.name: p.stat().st_mtime_ns for p in (cache / "folds").glob("[!.]*/predictions.parquet")}


def test_whichever_run_comes_first_no_fold_is_fitted_twice(tmp_path: Path) -> None:
    case, members = ensemble_case()
    # The members first.
    alone = {name: fit_run(**member, cache=tmp_path / "one") for name, member in members.items()}
    fitted = _written(tmp_path / "one")
    assert len(fitted) == 4 * len(MEMBERS)
    after = InOrder(shares_files=False)
    one = fit_run(**case, cache=tmp_path / "one", executor=after)
    assert _models(after) == []
    combined = {fold.cache_key for fold in one.folds.values()}
    assert set(_written(tmp_path / "one")) == {*fitted, *combined}
    assert len(combined) == 4
    # The ensemble first.
    seen: list[tuple[int, int]] = []
    first = InOrder(shares_files=False)
    other = fit_run(**case, cache=tmp_path / "other", executor=first, progress=lambda *done: seen.append(done))
    assert _models(first) == [name for name in MEMBERS for _ in range(4)]
    assert seen == [(done, 12) for done in range(13)]
    before = _written(tmp_path / "other")
    for name, member in members.items():
        again = fit_run(**member, cache=tmp_path / "other", executor=first)
        pd.testing.assert_frame_equal(again.predictions, alone[name].predictions, check_exact=True)
        assert again.record() == alone[name].record()
    assert len(_models(first)) == 12
    assert _written(tmp_path / "other") == before
    pd.testing.assert_frame_equal(one.predictions, other.predictions, check_exact=True)
    assert one.record() == other.record()
    # Once combined, the members' folds are not read again.
    fit_run(**case, cache=tmp_path / "other", executor=first, progress=lambda *done: seen.append(done))
    assert seen[-1] == (12, 12)


def test_workers_and_the_order_of_rows_do_not_change_a_number(tmp_path: Path) -> None:
    case, _ = ensemble_case()
    one = fit_run(**case, cache=tmp_path / "one")
    two = fit_run(**case, cache=tmp_path / "two", executor=Local(2))
    order = case["frame"].sample(frac=1, random_state=1).index
    shuffled = {
        **case,
        "frame": case["frame"].loc[order],
        "targets": case["targets"].iloc[::-1],
        "member_frames": {name: frame.loc[order] for name, frame in case["member_frames"].items()},
    }
    three = fit_run(**shuffled, cache=tmp_path / "three")
    for other in (two, three):
        pd.testing.assert_frame_equal(one.predictions, other.predictions, check_exact=True)
        assert one.record() == other.record()


def test_a_fold_is_the_average_of_the_members_folds(tmp_path: Path) -> None:
    case, members = ensemble_case(
        ensemble={"members": ["rf_magpie", "control"], "weights": {"rf_magpie": {"voltage": 3}}}
    )
    case["member_frames"] = {name: case["member_frames"][name] for name in ("rf_magpie", "control")}
    run = fit_run(**case, cache=tmp_path)
    forest, control = (
        fit_run(**members[name], cache=tmp_path).predictions.set_index(["fold", "target", ID])["y_pred"]
        for name in ("rf_magpie", "control")
    )
    predicted = run.predictions.set_index(["fold", "target", ID])["y_pred"]
    for target, weight in (("gravimetric_capacity", 1), ("volumetric_capacity", 1), ("average_voltage", 3)):
        rows = pd.IndexSlice[:, target]
        expected = (weight * forest.loc[rows] + control.loc[rows]) / (weight + 1)
        pd.testing.assert_series_equal(predicted.loc[rows], expected, rtol=1e-9)
    assert run.share.empty


def test_the_record_names_the_members(tmp_path: Path) -> None:
    case, members = ensemble_case()
    run = fit_run(**case, cache=tmp_path)
    assert list(run.members) == list(MEMBERS)
    for name, member in members.items():
        alone = fit_run(**member, cache=tmp_path)
        record = run.members[name]
        assert (record.module, record.feature_set) == (alone.module, alone.feature_set)
        assert (record.config, record.code) == (alone.digests.config, alone.digests.code)
        assert record.config == digest(models.members_of(case["config"])[name].config.model_dump(mode="json"))
        assert run.config["configurations"][name].items() >= alone.config.items()
        assert set(alone.versions.items()) <= set(run.versions.items())
        assert alone.members == {}
    assert run.feature_set == "magpie_mean"


def test_an_ensemble_costs_what_its_members_cost(tmp_path: Path) -> None:
    case, members = ensemble_case()
    run = fit_run(**case, cache=tmp_path)
    for key, fold in run.folds.items():
        taken = fold_resources(tmp_path, fold.cache_key)
        of_members = [
            fold_resources(tmp_path, fit_run(**member, cache=tmp_path).folds[key].cache_key)
            for member in members.values()
        ]
        for time in ("seconds", "cpu_seconds"):
            assert taken[time] == pytest.approx(sum(one[time] for one in of_members))
        assert taken["peak_rss_mb"] == max(one["peak_rss_mb"] for one in of_members)
        assert taken["device"] == "cpu"
        assert taken["started"] == min(one["started"] for one in of_members)


def _keys(case: dict[str, Any]) -> set[str]:
    given = {k: case[k] for k in ("spec", "config", "folds", "frame", "targets", "seed", "member_frames")}
    spec, config, folds = given.pop("spec"), given.pop("config"), given.pop("folds")
    return {task.key for task in plan(spec, config, folds, **given).values()}


@pytest.mark.parametrize(
    "changed",
    [
        {"rf_magpie": {"n_estimators": 6}},
        {"ensemble": {"members": list(MEMBERS)[::-1]}},
        {"ensemble": {"members": list(MEMBERS), "weights": {"control": {"share": 0.5}}}},
    ],
)
def test_a_changed_configuration_changes_the_keys(changed: dict[str, Any]) -> None:
    case, _ = ensemble_case()
    assert not _keys(case) & _keys(ensemble_case(**changed)[0])


def test_changed_features_of_a_member_change_the_keys() -> None:
    case, _ = ensemble_case()
    frames = dict(case["member_frames"])
    frames["rf_magpie"] = frames["rf_magpie"] + 1e-6
    assert not _keys(case) & _keys({**case, "member_frames": frames})


def test_a_changed_version_of_a_members_library_changes_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    params = Params(
        seed=0,
        models={"ensemble": {"members": ["drifting_model"]}, "drifting_model": {"module": "support.drifting_model"}},
    )
    spec = models.spec("ensemble")
    case = case_of(spec)
    case |= {"config": models.configured(spec, params), "member_frames": {"drifting_model": case["frame"]}}
    before = _keys(case)
    monkeypatch.setenv(VERSION, "2")
    assert not before & _keys(case)


def test_a_damaged_fold_of_a_member_is_fitted_again(tmp_path: Path) -> None:
    case, members = ensemble_case()
    run = fit_run(**case, cache=tmp_path)
    forest = fit_run(**members["rf_magpie"], cache=tmp_path)
    lost = "fold-1"
    (tmp_path / "folds" / forest.folds[lost].cache_key / "predictions.parquet").write_bytes(b"spoilt by a full disk")
    (tmp_path / "folds" / run.folds[lost].cache_key / "predictions.parquet").write_bytes(b"spoilt by a full disk")
    counted = InOrder(shares_files=False)
    again = fit_run(**case, cache=tmp_path, executor=counted)
    assert _models(counted) == ["rf_magpie"]
    pd.testing.assert_frame_equal(run.predictions, again.predictions, check_exact=True)


def test_distributions_of_the_share_are_combined(tmp_path: Path) -> None:
    case, members = ensemble_case(ensemble={"members": ["sharing_model"]})
    case["member_frames"] = {"sharing_model": case["member_frames"]["sharing_model"]}
    run, alone = fit_run(**case, cache=tmp_path), fit_run(**members["sharing_model"], cache=tmp_path)
    pd.testing.assert_frame_equal(run.share, alone.share)
    for key, fold in run.folds.items():
        np.testing.assert_allclose(fold.share_values, alone.folds[key].share_values)
