"""What MLflow loads and serves: a model of formulas whose usage errors MLflow's server answers in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException

from electrode_bench.errors import UserError
from electrode_bench.inference.formula_model import FormulaModel


class ServedModel(FormulaModel):
    """A model of formulas that raises MLflow's own exception: for any other, its server answers with a stack trace."""

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """As :meth:`FormulaModel.predict`."""
        try:
            return super().predict(model_input, params)
        except UserError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def _load_pyfunc(path: str) -> FormulaModel:
    """Load the model in a folder; MLflow calls this function by its name."""
    return ServedModel(Path(path))
