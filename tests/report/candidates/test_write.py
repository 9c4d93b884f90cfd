from __future__ import annotations

from pathlib import Path

import pytest
from support.screenings import row, screened, shown

from electrode_bench.errors import UserError
from electrode_bench.inference.screened import Options
from electrode_bench.report.candidates.figure import MOST_BARS, energies
from electrode_bench.report.candidates.shown import Shown
from electrode_bench.report.candidates.write import write


def _texts(made: Shown) -> list[str]:
    (axes,) = energies(made).axes
    return [text.get_text() for text in axes.texts]


def test_page_and_figure_are_written_side_by_side_with_the_same_bytes_each_time(tmp_path: Path) -> None:
    first = write(shown(), tmp_path / "a" / "candidates.html")
    again = write(shown(), tmp_path / "b" / "candidates.html")
    assert [path.name for path in first] == ["candidates.html", "candidates.svg", "candidates.pdf"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
    assert first[2].read_bytes().startswith(b"%PDF")


def test_a_page_must_be_html(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"must end in \.html"):
        write(shown(), tmp_path / "candidates.pdf")
    assert list(tmp_path.iterdir()) == []


def test_the_figure_has_names_units_and_hollow_markers_outside_the_domain() -> None:
    figure = energies(shown())
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Average voltage (V)", "Specific energy (Wh/kg)")
    assert sorted(_texts(shown())) == ["LCO", "LFP", "LiNiPO$_{4}$", "NVP2"]
    drawn = {str(part.get_label()): part for part in axes.collections if not str(part.get_label()).startswith("_")}
    assert set(drawn) == {"Li", "Na, outside the domain"}
    assert drawn["Na, outside the domain"].get_facecolors()[0].tolist() == [1.0, 1.0, 1.0, 1.0]
    assert drawn["Li"].get_offsets().tolist() == [[4.0, 800.0], [3.4, 544.0], [5.1, 765.0]]


def test_the_figure_of_another_objective_has_its_goal() -> None:
    rows = [row("LiCoO2", "Li", 200, 4.0)]
    (axes,) = energies(shown(screened=screened(rows, Options("energy_density", goal=3000.0)))).axes
    assert axes.get_ylabel() == "Energy density (Wh/L)"
    (goal,) = [line for line in axes.lines if line.get_label() == "goal"]
    assert goal.get_ydata()[0] == 3000.0


def test_many_candidates_have_no_error_bars() -> None:
    def bars(count: int) -> int:
        rows = [row(f"LiCo{i}O2", "Li", 100 + i, 3 + 0.01 * i) for i in range(1, count + 1)]
        (axes,) = energies(shown(screened=screened(rows))).axes
        return len(axes.containers)

    assert (bars(2), bars(MOST_BARS + 1)) == (1, 0)
