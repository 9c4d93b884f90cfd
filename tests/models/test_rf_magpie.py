from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor

from electrode_bench.models.rf_magpie import Config, Forest, RandomForest

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(120, 4)), columns=list("abcd"))
Y = pd.DataFrame({"p": X["a"] * 50 + RNG.normal(size=120), "q": X["b"] ** 2 * 1000, "r": X["c"] + X["d"]})


def test_flat_trees_predict_what_scikit_learn_predicts() -> None:
    for y in (Y.to_numpy(), Y[["p"]].to_numpy()):
        reference = RandomForestRegressor(12, random_state=4).fit(X.to_numpy(), y if y.shape[1] > 1 else y[:, 0])
        leaves = Forest.of(reference.estimators_).leaves(X.to_numpy(dtype=np.float32))
        expected = reference.predict(X.to_numpy()).reshape(len(X), -1)
        np.testing.assert_allclose(leaves.mean(axis=0), expected, rtol=1e-12)


@pytest.mark.parametrize("targets", ["joint", "separate"])
def test_learns_each_target_in_its_own_scale(targets: str) -> None:
    model = RandomForest(Config(n_estimators=60, targets=targets), 1).fit(X[:80], Y[:80])
    prediction = model.predict(X[80:])
    for target in Y:
        error = (prediction.mean[target] - Y[target][80:]).abs().mean()
        assert error < 0.75 * (Y[target][80:] - Y[target][:80].mean()).abs().mean()
    assert (prediction.std > 0).all().all()


class SmallChunks(RandomForest):
    """Sends fewer rows through the trees at once than the test has."""

    CHUNK = 7


def test_chunks_do_not_change_a_prediction() -> None:
    whole, in_chunks = (kind(Config(n_estimators=5), 1).fit(X, Y).predict(X) for kind in (RandomForest, SmallChunks))
    pd.testing.assert_frame_equal(in_chunks.mean, whole.mean, check_exact=True)


def test_refuses_other_columns_and_numbers_that_are_not_finite() -> None:
    model = RandomForest(Config(n_estimators=2), 1).fit(X, Y)
    with pytest.raises(ValueError, match="expected the columns"):
        model.predict(X[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="must be finite"):
        RandomForest(Config(), 1).fit(X.assign(a=np.nan), Y)
