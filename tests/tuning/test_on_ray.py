"""A study on a Ray cluster that loses a node in mid-trial."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from support import executor_work as work
from support.studies import RecordingLogger

from electrode_bench.fitting import ray
from electrode_bench.tuning import driver
from electrode_bench.tuning.storage import journal, open_study
from electrode_bench.tuning.study import StudySpec

pytestmark = pytest.mark.xdist_group("ray")


class _LosingCluster:
    """A cluster on which trials begin on all nodes before one of them is lost."""

    def __init__(self, cluster: ray.Cluster, folder: Path, lost: str) -> None:
        self.cluster, self.folder, self.lost = cluster, folder, lost
        self.n_workers, self.shares_files, self.n_hosts = cluster.n_workers, False, cluster.n_hosts

    def run(self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        yield from self.cluster.run(
            work.trial_before_the_loss, ((self.folder, self.lost, function, *call) for call in calls)
        )


def test_no_trial_is_lost_or_counted_twice_when_a_node_is_lost(
    ray_nodes: Any, make_spec: Callable[..., StudySpec], logger: RecordingLogger, tmp_path: Path
) -> None:
    url = journal(tmp_path / "studies")
    (tmp_path / "begun").mkdir()
    with ray.cluster(address=ray_nodes.address, cpus=2) as small:
        lost = ray_nodes.add_node(num_cpus=4)
        cluster = ray.Cluster(cpus=2)
        assert (cluster.n_workers, cluster.n_hosts) == (small.n_workers + 2, 1)

        def lose() -> None:
            deadline = time.monotonic() + 120
            while not any((tmp_path / "begun").glob(f"*-{lost.node_id}")) and time.monotonic() < deadline:
                time.sleep(0.01)
            ray_nodes.remove_node(lost, allow_graceful=False)

        spec = make_spec()
        study = open_study(spec, url=url, trials=8).study
        power_cut = threading.Thread(target=lose)
        power_cut.start()
        try:
            driver.run_trials(
                spec,
                study,
                url=url,
                trials=8,
                seconds=None,
                executor=_LosingCluster(cluster, tmp_path / "begun", lost.node_id),
                logger=logger,
            )
        finally:
            power_cut.join()
    assert sorted(result.number for result in logger.results) == sorted(logger.started) == list(range(8))
    assert logger.lost == []
    trials = study.trials()
    assert study.count() == len(trials) == 8
    begun = [path.name.partition("-")[0] for path in (tmp_path / "begun").glob("*")]
    repeated = {number for number in begun if begun.count(number) > 1}
    assert repeated, "no trial was under way on the node when it was lost"
    assert {trials[int(number)].state for number in repeated} <= {"complete", "pruned"}
