"""What every model of this package keeps to, and every scikit-learn regressor that is wrapped as one."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support import TESTS, forks
from support.electrodes import table
from support.quick_models import features_of, quick_config, quick_model

from electrode_bench import models
from electrode_bench.core import feature_names
from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, ID, SHARE_THRESHOLDS, TARGETS, VOLTAGE
from electrode_bench.errors import UserError
from electrode_bench.features import FEATURE_SETS
from electrode_bench.models.base import fit_predict
from electrode_bench.models.heads.quantities import FULL_CAPACITY

#: Every model of this package, and wrapped regressors, by the module that defines them.
MODULES = (
    {name: models.MODELS.module(name) for name in models.MODELS}
    | {f"sklearn: {name}": f"support.regressors.{name}" for name in ("ridge", "boosting", "nearest")}
    | {"sharing_model": "support.sharing_model"}
)


@pytest.fixture(params=list(MODULES))
def spec(request: pytest.FixtureRequest) -> models.ModelSpec:
    spec = models.from_module(MODULES[request.param])
    if reason := spec.available():
        pytest.skip(reason)
    return spec


def _data(spec: models.ModelSpec, rows: int = 40, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(rows, seed=seed).set_index(ID)
    return features_of(spec, electrodes), electrodes[list(TARGETS)]


def test_every_feature_set_of_a_model_exists() -> None:
    named = (spec.feature_set for spec in models.MODELS.values() if spec.feature_set is not None)
    assert {one for name in named for one in feature_names.split(name)} <= set(FEATURE_SETS)


def test_a_spec_has_the_name_of_its_module_and_a_quick_configuration(spec: models.ModelSpec) -> None:
    assert spec.name == spec.module.rpartition(".")[2]
    assert spec.title
    models.configure(spec, spec.quick)
    config = models.configure(spec, {}).model_dump()
    assert set(spec.space) <= set(config)


def test_predictions_have_exactly_the_given_index(spec: models.ModelSpec) -> None:
    frame, targets = _data(spec)
    test = frame.iloc[[5, 3, 3, 30]].set_axis(["x", "b", "q", "a"])
    prediction = quick_model(spec).fit(frame, targets).predict(test)
    assert list(prediction.mean.index) == ["x", "b", "q", "a"]
    assert set(prediction.mean.columns) == set(TARGETS)
    assert np.isfinite(prediction.mean.to_numpy()).all()
    np.testing.assert_array_equal(prediction.mean.loc["b"], prediction.mean.loc["q"])
    if prediction.std is not None:
        assert (prediction.std.to_numpy() >= 0).all()
        assert list(prediction.std.index) == list(test.index)
        assert list(prediction.std.columns) == list(prediction.mean.columns)
    assert (prediction.share is None) == (prediction.share_values is None)
    if prediction.share is not None and prediction.share_values is not None:
        assert list(prediction.share.index) == list(test.index)
        assert list(prediction.share.columns) == list(SHARE_THRESHOLDS)
        cumulative = prediction.share.to_numpy()
        assert ((cumulative >= 0) & (cumulative <= 1)).all()
        assert (np.diff(cumulative, axis=1) >= 0).all()
        # Each value lies in its interval.
        edges = [0.0, *SHARE_THRESHOLDS, 1.0]
        assert len(prediction.share_values) == len(edges) - 1
        for value, low, high in zip(prediction.share_values, edges[:-1], edges[1:], strict=True):
            assert low <= value <= high


def test_the_same_seed_gives_the_same_numbers_for_any_order_of_rows(spec: models.ModelSpec) -> None:
    frame, targets = _data(spec)
    one = quick_model(spec).fit(frame, targets).predict(frame)
    shuffled = frame.sample(frac=1, random_state=3)
    other = quick_model(spec).fit(shuffled, targets.loc[shuffled.index]).predict(shuffled)
    pd.testing.assert_frame_equal(one.mean, other.mean.loc[frame.index], check_exact=True)
    if one.share is not None and other.share is not None:
        pd.testing.assert_frame_equal(one.share, other.share.loc[frame.index], check_exact=True)
    assert one.share_values == other.share_values


@pytest.mark.parametrize("rows", [1, 2])
def test_tiny_training_sets_work(spec: models.ModelSpec, rows: int) -> None:
    frame, targets = _data(spec)
    mean = quick_model(spec).fit(frame.iloc[:rows], targets.iloc[:rows]).predict(frame).mean
    assert np.isfinite(mean.to_numpy()).all()
    low, high = targets.iloc[:rows].min(), targets.iloc[:rows].max()
    if FULL_CAPACITY in frame:
        # Composed from quantities of which only the voltage is a target.
        assert mean[GRAVIMETRIC.key].between(0, frame[FULL_CAPACITY]).all()
        mean, low, high = mean[[VOLTAGE.key]], low[[VOLTAGE.key]], high[[VOLTAGE.key]]
    assert ((mean >= low - 1e-9) & (mean <= high + 1e-9)).all().all()


def test_unseen_elements_and_long_formulas_are_predicted(spec: models.ModelSpec) -> None:
    frame, targets = _data(spec)
    # Pure, rare, fractional, ten elements.
    formulas = ["Cs", "LiOsXe2", "Li0.37YbTe1.5", "LiNaKRbMgCaZnAlYO20"]
    ions = ["Cs", "Li", "Li", "Li"]
    other = features_of(spec, pd.DataFrame({FORMULA: formulas, "working_ion": ions}, index=["p", "q", "r", "s"]))
    mean = quick_model(spec).fit(frame, targets).predict(other).mean
    assert np.isfinite(mean.to_numpy()).all()
    together = quick_model(spec).fit(
        pd.concat([frame, other]), pd.concat([targets, targets.iloc[:4].set_axis(other.index)])
    )
    assert np.isfinite(together.predict(other).mean.to_numpy()).all()


def test_targets_of_test_rows_are_not_used(spec: models.ModelSpec) -> None:
    frame, targets = _data(spec)
    train, test = list(frame.index[:30]), list(frame.index[30:])
    changed = targets.copy()
    changed.loc[test] = targets.loc[test].to_numpy()[::-1] * 7
    # Nothing but what is built decides: that of an ensemble has to fit its members.
    built = replace(spec, build=lambda _, seed: quick_model(spec, seed))
    one, other = (
        fit_predict(built, quick_config(spec), 5, frame=frame, targets=t, train_ids=train, test_ids=test)
        for t in (targets, changed)
    )
    pd.testing.assert_frame_equal(one.targets, other.targets, check_exact=True)
    assert (one.share is None) == (other.share is None)
    if one.share is not None and other.share is not None:
        pd.testing.assert_frame_equal(one.share, other.share, check_exact=True)
        assert one.share_values == other.share_values


def test_an_empty_training_set_is_a_clear_error(spec: models.ModelSpec) -> None:
    frame, targets = _data(spec)
    with pytest.raises(ValueError, match="no training rows"):
        quick_model(spec).fit(frame.iloc[:0], targets.iloc[:0])


def test_constant_features_and_targets_work(spec: models.ModelSpec) -> None:
    frame, targets = _data(spec)
    frame = frame.iloc[[0] * len(frame)].set_axis(frame.index)
    targets = targets * 0.0 + [100.0, 300.0, 3.0]
    mean = quick_model(spec).fit(frame, targets).predict(frame).mean
    # Faraday's capacities are not learned.
    learned = [VOLTAGE.key] if spec.name == "faraday" else list(mean.columns)
    np.testing.assert_allclose(mean[learned], targets[learned], rtol=1e-6)


def test_predicting_before_fitting_is_a_clear_error(spec: models.ModelSpec) -> None:
    with pytest.raises(ValueError, match=r"not fitted; call (fit|with_members) first"):
        quick_model(spec).predict(_data(spec)[0])


def test_a_saved_model_predicts_the_same_in_a_fresh_process(spec: models.ModelSpec, tmp_path: Path) -> None:
    frame, targets = _data(spec)
    model = quick_model(spec).fit(frame, targets)
    (tmp_path / "model").mkdir()
    models.save(model, tmp_path / "model", spec=spec, about={"composition": "discharged"})
    # Not parquet: a process that ends just after pandas has read one may be killed by Arrow's threads.
    frame.to_pickle(tmp_path / "frame.pickle")
    code = (
        "import sys, pandas as pd; from pathlib import Path; from electrode_bench import models\n"
        "here = Path(sys.argv[1]); model, about = models.load(here / 'model')\n"
        "assert about['composition'] == 'discharged'\n"
        "pd.to_pickle(model.predict(pd.read_pickle(here / 'frame.pickle')), here / 'prediction.pickle')"
    )
    environment = {**os.environ, "ELECTRODE_BENCH_MODULES": str(TESTS)}
    forks.run([sys.executable, "-c", code, str(tmp_path)], check=True, env=environment)
    back, prediction = pd.read_pickle(tmp_path / "prediction.pickle"), model.predict(frame)
    pd.testing.assert_frame_equal(back.mean, prediction.mean, check_exact=True)
    assert back.share_values == prediction.share_values
    if prediction.share is not None:
        pd.testing.assert_frame_equal(back.share, prediction.share, check_exact=True)
    assert not [p for p in (tmp_path / "model").rglob("*") if p.suffix in (".pkl", ".pickle", ".joblib")]


def test_an_unknown_model_or_key_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown model 'rf_magpi'; did you mean 'rf_magpie'\?"):
        models.spec("rf_magpi")
    with pytest.raises(UserError, match=r"models\.rf_magpie: unknown key 'n_estimator'; did you mean 'n_estimators'\?"):
        models.configure(models.spec("rf_magpie"), {"n_estimator": 3})
    with pytest.raises(UserError, match="holds no saved model"):
        models.load(Path("/nowhere"))
