from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.digests import digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation import scores as compare
from electrode_bench.evaluation.scores import CellResult

#: Six electrodes whose values make every mean a whole number.
TABLE = pd.DataFrame(
    {
        ID: list("abcdef"),
        "working_ion": list("LLLNNN"),
        FORMULA: ["LiF", "LiCl", "LiBr", "NaF", "NaCl", "NaBr"],
        **{t: [0.0, 2.0, 4.0, 6.0, 8.0, 10.0] for t in TARGETS},
    }
).replace({"working_ion": {"L": "Li", "N": "Na"}})
CLUSTERS = pd.Series([0, 0, 1, 1, -1, -1], index=list("abcdef"), name="cluster")
FOLDS = {
    "stratified": (
        Fold("stratified", "fold-0", ("a", "b", "c"), ("d", "e", "f")),
        Fold("stratified", "fold-1", ("d", "e", "f"), ("a", "b", "c")),
    ),
    "bootstrap": (
        Fold("bootstrap", "n00002-r00", ("a", "f"), ("b", "c", "d", "e")),
        Fold("bootstrap", "n00006-r00", ("a", "a", "b", "b", "c", "c"), ("d", "e", "f")),
        Fold("bootstrap", "n00006-r01", ("d", "d", "e", "e", "f", "f"), ("a", "b", "c")),
    ),
}
DIGESTS = {"stratified": "s" * 64, "bootstrap": "b" * 64}


def _cell(model: str, protocol: str, predict) -> CellResult:
    truth = TABLE.set_index(ID)
    parts = []
    for fold in FOLDS[protocol]:
        for target in TARGETS:
            y = truth.loc[list(fold.test_ids), target]
            train = truth.loc[list(fold.train_ids), target]
            parts.append(
                pd.DataFrame({ID: y.index, "protocol": protocol, "fold": fold.key, "model": model, "target": target,
                              "y_true": y.to_numpy(), "y_pred": predict(y, train), "y_std": np.nan})
            )  # fmt: skip
    predictions = pd.concat(parts, ignore_index=True)
    about = {
        "model": model, "title": model.upper(), "protocol": protocol,
        "digests": {"split": DIGESTS[protocol], "table": digest_frame(TABLE.set_index(ID)[list(TARGETS)]),
                    "predictions": digest_frame(predictions)},
    }  # fmt: skip
    return CellResult(predictions, about)


def _cells() -> list[CellResult]:
    return [
        cell
        for protocol in FOLDS
        for cell in (
            _cell("better", protocol, lambda y, _: y + 1.0),
            _cell("control", protocol, lambda y, train: np.full(len(y), train.mean())),
        )
    ]


def _compare(cells: list[CellResult]) -> compare.Comparison:
    return compare.compare(cells, folds=FOLDS, digests=DIGESTS, table=TABLE, clusters=CLUSTERS, seed=0)


def test_headline_has_a_row_a_cell_with_the_control_first() -> None:
    table = _compare(_cells()).headline
    assert table[["protocol", "model", "title"]].to_numpy().tolist() == [
        ["stratified", "control", "CONTROL"], ["stratified", "better", "BETTER"],
        ["bootstrap", "control", "CONTROL"], ["bootstrap", "better", "BETTER"],
    ]  # fmt: skip
    # Training means 2 and 8, test rows at a distance of 4, 6 and 8 from them.
    assert table["average_voltage/mae"].tolist() == [6, 1, 6, 1]
    assert table["average_voltage/smae"].tolist() == pytest.approx([1, 1 / 6, 1, 1 / 6])
    assert table["average_voltage/mae spread"].tolist() == [0, 0, 0, 0]


def test_learning_curve_has_a_point_a_size() -> None:
    curve = _compare(_cells()).learning_curve
    of = curve[(curve["model"] == "control") & (curve["metric"] == "mae") & (curve["target"] == "average_voltage")]
    assert of[["n_train", "value", "repeats"]].to_numpy().tolist() == [[2, 2, 1], [6, 6, 2]]


