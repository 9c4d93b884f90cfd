"""A process that answers one question at a time, and is ended when an answer takes too long.

A thread cannot be ended: a question that takes hours would hold the server for hours.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from electrode_bench.app.jobs import Busy
from electrode_bench.errors import UserError

Answer = TypeVar("Answer")

#: Seconds in which a process must be ready.
_STARTING = 600.0


class TooSlow(UserError):
    """The answer took too long; the process that worked on it was ended."""


class Worker(Generic[Answer]):
    """One process at a time, started again after it was ended.

    Parameters
    ----------
    start : called once in the process; what it returns answers questions. It must be picklable.
    seconds : how long an answer may take.
    waiting : questions that may wait for the one that is answered.
    """

    def __init__(self, start: Callable[[], Callable[..., Answer]], *, seconds: float, waiting: int) -> None:
        self._start, self._seconds, self._most = start, seconds, waiting + 1
        self._asked, self._counting, self._one = 0, threading.Lock(), threading.Lock()
        self._closed = self._is_ready = False
        self._launch()

    def ready(self) -> None:
        """Wait until the process can answer.

        Raises
        ------
        UserError
            When it cannot; the message is that of ``start``.
        """
        with self._one:
            self._await_ready()

    def ask(self, *question: Any) -> Answer:
        """The answer to a question.

        Raises
        ------
        Busy
            When too many questions wait already.
        TooSlow
            When the answer takes too long.
        UserError
            When the process ended while it worked, for example for want of memory.
        """
        with self._counting:
            if self._asked >= self._most:
                raise Busy(f"{self._asked} requests wait already; try again in a minute")
            self._asked += 1
        try:
            with self._one:
                return self._answer(question)
        finally:
            with self._counting:
                self._asked -= 1

    def close(self) -> None:
        """End the process, whatever it does."""
        self._closed = True
        self._process.kill()
        self._process.join()

    def _answer(self, question: tuple[Any, ...]) -> Answer:
        self._await_ready()
        try:
            self._pipe.send(question)
            if self._pipe.poll(self._seconds):
                answer: Answer = self._pipe.recv()
                return answer
        except (EOFError, OSError):
            self._restart()
            raise UserError("the process that worked on the request ended; send fewer rows") from None
        self._restart()
        raise TooSlow(f"the answer took longer than {self._seconds:g} s; send fewer rows")

    def _await_ready(self) -> None:
        if self._is_ready:
            return
        try:
            failure = self._pipe.recv() if self._pipe.poll(_STARTING) else f"it took longer than {_STARTING:g} s"
        except (EOFError, OSError):
            failure = "its process ended"
        if failure is not None:
            self._restart()
            raise UserError(f"the model cannot be loaded: {failure}")
        self._is_ready = True

    def _restart(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()
        if not self._closed:
            self._launch()

    def _launch(self) -> None:
        # A forked process would share the sockets of the server and the locks of its threads.
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other, self._start), daemon=True)
        self._is_ready = False
        self._process.start()
        other.close()


def _work(pipe: Connection, start: Callable[[], Callable[..., Any]]) -> None:
    """Answer questions until the server's end of the pipe is closed."""
    # Ctrl-C is also sent to this process; the server ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, daemon=True).start()
    try:
        answer = start()
    except Exception as error:
        pipe.send(str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}")
        sys.exit(1)
    pipe.send(None)
    while True:
        try:
            question = pipe.recv()
        except EOFError:
            return
        pipe.send(answer(*question))


def _end_with_server() -> None:
    """End this process when the server was killed, even in the middle of an answer."""
    server = multiprocessing.parent_process()
    assert server is not None
    wait([server.sentinel])
    os._exit(1)
