from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import TESTS
from support import executor_work as work
from support.cases import fit_case
from support.projects import QUICK
from support.serving import free_port

from electrode_bench.errors import UserError
from electrode_bench.fitting import executor
from electrode_bench.fitting.executor import Executor, Local
from electrode_bench.fitting.runs import fit_run, require_same_code
from electrode_bench.project import Paths, Project
from electrode_bench.stages import fit

# One cluster for all, where tests are dealt out to several processes.
pytestmark = pytest.mark.xdist_group("ray")


@pytest.fixture(scope="module")
def on_ray(ray_nodes: Any) -> Iterator[Executor]:
    with executor.cluster(address=ray_nodes.address, cpus=2) as joined:
        yield joined


@pytest.fixture(params=["in process", "processes", "ray"])
def backend(request: pytest.FixtureRequest) -> Executor:
    if request.param == "ray":
        return request.getfixturevalue("on_ray")
    return Local(1 if request.param == "in process" else 3)


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_every_result_comes_once_and_calls_are_read_as_results_are_taken(backend: Executor, n: int) -> None:
    read, found = [], []

    def calls() -> Iterator[tuple[int]]:
        for number in range(n):
            read.append(number)
            yield (number,)

    for result in backend.run(work.square, calls()):
        # Time for a backend that reads on its own.
        time.sleep(0.05)
        assert len(read) - len(found) <= backend.places
        found.append(result)
    assert sorted(found) == [number * number for number in range(n)]


def test_a_call_may_depend_on_earlier_results(backend: Executor) -> None:
    found: list[int] = []
    calls = ((1 + max(found, default=1),) for _ in range(6))
    found.extend(backend.run(work.square, calls))
    assert max(found) > 4


def test_an_exception_arrives_as_itself(backend: Executor) -> None:
    with pytest.raises(UserError) as caught:
        list(backend.run(work.fail, ((number,) for number in range(9))))
    assert type(caught.value) is UserError
    assert str(caught.value) == "the second is wrong; try another"
    assert sorted(backend.run(work.fail, [(3,), (4,), (5,)])) == [3, 4, 5]


def test_an_exception_of_the_calls_arrives_as_itself(backend: Executor) -> None:
    def calls() -> Iterator[tuple[int]]:
        yield (1,)
        yield (3,)
        raise UserError("no more calls")

    with pytest.raises(UserError, match=r"^no more calls$"):
        list(backend.run(work.square, calls()))


@pytest.mark.parametrize("backend", ["processes", "ray"], indirect=True)
@pytest.mark.parametrize("how", ["closed", "failed"])
def test_what_is_under_way_ends_with_the_run(backend: Executor, how: str, tmp_path: Path) -> None:
    calls = [(tmp_path, number) for number in range(3)]
    if how == "closed":
        with closing(backend.run(work.beat, calls)) as run:
            assert next(run) == 0
    else:
        with pytest.raises(UserError, match=r"^ended$"):
            list(backend.run(work.fail_beside_a_beat, calls))
    deadline, last = time.monotonic() + 20, None
    while (now := {p.name: p.read_text() for p in tmp_path.iterdir()}) != last and time.monotonic() < deadline:
        last = now
        time.sleep(0.5)
    # A call that was cancelled while Ray still looked for its worker may begin later: it must not keep the CPUs.
    (tmp_path / "end").touch()
    assert now == last


