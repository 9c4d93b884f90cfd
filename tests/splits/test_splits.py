from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.electrodes import clusters, table
from support.projects import PROTOCOLS

from electrode_bench import splits
from electrode_bench.core.folds import Fold, digests
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.params import Split
from electrode_bench.splits.bootstrap import Bootstrap
from electrode_bench.splits.grouped import Grouped
from electrode_bench.splits.kfold import KFold
from electrode_bench.splits.loco import Config as Clusters

tables = st.builds(table, st.integers(24, 90), seed=st.integers(0, 99))
by = st.sampled_from(["cluster", "working_ion", *TARGETS])


BOOTSTRAP = Bootstrap(sizes=[0.25, 1.0], repeats=2)


def kfold(by: str = "cluster", folds: int = 3) -> KFold:
    return KFold(folds=folds, by=by, quantiles=4)


def split(by: str = "cluster", bootstrap: Bootstrap = BOOTSTRAP) -> Split:
    k = kfold(by).model_dump()
    return Split(stratified=k, grouped=k, bootstrap=bootstrap.model_dump())


def make(protocol: str, rows: pd.DataFrame, labels: pd.Series, options: Any, seed: int) -> list[Fold]:
    return list(splits.protocol(protocol).make(rows, labels, options, seed))


@settings(max_examples=20)
@given(tables, by, st.integers(0, 2**32))
def test_folds_are_disjoint_covering_and_blind_to_row_order(rows: pd.DataFrame, by: str, seed: int) -> None:
    labels = clusters(rows)
    folds = splits.make_folds(rows, labels, split(by), seed=seed)
    # A protocol may make no fold of so small a table.
    assert set(PROTOCOLS) <= {f.protocol for f in folds} <= set(splits.PROTOCOLS)
    ids = set(rows[ID])
    for fold in folds:
        assert not set(fold.train_ids) & set(fold.test_ids)
        assert set(fold.train_ids) | set(fold.test_ids) == ids
        assert len(set(fold.test_ids)) == len(fold.test_ids)
    for protocol in ("stratified", "grouped"):
        tested = Counter(i for f in folds if f.protocol == protocol for i in f.test_ids)
        assert tested == dict.fromkeys(ids, 1)
    shuffled = rows.sample(frac=1, random_state=seed)
    again = splits.make_folds(shuffled, labels.sample(frac=1, random_state=1), split(by), seed=seed)
    assert digests(again) == digests(folds)
    assert again == folds


@settings(max_examples=20)
@given(tables, st.integers(0, 2**32))
def test_grouped_never_splits_a_formula_however_it_is_written(rows: pd.DataFrame, seed: int) -> None:
    rows = rows.assign(**{FORMULA: ["Li2Fe2P2O8" if f == "LiFePO4" else f for f in rows[FORMULA]]})
    rows.loc[:1, FORMULA] = ["LiFePO4", "Li2Fe2P2O8"]
    for fold in make("grouped", rows, clusters(rows), Grouped(**kfold().model_dump()), seed):
        of = rows.set_index(ID)[FORMULA].replace("Li2Fe2P2O8", "LiFePO4")
        assert not set(of[list(fold.train_ids)]) & set(of[list(fold.test_ids)])


def test_loco_tests_each_cluster_once_and_never_noise() -> None:
    rows = table(40)
    labels = clusters(rows, number=3, noise=5)
    folds = make("loco", rows, labels, Clusters(), 0)
    assert [f.key for f in folds] == ["cluster-00", "cluster-01", "cluster-02"]
    noise = set(labels.index[labels == -1])
    assert len(noise) == 5
    for cluster, fold in enumerate(folds):
        assert set(fold.test_ids) == set(labels.index[labels == cluster])
        assert noise <= set(fold.train_ids)


def test_strata_are_spread_evenly() -> None:
    rows = table(60)
    labels = pd.Series(np.repeat([0, 1, 2], [30, 20, 10]), index=rows[ID].to_numpy())
    for fold in make("stratified", rows, labels, kfold(folds=5), 3):
        assert Counter(labels[list(fold.test_ids)]) == {0: 6, 1: 4, 2: 2}


def test_bootstrap_draws_with_replacement_and_tests_out_of_bag() -> None:
    rows = table(80)
    folds = make("bootstrap", rows, clusters(rows), BOOTSTRAP, 5)
    assert [f.key for f in folds] == ["n00020-r00", "n00020-r01", "n00080-r00", "n00080-r01"]
    assert [len(f.train_ids) for f in folds] == [20, 20, 80, 80]
    full = folds[-1]
    assert len(set(full.train_ids)) < 80
    # 1 / e = 0.37 of the rows are out of bag on average.
    assert 0.25 < len(full.test_ids) / 80 < 0.5
    assert folds[2].train_ids != folds[3].train_ids


def test_changing_one_protocol_leaves_the_digests_of_the_others() -> None:
    rows, labels = table(50), clusters(table(50))
    one = digests(splits.make_folds(rows, labels, split(), seed=1))
    other_params = split(bootstrap=Bootstrap(sizes=[0.5], repeats=1))
    other = digests(splits.make_folds(rows, labels, other_params, seed=1))
    assert {p for p in one if one[p] != other[p]} == {"bootstrap"}


def test_too_little_data_says_which_parameter_to_change() -> None:
    rows = table(4)
    labels = pd.Series(0, index=rows[ID].to_numpy())
    with pytest.raises(UserError, match=r"lower split\.stratified\.folds in params\.yaml"):
        make("stratified", rows, labels, kfold(folds=5), 0)
    with pytest.raises(UserError, match=r"needs two clusters, the map has 1"):
        make("loco", rows, labels, Clusters(), 0)
    with pytest.raises(UserError, match="4 electrodes have no place on the map"):
        splits.make_folds(rows, labels.iloc[:0], split(), seed=0)
    with pytest.raises(UserError, match=r"unknown protocol 'stratifed'; did you mean 'stratified'\?"):
        splits.protocol("stratifed")


def test_the_listed_protocols_are_used_in_their_order() -> None:
    assert splits.used(Split()) == splits.PROTOCOLS.names
    rows = table(40)
    chosen = split().model_copy(update={"protocols": ["loco", "grouped"]})
    folds = splits.make_folds(rows, clusters(rows), chosen, seed=0)
    assert list(dict.fromkeys(f.protocol for f in folds)) == ["loco", "grouped"] == list(splits.used(chosen))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"protocols": ["groupd"]}, r"unknown protocol 'groupd'; did you mean 'grouped'\?"),
        ({"stratifed": {"folds": 5}}, r"unknown protocol 'stratifed'; did you mean 'stratified'\?"),
        (
            {"stratified": {"folds": 1}},
            r"params\.yaml, split\.stratified: folds: Input should be greater than or equal",
        ),
        ({"loco": {"folds": 5}}, r"params\.yaml, split\.loco: unknown key 'folds'"),
        ({"bootstrap": 5}, r"split\.bootstrap must be a mapping"),
    ],
)
def test_a_wrong_choice_is_one_line_that_says_where(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        splits.used(Split(**values))


def test_the_headline_of_the_bootstrap_is_its_largest_size() -> None:
    rows = table(40)
    folds = splits.make_folds(rows, clusters(rows), split(), seed=0)
    by_protocol = {name: [f for f in folds if f.protocol == name] for name in PROTOCOLS}
    assert splits.headline_folds(by_protocol["bootstrap"]) == ["n00040-r00", "n00040-r01"]
    for name in ("stratified", "grouped", "loco"):
        assert splits.headline_folds(by_protocol[name]) == [f.key for f in by_protocol[name]]
    assert splits.headline_folds([]) == []
