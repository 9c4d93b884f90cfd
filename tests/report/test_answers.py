from __future__ import annotations

import io

import pandas as pd
from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.inference.predictor import Answer, Estimate, Neighbour
from electrode_bench.inference.screening import Screened
from electrode_bench.report import answers


def _shown(answer: Answer, *, synthetic: bool) -> str:
    console = Console(file=io.StringIO(), width=160)
    for table in answers.tables([answer], title="CrabNet", protocol="grouped", synthetic=synthetic):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_an_answer_reads_with_units_interval_and_limits() -> None:
    values = zip(TARGETS, (170.2, 605.0, 3.456), strict=True)
    estimates = {target: Estimate(value, value / 2, value * 2) for target, value in values}
    near = Neighbour("LiMnPO4", 0.25, 3, *(dict.fromkeys(TARGETS, v) for v in (4.0, 3.5, 4.25)))
    text = _shown(
        Answer("LiFePO4", "Li", 169.89, estimates, (near,), None, 0.25, 1.5, above_limit=True), synthetic=False
    )
    parts = ["LiFePO4, Li electrode, by CrabNet", "mAh/cm3", "3.46 (1.73 to 6.91)", "169.9 mAh/g", "the 90% interval"]
    for part in (
        *parts,
        "known: LiMnPO4, mean of 3",
        "0.25",
        "in the domain",
        "4.00 (3.50 to 4.25)",
        "the predicted capacity is above the Faraday limit",
    ):
        assert part in text, text
    assert "synthetic" not in text
    assert "fitted on" not in text
    strange = Answer(
        "LiUO2", "Li", 200.0, estimates, (), "no known electrode holds U", fitted_on=2, undecided=("Li", "Na")
    )
    text = _shown(strange, synthetic=True)
    assert "out of domain: no known electrode holds U" in text
    assert "synthetic sample data" in text
    assert "fitted on 2 electrodes of this composition" in text
    assert "the same whether Li or Na moves" in text
    assert "an error of the model" not in text


def test_the_best_are_marked_where_they_are_not_to_be_believed() -> None:
    row = {"rank": 1, "formula": "LiUO2", "working_ion": "Li", **dict.fromkeys(TARGETS, 300.0), "energy": 400.0,
           "energy_density": 900.0, "outside_window": 0.0, "on_front": True, "nearest_distance": 12.0}  # fmt: skip
    rows = [{**row, "above_limit": True, "in_domain": False}, {**row, "above_limit": False, "in_domain": True}]
    console = Console(file=io.StringIO(), width=160)
    console.print(answers.best(Screened(pd.DataFrame(rows)), title="CrabNet", synthetic=False))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count("300!") == 1
    for part in ("!: above the Faraday limit", "out: unlike the known electrodes; --in-domain"):
        assert part in text, text
    console = Console(file=io.StringIO(), width=160)
    console.print(answers.best(Screened(pd.DataFrame(rows[1:])), title="CrabNet", synthetic=False))
    assert "Faraday" not in console.file.getvalue()  # type: ignore[attr-defined]
