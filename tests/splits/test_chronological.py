from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.electrodes import clusters, table

from electrode_bench import splits
from electrode_bench.core.folds import Fold, digests
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.data.chemistry import canonical
from electrode_bench.errors import UserError
from electrode_bench.params import Split
from electrode_bench.splits.chronological import Chronological

CHRONOLOGICAL = splits.protocol("chronological")


def make(rows: pd.DataFrame, **options: float) -> list[Fold]:
    return list(CHRONOLOGICAL.make(rows, pd.Series(dtype=int), Chronological(**options), 0))


def numbered(**formula_of_id: str) -> pd.DataFrame:
    return pd.DataFrame({ID: list(formula_of_id), FORMULA: list(formula_of_id.values())})


#: Ten electrodes. LiFeO2 appears first with 3, although its second electrode has the largest number of all.
ROWS = numbered(
    **{
        "mp-100_Li": "LiCoO2", "mp-20_Mg": "MgO", "mp-3_Li": "LiFeO2", "mp-1001925_Li": "Li2Fe2O4", "mp-40_Na": "NaCl",
        "mp-500_Ca": "CaF2", "mp-500_Ca~2": "CaF3", "mvc-61_Zn": "ZnS", "mp-70_K": "KF", "mp-8_Al": "AlP",
    }
)  # fmt: skip


def test_the_newest_fifth_is_tested_by_hand() -> None:
    (fold,) = make(ROWS)
    # First appearances: 3, 3 (LiFeO2), 8, 20, 40, 61, 70, 100, 500, 500.
    assert fold.key == "oldest-80"
    assert fold.test_ids == ("mp-500_Ca", "mp-500_Ca~2")
    assert set(fold.train_ids) == set(ROWS[ID]) - set(fold.test_ids)


def test_formulas_of_one_time_stay_together() -> None:
    # 1.1 electrodes are asked for, but the two newest appeared at the same time.
    (fold,) = make(ROWS, test=0.11)
    assert fold.test_ids == ("mp-500_Ca", "mp-500_Ca~2")


def test_several_cutoffs_test_one_after_the_other() -> None:
    folds = make(ROWS, test=0.2, cutoffs=2)
    assert [fold.key for fold in folds] == ["oldest-60", "oldest-80"]
    assert set(folds[0].test_ids) == {"mp-70_K", "mp-100_Li"}
    assert not set(folds[0].train_ids) & {"mp-500_Ca", "mp-500_Ca~2"}
    # The newest electrodes are tested as with one cut-off.
    assert folds[1:] == make(ROWS)


@given(st.integers(24, 90), st.integers(0, 99), st.sampled_from([0.1, 0.2, 0.3]), st.integers(1, 3))
@settings(max_examples=30)
def test_no_formula_is_older_and_newer(rows: int, seed: int, test: float, cutoffs: int) -> None:
    data = table(rows, seed=seed)
    number = data[ID].str.extract(r"(\d+)$")[0].astype(int)
    formula = data[FORMULA].map(canonical)
    first = number.groupby(formula).transform("min").set_axis(data[ID])
    folds = make(data, test=test, cutoffs=cutoffs)
    assert len(folds) == cutoffs
    for fold in folds:
        assert first[list(fold.train_ids)].max() < first[list(fold.test_ids)].min()
        assert len(fold.test_ids) / rows == pytest.approx(test, abs=0.15)
    assert digests(make(data.sample(frac=1, random_state=seed), test=test, cutoffs=cutoffs)) == digests(folds)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (ROWS.assign(**{ID: ["mp-aaaaccyz_Li", *ROWS[ID][1:]]}), "1 of 10 electrode ids have no number (mp-aaaac"),
        (ROWS.assign(**{ID: [f"mp-7_Li~{i}" for i in range(10)]}), "its 9 formulas share 1 id numbers"),
        (numbered(**{"mp-1": "LiCoO2", "mp-2": "LiCoO2"}), "too small"),
    ],
)  # fmt: skip
def test_data_without_an_order_is_left_out(rows: pd.DataFrame, reason: str) -> None:
    found = CHRONOLOGICAL.why_left_out(rows, Chronological())
    assert found is not None
    assert reason in found
    assert "\n" not in found
    assert make(rows) == []


def test_a_column_last_updated_comes_before_the_ids() -> None:
    days = pd.date_range("2020-01-01", periods=10, freq="D").astype(str)
    dated = ROWS.assign(**{ID: [f"mp-{'abcdefghij'[i]}" for i in range(10)], "last_updated": days[::-1]})
    assert CHRONOLOGICAL.why_left_out(dated, Chronological()) is None
    (fold,) = make(dated)
    assert fold.test_ids == ("mp-a", "mp-b")


def test_other_protocols_are_made_where_it_is_left_out() -> None:
    rows = table(40).assign(**{ID: [f"mp-{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(40)]})
    chosen = Split(protocols=["grouped", "chronological"], grouped={"folds": 3})
    assert set(splits.left_out(rows, chosen)) == {"chronological"}
    assert {fold.protocol for fold in splits.make_folds(rows, clusters(rows), chosen, seed=0)} == {"grouped"}


def test_cutoffs_that_leave_nothing_to_train_on_are_refused() -> None:
    with pytest.raises(UserError, match=r"split\.chronological.*leave no electrode to train on"):
        splits.used(Split(chronological={"test": 0.5, "cutoffs": 2}))
