from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from electrode_bench import models
from electrode_bench.clustering import elmd
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Calibration, Domain, Predictor, calibrate, compositions, working_ion

NONE = np.full(9, np.nan)


def test_an_interval_without_a_spread_is_the_ninth_of_nine_errors() -> None:
    errors = np.arange(1.0, 10.0)
    found = Calibration.of(errors, np.zeros(9), NONE)
    assert (found.factor, found.spread, found.coverage) == (9.0, False, 1.0)
    assert found.half_width(NONE).tolist() == [9.0] * 9
    # Eight rows cannot promise nine of ten.
    assert Calibration.of(errors[:8], np.zeros(8), NONE[:8]).factor == math.inf
    assert Calibration.of(errors, np.zeros(9), NONE, level=0.5).factor == 5.0


def test_a_spread_scales_the_interval_and_none_is_certain() -> None:
    std = np.array([1.0] * 8 + [0.0])
    found = Calibration.of(np.full(9, 2.0), np.zeros(9), std)
    # A spread of 0 counts as a tenth of the median: its error of 2 is 20 of these.
    assert (found.factor, found.least) == (20.0, pytest.approx(0.1))
    assert found.half_width(np.array([1.0, 3.0, 0.0])).tolist() == pytest.approx([20, 60, 2])


def test_nine_of_ten_new_values_lie_inside() -> None:
    rng = np.random.default_rng(0)
    held = total = 0
    for _ in range(40):
        std = rng.uniform(0.5, 2.0, 250)
        error = rng.normal(0, 3 * std)
        calibration = Calibration.of(error[:50], np.zeros(50), std[:50])
        held += int((np.abs(error[50:]) <= calibration.half_width(std[50:])).sum())
        total += 200
    # Calibration sets of 50 vary: more than the binomial's own noise.
    assert 0.88 <= held / total <= 0.94
    assert held / total > binom.ppf(1e-9, total, 0.87) / total


