"""How an ensemble combines its members, on cases computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrode_bench import models
from electrode_bench.core.schema import SHARE_THRESHOLDS, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.models import Prediction
from electrode_bench.models.ensemble import Config, Ensemble
from electrode_bench.models.heads.quantities import EXACT_SHARE, FULL_CAPACITY
from electrode_bench.params import Params

VALUES = (0.1, 0.2, 0.28, 1 / 3, 0.4, 0.5, 0.55, 2 / 3, 0.75, 0.85, 0.95, 1.0)

#: Two electrodes whose full capacities are 300 and 120 mAh/g.
FRAME = pd.DataFrame({FULL_CAPACITY: [300.0, 120.0]}, index=["a", "b"])


def learned(*, half: list[float], density: float, voltage: float, std: float | None = None) -> Prediction:
    """P(share <= t) is 0 below 1/2, ``half`` from there on; so the median is 1/2 where ``half`` is at least 0.5."""
    below = np.array(half)[:, None] * (np.array(SHARE_THRESHOLDS) >= 0.5)
    share = np.where(np.array(half) >= 0.5, 0.5, 1.0)
    gravimetric = share * FRAME[FULL_CAPACITY].to_numpy()
    mean = np.stack([gravimetric, gravimetric * density, np.full(2, voltage)], axis=1)
    deviation = None if std is None else np.full((2, 3), std)
    return Prediction.of(mean, deviation, index=FRAME.index, targets=list(TARGETS), share=below, share_values=VALUES)


def plain(*values: float, std: float | None = None) -> Prediction:
    """A member without a distribution of the share, which predicts the same for both electrodes."""
    deviation = None if std is None else np.full((2, 3), std)
    return Prediction.of(np.tile(values, (2, 1)), deviation, index=FRAME.index, targets=list(TARGETS))


def ensemble(*members: str, **weights: dict[str, float]) -> Ensemble:
    return Ensemble(Config.model_validate({"members": members, "weights": weights}))


def test_distributions_are_averaged_and_the_median_of_the_mixture_is_the_share() -> None:
    one = learned(half=[0.9, 0.4], density=2.0, voltage=3.0)
    other = learned(half=[0.2, 0.3], density=8.0, voltage=4.0)
    combined = ensemble("x", "y").combine({"x": one, "y": other}, FRAME)
    # (0.9 + 0.2) / 2 = 0.55 is at least 0.5: half is extracted; 0.35 is not. The mean log density is that of 4.
    np.testing.assert_allclose(combined.mean["gravimetric_capacity"], [150, 120])
    np.testing.assert_allclose(combined.mean["volumetric_capacity"], [600, 480])
    np.testing.assert_allclose(combined.mean["average_voltage"], 3.5)
    assert combined.share is not None
    np.testing.assert_allclose(combined.share[0.45], 0)
    np.testing.assert_allclose(combined.share[0.985], [0.55, 0.35])
    assert combined.share_values == VALUES


def test_each_quantity_has_weights_of_its_own() -> None:
    one = learned(half=[0.9, 0.4], density=2.0, voltage=3.0)
    other = learned(half=[0.2, 0.3], density=16.0, voltage=4.0)
    weighted = ensemble("x", "y", x={"share": 1, "density": 2, "voltage": 3}, y={"share": 3})
    mean = weighted.combine({"x": one, "y": other}, FRAME).mean
    # (0.9 + 3 * 0.2) / 4 < 0.5; log density (2 log 2 + log 16) / 3 is log 4; (3 * 3 + 4) / 4.
    np.testing.assert_allclose(mean["gravimetric_capacity"], [300, 120])
    np.testing.assert_allclose(mean["volumetric_capacity"], [1200, 480])
    np.testing.assert_allclose(mean["average_voltage"], 3.25)
    # The order of the predictions does not matter, only their names.
    again = weighted.combine({"y": other, "x": one}, FRAME).mean
    pd.testing.assert_frame_equal(mean, again, check_exact=True)


def test_members_without_a_distribution_are_averaged_in_the_targets() -> None:
    members = {"x": plain(100, 400, 2), "y": plain(200, 500, 4)}
    combined = ensemble("x", "y", x={"share": 3, "voltage": 0}).combine(members, FRAME[[]])
    np.testing.assert_allclose(combined.mean, [[125, 450, 4]] * 2)
    assert (combined.share, combined.share_values) == (None, None)
    # One that has a distribution is composed first; the ensemble has none then.
    members = {"x": plain(100, 400, 2), "y": learned(half=[0.9, 0.0], density=3.0, voltage=4.0)}
    mixed = ensemble("x", "y").combine(members, FRAME)
    np.testing.assert_allclose(mixed.mean, [[125, 425, 3], [110, 380, 3]])
    assert (mixed.share, mixed.share_values) == (None, None)


def test_the_deviation_grows_with_that_of_the_members_and_with_their_disagreement() -> None:
    members = {"x": plain(100, 400, 2, std=3.0), "y": plain(108, 400, 2, std=1.0)}
    combined = ensemble("x", "y").combine(members, FRAME)
    assert combined.std is not None
    # Variances 9 and 1, and 4 away from the mean; equal volumetric capacities and voltages.
    np.testing.assert_allclose(combined.std, [[np.sqrt(5 + 16), np.sqrt(5), np.sqrt(5)]] * 2)
    disagreement = ensemble("x", "y").combine({"x": plain(100, 400, 2), "y": plain(108, 400, 2)}, FRAME)
    assert disagreement.std is not None
    np.testing.assert_allclose(disagreement.std, [[4, 0, 0]] * 2)
    assert ensemble("x").combine({"x": plain(100, 400, 2)}, FRAME).std is None


def test_an_ensemble_of_one_member_predicts_what_it_predicts() -> None:
    member = learned(half=[0.9, 0.4], density=2.5, voltage=3.0, std=1.5)
    combined = ensemble("x").combine({"x": member}, FRAME)
    for one, other in ((combined.mean, member.mean), (combined.std, member.std), (combined.share, member.share)):
        assert one is not None
        assert other is not None
        pd.testing.assert_frame_equal(one, other, rtol=1e-14)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=11, max_size=11), min_size=3, max_size=3),
    st.lists(st.floats(0, 10), min_size=3, max_size=3).filter(lambda weights: sum(weights) > 0.1),
)
def test_a_mixture_is_a_distribution_and_stays_within_faradays_limit(
    rows: list[list[float]], weights: list[float]
) -> None:
    members = {}
    for name, row in zip("xyz", rows, strict=True):
        cumulative = np.tile(np.sort(row), (2, 1))
        mean = np.tile([100.0, 250.0, 3.0], (2, 1))
        members[name] = Prediction.of(
            mean, None, index=FRAME.index, targets=list(TARGETS), share=cumulative, share_values=VALUES
        )
    named = {name: {"share": weight} for name, weight in zip("xyz", weights, strict=True)}
    combined = ensemble("x", "y", "z", **named).combine(members, FRAME)
    assert combined.share is not None
    share = combined.share.to_numpy()
    assert ((share >= 0) & (share <= 1)).all()
    assert (np.diff(share, axis=1) >= 0).all()
    assert (combined.mean["gravimetric_capacity"] <= FRAME[FULL_CAPACITY]).all()
    np.testing.assert_allclose(combined.mean["volumetric_capacity"] / combined.mean["gravimetric_capacity"], 2.5)


def test_the_exact_share_of_a_pair_is_kept() -> None:
    frame = FRAME.assign(**{EXACT_SHARE: [0.45, 0.7]})
    member = learned(half=[0.9, 0.4], density=2.0, voltage=3.0)
    combined = ensemble("x", "y").combine({"x": member, "y": member}, frame)
    np.testing.assert_allclose(combined.mean["gravimetric_capacity"], [135, 84])
    np.testing.assert_allclose(combined.mean["volumetric_capacity"], [270, 168])


def test_a_distribution_needs_the_full_capacity() -> None:
    member = learned(half=[0.9, 0.4], density=2.5, voltage=3.0)
    with pytest.raises(ValueError, match="need the feature 'redox: full capacity'"):
        ensemble("x").combine({"x": member}, FRAME[[]])


def test_an_ensemble_is_not_fitted_by_itself() -> None:
    with pytest.raises(ValueError, match="is not fitted by itself"):
        ensemble("x").fit(FRAME, FRAME)
    with pytest.raises(ValueError, match="not fitted; call with_members first"):
        ensemble("x").predict(FRAME)
    with pytest.raises(ValueError, match="the members are x, y, not "):
        ensemble("x", "y").with_members({})


OUTSIDE = {"sharing_model": {"module": "support.sharing_model", "slope": 2.0}}


def test_the_configuration_contains_that_of_the_members() -> None:
    spec = models.spec("ensemble")
    params = Params(
        seed=0,
        models={
            "ensemble": {"members": ["rf_magpie", "sharing_model", "control"]},
            "rf_magpie": {"n_estimators": 7},
            **OUTSIDE,
        },
    )
    config = models.configured(spec, params)
    members = models.members_of(config)
    assert list(members) == ["rf_magpie", "sharing_model", "control"]
    assert members["rf_magpie"].config == models.configure(models.spec("rf_magpie"), {"n_estimators": 7})
    assert members["sharing_model"].spec.module == "support.sharing_model"
    # What a record holds is enough to find the members again, whatever params.yaml says then.
    assert models.members_of(models.configure(spec, config.model_dump(mode="json"))) == members
    assert models.feature_set_of(spec, config) == "magpie_mean"
    assert models.feature_set_of(models.spec("modnet"), models.configured(models.spec("modnet"), params)) == "modnet"
    assert models.members_of(models.configured(models.spec("modnet"), params)) == {}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"members": []}, "members: name at least one member, and each once"),
        ({"members": ["control", "control"]}, "members: name at least one member, and each once"),
        ({"members": ["rf_magpi"]}, r"models\.ensemble\.members: unknown model 'rf_magpi'; did you mean 'rf_magpie'"),
        ({"members": ["ensemble"]}, r"members: 'ensemble' is an ensemble itself; name its members instead"),
        ({"members": ["modnet_upstream"]}, "'modnet_upstream' is a published package, which cannot be a member"),
        ({"members": ["control"], "configurations": {"control": {}}}, r"configurations is taken from models\.<member>"),
        ({"members": ["control"], "weights": {"modnet": {}}}, "weights: 'modnet' is not among the members"),
        ({"members": ["control"], "weights": {"control": {"share": 0}}}, "one member must count for the share"),
        ({"members": ["control"], "weights": {"control": {"voltage": -1}}}, "weights.control.voltage"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line(values: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        models.configured(models.spec("ensemble"), Params(seed=0, models={"ensemble": values}))


def test_a_saved_ensemble_holds_its_members(tmp_path: Path) -> None:
    from support.ensembles import FittedTogether

    spec = models.spec("ensemble")
    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0)[::-1]})
    targets = pd.DataFrame({target: np.arange(20.0) + i for i, target in enumerate(TARGETS)})
    config = models.configured(spec, Params(seed=0, models={"ensemble": {"members": ["control", "rf_magpie"]}}))
    model = FittedTogether(spec, config, seed=1, frames={"control": frame[[]], "rf_magpie": frame}).fit(frame, targets)
    models.save(model, tmp_path, spec=spec, about={})
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "ensemble.json", "control", "rf_magpie"}
    alone, about = models.load(tmp_path / "rf_magpie")
    assert about["model"] == "rf_magpie"
    loaded, _ = models.load(tmp_path)
    pd.testing.assert_frame_equal(loaded.predict(frame).mean, model.predict(frame).mean, check_exact=True)
    mean = (alone.predict(frame).mean + targets.mean()) / 2
    pd.testing.assert_frame_equal(loaded.predict(frame).mean, mean, check_like=True)
    with pytest.raises(ValueError, match="expected the columns"):
        loaded.predict(frame[["b", "a"]])
