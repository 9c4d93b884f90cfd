"""The map's points, groups and labels, which every figure draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from support.maps import made_up_map, made_up_table

from electrode_bench.core.schema import VOLTAGE
from electrode_bench.report.composition_map import CompositionMap, Label, ion_counts

SIZE = {"width": 800, "height": 500, "font_size": 12}


@pytest.fixture
def table() -> pd.DataFrame:
    return made_up_table()


@pytest.fixture
def map_frame(table: pd.DataFrame) -> pd.DataFrame:
    return made_up_map(table)


def _box(label: Label, scale: float) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of about what the text covers."""
    x, y = label.x * scale + label.dx, label.y * scale + label.dy
    half = 0.25 * 12 * len(label.text)
    return x - half, x + half, y - 6, y + 6


def test_groups_are_named_and_together_hold_every_electrode(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    chart = CompositionMap.of(map_frame, table)
    clusters, ions = chart.clusters(), chart.ions()
    assert [group.title for group in clusters] == [
        "noise (10)", "0: Li phosphates (Fe), e.g. LiFePO4 (10)", "1: Li phosphates (V), e.g. Li3V2(PO4)3 (10)",
        "2: Na oxides (Mn), e.g. NaMnO2 (10)"
    ]  # fmt: skip
    assert [group.title for group in ions] == ["Li (20)", "Mg (10)", "Na (10)"]
    for groups, column in ((clusters, "cluster"), (ions, "working_ion")):
        members = pd.concat([chart.members(group, column) for group in groups])
        assert sorted(members["electrode_id"]) == sorted(table["electrode_id"])


def test_groups_have_styles_of_their_own_beyond_the_palette(table: pd.DataFrame) -> None:
    frame = made_up_map(table).assign(cluster=np.arange(40) % 20, representative=False)
    groups = CompositionMap.of(frame, table).clusters()
    # Without a representative there is no example.
    assert groups[0].title == "0: Li phosphates (Fe) (2)"
    assert len({group.style for group in groups}) == 20


def test_labels_are_the_clusters_names_at_their_representatives(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    chart = CompositionMap.of(map_frame, table)
    labels = chart.labels(**SIZE)
    assert [(label.text, label.x, label.y) for label in labels] == [
        ("0: Li phosphates", 0, 0), ("1: Li phosphates", 10, -5), ("2: Na oxides", 20, -10)
    ]  # fmt: skip
    assert all(abs(label.dx) + abs(label.dy) > 10 for label in labels)
    assert not any(label.crowded for label in labels)


def test_labels_of_near_representatives_do_not_overlap(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    map_frame[["x", "y"]] = [[1000.0, 1000.0]] * len(map_frame)
    map_frame.loc[:2, ["x", "y"]] = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]]
    chart = CompositionMap.of(map_frame, table)
    (left, right), (bottom, top) = chart.ranges
    scale = min(800 / (right - left), 500 / (top - bottom))
    boxes = [_box(label, scale) for label in chart.labels(**SIZE) if not label.crowded]
    assert len(boxes) == 3
    for i, a in enumerate(boxes):
        for b in boxes[i + 1 :]:
            assert a[1] <= b[0] or b[1] <= a[0] or a[3] <= b[2] or b[3] <= a[2]


def test_a_label_without_room_is_crowded(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    narrow = CompositionMap.of(map_frame, table).labels(60, 60, font_size=12)
    assert any(label.crowded for label in narrow)


def test_colours_leave_far_values_out(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    low, high = CompositionMap.of(map_frame, table).colour_range(VOLTAGE)
    assert high == pytest.approx(np.percentile(table["average_voltage"], 99))
    assert 2 < low < high < 54


def test_electrodes_without_a_place_are_not_in_the_ranges(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    map_frame.loc[39, ["x", "y"]] = np.nan
    chart = CompositionMap.of(map_frame, table)
    assert len(chart.placed) == 39
    assert np.isfinite(chart.ranges).all()
    nowhere = CompositionMap.of(map_frame.assign(x=np.nan, y=np.nan), table)
    assert nowhere.labels(**SIZE) == []
    assert np.isfinite(nowhere.ranges).all()


def test_a_map_of_electrodes_that_the_table_lacks_is_refused(map_frame: pd.DataFrame, table: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="2 electrodes of the map are not in the table, made-up-00 first"):
        CompositionMap.of(map_frame, table.iloc[2:])


def test_ions_are_counted_the_most_frequent_first(table: pd.DataFrame) -> None:
    assert ion_counts(table) == [("Li", 20), ("Mg", 10), ("Na", 10)]
