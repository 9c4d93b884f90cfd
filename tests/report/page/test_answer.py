"""The answer says which model is best, by how much, and which models are statistically tied with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.comparisons import with_models

from electrode_bench.report.page.answer import answers
from electrode_bench.report.page.data import data
from electrode_bench.report.page.results import Results


def _voltage(results: Results) -> str:
    return answers(results)["average_voltage"]


def test_the_best_model_is_significantly_better(results: Results) -> None:
    assert _voltage(with_models(results, significant=True, tied=())) == (
        "a has the smallest error: MAE 1 V, 1 V less than the control (95% interval: 0.8 to 1.2 V less). "
        "All other models are significantly worse."
    )


def test_an_interval_that_holds_zero_is_told_with_less_and_more(results: Results) -> None:
    assert _voltage(with_models(results, significant=False, tied=("b",), half_width=1.5)) == (
        "a has the smallest error: MAE 1 V, 1 V less than the control (95% interval: 2.5 V less to 0.5 V more). "
        "The interval includes zero, so the two are statistically tied. b is statistically tied with it."
    )


def test_an_interval_and_a_test_that_disagree_are_both_told(results: Results) -> None:
    assert _voltage(with_models(results, significant=False, tied=("b",))).startswith(
        "a has the smallest error: MAE 1 V, 1 V less than the control (95% interval: 0.8 to 1.2 V less). "
        "The test over folds does not confirm that (p = 0.2 after correction for all pairs of models), so the two "
        "count as tied."
    )


def test_one_fold_allows_no_verdict(results: Results) -> None:
    text = _voltage(with_models(results, significant=False, tied=("b",), p=float("nan")))
    assert text.endswith("Nothing can be tested with one fold.")
    assert "significant" not in text


def test_an_interval_that_is_not_known_is_left_out(results: Results) -> None:
    text = _voltage(with_models(results, significant=True, tied=(), half_width=float("nan")))
    assert text.startswith("a has the smallest error: MAE 1 V, 1 V less than the control. ")


def test_many_tied_models_are_counted(results: Results) -> None:
    models = {"a": 1.0, "b": 1.1, "c": 1.2, "d": 1.3, "e": 1.4, "control": 2.0}
    few = with_models(results, significant=True, tied=("b", "c"), mae=models)
    assert _voltage(few).endswith("b and c are statistically tied with it.")
    many = with_models(results, significant=True, tied=("b", "c", "d", "e"), mae=models)
    assert _voltage(many).endswith("4 other models are statistically tied with it.")


def test_no_model_may_be_better_than_the_control(results: Results) -> None:
    worse = with_models(results, significant=False, tied=("b",))
    worse = replace(worse, ranking=worse.ranking.assign(rank=worse.ranking["rank"].map({1: 2, 2: 3, 3: 1})))
    assert _voltage(worse).startswith("No model has a smaller error than the control")


@pytest.mark.parametrize("half_width", [0.2, 5.0])
def test_no_answer_has_a_percentage_of_the_control(results: Results, half_width: float) -> None:
    # An interval of a difference may be wider than the control's error: "115% less" makes no sense.
    for significant in (True, False):
        shown = with_models(results, significant=significant, tied=("b",), half_width=half_width)
        assert _voltage(shown).count("%") == _voltage(shown).count("95% interval")


def test_the_ranking_is_drawn_in_the_targets_unit(results: Results) -> None:
    ranking = data(with_models(results, significant=True, tied=("b",)))["ranking"]["grouped"]["average_voltage"]
    assert ranking == {"a": [-1, -1.2, -0.8, True], "b": [-0.5, -0.7, -0.3, False]}
