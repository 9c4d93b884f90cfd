from __future__ import annotations

import io

from rich.console import Console

from electrode_bench.prediction import Answer, Estimate, Neighbour
from electrode_bench.report import answers
from electrode_bench.schema import TARGETS


def _shown(answer: Answer, *, synthetic: bool) -> str:
    console = Console(file=io.StringIO(), width=160)
    for table in answers.tables([answer], title="CrabNet", protocol="grouped", synthetic=synthetic):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_an_answer_reads_with_units_interval_and_limits() -> None:
    values = zip(TARGETS, (170.2, 605.0, 3.456), strict=True)
    estimates = {target: Estimate(value, value / 2, value * 2) for target, value in values}
    near = Neighbour("LiMnPO4", 0.25, 3, dict.fromkeys(TARGETS, 4.0))
    text = _shown(Answer("LiFePO4", "Li", 169.89, estimates, (near,), None), synthetic=False)
    parts = ["LiFePO4, Li electrode, by CrabNet", "mAh/cm3", "3.46 (1.73 to 6.91)", "169.9 mAh/g", "the 90% interval"]
    for part in (*parts, "known: LiMnPO4, mean of 3", "0.25", "in the domain"):
        assert part in text, text
    assert "synthetic" not in text
    text = _shown(Answer("LiUO2", "Li", 100.0, estimates, (), "no known electrode holds U"), synthetic=True)
    assert "out of domain: no known electrode holds U" in text
    assert "synthetic sample data" in text
