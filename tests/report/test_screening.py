from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.inference.screened import Options, Screened
from electrode_bench.report import screening


def _row(**values: object) -> dict[str, object]:
    names = [*TARGETS, "energy", "energy_density"]
    numbers = dict.fromkeys(names, 300.0) | {f"{n}_low": 250.0 for n in names} | {f"{n}_high": 352.0 for n in names}
    return {
        "rank": 1, "line": 7, "duplicate_of": None, "formula": "Li[Fe]PO4", "working_ion": "Li", **numbers,
        "probability": 0.42, "on_front": True, "notes": "impossible: no redox-active element", **values,
    }  # fmt: skip


def _printed(rows: list[dict[str, object]], **options) -> str:
    console = Console(file=io.StringIO(), width=180)
    table = screening.screening_table(
        Screened(pd.DataFrame(rows), Options(**options)), title="CrabNet", synthetic=False
    )
    console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_table_shows_intervals_and_notes() -> None:
    text = _printed([_row(), _row(energy_low=np.nan, energy_high=np.nan, rank=2)])
    for part in (
        "300 (250 to 352)",
        " 300 │",
        "impossible: no redox-active",
        "Li[Fe]PO4",
        "the 90% prediction interval",
    ):
        assert part in text, text
    assert "42%" not in text
    assert "anodes" not in text
    text = _printed([_row(average_voltage=0.3)], rank="probability", goal=500.0)
    assert "42%" in text
    assert "Best by probability that the specific energy is above 500 Wh/kg" in text
    assert "anodes: candidates below 1 V are not on the front" in text


def test_the_summary_says_what_was_left_out() -> None:
    found = Screened(pd.DataFrame([_row()] * 12), Options(window=(2.0, 4.5)), 1000, 5, 4, 300, 20)
    assert list(screening.summary(found, out=Path("best.csv"), rejects=Path("bad.csv"))) == [
        "1,000 lines, 12 distinct candidates kept in best.csv; the first 10 rows are shown above",
        "300 candidates were left out: their voltage is not from 2 to 4.5 V",
        "20 candidates were left out: they are outside the applicability domain",
        "4 lines repeat the composition and ion of an earlier line",
        "5 lines could not be used; the reasons are in bad.csv",
    ]
    found = Screened(pd.DataFrame([_row()]), read=1)
    assert list(screening.summary(found, out=Path("best.csv"), rejects=None)) == [
        "1 lines, 1 distinct candidates kept in best.csv"
    ]
