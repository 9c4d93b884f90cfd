from __future__ import annotations

import io

import pandas as pd
from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.inference.screening import Screened
from electrode_bench.report import screening


def test_candidates_that_should_not_be_trusted_are_marked() -> None:
    row = {"rank": 1, "formula": "LiUO2", "working_ion": "Li", **dict.fromkeys(TARGETS, 300.0), "energy": 400.0,
           "energy_density": 900.0, "outside_window": 0.0, "on_front": True, "nearest_distance": 12.0}  # fmt: skip
    rows = [{**row, "above_limit": True, "in_domain": False}, {**row, "above_limit": False, "in_domain": True}]
    console = Console(file=io.StringIO(), width=160)
    console.print(screening.screening_table(Screened(pd.DataFrame(rows)), title="CrabNet", synthetic=False))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count("300!") == 1
    for part in ("!: above the Faraday limit", "out: outside the applicability domain; --in-domain"):
        assert part in text, text
    console = Console(file=io.StringIO(), width=160)
    console.print(screening.screening_table(Screened(pd.DataFrame(rows[1:])), title="CrabNet", synthetic=False))
    assert "Faraday" not in console.file.getvalue()  # type: ignore[attr-defined]
