from __future__ import annotations

import pandas as pd
import pytest

from electrode_bench.errors import UserError
from electrode_bench.inference.predictor import Predictor


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
        predictor.model.predict(pd.DataFrame({"composition": ["LiCoO2"]}))
