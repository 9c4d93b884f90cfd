"""CrabNet learns, refuses what is no composition, and is saved completely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.electrodes import element_frame, table, target_frame

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.features.composition import element_table
from electrode_bench.models.crabnet.config import Config
from electrode_bench.models.crabnet.model import CrabNet

TEN = "Li10Na9K8Rb7Cs6Mg5Ca4Zn3FO2"


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


@pytest.fixture(scope="module")
def electrodes() -> pd.DataFrame:
    return table(160).set_index(ID)


def test_other_features_and_impossible_fractions_are_clear_errors() -> None:
    with pytest.raises(ValueError, match="CrabNet reads the feature set 'elements'; 'mean mass' is not an element's"):
        CrabNet(Config(), 1).fit(pd.DataFrame({"mean mass": [1.0]}), target_frame([1]))
    frame = element_frame(["LiFeO2", "Fe"])
    with pytest.raises(UserError, match="a composition without elements"):
        CrabNet(Config(), 1).fit(frame.mul([1, 0], axis=0), target_frame([1, 2]))
    for bad in (np.nan, np.inf, -0.1):
        with pytest.raises(ValueError, match="must be finite, and fractions not negative"):
            CrabNet(Config(), 1).fit(frame.assign(Fe=bad), target_frame([1, 2]))
    with pytest.raises(ValueError, match="must be finite"):
        CrabNet(Config(), 1).fit(frame, target_frame([1, np.nan]))
    model = CrabNet(Config(epochs=1, ensemble_size=1), 1).fit(frame, target_frame([1, 2]))
    with pytest.raises(ValueError, match="expected the columns"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.raises(UserError, match="a composition without elements"):
        model.predict(frame * 0)


def test_predictions_do_not_depend_on_the_other_compositions() -> None:
    frame = element_frame(["LiFeO2", "Li", TEN, "O2", "NaCoO2", "C60"])
    model = CrabNet(Config(epochs=2, ensemble_size=2), 1).fit(frame, target_frame([1, 2, 3, 4, 5, 6]))
    together = model.predict(frame)
    assert np.isfinite(together.mean.to_numpy()).all()
    for i in range(len(frame)):
        alone = model.predict(frame.iloc[[i]])
        np.testing.assert_allclose(alone.mean, together.mean.iloc[[i]], atol=1e-5)
        np.testing.assert_allclose(alone.std, together.std.iloc[[i]], atol=1e-5)
    assert len(model.predict(frame.iloc[:0]).mean) == 0


def test_repeated_compositions_are_predicted_as_their_median() -> None:
    frame = element_frame(["LiFeO2", "NaCoS2", "LiFeO2", "NaCoS2", "LiFeO2", "NaCoS2"])
    config = Config(epochs=80, ensemble_size=1, dropout=0, fraction_noise=0, learning_rate=3e-3)
    mean = CrabNet(config, 1).fit(frame, target_frame([1, 8, 1, 8, 4, 8])).predict(frame.iloc[:2]).mean["y"]
    # The mean of the first's would be 2.
    assert mean[0] == pytest.approx(1, abs=0.25)
    assert mean[1] == pytest.approx(8, abs=0.25)


@pytest.mark.parametrize("loss", ["l1", "robust_l1"])
def test_learns_each_target_and_its_uncertainty(loss: str, electrodes: pd.DataFrame) -> None:
    frame, targets = featurize(electrodes[[FORMULA]], feature_set="elements"), electrodes[list(TARGETS)]
    config = Config(epochs=20, ensemble_size=2, batch_size=16, loss=loss)
    model = CrabNet(config, 1).fit(frame[:120], targets[:120])
    prediction = model.predict(frame[120:])
    assert list(prediction.mean.columns) == list(TARGETS)
    for target in TARGETS:
        error = (prediction.mean[target] - targets[target][120:]).abs()
        control = (targets[target][120:] - targets[target][:120].median()).abs()
        assert error.mean() < 0.85 * control.mean()
        assert 0.3 * error.mean() < prediction.std[target].mean() < 6 * error.mean()
    assert (prediction.std > 0).all().all()
    # Elements never seen are no reason to leave the range of the training rows.
    for target, mean in model.predict(element_frame(["Og", TEN, "UH3"])).mean.items():
        assert mean.between(targets[target][:120].min(), targets[target][:120].max()).all()


def test_a_pair_of_formulas_works_and_is_saved_completely(tmp_path: Path) -> None:
    charged = ["FePO4", "CoO2", "MnO2", "TiS2", "VS2"]
    frame = element_frame({"formula_charge": charged, "formula_discharge": [f"Li{f}" for f in charged]})
    model = CrabNet(Config(epochs=4, ensemble_size=2), 1).fit(frame, target_frame([1, 2, 3, 4, 5]))
    prediction = model.predict(frame)
    model.save(tmp_path)
    again = CrabNet.load(tmp_path).predict(frame)
    pd.testing.assert_frame_equal(again.mean, prediction.mean, check_exact=True)
    pd.testing.assert_frame_equal(again.std, prediction.std, check_exact=True)
    # Which of the two is charged is seen.
    half = len(element_table("mat2vec"))
    swapped = pd.DataFrame(np.roll(frame, half, axis=1), frame.index, frame.columns)
    assert (model.predict(swapped).std["y"] - prediction.std["y"]).abs().min() > 1e-6


def test_options_that_were_removed_are_unknown() -> None:
    spec = models.spec("crabnet")
    for option in ("validation", "patience"):
        with pytest.raises(UserError, match=f"unknown key '{option}'"):
            models.configure(spec, {option: 0})
