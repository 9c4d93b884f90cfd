from __future__ import annotations

import pandas as pd
from support.screenings import row, screened, shown

from electrode_bench.project import Project
from electrode_bench.report.candidates.shown import Reject, known_map, read_rejects, sources


def test_candidates_are_called_what_the_user_calls_them() -> None:
    assert shown().names() == ["LCO", "LFP", "NVP2", "LiNiPO4"]
    assert shown().name_column == "name"
    without = screened([row("LiCoO2", "Li", 200, 4.0, comment="x"), row("LiFePO4", "Li", 160, 3.4, comment="y")])
    assert shown(screened=without).names() == ["LiCoO2", "LiFePO4"]
    several = screened([row("LiCoO2", "Li", 200, 4.0, ID=7, Label="first")])
    assert shown(screened=several).names() == ["first"]


def test_a_line_that_repeats_a_candidate_is_listed_with_it() -> None:
    assert shown().rows["line"].tolist() == [2, 3, 5, 6]
    assert shown().repeats == {3: [9]}


def test_a_candidate_lies_at_its_nearest_known_composition() -> None:
    # The nearest composition of the third and fourth are not on the map.
    assert shown().places() == [(0.0, 0.0), (10.0, 5.0), None, None]
    spelled = screened([row("Li2Co2O4", "Li", 200, 4.0, nearest="Li2Co2O4"), row("XeF2", "Li", 1, 1.0, nearest=None)])
    assert shown(screened=spelled).places() == [(0.0, 0.0), None]
    assert shown(known=None).places() == [None] * 4


def test_the_map_of_a_project_is_left_out_where_there_is_none(finished: Project, project_without_map: Project) -> None:
    found = known_map(finished)
    assert found is not None
    assert len(found.rows) == len(finished.table())
    assert known_map(project_without_map) is None


def test_sources_are_named_without_folders() -> None:
    named = sources(
        "Forest",
        data={"source": "/home/me/snapshot.json", "release": "2023.11.1", "md5": "abc"},
        code={"version": "0.1.0", "commit": "0123456789abcdef", "modified": True},
        ordered_by="Specific energy (Wh/kg), predicted value",
    )
    assert named == {
        "Model": "Forest",
        "Order": "Specific energy (Wh/kg), predicted value",
        "Data": "snapshot.json, release 2023.11.1, md5 abc",
        "Code": "electrode-bench 0.1.0, commit 0123456789ab with changes",
    }
    assert sources("Forest", data={}, code={"version": "1"}, ordered_by="x")["Code"] == "electrode-bench 1"


def test_rejected_lines_are_read_from_their_file(tmp_path) -> None:
    path = tmp_path / "rejects.csv"
    pd.DataFrame({"line": [3, 4], "formula": ["", "NA"], "reason": ["missing", "no"]}).to_csv(path, index=False)
    assert read_rejects(path) == (Reject(3, "", "missing"), Reject(4, "NA", "no"))


def test_styles_follow_the_number_of_candidates_of_an_ion() -> None:
    assert list(shown().ion_styles()) == ["Li", "Na"]
