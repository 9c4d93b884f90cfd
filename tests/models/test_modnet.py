"""Our MODNet: that it learns, from what, and what it does with features far out or missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.electrodes import table

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.features import featurize
from electrode_bench.models.modnet.model import Config, Inputs, MODNet
from electrode_bench.models.modnet.network import TreeNetwork

TRAINED = 120


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(160).set_index(ID)
    return featurize(electrodes[[FORMULA]], feature_set="magpie_mean"), electrodes[list(TARGETS)]


def _config(**other: Any) -> Config:
    quick = {"epochs": 20, "batch_size": 15, "members": 2, "features": None}
    widths = {"shared": (48,), "grouped": (24,), "separate": (8,)}
    return Config(**(quick | widths | other))


def _fit(data: tuple[pd.DataFrame, pd.DataFrame], rows: int = TRAINED, **other: Any) -> MODNet:
    return MODNet(_config(**other), 1).fit(data[0][:rows], data[1][:rows])


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"scaling": "minmax"},
        {"features": 12},
        {"batch_norm": True, "epochs": 30},
        {"dropout": 0.1},
        {"bootstrap": True},
        {"averaging": 0},
        {"shared": ()},
        {"grouped": ()},
        {"separate": ()},
        {"shared": (), "grouped": (), "separate": (), "learning_rate": 0.03},
        {"shared": (32, 24), "separate": (16, 8), "batch_norm": True, "dropout": 0.05, "epochs": 30},
    ],
    ids=str,
)
def test_learns_each_target(other: dict[str, Any], data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    prediction = _fit(data, **other).predict(data[0][TRAINED:])
    truth, control = data[1][TRAINED:], data[1][:TRAINED].median()
    for target in TARGETS:
        error = (prediction.mean[target] - truth[target]).abs().mean()
        assert error < 0.6 * (truth[target] - control[target]).abs().mean()
    assert (prediction.std > 0).all().all()


@pytest.mark.parametrize("scaling", ["standard", "minmax"])
def test_features_far_out_are_held_at_the_training_range(scaling: str, data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    model, train = _fit(data, scaling=scaling, epochs=3), data[0][:TRAINED]
    far = data[0] * 1e6
    held = far.clip(train.min(), train.max(), axis=1)
    pd.testing.assert_frame_equal(model.predict(far).mean, model.predict(held).mean)
    mean = model.predict(-far).mean
    assert ((mean >= data[1][:TRAINED].min()) & (mean <= data[1][:TRAINED].max())).all().all()


@pytest.mark.parametrize("features", [None, 12])
def test_missing_values_are_trained_on_and_predicted_from(
    features: int | None, data: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    frame = data[0].copy()
    first, second, third = frame.columns[:3]
    frame.loc[frame.index[::3], first] = np.nan
    frame[second] = np.nan
    model = MODNet(_config(features=features), 1).fit(frame[:TRAINED], data[1][:TRAINED])
    assert features is None or second not in model.selected_
    # Missing where training had no gap, too.
    test = frame[TRAINED:].copy()
    test[third] = np.nan
    mean = model.predict(test).mean
    assert np.isfinite(mean.to_numpy()).all()
    assert (mean.std() > 0).all()
    with pytest.raises(ValueError, match="features must be finite or missing"):
        model.predict(frame.assign(**{first: np.inf}).iloc[:2])
    with pytest.raises(ValueError, match="features finite or missing"):
        MODNet(_config(), 1).fit(frame.assign(**{first: np.inf}), data[1])
    with pytest.raises(ValueError, match="targets must be finite"):
        MODNet(_config(), 1).fit(frame, data[1] * np.nan)
    with pytest.raises(ValueError, match="expected the columns"):
        model.predict(frame[frame.columns[::-1]])


def test_inputs_by_hand() -> None:
    values = np.array([[0.0, 5, np.nan, 1], [2, 5, np.nan, np.nan], [4, 5, np.nan, 3]])
    inputs = Inputs.of(values, kind="minmax")
    expected = [[-0.5, 0, -1, -0.5], [0, 0, -1, -1], [0.5, 0, -1, 0.5]]
    np.testing.assert_array_equal(inputs.scaled(values), np.array(expected, dtype=np.float32))
    np.testing.assert_array_equal(inputs.scaled(np.array([[99.0, 9, 9, -9]])), [[0.5, 0, 0, -0.5]])
    inputs = Inputs.of(values, kind="standard")
    np.testing.assert_allclose(inputs.scaled(values)[:, 0], [-(1.5**0.5), 0, 1.5**0.5], rtol=1e-6)
    np.testing.assert_array_equal(inputs.scaled(values)[:, 1:], [[0, -5, -1], [0, -5, -5], [0, -5, 1]])
    np.testing.assert_array_equal(Inputs(**inputs.to_json()).scaled(values), inputs.scaled(values))


def test_as_many_features_are_read_as_are_asked_for(data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    columns = list(data[0].columns)
    assert _fit(data, epochs=1).selected_ == columns
    assert _fit(data, epochs=1, features=1000).selected_ == columns
    model = _fit(data, epochs=1, features=5)
    assert len(set(model.selected_)) == 5
    assert set(model.selected_) < set(columns)
    # The others may be anything.
    unread = [c for c in columns if c not in model.selected_]
    changed = data[0].assign(**dict.fromkeys(unread, 1e3))
    pd.testing.assert_frame_equal(model.predict(changed).mean, model.predict(data[0]).mean, check_exact=True)
    read = data[0].assign(**{model.selected_[0]: data[0][model.selected_[0]].min()})
    assert not model.predict(read).mean.equals(model.predict(data[0]).mean)


def test_rows_drawn_again_are_another_training(data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    one, other = (_fit(data, epochs=3, bootstrap=b).predict(data[0]).mean for b in (False, True))
    assert not np.allclose(one, other, rtol=1e-3)


def test_a_target_is_told_by_its_name(data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    """Whatever the order of the targets, and with one that no group knows."""
    frame, targets = data
    targets = targets[list(TARGETS)[::-1]].assign(other=-targets["average_voltage"])
    model = MODNet(_config(), 1).fit(frame[:TRAINED], targets[:TRAINED])
    mean = model.predict(frame[TRAINED:]).mean
    assert list(mean.columns) == list(targets.columns)
    for target in targets:
        control = (targets[target][TRAINED:] - targets[target][:TRAINED].median()).abs().mean()
        assert (mean[target] - targets[target][TRAINED:]).abs().mean() < 0.6 * control
    assert model.network_ is not None
    names = [[str(targets.columns[i]) for i in group] for group in model.network_.groups]
    assert names == [["gravimetric_capacity", "volumetric_capacity"], ["average_voltage"], ["other"]]


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_few_rows_work_with_batch_normalisation(
    rows: int, bootstrap: bool, data: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    prediction = _fit(data, rows, batch_norm=True, bootstrap=bootstrap, epochs=3).predict(data[0])
    assert np.isfinite(prediction.mean.to_numpy()).all()
    assert len(_fit(data, rows, epochs=1).predict(data[0][:0]).mean) == 0


def test_statistics_of_batches_are_saved_too(data: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    model = _fit(data, batch_norm=True, features=10, epochs=5)
    model.save(tmp_path)
    again, prediction = MODNet.load(tmp_path), model.predict(data[0])
    assert again.selected_ == model.selected_
    pd.testing.assert_frame_equal(again.predict(data[0]).mean, prediction.mean, check_exact=True)
    pd.testing.assert_frame_equal(again.predict(data[0]).std, prediction.std, check_exact=True)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}


@pytest.mark.parametrize("training", [False, True])
def test_members_do_not_know_of_one_another(training: bool) -> None:
    shape = {"groups": [[2, 0], [1]], "shared": [6], "grouped": [], "separate": [4, 3], "batch_norm": True}
    torch.manual_seed(0)
    network = TreeNetwork(5, members=3, **shape)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor))
    x = torch.randn(3, 7, 5)
    alone = []
    for member in range(3):
        one = TreeNetwork(5, members=1, **shape).train(training)
        # Statistics of batches stand side by side, all else member by member.
        one.load_state_dict(
            {
                k: v if v.ndim == 0 else (v.reshape(3, -1)[member] if v.ndim == 1 else v[member : member + 1])
                for k, v in network.state_dict().items()
            }
        )
        alone.append(one(x[member : member + 1]))
    whole = network.train(training)(x)
    assert whole.shape == (3, 7, 3)
    torch.testing.assert_close(torch.cat(alone), whole, rtol=1e-5, atol=1e-5)
