"""The one rule for looks at held-out rows."""

from __future__ import annotations

from typing import Any

import pytest

from electrode_bench.tuning import looks

OUTER = "grouped/fold-1"


def _score(trial: int, protocol: str, *folds: str, claim: str = "not_nested", before: tuple[int, ...] = ()) -> Any:
    return {"trial": trial, "protocol": protocol, "folds": list(folds), "claim": claim, "before": list(before)}


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (_score(1, "grouped", "fold-1", claim="held_out"), True),
        (_score(1, "grouped", "fold-0", "fold-1", claim="nested"), True),
        (_score(1, "grouped", "fold-0", "fold-1"), True),
        (_score(1, "grouped", "fold-0"), False),
        (_score(1, "stratified", "fold-0", "fold-1"), False),
        (_score(1, "loco", "cluster-01"), False),
    ],
)
def test_a_look_is_a_score_on_the_studys_own_outer_fold(score: Any, expected: bool) -> None:
    assert looks.is_look(score, OUTER) is expected


def test_every_look_counts_whatever_command_made_it() -> None:
    scores = [
        _score(4, "grouped", "fold-1", claim="held_out", before=(7,)),
        _score(2, "grouped", "fold-0", "fold-1"),
        _score(9, "stratified", "fold-0", "fold-1"),
        _score(3, "grouped", "fold-0", "fold-1", claim="nested"),
    ]
    assert looks.trials_looked_at(scores, OUTER) == (2, 3, 4, 7)


def test_looks_are_reported_in_one_sentence() -> None:
    assert looks.warning([]) is None
    assert str(looks.warning([3])).startswith("the held-out rows were also used to test trial 3: ")
    assert "test trials 3, 5: " in str(looks.warning([3, 5]))


def test_scores_are_named_by_what_was_compared_and_the_trial() -> None:
    assert looks.score_name(_score(7, "grouped", "fold-1", claim="held_out")) == "held_out_trial_0007"
    assert looks.score_name(_score(7, "loco", "cluster-01")) == "loco_trial_0007"
