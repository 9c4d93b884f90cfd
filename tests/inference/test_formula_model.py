from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.intervals import made_up_calibration
from support.own_feature_sets import registered

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor, compositions
from electrode_bench.inference.screening import Options, screen

METALS = ("Co", "Ni", "Mn", "Fe")


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("FePO4", "row 1 \\(counted from 0\\), column formula_discharge: the formula 'FePO4' contains no working ion"),
        ("He", "contains no working ion"),
        ("Li", "nothing but the working ion Li"),
        ("LiXxO2", "unknown element: Xx"),
    ],
)
def test_only_formulas_of_discharged_electrodes_are_predicted(predictor: Predictor, formula: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        predictor.model.predict(["LiCoO2", formula])


def test_errors_use_the_column_names_of_the_input(predictor: Predictor) -> None:
    with pytest.raises(UserError, match=r"column formula: the formula 'Lx'"):
        predictor.model.predict(pd.DataFrame({"formula": ["Lx"]}))
    with pytest.raises(UserError, match=r"give the columns: formula_discharge \(or: formula\)"):
        predictor.model.predict(pd.DataFrame({"chemistry": ["LiCoO2"]}))


ELECTRODES = pd.DataFrame(
    {
        FORMULA: [f"{ion}{n}{metal}O{o}" for ion in ("Li", "Na") for n in (1, 2) for metal in METALS for o in (2, 3)],
        "formula_charge": [f"{metal}O{o}" for _ in range(4) for metal in METALS for o in (2, 3)],
    }
)
ELECTRODES["working_ion"] = ELECTRODES[FORMULA].str[:2]
ELECTRODES["framework_formula"] = ELECTRODES["formula_charge"]


@pytest.fixture(scope="module", autouse=True)
def _sets() -> Iterator[None]:
    with registered():
        yield


def _model(folder: Path, *, composition: str = "discharged", feature_set: str = "elements+ion_share") -> FormulaModel:
    """A forest that reads a set with the working ion, fitted on ``ELECTRODES``."""
    spec = models.spec("rf_magpie")
    frame = featurize(ELECTRODES, feature_set=feature_set, composition=composition)
    rng = np.random.default_rng(0)
    targets = pd.DataFrame(rng.uniform(1, 5, (len(frame), len(TARGETS))), columns=list(TARGETS))
    model = spec.build(models.configure(spec, {"n_estimators": 5}), 1).fit(frame, targets)
    about = {"composition": composition, "feature_set": feature_set, "missing_in_training": []}
    models.save(model, folder, spec=spec, about=about)
    return FormulaModel(folder)


def test_the_only_candidate_is_the_working_ion_where_none_is_given(tmp_path: Path) -> None:
    model = _model(tmp_path)
    assert model.columns == (FORMULA, "working_ion")
    formulas = ["LiCoO2", "Na2MnO3"]
    expected = model.predict(pd.DataFrame({FORMULA: formulas, "working_ion": ["Li", "Na"]}))
    for given in (
        formulas,
        pd.DataFrame({"formula": formulas}),
        pd.DataFrame({"formula": formulas, "working_ion": [None, "Na"]}),
        pd.DataFrame({"formula": formulas, "working_ion": ["Li", ""]}),
        pd.DataFrame({"formula": formulas, "working_ion": [np.nan, np.nan]}),
        pd.DataFrame({"formula": formulas, "working_ion": pd.array([pd.NA, "Na"], dtype="string")}),
    ):
        pd.testing.assert_frame_equal(model.predict(given), expected, check_exact=True)


def test_a_model_that_reads_the_ion_has_a_prediction_for_each_candidate(tmp_path: Path) -> None:
    model = _model(tmp_path)
    two = pd.DataFrame({"formula": ["Na3LiCoO4"] * 2, "working_ion": ["Li", "Na"]})
    assert model.evaluate(two).undefined == ((), ())
    frame = featurize(two.rename(columns={"formula": FORMULA}), feature_set="ion_share")
    assert frame["ion: share"].tolist() == pytest.approx([1 / 9, 3 / 9])
    assert model.predict(two).shape == (2, 6)


@pytest.mark.parametrize(
    ("formula", "ion", "message"),
    [
        ("NaLiCoO2", None, r"NaLiCoO2 contains Li and Na; name the working ion, for example: Li in the column working"),
        ("NaLiCoO2", "K", "NaLiCoO2 contains Li and Na, not K; name the working ion"),
        ("LiCoO2", "Na", "LiCoO2 contains Li, not Na; name the working ion"),
        ("LiCoO2", "Co", "unknown working ion 'Co'"),
        ("LiCoO2", 3, "unknown working ion 3"),
    ],
)
def test_an_ion_that_is_not_known_is_one_error_with_its_row(
    tmp_path: Path, formula: str, ion: Any, message: str
) -> None:
    given = pd.DataFrame({"formula": ["LiCoO2", formula], "working_ion": ["Li", ion]})
    with pytest.raises(UserError, match=rf"row 1 \(counted from 0\), column working_ion: {message}"):
        _model(tmp_path).predict(given)


def test_a_pair_needs_its_charged_formula_and_both_must_match(tmp_path: Path) -> None:
    model = _model(tmp_path, composition="pair")
    assert (model.columns, model.required) == (
        ("formula_charge", FORMULA, "working_ion"),
        ("formula_charge", FORMULA),
    )
    given = pd.DataFrame({FORMULA: ["LiCoO2", "Na2MnO3"], "formula_charge": ["CoO2", "NaMnO3"]})
    named = given.assign(working_ion=["Li", "Na"])
    pd.testing.assert_frame_equal(model.predict(given), model.predict(named), check_exact=True)
    with pytest.raises(UserError, match=r"row 1 .*, column formula_charge: the pair's frameworks differ"):
        model.predict(given.assign(formula_charge=["CoO2", "NaCoO3"]))
    with pytest.raises(UserError, match=r"no column formula_charge; give the columns: formula_charge, formula_disch"):
        model.predict(given[[FORMULA]])


def test_a_framework_with_its_ion_needs_the_discharged_formula_too(tmp_path: Path) -> None:
    model = _model(tmp_path, composition="framework_ion")
    assert model.required == model.columns == ("framework_formula", "working_ion", FORMULA)
    given = compositions(["LiCoO2", "Na2MnO3"], ["Li", "Na"])
    assert len(model.predict(given)) == 2
    with pytest.raises(UserError, match=r"row 0 .*, column working_ion: LiCoO2 contains Li, not Na"):
        model.predict(given.assign(working_ion="Na"))


def test_a_feature_that_is_missing_for_one_formula_only_is_outside_the_domain(tmp_path: Path) -> None:
    # No orbital energies of neptunium; all other features are defined.
    model = _model(tmp_path, feature_set="modnet")
    known = ELECTRODES.assign(**dict.fromkeys(TARGETS, 1.0))
    # The element itself is known.
    known = pd.concat([known, known.iloc[[0]].assign(**{FORMULA: "LiNpO2"})], ignore_index=True)
    predictor = Predictor(model, table=known, calibration=made_up_calibration())
    ordinary, undefined = predictor.predict(["LiCoO2", "LiNpO2"])
    assert ordinary.outside is None
    assert re.fullmatch(
        r"the feature 'AtomicOrbitals\|.*' and \d+ others are not defined for it, but are for every known electrode",
        str(undefined.outside),
    )
    chunk = pd.DataFrame({"line": [1, 2], "formula": ["LiCoO2", "LiNpO2"], "working_ion": None})
    assert screen([chunk], predictor).best.set_index("formula")["in_domain"].to_dict() == {
        "LiCoO2": True,
        "LiNpO2": False,
    }
    assert screen([chunk], predictor, Options(in_domain=True)).best["formula"].tolist() == ["LiCoO2"]
