"""A published model answers formulas, and names the row of a formula that it cannot answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from support.electrodes import table
from support.tracked_runs import Made

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.tracking.served_model import ServedModel

pytestmark = pytest.mark.xdist_group("tracking")


def test_formulas_are_taken_as_column_or_list(made: dict[str, Made]) -> None:
    model = ServedModel(made["rf_magpie stratified"][0].model)
    frame = pd.DataFrame({"formula": ["LiFePO4", "NaCoO2"], "note": [1, 2]}, index=["b", "a"])
    from_frame = model.predict(frame)
    assert from_frame.index.tolist() == ["b", "a"]
    from_list = model.predict(["LiFePO4", "NaCoO2"])
    np.testing.assert_array_equal(from_frame, from_list)
    assert not np.allclose(from_list.iloc[0], from_list.iloc[1])


def test_the_control_has_no_standard_deviation_and_needs_valid_formulas(made: dict[str, Made]) -> None:
    model = ServedModel(made["control stratified"][0].model)
    answer = model.predict(["LiFePO4"])
    assert answer.columns.tolist() == list(TARGETS)
    np.testing.assert_allclose(answer.iloc[0], table(40)[list(TARGETS)].mean())
    with pytest.raises(MlflowException, match="row 1"):
        model.predict(["LiFePO4", "Xy2"])


@pytest.mark.parametrize("served", [False, True])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["LiFePO4", "LiXxO2"], r"row 1 .*, column formula_discharge: .*'LiXxO2'.*unknown element: Xx"),
        (["LiFePO4", None], r"row 1 .*, column formula_discharge: the formula is missing"),
        (pd.DataFrame({"composition": ["LiFePO4"]}), r"no column formula_discharge; give the columns"),
        ([], r"no rows; give at least one formula"),
    ],
)
def test_a_bad_formula_is_named_with_its_row(made: dict[str, Made], given: Any, message: str, served: bool) -> None:
    folder = made["rf_magpie stratified"][0].model
    assert folder is not None
    model = ServedModel(folder) if served else FormulaModel(folder)
    with pytest.raises(MlflowException if served else UserError, match=message):
        model.predict(given)
