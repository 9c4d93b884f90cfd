"""A saved model together with the featurization of formulas: what predicts, and what MLflow loads and serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.schema import FORMULA, TARGETS, share_column
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.features import COMPOSITION_COLUMNS, columns_read, featurize
from electrode_bench.inference.candidates.columns import formula_column
from electrode_bench.inference.ions import candidate_ions, choose_ion

_ION = "working_ion"


@dataclass(frozen=True)
class Predicted:
    """The predictions for a table of formulas.

    Attributes
    ----------
    targets : what :meth:`FormulaModel.predict` returns: one row for each row of the input, on its index.
    undefined : for each row, the features that are missing there and were never missing in training. The model has not
        learned what their absence means.
    """

    targets: pd.DataFrame
    undefined: tuple[tuple[str, ...], ...]


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
        """The columns of the input that the model reads."""
        return columns_read(self.about["feature_set"], composition=self.about["composition"])

    @property
    def required(self) -> tuple[str, ...]:
        """The columns of :attr:`columns` that an input must have.

        The working ion may be left out where the discharged formula is read too: its only candidate is taken.
        """
        own = COMPOSITION_COLUMNS[self.about["composition"]]
        return tuple(column for column in self.columns if column != _ION or column in own)

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """The three targets in their units, with what else the model predicts.

        "<target>_std" is the predictive standard deviation. "share_at_most_<threshold>" is the probability that the
        extracted share of the working ion is at most the threshold (see ``schema.SHARE_THRESHOLDS``).

        Parameters
        ----------
        model_input : DataFrame with the columns of :attr:`required`; of :attr:`columns`, the working ion may be missing
            or empty where a formula has one candidate only. Other columns are ignored. A model that requires one column
            also takes the first of ``candidates.FORMULA_COLUMNS`` that the table has, or a list of formulas.
        params : part of MLflow's interface; not used.

        Returns
        -------
        DataFrame with one row for each input row, in the same order and with the same index.

        Raises
        ------
        UserError
            When a column is missing, a formula cannot be read or is not the formula of a discharged electrode, or the
            working ion is needed and not known. The message names the first such row.
        """
        return self.evaluate(model_input).targets

    def evaluate(self, model_input: Any) -> Predicted:
        """As :meth:`predict`, with what is known of each row's features."""
        electrodes = self.checked(model_input)
        index = electrodes.index
        # The caller's index may have duplicates; positions have none.
        electrodes = electrodes.reset_index(drop=True)
        if self.about["feature_set"] is None:
            frame = pd.DataFrame(index=electrodes.index)
        else:
            frame = featurize(
                electrodes,
                feature_set=self.about["feature_set"],
                composition=self.about["composition"],
                atomic_packing=bool(self.about.get("atomic_packing", False)),
            )
        prediction = self.model.predict(frame)
        blocks = [prediction.mean[list(TARGETS)]]
        if prediction.std is not None:
            blocks.append(prediction.std[list(TARGETS)].add_suffix("_std"))
        if prediction.share is not None:
            blocks.append(prediction.share.rename(columns=share_column))
        return Predicted(pd.concat(blocks, axis=1).set_axis(index, axis=0), self._undefined(frame))

    def _undefined(self, frame: pd.DataFrame) -> tuple[tuple[str, ...], ...]:
        # A model that was saved by an older version does not say which features were missing in training.
        known = self.about.get("missing_in_training", list(frame.columns))
        absent = frame.drop(columns=known).isna()
        names = absent.columns.astype(str).to_numpy()
        return tuple(tuple(names[row]) for row in absent.to_numpy(dtype=bool))

    @property
    def columns_for_answers(self) -> tuple[str, ...]:
        """:attr:`columns`, and the working ion of discharged formulas, which the Faraday limit depends on."""
        return tuple(dict.fromkeys((*self.columns, _ION))) if FORMULA in self.columns else self.columns

    def checked(self, model_input: Any, *, columns: tuple[str, ...] | None = None) -> pd.DataFrame:
        """The input of :meth:`predict` under the names of ``columns``, each value of it checked.

        Parameters
        ----------
        columns : :attr:`columns_for_answers` or, by default, :attr:`columns`.
        """
        columns = columns or self.columns
        required = list(self.required)
        is_table = isinstance(model_input, pd.DataFrame)
        frame = model_input if is_table else pd.DataFrame({required[0]: list(model_input)})
        # Error messages use the column names of the input.
        input_name = {column: column for column in self.columns}
        if len(required) == 1 and (found := formula_column(frame.columns)) is not None:
            # The only column that can be required alone is that of the discharged formula.
            input_name[required[0]] = str(found)
            frame = frame.rename(columns={found: required[0]})
        missing = [column for column in required if column not in frame]
        if missing:
            alternative = " (or: formula)" if len(required) == 1 else ""
            raise UserError(
                f"the input has no column {missing[0]}; give the columns: {', '.join(required)}{alternative}"
            )
        if frame.empty:
            raise UserError("the input has no rows; give at least one formula")
        for column in required:
            check = candidate_ions if column == FORMULA else chemistry.parse
            _each_row(check, frame[[column]], name=input_name[column])
        if FORMULA in required and _ION in columns:
            frame = frame.reindex(columns=list(columns))
            # Tables have several values for "missing".
            frame = frame.astype({_ION: object}).assign(**{_ION: lambda f: f[_ION].where(f[_ION].notna(), None)})
            ions = _each_row(_choose_ion, frame[[FORMULA, _ION]], name=_ION)
            frame = frame.assign(**{_ION: ions})
            if "formula_charge" in required:
                _each_row(chemistry.pair_capacity, frame[["formula_charge", FORMULA, _ION]], name="formula_charge")
        return frame[list(columns)]


def _choose_ion(formula: str, ion: Any) -> str:
    return choose_ion(formula, ion, give=f"{{}} in the column {_ION}")


def _each_row(check: Callable[..., Any], values: pd.DataFrame, *, name: str) -> list[Any]:
    """``check`` of the values of each row; a UserError names the first row that fails, and the column ``name``."""
    results = []
    for position, row in enumerate(values.itertuples(index=False, name=None)):
        try:
            results.append(check(*row))
        except chemistry.FormulaError as error:
            raise UserError(f"row {position} (counted from 0), column {name}: {error}") from error
    return results
