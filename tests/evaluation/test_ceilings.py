from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.electrodes import clusters, table

from electrode_bench import splits
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import COMPARISON_TABLES, FORMULA, ID, TARGETS
from electrode_bench.data.chemistry import molar_mass, parse
from electrode_bench.evaluation.ceilings import ceilings, median_of_others
from electrode_bench.params import Split

#: LiFeO2 stands three times, once in another spelling and once with another ion; MgO stands once.
ROWS = pd.DataFrame(
    {
        ID: list("abcd"),
        FORMULA: ["LiFeO2", "Li2Fe2O4", "LiFeO2", "MgO"],
        "working_ion": ["Li", "Li", "Na", "Mg"],
        "gravimetric_capacity": [10.0, 20.0, 40.0, 100.0],
        "volumetric_capacity": [10.0, 20.0, 40.0, 100.0],
        "average_voltage": [1.0, 2.0, 4.0, 10.0],
    }
)
FOLDS = {
    "grouped": (Fold("grouped", "fold-0", ("d",), ("a", "b", "c")), Fold("grouped", "fold-1", ("a", "b", "c"), ("d",)))
}


def _voltage(found: pd.DataFrame, ceiling: str) -> dict[str, float]:
    (row,) = found[(found["target"] == "average_voltage") & (found["ceiling"] == ceiling)].to_dict("records")
    return row


def test_the_median_of_equal_formulas_by_hand() -> None:
    found = ceilings(FOLDS, ROWS)
    assert list(found.columns) == list(COMPARISON_TABLES["ceilings"])
    # a: median of 2 and 4 is 3, b: 2.5, c: 1.5; the errors are 2, 0.5 and 2.5. d has no other electrode.
    row = _voltage(found, "equal_formulas")
    assert (row["n"], row["share"]) == (3, 0.75)
    assert row["mae"] == pytest.approx(5 / 3)
    # The control predicts 10 for these three: its errors are 9, 8 and 6.
    assert row["smae"] == pytest.approx((5 / 3) / (23 / 3))
    # With the electrode itself the median of 1, 2 and 4 is 2: errors of 1, 0 and 2.
    row = _voltage(found, "formula_median")
    assert (row["n"], row["share"], row["mae"]) == (3, 0.75, 1.0)
    assert row["smae"] == pytest.approx(3 / 23)


def test_the_best_model_is_judged_on_the_same_rows() -> None:
    truth = dict(zip(ROWS[ID], ROWS["average_voltage"], strict=True))
    # close misses by 1 on a, b and c and by 9 on d; exact_on_d the other way round.
    miss = {"close": {"d": 9.0}, "exact_on_d": {"a": 9.0, "b": 9.0, "c": 9.0, "d": 0.0}, "control": {"d": 0.0}}
    predictions = pd.DataFrame(
        {"protocol": "grouped", "target": "average_voltage", "model": model, "fold": fold.key, ID: i,
         "y_pred": truth[i] + wrong.get(i, 1.0 if model == "close" else 0.0)}
        for model, wrong in miss.items() for fold in FOLDS["grouped"] for i in fold.test_ids
    )  # fmt: skip
    row = _voltage(ceilings(FOLDS, ROWS, predictions), "equal_formulas")
    assert row["best_model"] == "close"
    assert row["best_smae"] == pytest.approx(1 / (23 / 3))


def test_the_mean_is_over_folds_and_an_electrode_counts_once() -> None:
    repeated = {"grouped": (*FOLDS["grouped"], Fold("grouped", "repeat-1-fold-0", ("c", "d"), ("a", "b")))}
    row = _voltage(ceilings(repeated, ROWS), "equal_formulas")
    # The second fold has no value; the third has the errors 2 and 0.5.
    assert row["mae"] == pytest.approx((5 / 3 + 1.25) / 2)
    assert (row["n"], row["share"]) == (3, 0.75)


def test_the_density_of_a_sum_of_volumes_is_exact_for_such_compounds() -> None:
    volume = {"Li": 10.0, "Mg": 8.0, "O": 12.0, "S": 20.0}
    formulas = ["Li2O", "MgO", "MgS", "LiMgO2", "Li2S", "MgS2", "LiO2"]
    density = [molar_mass(parse(f)) / 0.602214076 / sum(n * volume[e] for e, n in parse(f).items()) for f in formulas]
    rows = pd.DataFrame(
        {ID: list("abcdefg"), FORMULA: formulas, "working_ion": "Li", "gravimetric_capacity": 100.0,
         "volumetric_capacity": 100 * np.array(density), "average_voltage": 1.0}
    )  # fmt: skip
    folds = {"grouped": (Fold("grouped", "fold-0", tuple("abcde"), tuple("fg")),)}
    found = ceilings(folds, rows)
    assert list(found["ceiling"]) == ["predicted_density"]
    assert list(found["target"]) == ["volumetric_capacity"]
    assert found["mae"].iloc[0] == pytest.approx(0.0, abs=1e-6)
    assert (found["n"].iloc[0], found["share"].iloc[0]) == (2, 1.0)
    # Test rows do not take part in the fit: with another value of theirs, the prediction stays and the error changes.
    rows.loc[rows[ID] == "f", "volumetric_capacity"] += 50
    assert ceilings(folds, rows)["mae"].iloc[0] == pytest.approx(25.0)


@given(st.integers(20, 60), st.integers(0, 99))
def test_medians_leave_out_the_row_itself(rows: int, seed: int) -> None:
    data = table(rows, seed=seed)
    key = data[FORMULA]
    values = data[list(TARGETS)]
    found = median_of_others(values, key)
    for at in range(rows):
        others = values[(key == key[at]) & (data.index != at)]
        expected = others.median() if len(others) else pd.Series(np.nan, index=values.columns)
        assert found.loc[at].to_numpy() == pytest.approx(expected.to_numpy(), nan_ok=True)


def test_only_headline_folds_count_and_the_order_of_rows_does_not() -> None:
    rows = table(60)
    chosen = Split(
        protocols=["grouped", "bootstrap"], grouped={"folds": 3}, bootstrap={"sizes": [0.5, 1.0], "repeats": 2}
    )
    made = splits.make_folds(rows, clusters(rows), chosen, seed=0)
    by_protocol = {name: tuple(f for f in made if f.protocol == name) for name in ("grouped", "bootstrap")}
    found = ceilings(by_protocol, rows)
    assert list(dict.fromkeys(found["protocol"])) == ["grouped", "bootstrap"]
    largest = {**by_protocol, "bootstrap": tuple(f for f in by_protocol["bootstrap"] if len(f.train_ids) == 60)}
    pd.testing.assert_frame_equal(ceilings(largest, rows), found)
    pd.testing.assert_frame_equal(ceilings(by_protocol, rows.sample(frac=1, random_state=3)), found)
