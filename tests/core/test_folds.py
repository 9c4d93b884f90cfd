from __future__ import annotations

import pytest
from support.electrodes import clusters, table
from support.projects import PROTOCOLS

from electrode_bench import splits
from electrode_bench.core.folds import Fold, digests, fold_digest, from_frame, to_frame
from electrode_bench.params import Split


def test_folds_survive_their_file() -> None:
    rows = table(40)
    folds = splits.make_folds(rows, clusters(rows), Split(protocols=PROTOCOLS), seed=2)
    back = from_frame(to_frame(folds))
    assert list(back) == PROTOCOLS
    assert digests(fold for of_protocol in back.values() for fold in of_protocol) == digests(folds)
    first = next(fold for fold in folds if fold.protocol == "bootstrap")
    assert sorted(back["bootstrap"][0].train_ids) == sorted(first.train_ids)


def test_a_fold_refuses_leaks_and_empty_parts() -> None:
    with pytest.raises(ValueError, match="shares 1 ids between training and test, a first"):
        Fold("loco", "cluster-00", ("a", "b"), ("a",))
    with pytest.raises(ValueError, match="repeats a test id"):
        Fold("loco", "cluster-00", ("b",), ("a", "a"))
    with pytest.raises(ValueError, match="0 training and 1 test rows"):
        Fold("loco", "cluster-00", (), ("a",))


def test_the_digest_sees_the_ids_and_how_often_but_not_their_order() -> None:
    fold = Fold("p", "fold-0", ("a", "b"), ("c",))
    assert fold_digest(fold) == fold_digest(Fold("p", "fold-0", ("b", "a"), ("c",)))
    others = [
        Fold("q", "fold-0", ("a", "b"), ("c",)),
        Fold("p", "fold-1", ("a", "b"), ("c",)),
        Fold("p", "fold-0", ("a", "b", "b"), ("c",)),
        Fold("p", "fold-0", ("a",), ("b", "c")),
    ]
    assert len({fold_digest(fold), *map(fold_digest, others)}) == 5
    assert digests([fold, others[1]]) == digests([others[1], fold])
