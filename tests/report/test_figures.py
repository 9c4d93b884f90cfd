"""The interactive figures say what they show, and equal results give equal bytes."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from support.maps import made_up_map, made_up_table

from electrode_bench.report import figures


@pytest.fixture
def table() -> pd.DataFrame:
    return made_up_table()


@pytest.fixture
def map_frame(table: pd.DataFrame) -> pd.DataFrame:
    return made_up_map(table)


def test_menu_shows_one_colouring_at_a_time(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    figure = figures.map_figure(map_frame, table)
    buttons = figure.layout.updatemenus[0].buttons
    assert [b.label for b in buttons] == [
        "Cluster",
        "Working ion",
        "Gravimetric capacity",
        "Volumetric capacity",
        "Average voltage",
    ]
    names = {
        b.label: [t.name for t, shown in zip(figure.data, b.args[0]["visible"], strict=True) if shown] for b in buttons
    }
    always = ["representative", "hover"]
    assert names["Cluster"] == [
        "noise (10)",
        "0: Li phosphates (Fe), e.g. LiFePO<sub>4</sub> (10)",
        "1: Li phosphates (V), e.g. Li<sub>3</sub>V<sub>2</sub>(PO<sub>4</sub>)<sub>3</sub> (10)",
        "2: Na oxides (Mn), e.g. NaMnO<sub>2</sub> (10)",
        *always,
    ]
    assert names["Working ion"] == ["Li (20)", "Mg (10)", "Na (10)", *always]
    assert names["Average voltage"] == ["Average voltage", *always]
    # As it opens, it shows the first.
    assert [t.name for t in figure.data if t.visible is not False] == names["Cluster"]
    for label in names:  # each colouring shows every electrode once
        points = [t for t in figure.data if t.name in names[label] and t.name not in always]
        assert sum(len(t.x) for t in points) == len(table)


def test_colour_bar_has_the_unit_and_leaves_outliers_out(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    traces = {t.name: t for t in figures.map_figure(map_frame, table).data}
    marker = traces["Average voltage"].marker
    assert "(V)" in marker.colorbar.title.text
    assert marker.cmax < 54
    assert "(mAh/cm³)" in traces["Volumetric capacity"].marker.colorbar.title.text


def test_the_hover_text_has_formula_id_ion_and_targets(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    table.loc[0, ["gravimetric_capacity", "volumetric_capacity", "average_voltage"]] = [169.9, 587.25, 3.4321]
    texts = next(t for t in figures.map_figure(map_frame, table).data if t.name == "hover").hovertext
    assert texts[0].split("<br>") == [
        "<b>LiFePO<sub>4</sub></b>",
        "made-up-00, working ion Li, cluster 0",
        "Gravimetric capacity: 169.9 mAh/g",
        "Volumetric capacity: 587.2 mAh/cm³",
        "Average voltage: 3.432 V",
        "9 more with this composition",
    ]
    assert "noise" in texts[3]


def test_clusters_are_labelled_at_their_representatives(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    labels = [a for a in figures.map_figure(map_frame, table).layout.annotations if a.showarrow]
    assert [(a.text, a.x, a.y) for a in labels] == [
        ("0: Li phosphates", 0, 0),
        ("1: Li phosphates", 10, -5),
        ("2: Na oxides", 20, -10),
    ]
    assert all(abs(a.ax) + abs(a.ay) > 10 for a in labels)


def test_title_and_axes(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    real = figures.map_figure(map_frame, table, summary={"method": "umap"})
    assert real.layout.title.text.startswith("Map of electrode compositions")
    assert "40 electrodes, UMAP of their compositions, 3 DBSCAN clusters, 25.0% noise" in real.layout.title.text
    assert "ynthetic" not in real.layout.title.text
    assert real.layout.xaxis.title.text
    assert real.layout.yaxis.title.text
    for figure in (
        figures.map_figure(map_frame, table, synthetic=True),
        figures.ion_figure(table, synthetic=True),
    ):
        assert "Synthetic data" in figure.layout.title.text


def test_map_of_electrodes_that_the_table_lacks(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="2 electrodes of the map are not in the table, made-up-00 first"):
        figures.map_figure(map_frame, table.iloc[2:])


def test_ion_bars_have_counts_and_shares(table: pd.DataFrame) -> None:
    figure = figures.ion_figure(table)
    (bars,) = figure.data
    assert list(bars.x) == ["Li", "Mg", "Na"]
    assert list(bars.y) == [20, 10, 10]
    assert list(bars.text) == ["20<br>50.0%", "10<br>25.0%", "10<br>25.0%"]
    assert "40 electrodes, 3 working ions" in figure.layout.title.text


def test_pages_are_equal_to_the_byte_and_need_no_network(
    tmp_path: Path, map_frame: pd.DataFrame, table: pd.DataFrame
) -> None:
    for folder, order in (("a", 1), ("b", 2)):
        shuffled = map_frame.sample(frac=1, random_state=order)
        figures.write_html(figures.map_figure(shuffled, table), tmp_path / folder / "map.html")
        figures.write_html(
            figures.ion_figure(table.sample(frac=1, random_state=order)), tmp_path / folder / "ions.html"
        )
    for name in ("map.html", "ions.html"):
        page = (tmp_path / "a" / name).read_bytes()
        assert page == (tmp_path / "b" / name).read_bytes()
        text = page.decode()
        assert not re.search(r"<(script|link)[^>]*(src|href)=", text)
        assert "<title>" in text[:200]
