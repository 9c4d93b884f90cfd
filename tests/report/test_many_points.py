"""Figures of many electrodes draw a sample of them, and say so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.maps import made_up_map, made_up_table

from electrode_bench.core.schema import PREDICTION_COLUMNS, TARGETS
from electrode_bench.report import composition_map, figures, parity
from electrode_bench.report.composition_map import CompositionMap


@pytest.fixture
def chart() -> CompositionMap:
    table = made_up_table()
    return CompositionMap.of(made_up_map(table), table)


def test_few_electrodes_are_all_drawn(chart: CompositionMap) -> None:
    assert len(chart.drawn) == len(chart.rows) == 40


def test_of_many_a_sample_and_the_representatives_are_drawn(
    chart: CompositionMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, ranges = [group.title for group in chart.clusters()], chart.ranges
    monkeypatch.setattr(composition_map, "MOST_POINTS", 10)
    assert 10 <= len(chart.drawn) <= 13
    assert chart.drawn["representative"].sum() == 3
    assert sum(len(chart.members(group, "cluster")) for group in chart.clusters()) == len(chart.drawn)
    # What is counted and what the axes span are those of all electrodes.
    assert [group.title for group in chart.clusters()] == sizes
    assert chart.ranges == ranges


def test_the_map_says_how_many_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    table = made_up_table()
    assert "drawn" not in figures.map_figure(made_up_map(table), table).layout.title.text
    monkeypatch.setattr(composition_map, "MOST_POINTS", 10)
    figure = figures.map_figure(made_up_map(table), table)
    assert f"40 electrodes ({len(figure.data[-1].x)} of them drawn)" in figure.layout.title.text


def test_a_parity_plot_draws_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    n = 30
    rows = [
        pd.DataFrame(
            {"electrode_id": [f"e{i}" for i in range(n)], "fold": "f", "target": target, "y_true": np.arange(n) * 1.0,
             "y_pred": np.arange(n) + 0.5, "y_std": np.nan, "model": "m", "protocol": "p"}
        )[list(PREDICTION_COLUMNS)]
        for target in TARGETS
    ]  # fmt: skip
    predictions = pd.concat(rows, ignore_index=True)
    whole = parity.parity_figure(predictions, title="all")
    monkeypatch.setattr(composition_map, "MOST_POINTS", 12)
    drawn = parity.parity_figure(predictions, title="some")
    assert [len(trace.x) for trace in whole.data] == [2, 30] * len(TARGETS)
    assert [len(trace.x) for trace in drawn.data] == [2, 12] * len(TARGETS)
    assert drawn.layout.xaxis.range == whole.layout.xaxis.range
