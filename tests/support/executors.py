"""An executor that tells what it was asked to fit."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from electrode_bench.fitting.runs import FoldTask

T = TypeVar("T")


@dataclass(frozen=True)
class InOrder:
    """Runs fits one after the other in this process, as one that shares files or not, and lists their tasks."""

    shares_files: bool = True
    tasks: list[FoldTask] = field(default_factory=list)
    n_workers: int = 1
    n_hosts: int = 1

    def run(self, function: Callable[..., T], calls: Iterable[tuple[Any, ...]]) -> Generator[T, None, None]:
        for call in calls:
            self.tasks.append(call[0])
            yield function(*call)
