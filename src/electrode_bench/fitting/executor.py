"""Where independent pieces of work run: processes of this machine (loky), or tasks of a Ray cluster.

Both take the calls one by one, as places fall free, so that a call may depend on what earlier ones found.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Protocol, TypeVar

from electrode_bench.errors import UserError

T = TypeVar("T")
R = TypeVar("R")

#: A call that was lost with its machine is made again this often.
RETRIES = 3

#: Seconds in which a cluster's head must take a connection.
ANSWER = 5.0

#: Environment variables that begin so are this program's settings: a call sees those of the process that made it.
SETTINGS = "ELECTRODE_BENCH_"

#: A worker that starts a thread per core makes every other worker wait.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)

#: Seconds after which an idle process of this machine ends.
_IDLE = 300


class WorkerLost(UserError):
    """A worker died in mid-call; the calls under way are lost, and which of them killed it cannot be told."""


class Executor(Protocol):
    """Runs one function on many arguments."""

    @property
    def places(self) -> int:
        """How many calls run side by side."""
        ...

    @property
    def here(self) -> bool:
        """Whether calls see this machine's files."""
        ...

    @property
    def hosts(self) -> int:
        """On how many machines calls run."""
        ...

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        """A result a call, in the order in which they end.

        ``calls`` is read as places fall free and results are taken: never more than ``places`` ahead of the results.
        An argument that is the same object in every call is sent once where the backend can. An exception of a call
        is raised here as itself. It ends the calls under way, as closing the generator does.
        """
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine; one place, or a single call, runs in this process."""

    places: int = 1
    here: bool = field(default=True, init=False)
    hosts: int = field(default=1, init=False)

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        source = iter(calls)
        first = list(islice(source, max(self.places, 1)))
        if len(first) <= 1:
            yield from (function(*call) for call in chain(first, source))
            return
        from concurrent.futures.process import BrokenProcessPool

        from joblib.externals.loky import get_reusable_executor

        # A process that has grown by 300 MB (a network after a forest), or was idle for long, ends and is replaced.
        # loky's thread warns of it, and where warnings are errors it died of that, and the calls waited for ever.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs", category=UserWarning)
        # No more processes than there are calls: each costs a start of Python.
        pool = get_reusable_executor(
            len(first), timeout=_IDLE, initializer=_end_with_parent, env={**_ONE_THREAD, **_settings()}
        )

        def submit(call: tuple[Any, ...]) -> Future[T]:
            future: Future[T] = pool.submit(function, *call)
            return future

        under_way: set[Future[T]] = set()
        try:
            for future in _as_they_end(chain(first, source), len(first), under_way, submit, _first_future):
                yield future.result()
        except BrokenProcessPool:
            raise WorkerLost("a worker process was killed, for want of memory perhaps") from None
        finally:
            if under_way:
                # loky's thread fails on a call that it had not begun to hand over; it does so at once.
                while not all(future.running() or future.done() for future in under_way):
                    time.sleep(0.001)
                pool.shutdown(wait=True, kill_workers=True)


def _end_with_parent() -> None:
    """End this worker soon after its parent was killed: it would hold its memory, and a GPU's, until it is bored."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="end with parent").start()


#: This process.
IN_PROCESS = Local()


