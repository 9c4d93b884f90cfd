"""MODNet learns, reads what it is configured to read, and handles features that are missing or far out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.models.modnet.config import Config
from electrode_bench.models.modnet.model import MODNet

TRAINED = 120


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(160).set_index(ID)
    return featurize(electrodes[[FORMULA]], feature_set="magpie_mean"), electrodes[list(TARGETS)]


def _config(**other: Any) -> Config:
    quick = {"epochs": 20, "batch_size": 15, "ensemble_size": 2, "features": None}
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
        {"dropout": 0.1},
        {"ema": 0},
        {"shared": ()},
        {"grouped": ()},
        {"separate": ()},
        {"shared": (), "grouped": (), "separate": (), "learning_rate": 0.03},
        {"shared": (32, 24), "separate": (16, 8), "dropout": 0.05, "epochs": 30},
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
def test_features_are_clipped_to_the_training_range(scaling: str, data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    model, train = _fit(data, scaling=scaling, epochs=3), data[0][:TRAINED]
    far = data[0] * 1e6
    held = far.clip(train.min(), train.max(), axis=1)
    pd.testing.assert_frame_equal(model.predict(far).mean, model.predict(held).mean)
    mean = model.predict(-far).mean
    assert ((mean >= data[1][:TRAINED].min()) & (mean <= data[1][:TRAINED].max())).all().all()


@pytest.mark.parametrize("features", [None, 12])
def test_missing_features_are_imputed_in_training_and_prediction(
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


def test_reads_the_configured_number_of_features(data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
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


def test_the_name_of_a_target_decides_its_group(data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
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
def test_few_rows_and_none_to_predict_work(rows: int, data: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    assert np.isfinite(_fit(data, rows, epochs=3).predict(data[0]).mean.to_numpy()).all()
    assert len(_fit(data, rows, epochs=1).predict(data[0][:0]).mean) == 0


def test_a_saved_model_gives_the_same_mean_and_standard_deviation(
    data: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    model = _fit(data, features=10, epochs=5)
    model.save(tmp_path)
    again, prediction = MODNet.load(tmp_path), model.predict(data[0])
    assert again.selected_ == model.selected_
    pd.testing.assert_frame_equal(again.predict(data[0]).mean, prediction.mean, check_exact=True)
    pd.testing.assert_frame_equal(again.predict(data[0]).std, prediction.std, check_exact=True)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}


def test_options_that_were_removed_are_unknown() -> None:
    spec = models.spec("modnet")
    for option in ("batch_norm", "bootstrap"):
        with pytest.raises(UserError, match=f"unknown key '{option}'"):
            models.configure(spec, {option: False})
