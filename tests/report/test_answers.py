from __future__ import annotations

import io
from dataclasses import replace
from typing import Any, cast

import pytest
from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.inference.answer import Answer, Estimate, ExtractedShare, ModelAnswer, Neighbour, PairAnswer
from electrode_bench.inference.chosen import FittedModel
from electrode_bench.inference.reading import read
from electrode_bench.report import answers

#: Only the texts about a model are printed, so it has no predictor.
_MODEL = FittedModel(cast(Any, None), "boosting", "Boosting", "grouped", synthetic=True)

_VALUES = dict(zip(TARGETS, (150.2, 605.0, 3.456), strict=True))
_ANSWER = Answer(
    formula="LiFePO4",
    working_ion="Li",
    theoretical_capacity=169.89,
    targets={target: Estimate(value, value / 2, value * 2) for target, value in _VALUES.items()},
    neighbours=(Neighbour("LiMnPO4", 0.25, 3, *(dict.fromkeys(TARGETS, v) for v in (4.0, 3.5, 4.25))),),
    outside=None,
    nearest_distance=0.25,
    reach=1.5,
    reading=read(["LiFePO4"], ["Li"])[0],
    specific_energy=519.1,
    energy_density=2091.0,
    share=ExtractedShare(0.884, 0.312, {0.985: 0.688}),
)


def _printed(*blocks: object, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    for block in blocks:
        console.print(block)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_an_answer_has_its_reading_units_intervals_and_limits() -> None:
    text = _printed(*answers.answer_blocks(_ANSWER, title="CrabNet"))
    for part in (
        "LiFePO4, Li electrode, predicted by CrabNet",
        "read as LiFePO4; 1 electron per formula unit; Fe +2 -> +3",
        "90% interval",
        "1.73 to 6.91",
        "mAh/cm3",
        "Wh/kg",
        "2091",
        "169.9",
        "88%",
        "Probability of full extraction         31%",
        "LiMnPO4, mean of 3",
        "3.50 to 4.25",
        "within the applicability domain: the nearest is 0.25 away, the limit is 1.50",
    ):
        assert part in text, text


def test_an_interval_that_does_not_apply_is_not_printed() -> None:
    targets = {target: Estimate(value, None, None) for target, value in _VALUES.items()}
    text = _printed(*answers.answer_blocks(replace(_ANSWER, targets=targets, no_interval="known"), title="CrabNet"))
    assert "interval" not in text
    assert "3.46" in text


def test_without_a_share_none_is_printed() -> None:
    assert "Extracted share" not in _printed(*answers.answer_blocks(replace(_ANSWER, share=None), title="CrabNet"))


def test_the_models_stand_side_by_side() -> None:
    one = ModelAnswer("a", "First", _ANSWER.targets, 0.884, 0.3)
    other = ModelAnswer("b", "Second", {t: Estimate(v, None, None) for t, v in _VALUES.items()}, 0.884, None)
    text = _printed(*answers.models_block([one, other]))
    assert text.index("First") < text.index("Second")
    assert "3.46 (1.73 to 6.91)" in text
    assert list(answers.models_block([one])) == []
    # On a narrow terminal the name is wrapped, not the numbers.
    text = _printed(*answers.models_block([replace(one, title="Ensemble of several other models"), other]), width=80)
    assert "3.46 (1.73 to 6.91)" in text


def test_the_pair_is_another_setting() -> None:
    pair = PairAnswer("FePO4", 1.0, 1.0, "Fe +2 -> +3", 169.9, 606.2, Estimate(3.4, 3.1, 3.9), 577.7, 2061.0, "source")
    text = _printed(*answers.answer_blocks(replace(_ANSWER, pair=pair), title="CrabNet"))
    for part in ("Charged to FePO4: another setting", "exact (Faraday)", "3.40 (3.10 to 3.90)", "606", "source"):
        assert part in text, text


def test_notes_and_explanations() -> None:
    text = _printed(*answers.notes_block(["one", "outside the applicability domain: [far]"]))
    assert "- one" in text
    assert "[far]" in text
    text = _printed(*answers.explanations([_ANSWER], _MODEL), width=300)
    for part in ("The 90% prediction intervals", "grouped folds", "ElMD is the distance", "Synthetic data"):
        assert part in text, text
    pretrained = replace(
        _MODEL, title="Boosting (pre-trained)", synthetic=False, data={"release": "2023.11.1"}, pretrained=True
    )
    text = _printed(*answers.explanations([_ANSWER], pretrained), width=300)
    assert "Boosting (pre-trained) was fitted on release 2023.11.1" in text
    assert "Synthetic data" not in text
    assert "Modnet is not shown" in _printed(*answers.missing_block(["Modnet"]))
    assert list(answers.missing_block([])) == []


@pytest.mark.parametrize("width", [80, 120])
def test_all_lines_fit_the_terminal(width: int) -> None:
    blocks = [
        *answers.answer_blocks(_ANSWER, title="Ensemble of boosting, MODNet and CrabNet with physics"),
        *answers.explanations([_ANSWER], _MODEL),
    ]
    text = _printed(*blocks, width=width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "..." not in text
    assert "…" not in text
