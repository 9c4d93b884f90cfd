"""Which driver is alive."""

from __future__ import annotations

import os
from dataclasses import replace

from electrode_bench.core.process import DriverProcess


def test_this_process_is_alive() -> None:
    process = DriverProcess.this_process()
    assert (process.host, process.pid) == (os.uname().nodename, os.getpid())
    assert process.is_alive() is True
    assert not process.is_dead(since=0.0, silent_for=0.0)
    assert DriverProcess.from_json(process.as_json()) == process


def test_a_process_id_that_was_used_again_is_another_process() -> None:
    process = DriverProcess.this_process()
    assert process.started > 0
    assert replace(process, started=process.started - 3600).is_alive() is False


def test_a_process_that_ended_is_dead(dead_process: int) -> None:
    process = DriverProcess(os.uname().nodename, dead_process, started=1.0)
    assert process.is_alive() is False
    assert process.is_dead(since=0.0, silent_for=None)


def test_a_process_of_another_host_is_trusted_until_it_was_silent_for_long() -> None:
    process = DriverProcess("another-host", 1)
    assert process.is_alive() is None
    assert not process.is_dead(since=0.0, silent_for=None)
    assert process.is_dead(since=0.0, silent_for=60.0)


def test_a_process_named_by_an_earlier_version_has_no_start() -> None:
    process = DriverProcess.from_json({"host": os.uname().nodename, "pid": os.getpid(), "ticks": "12345"})
    assert process.is_alive() is True
