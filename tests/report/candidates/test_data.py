from __future__ import annotations

import json

import numpy as np
from support.screenings import row, screened, shown

from electrode_bench.inference.screened import Options
from electrode_bench.report.candidates.data import data, summary


def test_rows_have_values_with_intervals_and_places() -> None:
    made = data(shown())
    first, second, third, last = made["rows"]
    assert first["values"]["energy"] == [800, 720, 880]
    assert second["values"]["average_voltage"] == [3.4, None, None]
    assert (first["place"], third["place"]) == ([0, 0], None)
    assert (third["inDomain"], third["distance"], third["nearest"]) == (False, 1.5, "Na3V2(PO4)2F3")
    assert (last["name"], last["aboveLimit"], last["front"]) == ("LiNiPO4", True, True)
    assert second["repeats"] == [9]
    # The column of names is not shown twice.
    assert made["ownColumns"] == ["group"]
    assert [each["own"] for each in made["rows"]] == [["layered"], ["olivine"], [""], ["olivine"]]
    assert [ion["key"] for ion in made["ions"]] == ["Li", "Na"]


def test_nothing_is_infinite_or_missing_in_the_json_of_a_page() -> None:
    odd = screened([row("LiXe", "Li", 100, 2.0, nearest=None, nearest_distance=np.inf, notes=None, size=np.nan)])
    text = json.dumps(data(shown(screened=odd)), allow_nan=False)
    (only,) = json.loads(text)["rows"]
    assert (only["nearest"], only["distance"], only["notes"], only["own"]) == (None, None, "", [""])


def test_the_vertical_axis_is_the_objective_but_never_the_voltage_itself() -> None:
    def vertical(objective: str) -> str:
        return str(data(shown(screened=screened([row("LiCoO2", "Li", 200, 4.0)], Options(objective))))["y"])

    assert vertical("energy_density") == "energy_density"
    assert vertical("average_voltage") == "energy"


def test_a_map_has_one_point_for_each_place() -> None:
    assert data(shown(known=None))["map"] is None
    made = data(shown())["map"]
    assert made["x"] == [0, 10, 5]
    assert made["representatives"] == [{"formula": "LiFePO4", "x": 10, "y": 5}]


def test_the_summary_counts_what_is_not_shown() -> None:
    assert summary(shown()) == [
        "4 candidates of 5 lines, best first by the lower end of the prediction interval of the specific energy.",
        "Predicted by Forest.",
        "1 line repeats a composition.",
    ]
    options = Options("average_voltage", rank="probability", goal=3.5, window=(2.0, 4.5), in_domain=True)
    counts = {"rejected": 2, "filtered": 1, "outside_domain": 3}
    made = summary(shown(screened=screened([row("LiCoO2", "Li", 200, 4.0)], options, **counts)))
    assert made[0] == "1 candidate of 1 line, best first by the probability that the average voltage is above 3.5 V."
    assert made[2:] == [
        "2 lines could not be used.",
        "1 candidate is outside the voltage window.",
        "3 candidates are outside the domain and left out.",
    ]
