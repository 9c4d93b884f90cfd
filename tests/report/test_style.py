"""Models and groups can be distinguished, and look the same in every figure."""

from __future__ import annotations

from electrode_bench.report import style


def test_the_control_is_grey_and_models_differ_wherever_the_control_is_listed() -> None:
    styles = style.model_styles(["control", "a", "b"])
    assert styles == style.model_styles(["a", "b", "control"])
    assert styles["control"] == style.BACKGROUND
    many = style.model_styles([f"m{i}" for i in range(40)])
    assert len(set(many.values())) == 41


def test_every_style_has_a_marker_of_matplotlib() -> None:
    from matplotlib.markers import MarkerStyle

    for of in (style.BACKGROUND, *style.group_styles(60)):
        assert MarkerStyle(of.marker)


def test_groups_differ_by_colour_first_and_then_by_symbol() -> None:
    styles = style.group_styles(len(style.COLOURS) + 1)
    assert {of.symbol for of in styles[:-1]} == {"circle"}
    assert styles[-1].colour == styles[0].colour
    assert styles[-1].symbol != "circle"
