"""What the tests of executors run in workers, which import it by name."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.errors import UserError


class Counted(pd.DataFrame):
    """A table that counts how often it is pickled."""

    pickled = 0

    def __reduce_ex__(self, protocol: Any) -> Any:
        Counted.pickled += 1
        return pd.DataFrame, (self.to_numpy(),)


def first_plus(table: pd.DataFrame, number: int) -> float:
    return float(table.iloc[0, 0]) + number


def square(number: int) -> int:
    return number * number


def fail(number: int) -> int:
    if number == 2:
        raise UserError("the second is wrong; try another")
    return number


def beat(folder: Path, number: int) -> int:
    """0 comes back as soon as another call beats; any other number beats for ever, or until there is a file ``end``."""
    while number and not (folder / "end").exists():
        (folder / str(number)).write_text(str(time.monotonic_ns()))
        time.sleep(0.02)
    while not any(folder.iterdir()):
        time.sleep(0.02)
    return number


def fail_beside_a_beat(folder: Path, number: int) -> int:
    if beat(folder, number) == 0:
        raise UserError("ended")
    return number


def seen(name: str) -> str | None:
    return os.environ.get(name)


def threads() -> set[int]:
    from threadpoolctl import threadpool_info

    return {library["num_threads"] for library in threadpool_info()}


def node(folder: Path, lost: str, number: int) -> tuple[int, str]:
    """Where a call runs; see :func:`begin_before_the_loss`."""
    return number, begin_before_the_loss(folder, lost, number)


def begin_before_the_loss(folder: Path, lost: str, number: int) -> str:
    """Leave a mark of the node where a call began, and go on once one began on the node that is to be lost.

    There, it never ends. Returns the node.
    """
    import ray

    name = str(ray.get_runtime_context().get_node_id())
    (folder / f"{number}-{name}").touch()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (name == lost or not any(folder.glob(f"*-{lost}"))):
        time.sleep(0.02)
    return name


_KEPT: list[bytes] = []


def grow(number: int) -> int:
    """Keep 400 MB more, and take the second after which a worker's memory is looked at again."""
    _KEPT.append(b"1" * 400_000_000)
    time.sleep(1.2)
    return number


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def trial_before_the_loss(folder: Path, lost: str, function: Any, *call: Any) -> Any:
    """One trial (the last argument); see :func:`begin_before_the_loss`."""
    begin_before_the_loss(folder, lost, call[-1].number)
    return function(*call)
