"""Tasks of a Ray cluster: how many run at once, what a lost node or worker means, and the same bytes as here."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import executor_work as work
from support import forks
from support.cases import ensemble_case, fit_case
from support.drifting_model import VERSION
from support.projects import QUICK
from support.serving import free_port

from electrode_bench import models
from electrode_bench.core.paths import Paths
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import Executor
from electrode_bench.fitting.protocols import fit_run
from electrode_bench.fitting.ray import Cluster, join
from electrode_bench.fitting.runs import code_digest, require_same_code
from electrode_bench.project import Project
from electrode_bench.stages import fit

# One cluster for all tests, where they are distributed over several processes.
pytestmark = pytest.mark.xdist_group("ray")


def test_a_large_argument_is_sent_to_the_cluster_once(on_ray: Executor) -> None:
    table = work.Counted(np.full((1000, 10), 7.0))
    work.Counted.pickled = 0
    assert sorted(on_ray.run(work.first_plus, ((table, n) for n in range(6)))) == [7.0 + n for n in range(6)]
    assert work.Counted.pickled == 1


def test_tasks_of_a_lost_node_run_again(ray_nodes: Any, on_ray: Executor, tmp_path: Path) -> None:
    import ray

    lost = ray_nodes.add_node(num_cpus=4)
    assert len([n for n in ray.nodes() if n["Alive"]]) == 3

    def lose() -> None:
        deadline = time.monotonic() + 120
        while not any(tmp_path.glob(f"*-{lost.node_id}")) and time.monotonic() < deadline:
            time.sleep(0.01)
        ray_nodes.remove_node(lost, allow_graceful=False)

    wide = Cluster(cpus=2)
    assert wide.n_workers == on_ray.n_workers + 2
    power_cut = threading.Thread(target=lose)
    power_cut.start()
    try:
        found = list(wide.run(work.node, ((tmp_path, lost.node_id, number) for number in range(8))))
    finally:
        power_cut.join()
    assert sorted(number for number, _ in found) == list(range(8))
    begun = {path.name.partition("-")[0] for path in tmp_path.glob(f"*-{lost.node_id}")}
    done_there = {str(number) for number, name in found if name == lost.node_id}
    assert begun - done_there, "no task was under way on the node when it was lost"
    while len([n for n in ray.nodes() if n["Alive"]]) > 2:
        time.sleep(0.05)


@pytest.mark.usefixtures("on_ray")
def test_a_task_that_ends_its_worker_every_time_is_an_error() -> None:
    with pytest.raises(UserError, match=r"a task was lost with its worker 2 times"):
        list(Cluster(cpus=2, retries=1).run(work.die, [()]))


@pytest.mark.parametrize(
    ("cpus", "gpus", "n_workers"),
    [(1, 0, 6), (0.5, 0, 12), (2, 0, 3), (3, 0, 1), (1, 0.25, 4), (1, 0.3, 3), (1, 0.6, 1), (1, 1, 1), (2, 0.25, 2)],
)
@pytest.mark.usefixtures("on_ray")
def test_workers_are_counted_node_by_node(cpus: float, gpus: float, n_workers: int) -> None:
    assert Cluster(cpus=cpus, gpus=gpus).n_workers == n_workers


@pytest.mark.parametrize(
    ("cpus", "gpus", "message"),
    [
        (5, 0, r"takes 5 CPUs and 0 GPUs; no node .* \(2 CPUs and 0 GPUs; 4 CPUs and 1 GPUs\)"),
        (1, 2, "takes 1 CPUs and 2 GPUs; no node"),
        (1, 1.5, "GPUs are a fraction of one, or a whole number"),
        (0, 0, "a task cannot take 0 CPUs"),
    ],
)
@pytest.mark.usefixtures("on_ray")
def test_a_task_that_no_node_has_room_for_is_refused(cpus: float, gpus: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Cluster(cpus=cpus, gpus=gpus)


@pytest.mark.usefixtures("on_ray")
def test_a_task_sees_the_gpu_that_it_asked_for_and_no_other() -> None:
    visible = [("CUDA_VISIBLE_DEVICES",)]
    assert list(Cluster(gpus=0.5).run(work.seen, visible)) == ["0"]
    assert list(Cluster().run(work.seen, visible)) == [""]


@pytest.fixture
def one_worker(on_ray: Executor) -> Executor:  # noqa: ARG001 (joins the cluster)
    """A single worker: each would load the models' libraries first."""
    return Cluster(cpus=4)


