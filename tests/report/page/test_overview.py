"""The first picture: errors with intervals, the best and its ties marked, on a scale that fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.comparisons import with_models

from electrode_bench.core.schema import TARGETS
from electrode_bench.report.page.build import html
from electrode_bench.report.page.overview import TIED, UNTESTED, WORSE, overview
from electrode_bench.report.page.results import Results


def test_ties_are_one_group_and_the_best_is_marked(results: Results) -> None:
    models = {"a": 1.0, "b": 1.1, "c": 1.8, "control": 2.0}
    panels = overview(with_models(results, significant=True, tied=("b",), mae=models))
    assert [panel["label"] for panel in panels] == [column.label for column in TARGETS.values()]
    groups = panels[2]["groups"]
    assert [(g["heading"], [row["title"] for row in g["rows"]]) for g in groups] == [
        (TIED, ["a", "b"]), (WORSE, ["c", "control"])
    ]  # fmt: skip
    assert [row["title"] for g in groups for row in g["rows"] if row["best"]] == ["a"]
    assert [row["title"] for g in groups for row in g["rows"] if row["control"]] == ["control"]
    assert (groups[0]["rows"][0]["mae"], groups[0]["rows"][0]["smae"]) == ("1.00", "0.500")
    assert groups[0]["rows"][0]["interval"] == "0.8 to 1.2 V"


def test_marks_stand_where_the_errors_are_on_a_scale_from_zero(results: Results) -> None:
    panel = overview(with_models(results, significant=True, tied=()))[2]
    # The scale ends at 2.2, which is the end of the control's interval and 1.1 times its error.
    assert panel["control"] == pytest.approx(100 * 2 / 2.2, abs=0.01)
    best = panel["groups"][0]["rows"][0]
    assert (best["at"], best["low"]) == pytest.approx((100 / 2.2, 80 / 2.2), abs=0.01)
    assert best["width"] == pytest.approx(40 / 2.2, abs=0.02)


def test_a_model_that_failed_does_not_squeeze_the_others(results: Results) -> None:
    panel = overview(with_models(results, significant=True, tied=(), mae={"a": 1.0, "control": 2.0, "failed": 900.0}))[
        2
    ]
    rows = [row for group in panel["groups"] for row in group["rows"]]
    assert [row["beyond"] for row in rows] == [False, False, True]
    assert rows[0]["at"] > 30
    assert (rows[2]["at"], rows[2]["low"] + rows[2]["width"]) == (100, 100)


def test_one_fold_makes_no_groups(results: Results) -> None:
    panel = overview(with_models(results, significant=False, tied=("b",), p=float("nan")))[2]
    assert [group["heading"] for group in panel["groups"]] == [UNTESTED]


def test_an_interval_that_is_not_known_is_not_drawn(results: Results) -> None:
    unknown = results.ranking.assign(mae_low=float("nan"), mae_high=float("nan"))
    text = html(replace(results, ranking=unknown), plotly="")
    assert 'class="interval"' not in text
    assert text.count('class="point"') == len(TARGETS)


def test_the_picture_comes_first_and_needs_no_script(results: Results) -> None:
    text = html(results, plotly="")
    assert text.index('<table class="bars">') < text.index("<nav")
    assert text.count('<table class="bars">') == len(TARGETS)
    assert text.count(" (smallest error)</span>") >= len(TARGETS)
    assert 'class="interval"' in text


def test_a_protocol_without_a_comparison_has_a_sentence_only(results: Results) -> None:
    empty = replace(results, pairs=results.pairs.iloc[:0], ranking=results.ranking.iloc[:0])
    assert [panel["groups"] for panel in overview(empty)] == [[]] * len(TARGETS)
