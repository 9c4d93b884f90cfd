"""What MLflow loads and serves: a model of formulas whose usage errors MLflow's server answers in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException

from electrode_bench.errors import UserError
from electrode_bench.inference.served import ServedAnswers


class ServedModel(ServedAnswers):
    """Answers that raise MLflow's own exception: for any other, its server answers with a stack trace."""

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """As :meth:`ServedAnswers.predict`; ``params`` is part of MLflow's interface and is not used."""
        try:
            return super().predict(model_input)
        except UserError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def _load_pyfunc(path: str) -> ServedModel:
    """Load the model in a folder; MLflow calls this function by its name."""
    return ServedModel(Path(path))
