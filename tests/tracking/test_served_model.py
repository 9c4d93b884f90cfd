"""A published model answers formulas, and names the row of a formula that it cannot answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from support.electrodes import table
from support.intervals import made_up_calibration
from support.tracked_runs import Made

from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.inference import served as answering
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.known import Known
from electrode_bench.tracking.served_model import ServedModel

pytestmark = pytest.mark.xdist_group("tracking")


@pytest.fixture(scope="module")
def served(made: dict[str, Made], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ServedModel]:
    """Makes a served model of a made run, with or without calibrated intervals."""
    electrodes = table(40)
    domain, known = Domain(electrodes[FORMULA].tolist()), Known(electrodes)

    def of(name: str, calibration: Calibration | None = None) -> ServedModel:
        folder = tmp_path_factory.mktemp("served")
        model = made[name][0].model
        assert model is not None
        stored = None if calibration is None else calibration.to_json()
        answering.write(folder, model=model, domain=domain, known=known, calibration=stored)
        return ServedModel(folder)

    return of


def test_formulas_are_taken_as_column_or_list(served: Callable[..., ServedModel]) -> None:
    model = served("rf_magpie stratified")
    frame = pd.DataFrame({"formula": ["LiFePO4", "NaCoO2"], "note": [1, 2]}, index=["b", "a"])
    from_frame = model.predict(frame)
    assert from_frame.index.tolist() == ["b", "a"]
    from_list = model.predict(["LiFePO4", "NaCoO2"])
    pd.testing.assert_frame_equal(from_frame.reset_index(drop=True), from_list)
    assert not np.allclose(from_list[list(TARGETS)].iloc[0], from_list[list(TARGETS)].iloc[1])


def test_the_content_is_that_of_predict(served: Callable[..., ServedModel]) -> None:
    model = served("rf_magpie stratified", made_up_calibration(reach=100.0))
    formulas = ["Li3CoO2", "LiFePo4", "LiUO2", table(40)[FORMULA].iloc[0]]
    rows = model.predict(formulas).to_dict("records")
    assert not [column for column in rows[0] if column.endswith("_std")]
    for row, answer in zip(rows, model.predictor.predict(formulas), strict=True):
        for target in TARGETS:
            estimate = answer.targets[target]
            assert (row[target], row[f"{target}_low"], row[f"{target}_high"]) == (
                estimate.value, estimate.low, estimate.high,
            )  # fmt: skip
        assert row["theoretical_capacity"] == answer.theoretical_capacity
        assert row["in_domain"] == (answer.outside is None)
        assert row["notes"] == "; ".join(answer.notes)
        assert (row["specific_energy"], row["energy_density"]) == (answer.specific_energy, answer.energy_density)
        assert row["reduced_formula"] == answer.reading.reduced_formula
    assert rows[0]["average_voltage_low"] < rows[0]["average_voltage"] < rows[0]["average_voltage_high"]
    assert rows[3]["average_voltage_low"] is None
    assert "in the training data" in rows[3]["notes"]
    assert "did you mean LiFePO4?" in rows[1]["notes"]


def test_a_model_without_a_calibration_says_so(served: Callable[..., ServedModel]) -> None:
    (row,) = served("rf_magpie stratified").predict(["Li3CoO2"]).to_dict("records")
    assert row["average_voltage_low"] is None
    assert answering.NOT_CALIBRATED in row["notes"]


def test_the_control_answers_with_the_mean(served: Callable[..., ServedModel]) -> None:
    answer = served("control stratified").predict(["LiFePO4"])
    np.testing.assert_allclose(answer[list(TARGETS)].iloc[0].to_numpy(dtype=float), table(40)[list(TARGETS)].mean())


def test_the_ion_is_named_in_its_own_column(served: Callable[..., ServedModel]) -> None:
    model = served("rf_magpie stratified")
    frame = pd.DataFrame({"formula": ["LiAlO2", "LiAlO2"], "working_ion": ["Al", "Li"]})
    assert model.predict(frame)["working_ion"].tolist() == ["Al", "Li"]
    with pytest.raises(MlflowException, match=r"row 0 .*LiAlO2 contains Li and Al; name the working ion"):
        model.predict(["LiAlO2"])


@pytest.mark.parametrize("by_mlflow", [False, True])
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["LiFePO4", "LiXxO2"], r"row 1 .*, column formula_discharge: .*'LiXxO2'.*unknown element: Xx"),
        (["LiFePO4", None], r"row 1 .*, column formula_discharge: the formula is missing"),
        (pd.DataFrame({"note": ["LiFePO4"]}), r"no column formula_discharge; give the columns"),
        ([], r"no rows; give at least one formula"),
    ],
)
def test_a_bad_formula_is_named_with_its_row(
    made: dict[str, Made], served: Callable[..., ServedModel], given: Any, message: str, by_mlflow: bool
) -> None:
    folder = made["rf_magpie stratified"][0].model
    assert folder is not None
    model = served("rf_magpie stratified") if by_mlflow else FormulaModel(folder)
    with pytest.raises(MlflowException if by_mlflow else UserError, match=message):
        model.predict(given)