def test_a_learning_curve_for_dvc_has_a_column_a_model() -> None:
    wide = compare.curve_columns(_compare(_cells()).learning_curve, target="average_voltage")
    assert list(wide.columns) == ["n_train", "better", "control"]
    assert wide.to_numpy().tolist() == [[2, pytest.approx(1 / 2), 1], [6, pytest.approx(1 / 6), 1]]


def test_errors_by_group_divide_by_the_control_on_the_same_rows() -> None:
    by_ion = _compare(_cells()).by_ion.set_index(["protocol", "model", "target", "working_ion"])
    row = by_ion.loc[("stratified", "better", "average_voltage", "Na")]
    assert row.to_dict() == {"mae": 1, "smae": pytest.approx(1 / 6), "bias": 1, "n": 3}
    assert (by_ion.xs("control", level="model")["smae"] == 1).all()
    by_cluster = _compare(_cells()).by_cluster.set_index(["protocol", "model", "target", "cluster"])
    # Row d (6) lies 4 from its training mean 2, row c (4) lies 4 from 8.
    assert by_cluster.loc[("stratified", "control", "average_voltage", 1), "mae"] == 4
    assert by_cluster.loc[("stratified", "control", "average_voltage", -1), "n"] == 2


def test_the_better_model_is_told_apart_from_the_control() -> None:
    made = _compare(_cells())
    row = made.pairs.set_index(["protocol", "target", "model", "other"]).loc[
        ("stratified", "average_voltage", "better", "control")
    ]
    # Errors 1 and 6 in both folds.
    assert row[["mae", "other_mae", "difference", "relative", "win_rate"]].tolist() == pytest.approx(
        [1, 6, -5, -5 / 6, 1]
    )
    assert row["low"] < -5 < row["high"] < 0
    best = made.ranking[(made.ranking["protocol"] == "stratified") & (made.ranking["rank"] == 1)]
    assert best[["model", "beats_control", "like_best"]].drop_duplicates().to_numpy().tolist() == [
        ["better", True, True]
    ]
    # Errors that do not fall with the training set: nothing is saved by doubling it.
    laws = made.power_laws.set_index(["model", "target"])
    assert laws.loc["better", "saved"].tolist() == pytest.approx([0, 0, 0])
    # Neither the grouped protocol nor leave-one-cluster-out is there.
    assert made.leakage.empty
    assert made.penalties.empty


def test_dvc_metrics_are_the_studys_three_a_cell() -> None:
    cells = _compare(_cells()).metrics
    assert set(cells) == {(p, m) for p in FOLDS for m in ("better", "control")}
    assert set(cells["stratified", "better"]) == set(TARGETS)
    assert cells["stratified", "better"]["average_voltage"] == {
        "mae": 1, "smae": pytest.approx(1 / 6), "r2": pytest.approx(1 - 3 / 8),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda _: [], "there is no fitted cell to compare; run: dvc repro fit"),
        (
            lambda cells: [c for c in cells if c.model != "control"],
            "bootstrap has no control; stratified has no control",
        ),
        (
            lambda cells: [c for c in cells if (c.model, c.protocol) != ("better", "bootstrap")],
            "better is missing under bootstrap",
        ),
        (
            lambda cells: [_other(cells[0], "split"), *cells[1:]],
            "better under stratified was fitted on another split",
        ),
        (
            lambda cells: [_other(cells[0], "predictions"), *cells[1:]],
            "predictions of better under stratified are not those that its cell.json is about",
        ),
        (lambda cells: [_other(cells[0], "table"), *cells[1:]], "better under stratified was fitted on other data"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(spoil, message: str) -> None:
    with pytest.raises(UserError) as caught:
        _compare(spoil(_cells()))
    assert message in str(caught.value)


def _other(cell: CellResult, digest: str) -> CellResult:
    return CellResult(cell.predictions, {**cell.about, "digests": {**cell.about["digests"], digest: "other"}})
