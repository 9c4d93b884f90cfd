from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from electrode_bench.core.schema import COMPARISON_TABLES, TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.errors import UserError
from electrode_bench.evaluation.metrics import SHOWN
from electrode_bench.report import tables

NO_CEILINGS = pd.DataFrame(columns=list(COMPARISON_TABLES["ceilings"]))


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
    return pd.DataFrame([{**row, "reads": "composition"}])


def test_values_have_their_standard_deviation_and_in_brackets_the_filtered_value() -> None:
    text = tables.markdown(_rows(), pd.DataFrame(), titles={}, ceilings=NO_CEILINGS, synthetic=False)
    assert (
        "| Average voltage, V | RF@Magpie | 32.2 ± 1.9 (0.500) | 0.411 ± 0.029 (-) | -18.7 ± 38.5 (0.000 ± 0.010) |"
        in text
    )
    assert "### Leave one cluster out (loco)" in text
    assert "Synthetic" not in text
    assert SYNTHETIC_NOTICE in tables.markdown(_rows(), pd.DataFrame(), titles={}, ceilings=NO_CEILINGS, synthetic=True)


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    # Each metric that the study's table does not have needs a column more.
    console = Console(file=io.StringIO(), width=80 + 20 * (len(SHOWN) - 3))
    for table in tables.headline(_rows(), ceilings=NO_CEILINGS, synthetic=True):
        console.print(table)
    shown = console.file.getvalue()
    assert "…" not in shown
    assert "-18.7 ± 38.5" in shown
    assert "Volumetric capacity, mAh/cm3" in shown


def test_names_of_models_wrap_on_a_narrow_terminal_and_are_not_cut_off() -> None:
    console = Console(file=io.StringIO(), width=50)
    for table in tables.headline(
        _rows().assign(title="A model with a long name"), ceilings=NO_CEILINGS, synthetic=False
    ):
        console.print(table)
    shown = console.file.getvalue()
    assert all(word in shown for word in ("A model", "long", "name"))


def test_a_table_from_before_a_metric_was_added_says_what_to_run() -> None:
    rows = _rows().drop(columns="average_voltage/smae")
    with pytest.raises(UserError, match="has no column average_voltage/smae; run: dvc repro"):
        list(tables.headline(rows, ceilings=NO_CEILINGS, synthetic=False))


def test_the_order_shows_which_neighbours_differ_significantly() -> None:
    mae = {"a": 1.0, "b": 1.1, "control": 2.0}
    pairs = pd.DataFrame(
        [
            {"protocol": "loco", "target": "average_voltage", "model": one, "other": two, "mae": mae[one],
             "other_mae": mae[two], "high": mae[one] - mae[two], "p_holm": 0.04, "different": two == "control"}
            for one, two in (("a", "b"), ("a", "control"), ("b", "control"))
        ]
    )  # fmt: skip
    titles = {"a": "A", "control": "Control"}
    assert tables.orders(pairs, titles=titles) == {"average_voltage": "A ~ b < Control"}
    (table,) = tables.order(pairs, titles=titles)
    assert "A < B: the errors are significantly different" in str(table.caption)
    assert "A ~ B: statistically tied" in str(table.caption)
    text = tables.markdown(_rows(), pairs, titles=titles, ceilings=NO_CEILINGS, synthetic=False)
    assert "| loco | Average voltage | A &#126; b < Control | A, b |" in text
    # With one fold nothing was tested, so nothing is a tie.
    single = pairs.assign(p_holm=np.nan, different=False)
    assert tables.orders(single, titles=titles) == {"average_voltage": "A, b, Control"}
    text = tables.markdown(_rows(), single, titles=titles, ceilings=NO_CEILINGS, synthetic=False)
    assert "| loco | Average voltage | A, b, Control | one fold: no test |" in text


def _with_two_kinds() -> pd.DataFrame:
    physics = _rows().assign(model="boosting", title="Boosting", reads="composition and ion, with physics")
    return pd.concat([physics, _rows()], ignore_index=True)


CEILINGS = pd.DataFrame(
    [
        {"protocol": "loco", "target": "average_voltage", "ceiling": "equal_formulas", "title": "the median",
         "mae": 0.1234, "smae": 0.0567, "n": 19, "share": 0.38, "best_model": "rf_magpie", "best_smae": 0.0987},
        {"protocol": "loco", "target": "volumetric_capacity", "ceiling": "predicted_density", "title": "the density",
         "mae": 56.78, "smae": 0.1, "n": 50, "share": 1.0, "best_model": "rf_magpie", "best_smae": 0.2},
        {"protocol": "grouped", "target": "average_voltage", "ceiling": "equal_formulas", "title": "of other folds",
         "mae": 0.1, "smae": 0.1, "n": 19, "share": 0.38, "best_model": "rf_magpie", "best_smae": 0.2},
    ]
)  # fmt: skip


def test_models_are_separated_by_what_they_read() -> None:
    (plain,) = tables.by_what_they_read(_rows())
    assert plain[0] == ""
    study, physics = tables.by_what_they_read(_with_two_kinds())
    assert (study[0], list(study[1]["model"])) == ("composition only, as in the study", ["rf_magpie"])
    assert (physics[0], list(physics[1]["model"])) == ("composition and ion, with physics", ["boosting"])
    lines = tables.markdown(
        _with_two_kinds(), pd.DataFrame(), titles={}, ceilings=NO_CEILINGS, synthetic=False
    ).splitlines()
    titles = [line.split(" | ")[1] for line in lines if line.startswith("| Average voltage")]
    assert titles == [
        "*composition only, as in the study*",
        "RF@Magpie",
        "*composition and ion, with physics*",
        "Boosting",
    ]
    with pytest.raises(UserError, match="has no column reads; run: dvc repro"):
        tables.by_what_they_read(_rows().drop(columns="reads"))


def test_ceilings_are_below_the_models_with_their_share_of_electrodes() -> None:
    text = tables.markdown(_rows(), pd.DataFrame(), titles={}, ceilings=CEILINGS, synthetic=False)
    name = "the median (on 38% of the electrodes; best model on these: RF@Magpie, SMAE 0.099)"
    assert f"| Average voltage, V | {name} | 0.123 | 0.057 |  |" in text
    assert "| Volumetric capacity, mAh/cm3 | the density | 56.8 | 0.100 |  |" in text
    assert "of other folds" not in text
    lines = [line for line in text.splitlines() if line.startswith("| Average voltage")]
    assert [line.split(" | ")[1].split(" ")[0] for line in lines] == ["RF@Magpie", "*what", "the"]
    console = Console(file=io.StringIO(), width=160)
    for table in tables.headline(_with_two_kinds(), ceilings=CEILINGS, synthetic=False):
        console.print(table)
    shown = console.file.getvalue()
    parts = [
        "composition only, as in the study",
        "composition and ion, with physics",
        "what is left to gain",
        "the median",
    ]
    found = [shown.rindex(part) for part in parts]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("short", "short"),
        (f"- {'word ' * 24}end", f"- {'word ' * 22}word\n  word end"),
        (f"| {'word ' * 40}|", f"| {'word ' * 40}|"),
    ],
)
def test_long_lines_are_wrapped_but_not_those_of_tables(text: str, wanted: str) -> None:
    assert tables.wrapped(text) == wanted