@pytest.mark.parametrize("backend", ["processes", "ray"], indirect=True)
def test_workers_see_the_settings_of_now_and_run_on_one_thread(
    backend: Executor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for device in ("cpu", "cuda:7"):
        monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", device)
        assert set(backend.run(work.seen, [("ELECTRODE_BENCH_DEVICE",)] * 3)) == {device}
    assert set().union(*backend.run(work.threads, [()] * 3)) == {1}


def test_the_backend_leaves_the_callers_own_parallel_work_alone() -> None:
    from joblib import Parallel, parallel_backend
    from joblib.parallel import get_active_backend

    with parallel_backend("threading", n_jobs=2), closing(Local(2).run(work.square, [(1,), (2,), (3,)])) as run:
        next(run)
        assert type(get_active_backend()[0]).__name__ == "ThreadingBackend"
        assert Parallel().n_jobs == 2


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
        deadline = time.monotonic() + 30
        while not any(tmp_path.glob(f"*-{lost.node_id}")) and time.monotonic() < deadline:
            time.sleep(0.01)
        ray_nodes.remove_node(lost, allow_graceful=False)

    wide = executor.Cluster(cpus=2)
    assert wide.places == on_ray.places + 2
    power_cut = threading.Thread(target=lose)
    power_cut.start()
    try:
        found = list(wide.run(work.node, ((tmp_path, number) for number in range(8))))
    finally:
        power_cut.join()
    assert sorted(number for number, _ in found) == list(range(8))
    begun = {path.name.partition("-")[0] for path in tmp_path.glob(f"*-{lost.node_id}")}
    done_there = {str(number) for number, name in found if name == lost.node_id}
    assert begun - done_there, "no task was under way on the node when it was lost"
    while len([n for n in ray.nodes() if n["Alive"]]) > 2:
        time.sleep(0.05)


def test_a_task_that_ends_its_worker_every_time_is_told(on_ray: Executor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "RETRIES", 1)
    with pytest.raises(UserError, match=r"a task was lost with its worker 2 times"):
        list(on_ray.run(work.die, [()]))


@pytest.mark.parametrize(
    ("cpus", "gpus", "places"),
    [(1, 0, 6), (0.5, 0, 12), (2, 0, 3), (3, 0, 1), (1, 0.25, 4), (1, 0.3, 3), (1, 0.6, 1), (1, 1, 1), (2, 0.25, 2)],
)
@pytest.mark.usefixtures("on_ray")
def test_places_are_counted_node_by_node(cpus: float, gpus: float, places: int) -> None:
    assert executor.Cluster(cpus=cpus, gpus=gpus).places == places


@pytest.mark.parametrize(
    ("cpus", "gpus", "message"),
    [
        (5, 0, r"takes 5 CPUs and 0 GPUs; no node .* \(2 CPUs and 0 GPUs; 4 CPUs and 1 GPUs\)"),
        (1, 2, "takes 1 CPUs and 2 GPUs; no node"),
        (1, 1.5, "GPUs are a share of one, or a whole number"),
        (0, 0, "a task cannot take 0 CPUs"),
    ],
)
@pytest.mark.usefixtures("on_ray")
def test_a_task_that_no_node_has_room_for_is_told(cpus: float, gpus: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        executor.Cluster(cpus=cpus, gpus=gpus)


@pytest.mark.usefixtures("on_ray")
def test_a_task_sees_the_gpu_that_it_asked_for_and_no_other() -> None:
    visible = [("CUDA_VISIBLE_DEVICES",)]
    assert list(executor.Cluster(gpus=0.5).run(work.seen, visible)) == ["0"]
    assert list(executor.Cluster().run(work.seen, visible)) == [""]


@pytest.fixture
def one_place(on_ray: Executor) -> Executor:  # noqa: ARG001 (joins the cluster)
    """A single worker: each would load the models' libraries first."""
    return executor.Cluster(cpus=4)


def test_a_cell_has_the_same_bytes_on_ray_and_here(one_place: Executor, tmp_path: Path) -> None:
    case, seen = fit_case(), []
    here = fit_run(**case, cache=tmp_path / "here")
    there = fit_run(
        **case, cache=tmp_path / "there", executor=one_place, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    pd.testing.assert_frame_equal(here.predictions, there.predictions, check_exact=True)
    assert here.record() == there.record()
    assert _folds(tmp_path / "here") == _folds(tmp_path / "there")


def _folds(cache: Path) -> dict[str, bytes]:
    return {p.parent.name: p.read_bytes() for p in (cache / "folds").glob("*/predictions.parquet")}


def test_another_version_is_refused() -> None:
    with pytest.raises(UserError, match=r"has another version of .*rf_magpie needs"):
        require_same_code("electrode_bench.models.rf_magpie", "0" * 64)


def test_the_stage_writes_the_same_files_on_ray(one_place: Executor, finished: Project, tmp_path: Path) -> None:
    copy = Project(tmp_path / "project")
    shutil.copytree(finished.root, copy.root, ignore=shutil.ignore_patterns(".cache", "fit"))
    fit.run(copy, QUICK, model="rf_magpie", protocol="stratified", executor=one_place)
    for file in (Paths.predictions, Paths.run):
        made, expected = (file(p.paths, "rf_magpie", "stratified").read_bytes() for p in (copy, finished))
        assert made == expected


def test_the_command_joins_the_cluster_that_ray_address_names(ray_nodes: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "electrode_bench", "-p", str(tmp_path), "fit", "control", "loco"]
    run = subprocess.run(
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
def test_a_cluster_that_is_not_there_is_told_at_once(address: str) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed: make ray")
    address = address.format(port=free_port())
    began = time.monotonic()
    # What `cluster` does where Ray is not joined yet, as it is in these tests.
    with pytest.raises(UserError, match=f"no Ray cluster answers at {address}; start one with `ray start --head`"):
        executor._join(ray, address)
    assert time.monotonic() - began < 10


def test_workers_end_soon_after_their_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from support import executor_work as work\n"
        "from pathlib import Path\n"
        "from electrode_bench.fitting.executor import Local\n"
        "list(Local(2).run(work.beat, ((Path(sys.argv[1]), n) for n in (1, 2))))"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=env)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(list(tmp_path.iterdir())) == 2
    parent.kill()
    parent.wait()
    while _beating(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _beating(tmp_path)


def _beating(folder: Path) -> bool:
    """Whether a worker writes within a second."""
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    time.sleep(1)
    return before != {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_a_worker_that_grew_is_replaced_and_no_call_waits_for_ever() -> None:
    """In a process of its own: where warnings are errors, loky's thread died of its warning."""
    script = (
        "from support import executor_work as work; from electrode_bench.fitting.executor import Local; "
        "print(sorted(Local(2).run(work.grow, ((i,) for i in range(6)))))"
    )
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", script],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "[0, 1, 2, 3, 4, 5]\n", done.stderr
