"""The upstream models themselves, through our Model protocol. Run by `make reference-test`, in their environment."""

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
from electrode_bench.features import featurize

#: Quick configurations, and the features to read: any do for MODNet, 21 are selected from quickly.
CASES = {
    "crabnet_upstream": ({"epochs": 4, "epochs_step": 1}, "elements"),
    "modnet_upstream": ({"epochs": 20, "n_feat": 8}, "magpie_mean"),
}
both = pytest.mark.parametrize("name", list(CASES))


def _model(name: str, seed: int = 1) -> models.Model:
    spec = models.spec(name)
    return spec.build(models.configure(spec, CASES[name][0]), seed)


def _data(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    electrodes = table(60).set_index(ID)
    return featurize(electrodes[[FORMULA]], feature_set=CASES[name][1]), electrodes[list(TARGETS)]


@both
def test_the_environment_is_whole(name: str) -> None:
    assert models.spec(name).available() is None


@both
def test_a_seed_decides_the_numbers_and_a_saved_model_gives_them_again(name: str, tmp_path: Path) -> None:
    frame, targets = _data(name)
    # As a bootstrap draws: ids repeat.
    train, test = [*frame.index[:45], *frame.index[:5]], frame.iloc[45:]
    model = _model(name).fit(frame.loc[train], targets.loc[train])
    prediction = model.predict(test)
    assert list(prediction.mean.index) == list(test.index)
    assert np.isfinite(prediction.mean.to_numpy()).all()
    # Not the mean: something was learnt.
    assert (prediction.mean.std() > 0).all()
    if prediction.std is not None:
        assert (prediction.std.to_numpy() > 0).all()

    shuffled = train[::-1]
    again = _model(name).fit(frame.loc[shuffled], targets.loc[shuffled]).predict(test.iloc[::-1]).mean
    pd.testing.assert_frame_equal(again.loc[test.index], prediction.mean, check_exact=True)
    other = _model(name, seed=2).fit(frame.loc[train], targets.loc[train]).predict(test).mean
    assert not np.allclose(other, prediction.mean, rtol=1e-6)

    (tmp_path / "model").mkdir()
    models.save(model, tmp_path / "model", spec=models.spec(name), about={})
    assert {p.suffix for p in (tmp_path / "model").rglob("*") if p.is_file()} == {".json", ".safetensors"}
    test.to_parquet(tmp_path / "test.parquet")
    code = (
        "import sys, pandas as pd; from pathlib import Path; from electrode_bench import models\n"
        "here = Path(sys.argv[1]); model, _ = models.load(here / 'model')\n"
        "model.predict(pd.read_parquet(here / 'test.parquet')).mean.to_parquet(here / 'mean.parquet')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "mean.parquet"), prediction.mean, check_exact=True)


@both
def test_one_constant_target_does_not_disturb_the_others(name: str) -> None:
    frame, targets = _data(name)
    targets = targets.assign(average_voltage=3.0)
    mean = _model(name).fit(frame, targets).predict(frame).mean
    np.testing.assert_allclose(mean["average_voltage"], 3.0, rtol=1e-6)
    assert (mean[["gravimetric_capacity", "volumetric_capacity"]].std() > 0).all()
