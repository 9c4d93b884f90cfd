"""What every model of the registry keeps to, whatever it is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.electrodes import table

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import FEATURE_SETS, featurize
from electrode_bench.models.base import Model, fit_predict

every_model = pytest.mark.parametrize("name", models.MODELS.names)


def _model(name: str, seed: int = 1) -> Model:
    spec = models.spec(name)
    return spec.build(models.configure(spec, spec.quick), seed)


@pytest.fixture(autouse=True)
def _runs_here(request: pytest.FixtureRequest) -> None:
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    reason = name and models.spec(name).available()
    if reason:
        pytest.skip(reason)


def _data(name: str, rows: int = 40, *, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(rows, seed=seed).set_index(ID)
    feature_set = models.spec(name).feature_set
    frame = pd.DataFrame(index=electrodes.index)
    if feature_set is not None:
        frame = featurize(electrodes[[FORMULA]], feature_set=feature_set)
    return frame, electrodes[list(TARGETS)]


def test_every_feature_set_of_a_model_is_known() -> None:
    assert {s.feature_set for s in models.MODELS.values()} <= {None, *FEATURE_SETS}


@every_model
def test_predictions_stand_on_exactly_the_index_given(name: str) -> None:
    frame, targets = _data(name)
    test = frame.iloc[[5, 3, 3, 30]].set_axis(["x", "b", "q", "a"])
    prediction = _model(name).fit(frame, targets).predict(test)
    assert list(prediction.mean.index) == ["x", "b", "q", "a"]
    assert set(prediction.mean.columns) == set(TARGETS)
    assert np.isfinite(prediction.mean.to_numpy()).all()
    np.testing.assert_array_equal(prediction.mean.loc["b"], prediction.mean.loc["q"])
    if prediction.std is not None:
        assert (prediction.std.to_numpy() >= 0).all()
        assert list(prediction.std.index) == list(test.index)


@every_model
def test_the_same_seed_gives_the_same_numbers_whatever_the_row_order(name: str) -> None:
    frame, targets = _data(name)
    one = _model(name).fit(frame, targets).predict(frame).mean
    shuffled = frame.sample(frac=1, random_state=3)
    other = _model(name).fit(shuffled, targets.loc[shuffled.index]).predict(shuffled).mean
    pd.testing.assert_frame_equal(one, other.loc[one.index], check_exact=True)


@every_model
@pytest.mark.parametrize("rows", [1, 2])
def test_tiny_training_sets_work(name: str, rows: int) -> None:
    frame, targets = _data(name)
    mean = _model(name).fit(frame.iloc[:rows], targets.iloc[:rows]).predict(frame).mean
    assert np.isfinite(mean.to_numpy()).all()
    low, high = targets.iloc[:rows].min(), targets.iloc[:rows].max()
    assert ((mean >= low - 1e-9) & (mean <= high + 1e-9)).all().all()


@every_model
def test_elements_not_seen_in_training_and_long_formulas_get_numbers(name: str) -> None:
    frame, targets = _data(name)
    # Pure, rare, fractional, ten elements.
    formulas = ["Cs", "OsXe2", "Li0.37YbTe1.5", "LiNaKRbMgCaZnAlYO20"]
    feature_set = models.spec(name).feature_set
    strange = pd.DataFrame({FORMULA: formulas}, index=["p", "q", "r", "s"])
    other = pd.DataFrame(index=strange.index) if feature_set is None else featurize(strange, feature_set=feature_set)
    mean = _model(name).fit(frame, targets).predict(other).mean
    assert np.isfinite(mean.to_numpy()).all()
    together = _model(name).fit(pd.concat([frame, other]), pd.concat([targets, targets.iloc[:4].set_axis(other.index)]))
    assert np.isfinite(together.predict(other).mean.to_numpy()).all()


@every_model
def test_the_targets_of_the_test_rows_are_not_looked_at(name: str) -> None:
    frame, targets = _data(name)
    train, test = list(frame.index[:30]), list(frame.index[30:])
    changed = targets.copy()
    changed.loc[test] = targets.loc[test].to_numpy()[::-1] * 7
    spec = models.spec(name)
    config = models.configure(spec, spec.quick)
    one, other = (
        fit_predict(spec, config, 5, frame=frame, targets=t, train_ids=train, test_ids=test) for t in (targets, changed)
    )
    pd.testing.assert_frame_equal(one, other, check_exact=True)


@every_model
def test_no_training_rows_is_a_clear_error(name: str) -> None:
    frame, targets = _data(name)
    with pytest.raises(ValueError, match="no training rows"):
        _model(name).fit(frame.iloc[:0], targets.iloc[:0])


@every_model
def test_constant_features_and_targets_work(name: str) -> None:
    frame, targets = _data(name)
    frame = frame.iloc[[0] * len(frame)].set_axis(frame.index)
    targets = targets * 0.0 + [100.0, 300.0, 3.0]
    mean = _model(name).fit(frame, targets).predict(frame).mean
    np.testing.assert_allclose(mean, targets[mean.columns], rtol=1e-6)


@every_model
def test_predicting_before_fitting_is_a_clear_error(name: str) -> None:
    with pytest.raises(ValueError, match="not fitted; call fit first"):
        _model(name).predict(_data(name)[0])


@every_model
def test_a_saved_model_predicts_the_same_in_a_fresh_process(name: str, tmp_path: Path) -> None:
    frame, targets = _data(name)
    model = _model(name).fit(frame, targets)
    (tmp_path / "model").mkdir()
    models.save(model, tmp_path / "model", spec=models.spec(name), about={"composition": "discharged"})
    # No parquet: a process that ends as soon as pandas has read one may die of Arrow's threads, on a busy machine.
    frame.to_pickle(tmp_path / "frame.pickle")
    code = (
        "import sys, pandas as pd; from pathlib import Path; from electrode_bench import models\n"
        "here = Path(sys.argv[1]); model, about = models.load(here / 'model')\n"
        "assert about['composition'] == 'discharged'\n"
        "model.predict(pd.read_pickle(here / 'frame.pickle')).mean.to_pickle(here / 'mean.pickle')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    back = pd.read_pickle(tmp_path / "mean.pickle")
    pd.testing.assert_frame_equal(back, model.predict(frame).mean, check_exact=True)
    assert not list((tmp_path / "model").glob("*.pkl"))


def test_an_unknown_model_or_key_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown model 'rf_magpi'; did you mean 'rf_magpie'\?"):
        models.spec("rf_magpi")
    with pytest.raises(UserError, match=r"models\.rf_magpie: unknown key 'n_estimator'; did you mean 'n_estimators'\?"):
        models.configure(models.spec("rf_magpie"), {"n_estimator": 3})
    with pytest.raises(UserError, match="holds no saved model"):
        models.load(Path("/nowhere"))
