"""Calls as tasks of a Ray cluster."""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from electrode_bench.errors import UserError, brief
from electrode_bench.fitting.executor import WorkerLost, as_they_finish, worker_environment

T = TypeVar("T")

#: How often a call that was lost with its machine is made again.
RETRIES = 3

#: Seconds within which a cluster's head must accept a connection.
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Cluster:
    """Tasks of the Ray cluster that this process has joined. A task whose machine is lost runs again on another.

    The nodes are counted when this is made; tasks run on all nodes that are there at the time.

    Parameters
    ----------
    cpus, gpus : what a task takes; with a fraction of a GPU, several tasks share one.
    retries : how often a task that was lost with its worker runs again.

    Raises
    ------
    UserError
        When no node has room for a task.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    retries: int = RETRIES
    n_workers: int = field(init=False)
    shares_files: bool = field(default=False, init=False)
    n_hosts: int = field(init=False)

    def __post_init__(self) -> None:
        if self.cpus <= 0 or self.gpus < 0 or (self.gpus > 1 and self.gpus % 1):
            raise UserError(
                f"a task cannot take {self.cpus:g} CPUs and {self.gpus:g} GPUs; "
                "GPUs are a fraction of one, or a whole number"
            )
        alive = [node for node in _joined_ray().nodes() if node["Alive"]]
        resources = [node["Resources"] for node in alive]
        n_workers = sum(_room(node, cpus=self.cpus, gpus=self.gpus) for node in resources)
        if not n_workers:
            has = "; ".join(
                sorted(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in resources)
            )
            raise UserError(
                f"a task takes {self.cpus:g} CPUs and {self.gpus:g} GPUs; no node of the Ray cluster has them ({has})"
            )
        object.__setattr__(self, "n_workers", n_workers)
        object.__setattr__(self, "n_hosts", len({node["NodeManagerAddress"] for node in alive}))

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        ray = _joined_ray()
        # The decorator, not `options`: only then Ray ends a worker after a task on a GPU, which frees its memory.
        task = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=self.retries)(_in_worker)
        environment = worker_environment()
        if not self.gpus:
            # Ray leaves all GPUs of a node visible to a task that asked for none.
            environment["CUDA_VISIBLE_DEVICES"] = ""
        shared: dict[int, tuple[Any, Any]] = {}

        def submit(call: tuple[Any, ...]) -> Any:
            # Arguments that the previous call had too are in the cluster's store; its other ones may leave the store.
            kept = {id(a): shared.get(id(a)) or (a, ray.put(a)) for a in call if hasattr(a, "memory_usage")}
            shared.clear()
            shared.update(kept)
            return task.remote(environment, function, *(shared[id(a)][1] if id(a) in shared else a for a in call))

        def first_finished(running: set[Any]) -> Any:
            return ray.wait(list(running), num_returns=1)[0][0]

        running: set[Any] = set()
        try:
            for reference in as_they_finish(calls, self.n_workers, running, submit, first_finished):
                yield self._result(ray, reference)
        finally:
            # A cluster that this process has left has cancelled its tasks already.
            if ray.is_initialized():
                for reference in running:
                    ray.cancel(reference, force=True)

    def _result(self, ray: Any, reference: Any) -> Any:
        errors = ray.exceptions
        try:
            return ray.get(reference)
        except errors.RayTaskError as error:
            if isinstance(error.cause, errors.RaySystemError):
                why = str(error.cause).partition("\n")[0]
                raise UserError(
                    f"a node of the Ray cluster could not read its task ({why}); install the same versions there"
                ) from error
            # The error itself is of a class made of both, and its message is the worker's traceback.
            raise error.cause from error
        except (errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError) as error:
            raise WorkerLost(
                f"a task was lost with its worker {self.retries + 1} times, perhaps because memory ran out; "
                f"Ray says: {brief(error, 200)}"
            ) from error


@contextmanager
def cluster(*, address: str | None = None, cpus: float = 1.0, gpus: float = 0.0) -> Iterator[Cluster]:
    """A running Ray cluster, joined for the time of the block; parameters and errors as for :func:`join`.

    Raises
    ------
    UserError
        When no node has room for a task.
    """
    ray = _ray()
    own = not ray.is_initialized()
    if own:
        join(address)
    try:
        yield Cluster(cpus, gpus)
    finally:
        if own:
            ray.shutdown()


def join(address: str | None = None) -> None:
    """Join a running Ray cluster.

    Parameters
    ----------
    address : HOST:PORT of its head; None means RAY_ADDRESS, or the cluster that `ray start` began on this machine.

    Raises
    ------
    UserError
        When Ray is not installed, no cluster answers, or this machine is not one of its nodes.
    """
    ray = _ray()
    # Ray's own search, and a connection by hand: `ray.init` waits for minutes for a head that is gone.
    from ray._private import services

    named = address or os.environ.get("RAY_ADDRESS") or "auto"
    where = "this machine" if named == "auto" else named
    try:
        head = services.canonicalize_bootstrap_address_or_die(named)
        host, _, port = head.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError):
        raise UserError(
            f"no Ray cluster answers at {where}; start one with `ray start --head`, "
            "or set RAY_ADDRESS to HOST:PORT of its head"
        ) from None
    if not services.find_node_ids():
        raise UserError(f"this machine is not a node of the Ray cluster; run: ray start --address={head}")
    try:
        ray.init(address=head, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        # Among others, when Ray or Python has another version there.
        raise UserError(f"could not join the Ray cluster at {head}: {brief(error, 200)}") from error


def _ray() -> Any:
    # Ray reports its use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed; install it with: make ray") from None
    return ray


def _joined_ray() -> Any:
    ray = _ray()
    if not ray.is_initialized():
        raise UserError("no Ray cluster is joined; see electrode_bench.fitting.ray.cluster")
    return ray


def _in_worker(environment: Mapping[str, str], function: Callable[..., T], *arguments: Any) -> T:
    """One call in a Ray worker, on one thread and with the settings of the driver instead of its node's."""
    from threadpoolctl import threadpool_limits

    os.environ.update(environment)
    with threadpool_limits(1):
        return function(*arguments)


def _room(node: Mapping[str, float], *, cpus: float, gpus: float) -> int:
    """How many tasks fit on a node. Several may share a GPU, but a task's fraction is always of a single GPU."""
    # Ray counts in ten thousandths.
    room = math.floor(node.get("CPU", 0.0) / cpus + 1e-4)
    if gpus:
        whole_gpus = math.floor(node.get("GPU", 0.0))
        room = min(room, whole_gpus * math.floor(1 / gpus + 1e-4) if gpus < 1 else whole_gpus // round(gpus))
    return room
