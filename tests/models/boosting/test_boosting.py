"""Boosting: what it learns, how certain it is, and LightGBM's trees as files."""

from __future__ import annotations

import pickle

import lightgbm
import numpy as np
import pandas as pd
import pytest
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE
from electrode_bench.features import featurize
from electrode_bench.models.base import Model
from electrode_bench.models.boosting.saved_trees import SavedTrees
from electrode_bench.models.boosting.trees import Trees
from electrode_bench.models.heads.quantities import FULL_CAPACITY

SPEC = models.spec("boosting")


def data(rows: int = 120) -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(rows).set_index("electrode_id")
    return featurize(electrodes, feature_set=str(SPEC.feature_set)), electrodes[list(TARGETS)]


def fitted(frame: pd.DataFrame, targets: pd.DataFrame, **config: object) -> Model:
    values = {"share_trees": 40, "density_trees": 100, "voltage_trees": 150, **config}
    return SPEC.build(models.configure(SPEC, values), 1).fit(frame, targets)


def test_it_learns_what_it_is_shown() -> None:
    frame, targets = data()
    share = np.where(frame["redox: ion charge"] > 1, 0.5, 1.0)
    targets = targets.assign(
        gravimetric_capacity=share * frame[FULL_CAPACITY],
        volumetric_capacity=share * frame[FULL_CAPACITY] * 4.0,
        average_voltage=frame["redox: ion charge"] + 2.0,
    )
    prediction = fitted(frame, targets).predict(frame)
    error = (prediction.mean - targets).abs().mean() / (targets - targets.mean()).abs().mean()
    assert (error < 0.25).all(), error.to_dict()
    assert prediction.share is not None
    # P(share <= 0.985) is near 1 where half leaves, and near 0 where all does.
    certain = prediction.share[0.985]
    assert certain[share == 0.5].mean() > 0.8
    assert certain[share == 1.0].mean() < 0.2


def test_the_standard_deviation_grows_with_the_noise() -> None:
    frame, targets = data()
    rng = np.random.default_rng(1)
    noisy = targets.assign(average_voltage=targets[VOLTAGE.key] + rng.normal(0, 2.0, len(targets)))
    calm, loud = (fitted(frame, of).predict(frame).std for of in (targets, noisy))
    assert calm is not None
    assert loud is not None
    assert loud[VOLTAGE.key].median() > 1.5 * calm[VOLTAGE.key].median()


def test_unphysical_voltages_move_the_others_little() -> None:
    frame, targets = data()
    spoiled = targets.copy()
    spoiled.loc[spoiled.index[:3], VOLTAGE.key] = 50.0
    one, other = (fitted(frame, of).predict(frame).mean[VOLTAGE.key] for of in (targets, spoiled))
    assert (one - other).iloc[3:].abs().median() < 0.2


def test_the_share_is_stable_over_seeds_and_rows() -> None:
    frame, targets = data(160)
    errors = []
    for seed in range(3):
        train = np.random.default_rng(seed).permutation(len(frame))[:130]
        model = SPEC.build(models.configure(SPEC, {"share_trees": 40, "density_trees": 20, "voltage_trees": 20}), seed)
        test = np.setdiff1d(np.arange(len(frame)), train)
        mean = model.fit(frame.iloc[train], targets.iloc[train]).predict(frame.iloc[test]).mean[GRAVIMETRIC.key]
        truth, limit = targets[GRAVIMETRIC.key].iloc[test], frame[FULL_CAPACITY].iloc[test]
        errors.append(float((mean - truth).abs().mean() / (limit - truth).abs().mean()))
    # Never much worse than full extraction, whatever the seed and the rows.
    assert max(errors) < 1.2


def test_trees_of_equal_targets_are_a_number() -> None:
    trees = Trees.fit(np.zeros((3, 2)), np.full(3, 0.25), objective="huber", trees=5, seed=1, options={})
    np.testing.assert_array_equal(trees.predict(np.zeros((2, 2))), [0.25, 0.25])
    np.testing.assert_array_equal(Trees.from_text(trees.to_text()).predict(np.zeros((1, 2))), [0.25])


def test_trees_as_text_predict_the_same() -> None:
    rng = np.random.default_rng(0)
    x = np.where(rng.random((60, 4)) < 0.1, np.nan, rng.random((60, 4)))
    y = np.nan_to_num(x[:, 0]) * 3
    trees = Trees.fit(x, y, objective="huber", trees=20, seed=2**40, options={"min_data_in_leaf": 2})
    again = Trees.fit(x, y, objective="huber", trees=20, seed=2**40, options={"min_data_in_leaf": 2})
    assert trees.to_text() == again.to_text()
    saved = Trees.from_text(trees.to_text())
    for of in (saved, pickle.loads(pickle.dumps(saved))):
        np.testing.assert_array_equal(of.predict(x), trees.predict(x))
        # Columns before rows, and single numbers, as a frame may hold them.
        np.testing.assert_array_equal(of.predict(np.asfortranarray(x)), trees.predict(x))
        rounded = x.astype(np.float32)
        np.testing.assert_array_equal(of.predict(rounded), trees.predict(rounded.astype(np.float64)))
        assert of.to_text() == trees.to_text()
    assert trees.predict(np.empty((0, 4))).shape == (0,)


@pytest.mark.parametrize("objective", ["binary", "l1"])
def test_saved_trees_predict_what_lightgbm_does(objective: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.random((200, 3))
    y = (x[:, 0] + x[:, 1] > 1).astype(float)
    trees = Trees.fit(x, y, objective=objective, trees=30, seed=1, options={})
    assert isinstance(trees.booster, lightgbm.Booster)
    np.testing.assert_array_equal(SavedTrees(trees.to_text()).predict(x), trees.booster.predict(x))


def test_a_text_that_is_no_model_is_refused() -> None:
    with pytest.raises(ValueError, match="LightGBM: "):
        SavedTrees("tree\nversion=v4\n")


def test_features_that_are_not_finite_are_refused() -> None:
    frame, targets = data(20)
    with pytest.raises(ValueError, match="finite"):
        fitted(frame.assign(**{FULL_CAPACITY: np.inf}), targets)
