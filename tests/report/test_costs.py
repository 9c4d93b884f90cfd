"""Error next to cost: the Pareto front, and the tables that show it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.report import costs


def _rows() -> pd.DataFrame:
    models = ["control", "cheap", "good", "dear"]
    smae = dict(zip(models, (1.0, 0.5, 0.3, 0.4), strict=True))
    headline = pd.DataFrame({"protocol": "grouped", "model": models, "title": models, "reads": "composition"})
    for target in TARGETS:
        headline[f"{target}/smae"] = headline["model"].map(smae)
        headline[f"{target}/smae spread"] = 0.1
    measured = pd.DataFrame(
        {"protocol": "grouped", "model": models, "cpu_seconds": [0.001, 1.0, 10.0, 100.0],
         "peak_rss_mb": [100.0, 200.4, np.nan, 1234.5], "folds": 5, "device": "cpu"}
    )  # fmt: skip
    return costs.error_and_cost(headline, measured)


def test_a_model_is_on_the_front_if_nothing_cheaper_has_a_smaller_error() -> None:
    seconds = pd.Series([1.0, 10.0, 10.0, 100.0, 5.0], index=list("abcde"))
    error = pd.Series([0.5, 0.3, 0.2, 0.2, 0.6], index=list("abcde"))
    assert costs.front(seconds, error).tolist() == ["a", "c"]


def test_the_front_of_each_target_leaves_the_control_out() -> None:
    rows = _rows()
    assert set(rows["target"]) == {*TARGETS, costs.MEAN}
    for _, of in rows.groupby("target"):
        assert of.loc[of["on_front"], "model"].tolist() == ["cheap", "good"]


def test_the_table_has_units_and_says_what_is_not_known() -> None:
    assert list(costs.cost_rows(_rows())) == [
        ("grouped", "control", "1.000", "< 0.01", "100", ""),
        ("grouped", "cheap", "0.500", "1", "200", "yes"),
        ("grouped", "good", "0.300", "10", "-", "yes"),
        ("grouped", "dear", "0.400", "100", "1,234", ""),
    ]
    assert costs.HEADS == ("processor s per fold", "peak memory, MiB")
