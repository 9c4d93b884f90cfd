"""A composition has one prediction, however its formula is written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.electrodes import table
from support.quick_models import features_of, quick_config, quick_model

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.inference.formula_model import FormulaModel

#: Every model of the package but the published ones, which need an environment of their own.
NAMES = [name for name, spec in models.MODELS.items() if not spec.reference]


@pytest.fixture(scope="module", params=NAMES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> FormulaModel:
    spec = models.spec(request.param)
    if reason := spec.available():
        pytest.skip(reason)
    electrodes = table(40).set_index(ID)
    fitted = quick_model(spec).fit(features_of(spec, electrodes), electrodes[list(TARGETS)])
    folder: Path = tmp_path_factory.mktemp(spec.name)
    feature_set = models.feature_set_of(spec, quick_config(spec))
    models.save(fitted, folder, spec=spec, about={"composition": "discharged", "feature_set": feature_set})
    return FormulaModel(folder)


class Spellings(NamedTuple):
    ion: str
    formulas: list[str]


def _text(amounts: dict[str, int], *, divided: int = 1, digits: int = 7) -> str:
    return "".join(f"{element}{round(amount / divided, digits):.10g}" for element, amount in amounts.items())


@st.composite
def spellings(draw: st.DrawFn) -> Spellings:
    """One composition, written in several ways."""
    ion = draw(st.sampled_from(["Li", "Na", "K", "Mg"]))
    metals = draw(
        st.lists(st.sampled_from(["Ti", "V", "Mn", "Fe", "Co", "Ni", "Al"]), min_size=1, max_size=3, unique=True)
    )
    anions = draw(st.lists(st.sampled_from(["O", "S", "F", "P"]), min_size=1, max_size=2, unique=True))
    amounts = {element: draw(st.integers(1, 12)) for element in [ion, *metals, *anions]}
    order = draw(st.permutations(list(amounts)))
    scale, divided = draw(st.integers(2, 9)), draw(st.sampled_from([2, 3, 4, 5, 6, 7, 8, 10, 12, 20]))
    # The elements after a cut stand in brackets, with a part of their amounts before and after it.
    cut = draw(st.integers(1, len(order) - 1))
    outside, inside = ({e: amounts[e] * scale for e in order[:cut]}, {e: amounts[e] for e in order[cut:]})
    opening, closing = draw(st.sampled_from(["()", "[]"]))
    return Spellings(
        ion,
        [
            _text(amounts),
            _text({e: amounts[e] for e in order}),
            _text({e: amount * scale for e, amount in amounts.items()}),
            f"{_text(outside)}{opening}{_text(inside)}{closing}{scale}",
            f"{_text(inside, divided=divided)}{_text({e: amounts[e] for e in order[:cut]}, divided=divided)}",
            f"{opening}{_text(amounts, divided=divided)}{closing}{scale}",
        ],
    )


def _predict(model: FormulaModel, formula: str, ion: str) -> np.ndarray:
    return model.predict(pd.DataFrame({FORMULA: [formula], "working_ion": [ion]})).to_numpy()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=spellings())
def test_every_spelling_of_a_composition_has_the_same_prediction(model: FormulaModel, written: Spellings) -> None:
    first, *others = [_predict(model, formula, written.ion) for formula in written.formulas]
    for formula, other in zip(written.formulas[1:], others, strict=True):
        assert other.tobytes() == first.tobytes(), f"{written.formulas[0]} and {formula}"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("LiNi0.8Mn0.1Co0.1O2", "Li10Ni8MnCoO20"),
        ("Li(Ni0.8Mn0.1Co0.1)O2", "Li2Ni1.6Mn0.2Co0.2O4"),
        ("LiNi0.333Mn0.333Co0.333O2", "Li3NiMnCoO6"),
        ("LiNi0.3333333Mn0.3333333Co0.3333333O2", "Li3NiMnCoO6"),
    ],
)
def test_decimals_have_the_prediction_of_whole_numbers(model: FormulaModel, one: str, other: str) -> None:
    assert _predict(model, one, "Li").tobytes() == _predict(model, other, "Li").tobytes()
    assert model.evaluate([one]).undefined == ((),)
