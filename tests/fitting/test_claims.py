"""Each entry of a cache is made by one process at a time; a killed process claims nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from electrode_bench.fitting.claims import claimed, claims

HOLDING = """
import sys, time
from pathlib import Path
from electrode_bench.fitting.claims import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_claim_excludes_other_processes_and_ends_with_a_killed_one(tmp_path: Path) -> None:
    entry = tmp_path / "key"
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(entry)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with claims() as held:
            assert not held.claim(entry)
            assert held.claim(tmp_path / "other")
        holder.kill()
        holder.wait()
        with claimed(entry):
            pass
    # No file is left for each entry that was ever made.
    assert list((tmp_path / ".locks").iterdir()) == []
