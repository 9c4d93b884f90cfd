"""Processes that answer slowly, or end, for the tests of workers and of the server of a model. Imports little."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from electrode_bench.errors import UserError


@dataclass(frozen=True)
class Answer:
    """What the server of a model sends, as ``tracking.scoring.Scored``, which imports more."""

    status: int
    body: str
    kind: str


def start() -> Callable[[bytes, str], Answer]:
    """Answers with what it is asked; ``slow`` takes an hour, and ``die`` ends the process."""

    def answer(body: bytes, kind: str) -> Answer:
        if body == b"slow":
            time.sleep(3600)
        if body == b"die":
            os._exit(1)
        return Answer(status=200, body=f"{kind}: {body.decode()}", kind="text/plain")

    return answer


def fail() -> Callable[[bytes, str], Answer]:
    """A model that cannot be loaded."""
    raise UserError("the model has no voltage")
