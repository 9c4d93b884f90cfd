"""Parity plots show every electrode once, in its unit, and are the same bytes for the same predictions."""

from __future__ import annotations

import pandas as pd
import pytest

from electrode_bench.core.schema import TARGETS
from electrode_bench.report import parity


def predictions(electrodes: int = 3) -> pd.DataFrame:
    """Each electrode is tested in two folds, 1 above and 3 above its reference value."""
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
    figure = parity.parity_figure(predictions(), target="gravimetric_capacity")
    assert figure.layout.xaxis.title.text == "Gravimetric capacity, reference (mAh/g)"
    assert figure.layout.yaxis.title.text == "predicted (mAh/g)"
    diagonal, dots = figure.data
    assert list(diagonal.x) == list(diagonal.y)
    assert diagonal.x[0] < 0
    assert diagonal.x[1] > 4
    assert list(dots.text) == ["e0", "e1", "e2"]
    assert dots.type == "scatter"


def test_many_points_are_drawn_by_webgl() -> None:
    figure = parity.parity_figure(predictions(parity.MANY), target="average_voltage")
    assert figure.data[1].type == "scattergl"


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
    assert picture != parity.parity_png(predictions(parity.MANY), title="few")
