"""Fault injection: kills, full disks, damaged files, odd input and lost servers, and whether anything is lost.

    python -m chaos --short          what CI runs: 500 inputs, 20 kills
    python -m chaos --long           200 kills, 10,000 inputs, 2,000 damaged files
    python -m chaos --seed 7 --only kill --case 12       repeats one case

What must hold after each fault is in docs/reliability.md.
"""

#: The kinds of faults, in the order in which they are injected.
NAMES = ("kill", "server", "together", "disk", "readonly", "damage", "cache", "fuzz")