def test_a_run_has_the_same_bytes_on_ray_and_here(one_worker: Executor, tmp_path: Path) -> None:
    case, seen = fit_case(), []
    here = fit_run(**case, cache=tmp_path / "here")
    there = fit_run(
        **case, cache=tmp_path / "there", executor=one_worker, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    pd.testing.assert_frame_equal(here.predictions, there.predictions, check_exact=True)
    assert here.record() == there.record()
    assert _folds(tmp_path / "here") == _folds(tmp_path / "there")


def test_an_ensemble_has_the_same_bytes_on_ray_and_here(one_worker: Executor, tmp_path: Path) -> None:
    case, members = ensemble_case()
    # What one member's run has fitted here is not fitted there again.
    fit_run(**members["rf_magpie"], cache=tmp_path / "there")
    before, seen = _folds(tmp_path / "there"), []
    there = fit_run(
        **case, cache=tmp_path / "there", executor=one_worker, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, 12) for done in range(4, 13)]
    here = fit_run(**case, cache=tmp_path / "here")
    pd.testing.assert_frame_equal(here.predictions, there.predictions, check_exact=True)
    assert here.record() == there.record()
    assert _folds(tmp_path / "here") == _folds(tmp_path / "there")
    assert before.items() <= _folds(tmp_path / "there").items()


def _folds(cache: Path) -> dict[str, bytes]:
    return {p.parent.name: p.read_bytes() for p in (cache / "folds").glob("*/predictions.parquet")}


def test_nothing_that_another_version_fitted_is_kept(
    one_worker: Executor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = {**fit_case(), "spec": models.from_module("support.drifting_model")}
    fit_run(**case, cache=tmp_path / "same", executor=one_worker)
    assert len(_folds(tmp_path / "same")) == 4
    monkeypatch.setenv(VERSION, "2")
    expected = r"has another version of electrode-bench, or of a library that support\.drifting_model needs"
    with pytest.raises(UserError, match=expected):
        fit_run(**case, cache=tmp_path / "other", executor=one_worker)
    assert _folds(tmp_path / "other") == {}


def test_other_code_is_refused() -> None:
    module = "electrode_bench.models.rf_magpie"
    require_same_code(module, code_digest(module))
    with pytest.raises(UserError, match="install the same"):
        require_same_code(module, "0" * 64)


def test_the_stage_writes_the_same_files_on_ray(one_worker: Executor, finished: Project, tmp_path: Path) -> None:
    copy = Project(tmp_path / "project")
    shutil.copytree(finished.root, copy.root, ignore=shutil.ignore_patterns(".cache", "fit"))
    fit.run(copy, QUICK, model="rf_magpie", protocol="stratified", executor=one_worker)
    for file in (Paths.predictions, Paths.run):
        made, expected = (file(p.paths, "rf_magpie", "stratified").read_bytes() for p in (copy, finished))
        assert made == expected


def test_the_command_joins_the_cluster_that_ray_address_names(ray_nodes: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(tmp_path), "fit", "control", "loco"]
    run = forks.run(
        [*command, "--backend", "ray", "--gpus-per-fold", "8"],
        env={**os.environ, "RAY_ADDRESS": ray_nodes.address},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2
    assert "a task takes 1 CPUs and 8 GPUs; no node of the Ray cluster has them (2 CPUs" in run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "nowhere.invalid:6379", "ray://127.0.0.1:10001", "6379"])
def test_a_cluster_that_does_not_answer_is_reported_at_once(address: str) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: make ray")
    address = address.format(port=free_port())
    began = time.monotonic()
    with pytest.raises(UserError, match=f"no Ray cluster answers at {address}; start one with `ray start --head`"):
        join(address)
    assert time.monotonic() - began < 10
