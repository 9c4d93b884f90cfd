"""A saved model together with the featurization of formulas: what predicts, and what MLflow loads and serves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, ION_CHARGE, TARGETS
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.features import COMPOSITION_COLUMNS, featurize


def candidate_ions(formula: Any) -> list[str]:
    """The elements of a discharged formula that may be its working ion. At least one other element always remains.

    Raises
    ------
    chemistry.FormulaError
        When the formula cannot be read, contains no working ion, or contains nothing else.
    """
    amounts = chemistry.parse(formula)
    ions = [ion for ion in ION_CHARGE if ion in amounts]
    if not ions:
        raise chemistry.FormulaError(
            f"the formula '{formula}' contains no working ion ({', '.join(ION_CHARGE)}); give the discharged formula"
        )
    if len(amounts) == 1:
        # Raises: a formula of one ion has no framework.
        chemistry.framework(amounts, ions[0])
    return ions


class FormulaModel:
    """A fitted model that takes formulas and predicts the three targets.

    Parameters
    ----------
    folder : a model saved by :func:`electrode_bench.models.save`.
    """

    def __init__(self, folder: Path) -> None:
        self.model, self.about = models.load(folder)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of formulas that the model reads."""
        return COMPOSITION_COLUMNS[self.about["composition"]]

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """The three targets in their units, with "<target>_std" where the model predicts a standard deviation.

        Parameters
        ----------
        model_input : DataFrame with the columns of :attr:`columns`; other columns are ignored. A model that reads one
            column also takes a column "formula", or a list of formulas.
        params : part of MLflow's interface; not used.

        Returns
        -------
        DataFrame with one row for each input row, in the same order and with the same index.

        Raises
        ------
        UserError
            When a column is missing, or a formula cannot be read or is not the formula of a discharged electrode. The
            message names the first such row.
        """
        formulas = self._formulas(model_input)
        index = formulas.index
        # The caller's index may have duplicates; positions have none.
        formulas = formulas.reset_index(drop=True)
        if self.about["feature_set"] is None:
            frame = pd.DataFrame(index=formulas.index)
        else:
            packing = bool(self.about.get("atomic_packing", False))
            frame = featurize(formulas, feature_set=self.about["feature_set"], atomic_packing=packing)
        prediction = self.model.predict(frame)
        blocks = [prediction.mean[list(TARGETS)]]
        if prediction.std is not None:
            blocks.append(prediction.std[list(TARGETS)].add_suffix("_std"))
        return pd.concat(blocks, axis=1).set_axis(index, axis=0)

    def _formulas(self, model_input: Any) -> pd.DataFrame:
        """The input's formulas under the names of :attr:`columns`, each of them checked."""
        columns = list(self.columns)
        is_table = isinstance(model_input, pd.DataFrame)
        frame = model_input if is_table else pd.DataFrame({columns[0]: list(model_input)})
        # Error messages use the column names of the input.
        input_name = {column: column for column in columns}
        if len(columns) == 1 and columns[0] not in frame and "formula" in frame:
            input_name[columns[0]] = "formula"
            frame = frame.rename(columns={"formula": columns[0]})
        missing = [column for column in columns if column not in frame]
        if missing:
            alternative = " (or: formula)" if len(columns) == 1 else ""
            raise UserError(
                f"the input has no column {missing[0]}; give the columns: {', '.join(columns)}{alternative}"
            )
        if frame.empty:
            raise UserError("the input has no rows; give at least one formula")
        for column in columns:
            check = candidate_ions if column == FORMULA else chemistry.parse
            for position, formula in enumerate(frame[column]):
                try:
                    check(formula)
                except chemistry.FormulaError as error:
                    raise UserError(f"row {position} (counted from 0), column {input_name[column]}: {error}") from error
        return frame[columns]
