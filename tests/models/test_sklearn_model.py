"""scikit-learn regressors as models: what the wrapper does around them. tests/models/test_contract.py has the rest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support import TESTS
from support.electrodes import table
from support.regressors import own

from electrode_bench import models
from electrode_bench.core.digests import digest_files
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.models import safe_files

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(80, 4)), columns=list("abcd"))
Y = pd.DataFrame({"p": X["a"] * 50 + RNG.normal(size=80), "q": X["b"] * 1000, "r": X["c"] + X["d"]})


def _model(name: str, **values: object) -> models.Model:
    spec = models.from_module(f"support.regressors.{name}")
    return spec.build(models.configure(spec, values), 1)


@pytest.mark.parametrize("name", ["ridge", "boosting", "nearest"])
def test_learns_each_target(name: str) -> None:
    prediction = _model(name).fit(X[:60], Y[:60]).predict(X[60:])
    assert prediction.std is None
    for target in Y:
        error = (prediction.mean[target] - Y[target][60:]).abs().mean()
        assert error < 0.85 * (Y[target][60:] - Y[target][:60].mean()).abs().mean()


def test_predictions_are_those_of_the_regressor_clipped_to_the_training_range() -> None:
    mean = _model("ridge", alpha=2.0).fit(X[:60], Y[:60]).predict(X[60:]).mean
    regressor = make_pipeline(StandardScaler(), Ridge(alpha=2.0)).fit(X[:60].to_numpy(), Y[:60].to_numpy())
    expected = regressor.predict(X[60:].to_numpy()).clip(Y[:60].min().to_numpy(), Y[:60].max().to_numpy())
    np.testing.assert_allclose(mean, expected, rtol=1e-9)
    far = _model("ridge").fit(X, Y).predict(X * 1e6).mean
    assert ((far >= Y.min()) & (far <= Y.max())).all().all()


def test_a_missing_feature_is_imputed_half_a_range_below_its_smallest_value() -> None:
    gaps = X.assign(a=X["a"].where(X["b"] > 0), d=np.nan)
    low, high = gaps["a"][:60].min(), gaps["a"][:60].max()
    by_hand = gaps.fillna({"a": low - 0.5 * (high - low), "d": 0.0})
    for name in ("ridge", "nearest"):
        one, other = (_model(name).fit(frame[:60], Y[:60]).predict(frame[60:]).mean for frame in (gaps, by_hand))
        np.testing.assert_allclose(one, other, rtol=1e-9)
    # A feature that was never missing in training is imputed from its own range.
    mean = _model("nearest").fit(X[:60], Y[:60]).predict(X[60:].assign(c=np.nan)).mean
    assert np.isfinite(mean.to_numpy()).all()


def test_fewer_rows_than_the_regressor_needs_are_predicted_as_their_mean() -> None:
    mean = _model("nearest", n_neighbors=5).fit(X[:4], Y[:4]).predict(X).mean
    np.testing.assert_allclose(mean, np.tile(Y[:4].mean(), (80, 1)))
    assert _model("nearest", n_neighbors=5).fit(X[:6], Y[:6]).predict(X).mean["p"].nunique() > 1


def test_wrong_input_is_a_clear_error() -> None:
    model = _model("ridge").fit(X, Y)
    with pytest.raises(ValueError, match="expected the columns"):
        model.predict(X[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="features must be finite or missing"):
        model.predict(X.assign(a=np.inf))
    with pytest.raises(ValueError, match="targets must be finite"):
        _model("ridge").fit(X, Y * np.nan)
    assert len(model.predict(X[:0]).mean) == 0


def test_the_same_model_is_saved_as_the_same_bytes_by_any_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from electrode_bench import models\n"
        "from electrode_bench.core.schema import FORMULA, ID, TARGETS\n"
        "from electrode_bench.features import featurize\n"
        "from support.electrodes import table\n"
        "electrodes = table(40).set_index(ID); folder = Path(sys.argv[1])\n"
        "for name in ('ridge', 'boosting', 'nearest'):\n"
        "    spec = models.from_module(f'support.regressors.{name}')\n"
        "    frame = featurize(electrodes[[FORMULA]], feature_set='magpie_mean')\n"
        "    model = spec.build(models.configure(spec, spec.quick), 1).fit(frame, electrodes[list(TARGETS)])\n"
        "    (folder / name).mkdir(parents=True); models.save(model, folder / name, spec=spec, about={})\n"
    )
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    for name, seed in (("one", "1"), ("two", "2")):
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True, env=environment)
    for name in ("ridge", "boosting", "nearest"):
        one, two = (digest_files(sorted((tmp_path / folder / name).iterdir())) for folder in ("one", "two"))
        assert one == two


def _fitted(spec: models.ModelSpec) -> models.Model:
    electrodes = table(30).set_index(ID)
    frame = featurize(electrodes[[FORMULA]], feature_set="magpie_mean")
    return spec.build(spec.config(), 1).fit(frame, electrodes[list(TARGETS)])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("unsafe", "<lambda>"),
        ("own", "it contains support.regressors.own.Quantile; check that loading these types is safe and list them"),
    ],
)
def test_what_has_no_form_without_pickle_is_refused_in_one_line(name: str, reason: str, tmp_path: Path) -> None:
    spec = models.from_module(f"support.regressors.{name}")
    with pytest.raises(models.CannotSave, match="the model cannot be saved without pickle") as error:
        models.save(_fitted(spec), tmp_path, spec=spec, about={})
    assert reason in str(error.value)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_type_that_the_user_checked_is_saved_and_loaded(tmp_path: Path) -> None:
    model = _fitted(own.TRUSTED)
    model.save(tmp_path)
    electrodes = table(10).set_index(ID)
    frame = featurize(electrodes[[FORMULA]], feature_set="magpie_mean")
    again = own.TRUSTED.load(tmp_path).predict(frame).mean
    pd.testing.assert_frame_equal(again, model.predict(frame).mean, check_exact=True)
    # A reader that does not trust the type does not load it.
    with pytest.raises(UserError, match=r"types that are not trusted \(support.regressors.own.Quantile\)"):
        own.SPEC.load(tmp_path)


def test_a_file_of_an_unknown_type_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(models.CannotSave, match=r"it contains builtins.print|it contains .*print"):
        safe_files.dump({"call": print}, tmp_path / "file.skops")
    assert list(tmp_path.iterdir()) == []


def test_what_the_regressor_is_made_of_decides_a_fit() -> None:
    closure = models.from_module("support.regressors.own").closure()
    assert {"own.py", "sklearn_model.py", "imputation.py", "target_scale.py"} <= {path.name for path in closure.files}
    assert "scikit-learn" in closure.libraries
    digests = {
        models.from_module(f"support.regressors.{name}").closure().digest for name in ("own", "ridge", "nearest")
    }
    assert len(digests) == 3
