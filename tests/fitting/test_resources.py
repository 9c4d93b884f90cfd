"""What work takes: of the block alone, subprocesses included."""

from __future__ import annotations

import subprocess
import sys

import pytest

from electrode_bench.fitting.resources import measured

#: The peaks (MiB) of a block with an array of 300 MiB, and of a later one with an array of 1 MiB.
PEAKS = """
import numpy as np
from electrode_bench.fitting.resources import measured
with measured() as large:
    block = np.ones(300 * 2**20 // 8)
assert block.sum() > 0
del block
with measured() as small:
    np.ones(2**20 // 8).sum()
print(large["peak_rss_mb"], small["peak_rss_mb"])
"""


def test_processor_time_is_counted_and_sleep_is_not() -> None:
    with measured() as slept:
        subprocess.run([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"], check=True)
    with measured() as worked:
        code = "import time\nwhile time.process_time() < 0.55: pass"
        subprocess.run([sys.executable, "-S", "-c", code], check=True)
    assert slept["seconds"] >= 0.5 > slept["cpu_seconds"]
    assert worked["cpu_seconds"] >= 0.5
    assert worked["host"]
    assert worked["started"].endswith("+00:00")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets an earlier peak")
def test_the_peak_is_the_blocks_own() -> None:
    # In a process of its own: subprocesses count too, and other tests of this process may have had large ones.
    done = subprocess.run([sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True)
    large, small = map(float, done.stdout.split())
    assert large > small + 200


#: A block with a subprocess that is larger than this process, and a later one with a small one.
SUBPROCESSES = """
import subprocess, sys
from electrode_bench.fitting.resources import measured
with measured() as large:
    subprocess.run([sys.executable, "-S", "-c", "x = bytearray(b'1') * (400 * 2**20)"], check=True)
with measured() as small:
    subprocess.run([sys.executable, "-S", "-c", "x = sum(range(10**6))"], check=True)
with measured() as none:
    pass
print(large["peak_rss_mb"], small["peak_rss_mb"], none["peak_rss_mb"] < 400)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets an earlier peak")
def test_the_peak_of_an_earlier_subprocess_is_not_taken_for_a_later_ones() -> None:
    done = subprocess.run([sys.executable, "-c", SUBPROCESSES], capture_output=True, text=True, check=True)
    large, small, none = done.stdout.split()
    assert float(large) > 400
    assert (small, none) == ("None", "True")
