"""Processes that answer slowly, or end, for the tests of workers and of the server of a model. Imports little."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from types import SimpleNamespace

from electrode_bench.errors import UserError


def start() -> Callable[[bytes, str], SimpleNamespace]:
    """Answers with what it is asked; ``slow`` takes an hour, and ``die`` ends the process."""

    def answer(body: bytes, kind: str) -> SimpleNamespace:
        if body == b"slow":
            time.sleep(3600)
        if body == b"die":
            os._exit(1)
        return SimpleNamespace(status=200, body=f"{kind}: {body.decode()}", kind="text/plain")

    return answer


def fail() -> Callable[[bytes, str], SimpleNamespace]:
    """A model that cannot be loaded."""
    raise UserError("the model has no voltage")
