"""The answer says which model is best, by how much, and which models are statistically tied with it."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.report.page.answer import answers
from electrode_bench.report.page.data import data
from electrode_bench.report.page.results import Results


def _compared(results: Results, *, significant: bool, tied: bool) -> Results:
    """Models a (MAE 1), b (1.5) and the control (2) under grouped folds.

    ``significant``: a is significantly better than the control. ``tied``: a and b are statistically tied.
    """
    mae = {"a": 1.0, "b": 1.5, "control": 2.0}
    pairs = pd.DataFrame(
        [
            {"protocol": "grouped", "target": t, "model": one, "other": two, "mae": mae[one], "other_mae": mae[two],
             "difference": mae[one] - mae[two], "low": mae[one] - mae[two] - 0.2, "high": mae[one] - mae[two] + 0.2,
             "different": False}
            for t in TARGETS for one, two in (("a", "b"), ("a", "control"), ("b", "control"))
        ]
    )  # fmt: skip
    ranking = pd.DataFrame(
        [
            {"protocol": "grouped", "target": t, "rank": i, "model": m, "mae": mae[m], "beats_control": significant,
             "like_best": m == "a" or tied}
            for t in TARGETS for i, m in enumerate(mae, start=1)
        ]
    )  # fmt: skip
    row = results.headline.iloc[0].to_dict()
    headline = pd.DataFrame([{**row, "protocol": "grouped", "model": m, "title": m} for m in mae])
    return replace(results, pairs=pairs, ranking=ranking, headline=headline)


def test_the_best_model_is_significantly_better(results: Results) -> None:
    assert answers(_compared(results, significant=True, tied=False))[2]["text"] == (
        "a has the smallest error: MAE 1 V, 50% less than the control's 2 V (95% interval 40% to 60%). "
        "b has a significantly larger error."
    )


def test_a_difference_that_is_not_significant_and_a_tie_are_named(results: Results) -> None:
    text = answers(_compared(results, significant=False, tied=True))[2]["text"]
    assert "; the difference is not statistically significant, because the test over folds does not agree." in text
    assert text.endswith("b is statistically tied with it.")


def test_no_model_may_be_better_than_the_control(results: Results) -> None:
    worse = _compared(results, significant=False, tied=True)
    worse = replace(worse, ranking=worse.ranking.assign(rank=worse.ranking["rank"].map({1: 2, 2: 3, 3: 1})))
    assert answers(worse)[0]["text"].startswith("No model has a smaller error than the control")


def test_intervals_are_shares_of_the_controls_error(results: Results) -> None:
    ranking = data(_compared(results, significant=True, tied=True))["ranking"]["grouped"]["average_voltage"]
    assert ranking == {"a": [-0.5, -0.6, -0.4, False], "b": [-0.25, -0.35, -0.15, False]}
