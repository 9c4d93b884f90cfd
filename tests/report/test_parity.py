"""Parity plots show every electrode once, in its unit, and equal predictions give equal bytes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.schema import TARGETS
from electrode_bench.report import parity, style


def predictions(electrodes: int = 3) -> pd.DataFrame:
    """Each electrode is tested in two folds; the predictions are 1 and 3 above its reference value."""
    return pd.DataFrame(
        [
            {"electrode_id": f"e{i}", "fold": f"fold-{fold}", "target": target, "y_true": float(i), "y_pred": i + error}
            for i in range(electrodes)
            for fold, error in enumerate((1.0, 3.0))
            for target in TARGETS
        ]
    )


def test_an_electrode_is_one_point_at_its_mean_prediction() -> None:
    at = parity.points(predictions(), target="average_voltage")
    assert at.to_dict("list") == {
        "electrode_id": ["e0", "e1", "e2"],
        "y_true": [0.0, 1.0, 2.0],
        "y_pred": [2.0, 3.0, 4.0],
        "n": [2, 2, 2],
    }
    with pytest.raises(ValueError, match="no rows of average_voltage"):
        parity.points(predictions().query("target != 'average_voltage'"), target="average_voltage")


def test_the_figure_has_units_the_diagonal_and_the_ids() -> None:
    figure = parity.parity_figure(predictions(), title="few")
    assert figure.layout.xaxis.title.text == "Gravimetric capacity, reference (mAh/g)"
    assert figure.layout.yaxis.title.text == "Predicted (mAh/g)"
    assert len(figure.data) == 2 * len(TARGETS)
    diagonal, dots = figure.data[:2]
    assert list(diagonal.x) == list(diagonal.y)
    assert diagonal.x[0] < 0
    assert diagonal.x[1] > 4
    assert list(dots.text) == ["e0", "e1", "e2"]
    assert dots.type == "scatter"


def test_many_points_are_drawn_by_webgl() -> None:
    figure = parity.parity_figure(predictions(style.WEBGL_FROM), title="many")
    assert {dots.type for dots in figure.data[1::2]} == {"scattergl"}


def test_a_few_far_values_do_not_squeeze_the_axes() -> None:
    values = np.linspace(0, 5, 1000)
    at = pd.DataFrame({"y_true": np.append(values, 60.0), "y_pred": np.append(values, 3.0)})
    low, high = parity.limits(at)
    assert low < 0.1
    assert 5 < high < 6


def test_a_panel_says_error_and_number_of_electrodes_and_what_lies_outside() -> None:
    values = np.linspace(0, 5, 1000)
    rows = pd.DataFrame({"electrode_id": [f"e{i}" for i in range(1001)], "y_true": np.append(values, 60.0)})
    # Errors of 1, and one of 57: a mean of 1.056 over all rows, but folds count equally.
    rows = rows.assign(y_pred=np.append(values + 1.0, 3.0), fold=["a"] * 1000 + ["b"], target="average_voltage")
    facts = parity.Facts.of(rows, parity.points(rows, target="average_voltage"), target="average_voltage")
    assert facts.mae == pytest.approx((1 + 57) / 2)
    assert facts.n == 1001
    low, high = parity.limits(rows)
    inside = rows["y_true"].between(low, high) & rows["y_pred"].between(low, high)
    assert facts.outside == (~inside).sum() > 0
    lines = facts.lines(TARGETS["average_voltage"])
    assert lines[0] == "MAE 29 V"
    assert lines[2:] == ["n = 1,001", f"{facts.outside} outside the axes"]


def test_nothing_is_said_of_points_outside_where_there_are_none() -> None:
    facts = parity.Facts(mae=0.123, r2=0.9, n=12, outside=0)
    assert facts.lines(TARGETS["volumetric_capacity"]) == ["MAE 0.123 mAh/cm³", "R² 0.900", "n = 12"]


def test_the_figure_says_the_facts_in_each_panel() -> None:
    texts = [annotation.text for annotation in parity.parity_figure(predictions(), title="few").layout.annotations]
    assert len(texts) == len(TARGETS)
    # The predictions of the two folds are 1 and 3 above the reference.
    assert all(text.startswith("MAE 2 ") and "n = 3" in text for text in texts)


def test_the_page_needs_no_network_and_is_deterministic() -> None:
    page = parity.parity_html(predictions(), title="a < b")
    assert page == parity.parity_html(predictions(), title="a < b")
    assert "<title>a &lt; b</title>" in page
    assert 'src="http' not in page
    for column in TARGETS.values():
        assert f"{column.label}, reference (" in page


def test_the_picture_is_a_deterministic_png() -> None:
    picture = parity.parity_png(predictions(), title="few")
    assert picture.startswith(b"\x89PNG")
    assert picture == parity.parity_png(predictions(), title="few")
    assert picture != parity.parity_png(predictions(style.WEBGL_FROM), title="few")
