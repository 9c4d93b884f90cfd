"""Where independent pieces of work run: processes of this machine (loky), or tasks of a Ray cluster.

Both take the calls one by one, as places fall free, so that a call may depend on what earlier ones found.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from electrode_bench.errors import UserError

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")

#: A call that was lost with its machine is made again this often.
RETRIES = 3


class WorkerLost(UserError):
    """A worker died with the call that it was at; all calls under way are lost."""


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

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        """A result a call, in the order in which they end.

        ``calls`` is read as places fall free: at most ``places`` are under way. An argument that is the same object in
        every call is sent once where the backend can. An exception of a call is raised here, and ends the others.
        """
        ...


@dataclass(frozen=True)
class Local:
    """Processes of this machine; one place runs in this process."""

    places: int = 1
    here: bool = field(default=True, init=False)

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        if self.places <= 1:
            yield from (function(*call) for call in calls)
            return
        from concurrent.futures import FIRST_COMPLETED, wait
        from concurrent.futures.process import BrokenProcessPool

        from loky import get_reusable_executor

        # One thread a worker: a worker that starts a thread per core makes every other worker wait.
        pool = get_reusable_executor(self.places, env=dict.fromkeys(_THREADS, "1"))
        source = iter(calls)
        under_way: set[Future[T]] = set()
        try:
            while True:
                while len(under_way) < self.places and (call := next(source, None)) is not None:
                    under_way.add(pool.submit(function, *call))
                if not under_way:
                    return
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            under_way.clear()
            raise WorkerLost("a worker process was killed, perhaps for want of memory") from None
        finally:
            if under_way:
                pool.shutdown(kill_workers=True)


#: Environment variables that numerical libraries take their number of threads from.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Cluster:
    """Tasks of a Ray cluster. A task whose machine is lost runs again on another.

    Parameters
    ----------
    cpus, gpus : what a task takes; a fraction of a GPU lets several share it.
    """

    cpus: float = 1.0
    gpus: float = 0.0
    here: bool = field(default=False, init=False)

    @property
    def places(self) -> int:
        total = _ray().cluster_resources()
        most = [total.get("CPU", 0.0) / self.cpus] if self.cpus else []
        most += [total.get("GPU", 0.0) / self.gpus] if self.gpus else []
        places = int(min(most) + 1e-9) if most else 1
        if places < 1:
            has = f"{total.get('CPU', 0):g} CPUs and {total.get('GPU', 0):g} GPUs"
            raise UserError(f"a task asks for {self.cpus:g} CPUs and {self.gpus:g} GPUs; the Ray cluster has {has}")
        return places

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Iterator[T]:
        ray = _ray()
        places = self.places
        task = ray.remote(_alone).options(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=RETRIES)
        # Large arguments are put into the cluster's store once, however many calls have them.
        shared: dict[int, tuple[Any, Any]] = {}

        def sent(argument: Any) -> Any:
            if not hasattr(argument, "memory_usage"):
                return argument
            if id(argument) not in shared:
                shared[id(argument)] = (argument, ray.put(argument))
            return shared[id(argument)][1]

        under_way: set[Any] = set()
        source = iter(calls)
        try:
            for call in source:
                under_way.add(task.remote(function, *map(sent, call)))
                if len(under_way) < places:
                    continue
                yield from _ended(ray, under_way)
            while under_way:
                yield from _ended(ray, under_way)
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)


def _ended(ray: Any, under_way: set[Any]) -> Iterator[Any]:
    done, _ = ray.wait(list(under_way), num_returns=1)
    for reference in done:
        under_way.discard(reference)
        try:
            yield ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from None


def _alone(function: Callable[..., T], *arguments: Any) -> T:
    """One call in a Ray worker: on one thread, as everywhere."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return function(*arguments)


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed; install it with: pip install 'electrode-bench[ray]'") from None
    if not ray.is_initialized():
        raise UserError("no Ray cluster is open; see executor.cluster")
    return ray


@contextmanager
def cluster(*, address: str | None = None, cpus: float = 1.0, gpus: float = 0.0) -> Iterator[Cluster]:
    """A running Ray cluster, joined for the time of the block.

    Parameters
    ----------
    address : of the cluster; None takes RAY_ADDRESS, or the cluster that `ray start` began on this machine.

    Raises
    ------
    UserError
        When Ray is not installed or no cluster is there.
    """
    # Ray reports its use to its makers unless told not to.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UserError("Ray is not installed; install it with: pip install 'electrode-bench[ray]'") from None
    own = not ray.is_initialized()
    if own:
        try:
            ray.init(
                address=address or os.environ.get("RAY_ADDRESS") or "auto", log_to_driver=False, logging_level="ERROR"
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            where = address or os.environ.get("RAY_ADDRESS") or "this machine"
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"no Ray cluster answers at {where} ({reason}); start one with: ray start --head") from None
    try:
        yield Cluster(cpus, gpus)
    finally:
        if own:
            ray.shutdown()
