"""MODNet and CrabNet with physics: what they read, and that they are saved completely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.electrodes import redox_electrodes, table

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, TARGETS, VOLTAGE
from electrode_bench.features import featurize
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.models.heads.quantities import FULL_CAPACITY
from electrode_bench.models.modnet_physics.config import Config
from electrode_bench.models.modnet_physics.model import MODNetPhysics

NAMES = ["modnet_physics", "crabnet_physics"]


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


def _features(name: str, electrodes: pd.DataFrame, *, composition: str = "discharged") -> pd.DataFrame:
    return featurize(electrodes, feature_set=str(models.spec(name).feature_set), composition=composition)


@pytest.mark.parametrize("name", NAMES)
def test_a_pair_of_formulas_works_and_everything_is_saved(name: str, tmp_path: Path) -> None:
    spec = models.spec(name)
    electrodes = table(30).set_index(ID)
    electrodes["formula_charge"] = [
        formula.removeprefix(ion) for formula, ion in zip(electrodes[FORMULA], electrodes["working_ion"], strict=True)
    ]
    for composition in ("discharged", "pair"):
        frame = _features(name, electrodes, composition=composition)
        model = spec.build(models.configure(spec, spec.quick), 1).fit(frame, electrodes[list(TARGETS)])
        prediction = model.predict(frame)
        folder = tmp_path / composition
        folder.mkdir()
        model.save(folder)
        again = spec.load(folder).predict(frame)
        for one, other in ((prediction.mean, again.mean), (prediction.std, again.std), (prediction.share, again.share)):
            pd.testing.assert_frame_equal(one, other, check_exact=True)
        assert prediction.share_values == again.share_values


@pytest.mark.parametrize("name", NAMES)
def test_the_working_ion_changes_the_prediction(name: str) -> None:
    spec = models.spec(name)
    electrodes = redox_electrodes(40).set_index(ID)
    model = spec.build(models.configure(spec, spec.quick), 1)
    model.fit(_features(name, electrodes), electrodes[list(TARGETS)])
    same = pd.DataFrame({FORMULA: ["LiNaFePO4F"] * 2, "working_ion": ["Li", "Na"]}, index=["li", "na"])
    mean = model.predict(_features(name, same)).mean
    assert mean.loc["li", VOLTAGE.key] != mean.loc["na", VOLTAGE.key]


@pytest.mark.parametrize("name", NAMES)
def test_infinite_features_are_a_clear_error(name: str) -> None:
    spec = models.spec(name)
    electrodes = table(10).set_index(ID)
    frame = _features(name, electrodes)
    frame["redox: headroom"] = np.inf
    with pytest.raises(ValueError, match="finite or missing"):
        spec.build(models.configure(spec, spec.quick), 1).fit(frame, electrodes[list(TARGETS)])


def test_the_networks_of_modnet_do_not_read_the_elements() -> None:
    electrodes = table(12).set_index(ID)
    frame = _features("modnet_physics", electrodes)
    model = MODNetPhysics(Config(epochs=1, ensemble_size=1), 1).fit(frame, electrodes[list(TARGETS)])
    assert not set(model.selected_) & set(SYMBOLS)
    assert len(model.selected_) == frame.shape[1] - len(SYMBOLS)
    assert FULL_CAPACITY in model.selected_


@pytest.mark.parametrize("name", NAMES)
def test_an_electrode_without_its_ion_has_no_capacity(name: str) -> None:
    spec = models.spec(name)
    electrodes = table(20).set_index(ID)
    model = spec.build(models.configure(spec, spec.quick), 1)
    model.fit(_features(name, electrodes), electrodes[list(TARGETS)])
    other = pd.DataFrame({FORMULA: ["FePO4"], "working_ion": ["Li"]}, index=["x"])
    prediction = model.predict(_features(name, other))
    assert prediction.mean.loc["x", GRAVIMETRIC.key] == 0
    assert np.isfinite(prediction.std).all(axis=None)
