"""How good prediction intervals are, in words, in a table and in figures."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.schema import COMPARISON_TABLES, TARGETS
from electrode_bench.report import style, uncertainty, uncertainty_figures

TITLES = {"boosting": "Boosting", "rf": "Forest"}
LEVELS = (0.5, 0.9)
HELD = {"gravimetric_capacity": 0.914, "volumetric_capacity": 0.876, "average_voltage": 0.9}


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with mpl.rc_context({"svg.hashsalt": "test"}):
        yield


@pytest.fixture
def coverage() -> pd.DataFrame:
    """Two models under two protocols; the forest has no intervals of voltages."""
    rows = [
        {
            "model": model, "protocol": protocol, "target": target, "level": level, "by": by, "group": by, "n": 100,
            "share": 0.95, "coverage": held - (0.9 - level), "low": held - (0.9 - level) - 0.05,
            "high": held - (0.9 - level) + 0.03, "width": width,
        }
        for model in TITLES
        for protocol in ("grouped", "loco")
        for (target, held), width in zip(HELD.items(), (26.04, 1234.5, 1.456), strict=True)
        for level in LEVELS
        for by in ("all", "ion")
    ]  # fmt: skip
    frame = pd.DataFrame(rows)[list(COMPARISON_TABLES["coverage"])]
    # Numbers of single ions are not those of the table.
    frame.loc[frame["by"] == "ion", "coverage"] = 0.123
    none = (frame["model"] == "rf") & (frame["target"] == "average_voltage")
    frame.loc[none, ["coverage", "low", "high", "width"]] = np.nan
    frame.loc[none, "share"] = 0.0
    return frame


@pytest.fixture
def rejection() -> pd.DataFrame:
    rows = [
        (model, "grouped", target, by, rejected, 10 * (1 - rejected), 1 - rejected)
        for model in (*TITLES, "control")
        for target in TARGETS
        for by in ("width", "distance")
        for rejected in (0.0, 0.5)
    ]
    return pd.DataFrame(rows, columns=list(COMPARISON_TABLES["rejection"]))


def test_one_line_for_each_model_has_every_protocol_and_target(coverage: pd.DataFrame) -> None:
    assert list(uncertainty.lines(coverage, level=0.9, titles={"boosting": "Boosting"})) == [
        "90% intervals of Boosting hold: grouped 91%, 88%, 90%; loco 91%, 88%, 90%",
        "90% intervals of rf hold: grouped 91%, 88%, none; loco 91%, 88%, none",
    ]
    assert next(uncertainty.lines(coverage, level=0.5, titles=TITLES)).startswith("50% intervals of Boosting hold: ")
    assert not list(uncertainty.lines(coverage, level=0.8, titles=TITLES))


def test_the_table_has_the_rows_of_one_protocol_with_units(coverage: pd.DataFrame) -> None:
    rows = uncertainty.coverage_table(coverage, protocol="loco", level=0.9, titles=TITLES)
    assert rows == [
        ("Boosting", "Gravimetric capacity", "91.4%", "86.4% to 94.4%", "26.0 mAh/g", "95.0%"),
        ("Boosting", "Volumetric capacity", "87.6%", "82.6% to 90.6%", "1234 mAh/cm³", "95.0%"),
        ("Boosting", "Average voltage", "90.0%", "85.0% to 93.0%", "1.46 V", "95.0%"),
        ("Forest", "Gravimetric capacity", "91.4%", "86.4% to 94.4%", "26.0 mAh/g", "95.0%"),
        ("Forest", "Volumetric capacity", "87.6%", "82.6% to 90.6%", "1234 mAh/cm³", "95.0%"),
        ("Forest", "Average voltage", "-", "-", "-", "0.0%"),
    ]
    assert {len(row) for row in rows} == {len(uncertainty.TABLE_COLUMNS)}
    assert uncertainty.coverage_table(coverage, protocol="stratified", level=0.9, titles=TITLES) == []


def test_measured_coverage_is_drawn_over_the_nominal_one(coverage: pd.DataFrame) -> None:
    figure = uncertainty_figures.calibration(coverage, protocol="grouped", titles=TITLES)
    assert [axes.get_title() for axes in figure.axes] == [column.label for column in TARGETS.values()]
    for axes, held in zip(figure.axes, HELD.values(), strict=True):
        bars = {container.get_label(): container for container in axes.containers}
        line = bars["Boosting"].lines[0]
        np.testing.assert_allclose(line.get_xdata(orig=False), LEVELS)
        np.testing.assert_allclose(line.get_ydata(orig=False), [held - 0.4, held])
        assert line.get_color() == style.model_styles(TITLES)["boosting"].colour
        (ends,) = bars["Boosting"].lines[2]
        np.testing.assert_allclose(
            [segment[:, 1] for segment in ends.get_segments()],
            [[held - 0.4 - 0.05, held - 0.4 + 0.03], [held - 0.05, held + 0.03]],
        )
    # Where there are no intervals, nothing is drawn.
    assert len(figure.axes[2].containers[1].lines[0].get_xdata(orig=False)) == 0
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Boosting", "Forest"]


def test_rejection_curves_are_drawn_by_width_and_by_distance(rejection: pd.DataFrame) -> None:
    figure = uncertainty_figures.rejected(rejection, protocol="grouped", titles=TITLES)
    for axes in figure.axes:
        drawn = [line for line in axes.lines if len(line.get_xdata(orig=False))]
        # The control has no name in the legend, and is not drawn.
        assert [line.get_linestyle() for line in drawn] == ["-", ":", "-", ":"]
        for line in drawn:
            assert (list(line.get_xdata(orig=False)), list(line.get_ydata(orig=False))) == ([0.0, 0.5], [1.0, 0.5])
        assert axes.get_ylim()[0] == 0
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == ["Boosting", "Forest", "Widest intervals first", "Furthest from training first"]


def test_an_embedded_figure_is_an_svg_with_the_same_bytes_each_time(rejection: pd.DataFrame) -> None:
    def address(*, synthetic: bool) -> str:
        return uncertainty_figures.embedded(
            lambda: uncertainty_figures.rejected(rejection, protocol="grouped", titles=TITLES), synthetic=synthetic
        )

    first = address(synthetic=True)
    assert first == address(synthetic=True)
    found = re.fullmatch(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)", first)
    assert found
    svg = base64.b64decode(found[1]).decode("utf-8")
    assert "<svg" in svg
    assert "Synthetic data" in svg
    assert "Synthetic data" not in base64.b64decode(address(synthetic=False).partition(",")[2]).decode("utf-8")
