"""Repeats of grouped folds."""

from __future__ import annotations

from collections import Counter

import pytest
from support.electrodes import clusters, table

from electrode_bench import splits
from electrode_bench.core.folds import Fold, first_repeat, fold_digest
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.params import Split

ROWS = table(60)


def make(repeats: int, seed: int = 4) -> tuple[Fold, ...]:
    chosen = Split(protocols=["grouped"], grouped={"folds": 3, "repeats": repeats})
    return splits.make_folds(ROWS, clusters(ROWS), chosen, seed=seed)


def test_more_repeats_change_nothing_in_those_before() -> None:
    one, two, three = make(1), make(2), make(3)
    assert two[:3] == one
    assert three[:6] == two
    assert [fold.key for fold in three] == [f"{r}fold-{i}" for r in ("", "repeat-1-", "repeat-2-") for i in range(3)]
    # Without repeats, the folds are those from before the option was added.
    assert fold_digest(one[0])[:12] == "08c0289f6006"


def test_each_repeat_tests_each_electrode_once_and_divides_differently() -> None:
    folds = make(3)
    formula = ROWS.set_index(ID)[FORMULA]
    parts = []
    for first in (0, 3, 6):
        part = folds[first : first + 3]
        assert Counter(i for fold in part for i in fold.test_ids) == dict.fromkeys(ROWS[ID], 1)
        parts.append({frozenset(fold.test_ids) for fold in part})
    assert not parts[0] & parts[1]
    assert not parts[1] & parts[2]
    for fold in folds:
        assert not set(formula[list(fold.train_ids)]) & set(formula[list(fold.test_ids)])
    assert splits.headline_folds(folds) == [fold.key for fold in folds]


def test_the_first_repeat_tests_each_electrode_once() -> None:
    folds = make(2)
    assert first_repeat(folds) == folds[:3]
    assert first_repeat(folds[:3]) == folds[:3]


@pytest.mark.parametrize("key", [fold.key for fold in make(2)])
def test_keys_can_be_parts_of_file_names_and_mlflow_names(key: str) -> None:
    assert all(letter.isalnum() or letter == "-" for letter in key)