@dataclass(frozen=True)
class Cluster:
    """Tasks of the Ray cluster that this process has joined. A task whose machine is lost runs again on another.

    The nodes are counted when this is made; the tasks go to all nodes that are there when they run.

    Parameters
    ----------
    cpus, gpus : what a task takes; a fraction of a GPU lets several share it.

    Raises
    ------
    UserError
        When no node has room for a task.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    places: int = field(init=False)
    here: bool = field(default=False, init=False)
    hosts: int = field(init=False)

    def __post_init__(self) -> None:
        if self.cpus <= 0 or self.gpus < 0 or (self.gpus > 1 and self.gpus % 1):
            raise UserError(
                f"a task cannot take {self.cpus:g} CPUs and {self.gpus:g} GPUs; "
                "GPUs are a share of one, or a whole number"
            )
        alive = [node for node in _ray().nodes() if node["Alive"]]
        nodes = [node["Resources"] for node in alive]
        places = sum(_room(node, cpus=self.cpus, gpus=self.gpus) for node in nodes)
        if not places:
            has = "; ".join(sorted(f"{node.get('CPU', 0):g} CPUs and {node.get('GPU', 0):g} GPUs" for node in nodes))
            raise UserError(
                f"a task takes {self.cpus:g} CPUs and {self.gpus:g} GPUs; no node of the Ray cluster has them ({has})"
            )
        object.__setattr__(self, "places", places)
        object.__setattr__(self, "hosts", len({node["NodeManagerAddress"] for node in alive}))

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        ray = _ray()
        # The decorator, not `options`: only there Ray ends a worker after a task on a GPU, which frees its memory.
        task = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=RETRIES)(_in_worker)
        environment = {**_ONE_THREAD, **_settings()}
        if not self.gpus:
            # Ray leaves all GPUs of a node in sight of a task that asked for none.
            environment["CUDA_VISIBLE_DEVICES"] = ""
        shared: dict[int, tuple[Any, Any]] = {}

        def submit(call: tuple[Any, ...]) -> Any:
            # What the call before had is in the cluster's store; what it alone had may leave the store.
            kept = {id(a): shared.get(id(a)) or (a, ray.put(a)) for a in call if hasattr(a, "memory_usage")}
            shared.clear()
            shared.update(kept)
            return task.remote(environment, function, *(shared[id(a)][1] if id(a) in shared else a for a in call))

        def first(under_way: set[Any]) -> Any:
            return ray.wait(list(under_way), num_returns=1)[0][0]

        under_way: set[Any] = set()
        try:
            for reference in _as_they_end(calls, self.places, under_way, submit, first):
                yield _result(ray, reference)
        finally:
            # A cluster that was left has cancelled them itself.
            if ray.is_initialized():
                for reference in under_way:
                    ray.cancel(reference, force=True)


def _as_they_end(
    calls: Iterable[tuple[Any, ...]],
    places: int,
    under_way: set[R],
    submit: Callable[[tuple[Any, ...]], R],
    first: Callable[[set[R]], R],
) -> Iterator[R]:
    """What ``submit`` gave for each call, as ``first`` of those under way ends."""
    for call in calls:
        under_way.add(submit(call))
        if len(under_way) >= places:
            ended = first(under_way)
            under_way.discard(ended)
            yield ended
    while under_way:
        ended = first(under_way)
        under_way.discard(ended)
        yield ended


def _first_future(under_way: set[Future[T]]) -> Future[T]:
    return next(iter(wait(under_way, return_when=FIRST_COMPLETED).done))


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, ray.exceptions.RaySystemError):
            why = str(error.cause).partition("\n")[0]
            raise UserError(
                f"a node of the Ray cluster could not read its task ({why}); install the same there"
            ) from error
        # Ray's own is a class made of both, whose message is the worker's traceback.
        raise error.cause from error
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError) as error:
        raise WorkerLost(
            f"a task was lost with its worker {RETRIES + 1} times, for want of memory perhaps; "
            f"Ray says: {' '.join(str(error).split())[:200]}"
        ) from error


def _in_worker(environment: Mapping[str, str], function: Callable[..., T], *arguments: Any) -> T:
    """One call in a Ray worker, whose environment is its node's: with the settings of the driver, on one thread."""
    from threadpoolctl import threadpool_limits

    os.environ.update(environment)
    with threadpool_limits(1):
        return function(*arguments)


def _settings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(SETTINGS)}


def _room(node: Mapping[str, float], *, cpus: float, gpus: float) -> int:
    """How many tasks fit on a node: several may share a GPU, but a task that takes a share has it on one GPU."""
    # Shares of ten thousandths are Ray's finest.
    room = math.floor(node.get("CPU", 0.0) / cpus + 1e-4)
    if gpus:
        has = math.floor(node.get("GPU", 0.0))
        room = min(room, has * math.floor(1 / gpus + 1e-4) if gpus < 1 else has // round(gpus))
    return room


def _ray() -> Any:
    ray = _imported()
    if not ray.is_initialized():
        raise UserError("no Ray cluster is joined; see executor.cluster")
    return ray


def _imported() -> Any:
    # Ray reports its use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed; install it with: make ray") from None
    return ray


@contextmanager
def cluster(*, address: str | None = None, cpus: float = 1.0, gpus: float = 0.0) -> Iterator[Cluster]:
    """A running Ray cluster, joined for the time of the block.

    Parameters
    ----------
    address : HOST:PORT of its head; None takes RAY_ADDRESS, or the cluster that `ray start` began on this machine.

    Raises
    ------
    UserError
        When Ray is not installed, no cluster is there, this machine is no node of it, or no node has room for a task.
    """
    ray = _imported()
    own = not ray.is_initialized()
    if own:
        _join(ray, address)
    try:
        yield Cluster(cpus, gpus)
    finally:
        if own:
            ray.shutdown()


def _join(ray: Any, address: str | None) -> None:
    # Ray's own search, and a connection by hand: `ray.init` waits for minutes for a head that is gone.
    from ray._private import services

    named = address or os.environ.get("RAY_ADDRESS") or "auto"
    where = "this machine" if named == "auto" else named
    try:
        found = services.canonicalize_bootstrap_address_or_die(named)
        host, _, port = found.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER).close()
    except (OSError, ValueError):
        raise UserError(
            f"no Ray cluster answers at {where}; start one with `ray start --head`, "
            "or name its head in RAY_ADDRESS as HOST:PORT"
        ) from None
    if not services.find_node_ids():
        raise UserError(f"this machine is no node of the Ray cluster; run: ray start --address={found}")
    try:
        ray.init(address=found, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        # Ray or Python of another version among them.
        raise UserError(f"the Ray cluster at {found} was not joined: {' '.join(str(error).split())[:200]}") from error
