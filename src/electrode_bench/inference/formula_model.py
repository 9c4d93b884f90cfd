"""A saved model with the way from formulas to its features: what is served, loaded from MLflow, and predicts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ION_CHARGE, TARGETS
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError


def candidate_ions(formula: Any) -> list[str]:
    """The ions that a discharged formula holds and that may move: with each of them goes something that stays.

    Raises
    ------
    chemistry.FormulaError
        When the formula cannot be read, holds no working ion, or nothing else.
    """
    amounts = chemistry.parse(formula)
    held = [ion for ion in ION_CHARGE if ion in amounts]
    if not held:
        raise chemistry.FormulaError(
            f"the formula '{formula}' holds no working ion ({', '.join(ION_CHARGE)}); give the discharged formula"
        )
    if len(amounts) == 1:
        chemistry.framework(amounts, held[0])
    return held


class FormulaModel:
    """Formulas in, three targets out."""

    def __init__(self, folder: Path) -> None:
        self.model, self.about = models.load(folder)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of formulas that an input has."""
        from electrode_bench.features import COMPOSITION_COLUMNS

        return COMPOSITION_COLUMNS[self.about["composition"]]

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """The three targets in their units, with "<target>_std" where the model has a spread.

        Parameters
        ----------
        model_input : DataFrame with the columns of :attr:`columns`. For a model of one column also a
            column "formula", or a list of formulas. Other columns are ignored.
        params : MLflow's; there are none.

        Returns
        -------
        DataFrame, one row an input row, in its order and on its index.

        Raises
        ------
        UserError
            When a column is missing, or a formula cannot be read or is no discharged electrode's: names the first
            such row.
        """
        parts = self._parts(model_input)
        index = parts.index
        # An index may repeat; rows are told apart by their position.
        parts = parts.reset_index(drop=True)
        if self.about["feature_set"] is None:
            frame = pd.DataFrame(index=parts.index)
        else:
            from electrode_bench.features import featurize

            packing = bool(self.about.get("atomic_packing", False))
            frame = featurize(parts, feature_set=self.about["feature_set"], atomic_packing=packing)
        prediction = self.model.predict(frame)
        blocks = [prediction.mean[list(TARGETS)]]
        if prediction.std is not None:
            blocks.append(prediction.std[list(TARGETS)].add_suffix("_std"))
        return pd.concat(blocks, axis=1).set_axis(index, axis=0)

    def _parts(self, given: Any) -> pd.DataFrame:
        columns = list(self.columns)
        frame = given if isinstance(given, pd.DataFrame) else pd.DataFrame({columns[0]: list(given)})
        # By the name that was sent.
        sent = {c: c for c in columns}
        if len(columns) == 1 and columns[0] not in frame and "formula" in frame:
            sent[columns[0]] = "formula"
            frame = frame.rename(columns={"formula": columns[0]})
        missing = [c for c in columns if c not in frame]
        if missing:
            also = " (or: formula)" if len(columns) == 1 else ""
            raise UserError(f"the input has no column {missing[0]}; give the columns: {', '.join(columns)}{also}")
        if frame.empty:
            raise UserError("the input has no rows; give at least one formula")
        for column in columns:
            check = candidate_ions if column == FORMULA else chemistry.parse
            for position, formula in enumerate(frame[column]):
                try:
                    check(formula)
                except chemistry.FormulaError as error:
                    raise UserError(f"row {position} (the first is 0), column {sent[column]}: {error}") from error
        return frame[columns]


class _Served(FormulaModel):
    """The same to MLflow, whose server answers an error of its own with a line, and any other with a stack trace."""

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        from mlflow.exceptions import MlflowException

        try:
            return super().predict(model_input, params)
        except UserError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error


def _load_pyfunc(path: str) -> FormulaModel:
    """What MLflow calls to load the model."""
    return _Served(Path(path))
