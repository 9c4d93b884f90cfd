from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from electrode_bench.clustering import elmd
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.evaluation import generalisation
from electrode_bench.evaluation.metrics import ALL

TABLE = pd.DataFrame({ID: list("abcde"), FORMULA: ["LiCoO2", "LiNiO2", "NaCl", "NaBr", "MgO"]})
CLUSTERS = pd.Series([0, 0, 1, 1, -1], index=list("abcde"), name="cluster")
VOLTAGE = "average_voltage"


def _scores(rows: list[tuple]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["protocol", "model", "target", "metric", "fold", "value"])


def test_leakage_sets_the_two_protocols_side_by_side() -> None:
    rows = [
        (protocol, "m", VOLTAGE, metric, ALL, value)
        for protocol, values in {"stratified": (0.4, 0.5), "grouped": (0.5, 0.6), "loco": (9.0, 9.0)}.items()
        for metric, value in zip(("mae", "smae"), values, strict=True)
    ]
    found = generalisation.leakage(_scores(rows))
    assert found.to_dict("records") == [
        {"model": "m", "target": VOLTAGE, "mae_stratified": 0.4, "mae_grouped": 0.5, "smae_stratified": 0.5,
         "smae_grouped": 0.6, "ratio": pytest.approx(1.25)}
    ]  # fmt: skip
    assert generalisation.leakage(_scores(rows[:2])).empty


def test_distance_is_to_the_nearest_composition_outside() -> None:
    found = generalisation.distances_to_rest(TABLE, CLUSTERS)
    outside = ["NaCl", "NaBr", "MgO"]
    assert found[0] == pytest.approx(elmd.distances(["LiCoO2", "LiNiO2"], outside).min(axis=1).mean())
    # A formula that stands on both sides belongs to the cluster.
    twice = pd.concat([TABLE, pd.DataFrame({ID: ["f"], FORMULA: ["LiCoO2"]})])
    label = pd.concat([CLUSTERS, pd.Series([1], index=["f"])])
    assert generalisation.distances_to_rest(twice, label)[0] > 0
    assert generalisation.distances_to_rest(TABLE, CLUSTERS * 0).isna().all()


def test_the_penalty_compares_the_same_electrodes() -> None:
    errors = {"stratified": [1.0, 3.0, 1.0, 1.0, 50.0], "loco": [4.0, 4.0, 1.0, 2.0]}
    predictions = pd.concat(
        pd.DataFrame({ID: list("abcde")[: len(e)], "protocol": protocol, "fold": "x", "model": "m", "target": VOLTAGE,
                      "y_true": 0.0, "y_pred": e})
        for protocol, e in errors.items()
    )  # fmt: skip
    folds = {"loco": (Fold("loco", "0", tuple("cde"), tuple("ab")), Fold("loco", "1", tuple("abe"), tuple("cd")))}
    found = generalisation.penalties(predictions, table=TABLE, clusters=CLUSTERS, folds=folds)
    assert found[["cluster", "n", "mae_stratified", "mae_loco", "penalty", "ratio"]].to_numpy().tolist() == [
        [0, 2, 2.0, 4.0, 2.0, 2.0], [1, 2, 1.0, 1.5, 0.5, 1.5],
    ]  # fmt: skip
    assert found["distance"].notna().all()
    only = predictions[predictions["protocol"] == "loco"]
    assert generalisation.penalties(only, table=TABLE, clusters=CLUSTERS, folds=folds).empty


def test_penalty_against_distance_is_a_rank_correlation() -> None:
    rows = pd.DataFrame({"model": "m", "target": VOLTAGE, "cluster": range(4), "distance": [1.0, 2, 3, 4],
                         "ratio": [1.0, 2.0, 8.0, 9.0]})  # fmt: skip
    assert generalisation.penalty_against_distance(rows)["rho"].tolist() == [pytest.approx(1)]
    assert generalisation.penalty_against_distance(rows[:2])["rho"].isna().all()
    assert generalisation.penalty_against_distance(rows.assign(ratio=1.0))["rho"].isna().all()


def _curve(values: dict[int, list[float]]) -> tuple[pd.DataFrame, list[Fold]]:
    folds, rows = [], []
    for n, of in values.items():
        for i, value in enumerate(of):
            folds.append(Fold("bootstrap", f"{n}-{i}", tuple(f"e{j}" for j in range(n)), ("t",)))
            rows.append(("bootstrap", "m", VOLTAGE, "mae", f"{n}-{i}", value))
    return _scores(rows), folds


def test_a_power_law_is_found_again() -> None:
    scores, folds = _curve({n: [3 * n**-0.5] * 2 for n in (10, 20, 40)})
    (law,) = generalisation.power_laws(scores, folds).to_dict("records")
    assert law["exponent"] == pytest.approx(0.5)
    assert law["r2"] == pytest.approx(1)
    assert law["n_train"] == 40
    assert law["mae"] == pytest.approx(3 / np.sqrt(40))
    assert law["mae_doubled"] == pytest.approx(3 / np.sqrt(80))
    assert law["saved"] == pytest.approx(1 - 1 / np.sqrt(2))


def test_a_noisy_law_has_an_interval_around_it_and_a_curve_of_one_size_none() -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(100):
        scores, folds = _curve({n: list(n**-0.3 * np.exp(rng.normal(0, 0.1, 4))) for n in (16, 32, 64, 128)})
        (law,) = generalisation.power_laws(scores, folds).to_dict("records")
        assert law["saved_low"] < law["saved"] < law["saved_high"]
        inside += law["exponent_low"] < 0.3 < law["exponent_high"]
    assert 88 <= inside <= 100
    assert generalisation.power_laws(*_curve({8: [1.0, 2.0, 3.0]})).empty
    assert generalisation.power_laws(*_curve({8: [0.0, 1.0], 16: [1.0]})).empty