@given(st.integers(10, 60), st.integers(0, 2**31))
@settings(max_examples=30)
def test_the_calibration_rows_themselves_are_covered(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = Calibration.of(rng.normal(size=n), rng.normal(size=n), rng.uniform(0, 1, n))
    assert found.coverage >= 0.9


def test_calibrate_takes_each_targets_own_errors() -> None:
    rows = pd.concat(
        pd.DataFrame(
            {ID: range(9), "target": t, "y_true": np.arange(1.0, 10.0) * scale, "y_pred": 0.0, "y_std": np.nan}
        )
        for scale, t in enumerate(TARGETS, start=1)
    )
    assert [c.factor for c in calibrate(rows).values()] == [9.0, 18.0, 27.0]


@pytest.mark.parametrize(
    ("formula", "ion", "found"),
    [
        ("LiFePO4", None, "Li"),
        ("LiFePO4", "Na", "Li"),
        ("LiAlSiO4", "Li", "Li"),
        ("LiAlSiO4", "Al", "Al"),
        ("Mg(MnO2)2", None, "Mg"),
    ],
)
def test_the_ion_is_the_only_candidate_or_the_one_named(formula: str, ion: str | None, found: str) -> None:
    assert working_ion(formula, ion) == found


@pytest.mark.parametrize(
    ("formula", "ion", "message"),
    [
        ("LiAlSiO4", None, "LiAlSiO4 holds Li and Al; say which one moves, for example: --ion Li"),
        ("FePO4", None, "the formula 'FePO4' holds no working ion"),
        ("FePO4", "Li", "the formula 'FePO4' holds no working ion"),
        ("LiAlSiO4", "Na", "LiAlSiO4 holds Li and Al, not Na; say which one moves"),
        ("LiFePO4", "Fe", "unknown working ion 'Fe'"),
        ("Lx", None, "the formula 'Lx' names an unknown element"),
        ("", None, "the formula"),
    ],
)
def test_an_ion_that_cannot_be_told_is_an_error(formula: str, ion: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        working_ion(formula, ion)


def test_compositions_of_every_kind_of_model() -> None:
    frame = compositions(["LiFePO4", "Na2MnO3"], ["Li", "Na"])
    assert frame["framework_formula"].tolist() == ["FePO4", "MnO3"]
    assert frame[FORMULA].tolist() == ["LiFePO4", "Na2MnO3"]
    with pytest.raises(UserError, match="Li2: the formula holds nothing but the working ion Li"):
        compositions(["Li2"], ["Li"])


def test_the_domain_reaches_as_far_as_known_compositions_are_apart() -> None:
    known = ["LiCoO2", "LiNiO2", "LiMnO2", "LiFeO2", "Li2Co2O4"]
    domain = Domain(known)
    # Two spellings are one composition.
    assert sorted(domain.formulas) == ["LiCoO2", "LiFeO2", "LiMnO2", "LiNiO2"]
    apart = elmd.distances(domain.formulas)
    np.fill_diagonal(apart, np.inf)
    assert domain.reach == pytest.approx(np.quantile(apart.min(axis=1), 0.95))
    (near, distance), *_ = domain.nearest("LiCoO2", number=2)
    assert (near, distance) == ("LiCoO2", pytest.approx(0, abs=1e-9))
    assert domain.outside("LiCoO2", distance=0.0) is None
    assert domain.outside("LiCoO2", distance=domain.reach * 2).startswith("the nearest known composition is")  # type: ignore[union-attr]
    assert domain.outside("LiUO2", distance=0.0) == "no known electrode holds U"


def test_a_composition_is_in_the_domain_or_not() -> None:
    domain = Domain(["LiCoO2", "LiNiO2", "LiMnO2", "LiFeO2"])
    assert {f: f in domain for f in ("LiCoO2", "Li2Co2O4", "LiUO2", "LiCo20O40")} == {
        "LiCoO2": True, "Li2Co2O4": True, "LiUO2": False, "LiCo20O40": False,
    }  # fmt: skip


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    rng = np.random.default_rng(0)
    formulas = [f"Li{a}{m}{b}O{o}" for a in (1, 2) for m in ("Co", "Ni", "Mn", "Fe") for b in (1, 2) for o in (2, 3, 4)]
    table = pd.DataFrame({ID: [f"e{i}" for i in range(len(formulas))], FORMULA: formulas})
    for target in TARGETS:
        table[target] = rng.uniform(1, 5, len(table))
    spec = models.spec("rf_magpie")
    frame = featurize(table[[FORMULA]], feature_set="magpie_mean")
    model = spec.build(models.configure("rf_magpie", {"n_estimators": 5}), 1).fit(frame, table[list(TARGETS)])
    folder: Path = tmp_path_factory.mktemp("model")
    models.save(model, folder, name="rf_magpie", about={"composition": "discharged", "feature_set": "magpie_mean"})
    calibration = {t: Calibration(factor=2.0, least=0.1, spread=True, coverage=0.9) for t in TARGETS}
    return Predictor(FormulaModel(folder), table=table, calibration=calibration)


def test_an_answer_has_all_that_a_chemist_asks_for(predictor: Predictor) -> None:
    known, strange = predictor.predict(["LiCoO2", "LiUO2"], neighbours=2)
    assert (known.working_ion, known.outside) == ("Li", None)
    assert known.theoretical_capacity == pytest.approx(273.8, abs=0.1)
    # It is there once as Li1Co1O2, the spelling that came first, and once as Li2Co2O4.
    assert known.neighbours[0].formula == "Li1Co1O2"
    assert known.neighbours[0].electrodes == 2
    pair = predictor.predict(["LiCoO2"], neighbours=1)[0].neighbours[0]
    for target in TARGETS:
        assert pair.lowest[target] < pair.targets[target] < pair.highest[target]
        assert pair.targets[target] == pytest.approx((pair.lowest[target] + pair.highest[target]) / 2)
    assert (known.fitted_on, strange.fitted_on) == (2, 0)
    assert [n.distance for n in known.neighbours] == sorted(n.distance for n in known.neighbours)
    for estimate in known.targets.values():
        assert estimate.low <= estimate.value <= estimate.high
    assert strange.outside == "no known electrode holds U"
    assert all(e.low >= 0 for a in (known, strange) for t, e in a.targets.items() if t != "average_voltage")
    assert predictor.predict(["LiCoO2"], neighbours=0)[0].neighbours == ()
    assert known.nearest_distance == pytest.approx(0, abs=1e-9)
    assert known.reach == predictor.domain.reach > 0
    assert known.undecided == ()
    (both,) = predictor.predict(["LiNaMnO2"], ion="Na")
    assert (both.working_ion, both.undecided) == ("Na", ("Li", "Na"))
    assert not known.above_limit
    # The model predicts 1 to 5 mAh/g.
    (heavy,) = predictor.predict(["LiU50O100"])
    assert (heavy.theoretical_capacity < 2, heavy.above_limit) == (True, True)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("FePO4", "row 1 \\(the first is 0\\), column formula_discharge: the formula 'FePO4' holds no working ion"),
        ("He", "holds no working ion"),
        ("Li", "nothing but the working ion Li"),
        ("LiXxO2", "unknown element: Xx"),
    ],
)
def test_a_model_answers_for_discharged_electrodes_only(predictor: Predictor, formula: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        predictor.model.predict(["LiCoO2", formula])


def test_a_fault_is_told_by_the_name_that_was_sent(predictor: Predictor) -> None:
    with pytest.raises(UserError, match=r"column formula: the formula 'Lx'"):
        predictor.model.predict(pd.DataFrame({"formula": ["Lx"]}))
    with pytest.raises(UserError, match=r"give the columns: formula_discharge \(or: formula\)"):
        predictor.model.predict(pd.DataFrame({"composition": ["LiCoO2"]}))


def test_an_answer_does_not_depend_on_the_others(predictor: Predictor) -> None:
    together = predictor.predict(["LiCoO2", "Li2MnO3"])
    assert together[::-1] == predictor.predict(["Li2MnO3", "LiCoO2"])
    assert together[0] == predictor.predict(["LiCoO2"])[0]
