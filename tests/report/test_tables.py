from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.errors import UserError
from electrode_bench.evaluation.metrics import SHOWN
from electrode_bench.report import tables


def _rows() -> pd.DataFrame:
    values = {"mae": (32.24, 1.9), "smae": (0.4114, 0.029), "r2": (-18.69, 38.5)}
    filtered = {"mae": (0.5, np.nan), "smae": (np.nan, np.nan), "r2": (-0.0001, 0.01)}
    others = {metric.key: (np.nan, np.nan) for metric in SHOWN if metric.key not in values}
    values, filtered = values | others, filtered | others
    row = {"protocol": "loco", "model": "rf_magpie", "title": "RF@Magpie"}
    for target in TARGETS:
        for of, suffix in ((values, ""), (filtered, "_2sigma")):
            for metric, (value, spread) in of.items():
                row |= {f"{target}/{metric}{suffix}": value, f"{target}/{metric}{suffix} spread": spread}
    return pd.DataFrame([row])


def test_values_have_their_standard_deviation_and_in_brackets_the_filtered_value() -> None:
    text = tables.markdown(_rows(), pd.DataFrame(), titles={}, synthetic=False)
    assert (
        "| Average voltage, V | RF@Magpie | 32.2 ± 1.9 (0.500) | 0.411 ± 0.029 (-) | -18.7 ± 38.5 (0.000 ± 0.010) |"
        in text
    )
    assert "### Leave one cluster out (loco)" in text
    assert "Synthetic" not in text
    assert SYNTHETIC_NOTICE in tables.markdown(_rows(), pd.DataFrame(), titles={}, synthetic=True)


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    # Each metric that the study's table does not have needs a column more.
    console = Console(file=io.StringIO(), width=80 + 20 * (len(SHOWN) - 3))
    for table in tables.headline(_rows(), synthetic=True):
        console.print(table)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert "-18.7 ± 38.5" in shown
    assert "Volumetric capacity, mAh/cm3" in shown


def test_names_of_models_wrap_on_a_narrow_terminal_and_are_not_cut_off() -> None:
    console = Console(file=io.StringIO(), width=50)
    for table in tables.headline(_rows().assign(title="A model with a long name"), synthetic=False):
        console.print(table)
    shown = console.file.getvalue()
    assert all(word in shown for word in ("A model", "long", "name"))


def test_a_table_from_before_a_metric_was_added_says_what_to_run() -> None:
    rows = _rows().drop(columns="average_voltage/smae")
    with pytest.raises(UserError, match="has no column average_voltage/smae; run: dvc repro"):
        list(tables.headline(rows, synthetic=False))


def test_the_order_shows_which_neighbours_differ_significantly() -> None:
    mae = {"a": 1.0, "b": 1.1, "control": 2.0}
    pairs = pd.DataFrame(
        [
            {"protocol": "loco", "target": "average_voltage", "model": one, "other": two, "mae": mae[one],
             "other_mae": mae[two], "high": mae[one] - mae[two], "different": two == "control"}
            for one, two in (("a", "b"), ("a", "control"), ("b", "control"))
        ]
    )  # fmt: skip
    titles = {"a": "A", "control": "Control"}
    assert tables.orders(pairs, titles=titles) == {"average_voltage": "A ~ b < Control"}
    (table,) = tables.order(pairs, titles=titles)
    assert "A < B: the errors are significantly different" in str(table.caption)
    assert "A ~ B: statistically tied" in str(table.caption)
    text = tables.markdown(_rows(), pairs, titles=titles, synthetic=False)
    assert "| loco | Average voltage | A &#126; b < Control | A, b |" in text
