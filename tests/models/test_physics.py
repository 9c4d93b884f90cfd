"""What every model with physics keeps to: Faraday's limit, and capacities that agree with a density."""

from __future__ import annotations

import functools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core import feature_names
from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, ION_CHARGE, TARGETS, VOLTAGE, VOLUMETRIC
from electrode_bench.features import featurize
from electrode_bench.models.base import Model
from electrode_bench.models.heads.quantities import FULL_CAPACITY

#: Models that learn share, density and voltage.
PHYSICS = [
    name
    for name, spec in models.MODELS.items()
    if spec.feature_set and "redox" in feature_names.split(spec.feature_set)
]

ELEMENTS = ("H", "C", "O", "F", "P", "S", "Cl", "Si", "Ti", "V", "Mn", "Fe", "Co", "Ni", "Mo", "La", "Bi", "U")


@functools.cache
def _fitted(name: str) -> tuple[Model, pd.DataFrame]:
    electrodes = table(40).set_index(ID)
    spec = models.spec(name)
    frame = featurize(electrodes, feature_set=str(spec.feature_set))
    model = spec.build(models.configure(spec, spec.quick), 1).fit(frame, electrodes[list(TARGETS)])
    return model, electrodes


@st.composite
def electrode(draw: st.DrawFn) -> tuple[str, str]:
    """A discharged formula with whole amounts, and a working ion that it contains."""
    ion = draw(st.sampled_from(sorted(ION_CHARGE)))
    others = draw(st.lists(st.sampled_from(ELEMENTS), max_size=5, unique=True))
    amounts = draw(st.lists(st.integers(1, 16), min_size=len(others) + 1, max_size=len(others) + 1))
    return "".join(f"{e}{n}" for e, n in zip([ion, *others], amounts, strict=True)), ion


@pytest.mark.parametrize("name", PHYSICS)
@settings(max_examples=20, deadline=None)
@given(st.lists(electrode(), min_size=1, max_size=20))
def test_no_capacity_exceeds_faradays_limit(name: str, electrodes: list[tuple[str, str]]) -> None:
    model, trained = _fitted(name)
    described = pd.DataFrame(electrodes, columns=[FORMULA, "working_ion"])
    frame = featurize(described, feature_set=str(models.spec(name).feature_set))
    prediction = model.predict(frame)
    mean, full = prediction.mean, frame[FULL_CAPACITY]
    assert mean[GRAVIMETRIC.key].between(0, full).all()
    if name == "faraday":
        # The physical control does not bound its density.
        assert ((mean[VOLUMETRIC.key] > 0) == (mean[GRAVIMETRIC.key] > 0)).all()
    else:
        density = trained[VOLUMETRIC.key] / trained[GRAVIMETRIC.key]
        low, high = (mean[GRAVIMETRIC.key] * limit for limit in (density.min(), density.max()))
        assert mean[VOLUMETRIC.key].between(low * (1 - 1e-9), high * (1 + 1e-9)).all()
    assert mean[VOLTAGE.key].between(trained[VOLTAGE.key].min(), trained[VOLTAGE.key].max()).all()
    if prediction.std is not None:
        assert np.isfinite(prediction.std.to_numpy()).all()
        # A standard deviation of a value within an interval is at most half its length.
        assert (prediction.std[GRAVIMETRIC.key] <= full / 2 + 1e-9).all()


@pytest.mark.parametrize("name", PHYSICS)
def test_the_distribution_of_the_share_agrees_with_the_prediction(name: str) -> None:
    model, electrodes = _fitted(name)
    frame = featurize(electrodes, feature_set=str(models.spec(name).feature_set))
    prediction = model.predict(frame)
    if prediction.share is None or prediction.share_values is None:
        pytest.skip("no distribution of the share")
    interval = (prediction.share.to_numpy() < 0.5).sum(axis=1)
    share = prediction.mean[GRAVIMETRIC.key] / frame[FULL_CAPACITY]
    np.testing.assert_allclose(share, np.array(prediction.share_values)[interval])
