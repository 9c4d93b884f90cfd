from __future__ import annotations

import io

from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.inference.predictor import Answer, Estimate, ExtractedShare, Neighbour
from electrode_bench.report import answers


def _printed(answer: Answer, *, synthetic: bool) -> str:
    console = Console(file=io.StringIO(), width=160)
    for table in answers.prediction_tables([answer], title="CrabNet", protocol="grouped", synthetic=synthetic):
        console.print(table)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_a_prediction_has_units_intervals_and_limits() -> None:
    values = zip(TARGETS, (170.2, 605.0, 3.456), strict=True)
    estimates = {target: Estimate(value, value / 2, value * 2) for target, value in values}
    near = Neighbour("LiMnPO4", 0.25, 3, *(dict.fromkeys(TARGETS, v) for v in (4.0, 3.5, 4.25)))
    text = _printed(
        Answer(
            "LiFePO4",
            "Li",
            169.89,
            estimates,
            (near,),
            None,
            0.25,
            1.5,
            above_limit=True,
            notes=("the predicted capacity is above the Faraday limit",),
        ),
        synthetic=False,
    )
    parts = [
        "LiFePO4, Li electrode, predicted by CrabNet",
        "mAh/cm3",
        "3.46 (1.73 to 6.91)",
        "169.9 mAh/g",
        "the 90% prediction interval",
    ]
    for part in (
        *parts,
        "known: LiMnPO4, mean of 3",
        "0.25",
        "within the applicability domain",
        "4.00 (3.50 to 4.25)",
        "the predicted capacity is above the Faraday limit",
    ):
        assert part in text, text
    assert "extracted share" not in text
    assert "Synthetic" not in text
    assert "training data" not in text
    unlike = Answer(
        "LiUO2", "Li", 200.0, estimates, (), "no known electrode contains U", fitted_on=2, notes=("one", "another"),
        share=ExtractedShare(0.667, 0.312, {0.985: 0.688}),
    )  # fmt: skip
    text = _printed(unlike, synthetic=True)
    assert "one" in text
    assert "another" in text
    assert "Synthetic data" in text
    assert "extracted share: 67%; the probability of full extraction is 31%" in text
    assert "an error of the model" not in text
