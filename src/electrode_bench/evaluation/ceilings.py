"""Ceilings: errors that show how much is left to gain. They use what no model is given, and are never ranked.

``formula_median``
    The median of all electrodes with the same discharged formula, the predicted one included. Equal formulas differ in
    structure and charged end, which no formula tells: no model that reads only formulas can have a smaller error on
    these rows.
``equal_formulas``
    The same without the predicted electrode: what looking up the same formula would reach. For a formula that occurs
    twice the error is the whole difference, where the bound above has half of it. A perfect model would be between.
``predicted_density``
    The true gravimetric capacity times a density that is predicted: a sum of element volumes, fitted to the training
    rows of the fold. What a model that knows the capacity would still miss with so simple a density.

An electrode whose formula occurs once has no equal, so the first two are known for a part of the rows only; their
number and share are given. Their SMAE divides by the control's error on the same rows, and the smallest error of a
model on the same rows is given beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.rows import positions
from electrode_bench.core.schema import COMPARISON_TABLES, CONTROL, FORMULA, GRAVIMETRIC, ID, TARGETS, VOLUMETRIC
from electrode_bench.evaluation.metrics import smae
from electrode_bench.splits import headline_folds

#: Names for people.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "formula_median": "bound for any function of the formula",
        "equal_formulas": "other electrodes of the same formula",
        "predicted_density": "exact gravimetric capacity, density from element volumes",
    }
)


def ceilings(
    folds: Mapping[str, Sequence[Fold]], table: pd.DataFrame, predictions: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row for each protocol, target and ceiling that has a value, averaged over the headline folds.

    The columns are ``mae`` in the target's unit, ``smae``, the number ``n`` of electrodes that have a value and their
    ``share`` of the tested ones. As in the scores, the MAE is the mean over folds, and the SMAE divides it by the mean
    MAE of the control. ``best_model`` is the model with the smallest SMAE on these electrodes, ``best_smae``.

    Parameters
    ----------
    folds : folds of each protocol.
    table : the canonical table.
    predictions : schema.PREDICTION_COLUMNS of all models.
    """
    from electrode_bench.data.chemistry import canonical
    from electrode_bench.features import elements

    rows = table.set_index(ID)
    truth, formula = rows[list(TARGETS)], rows[FORMULA].map(canonical)
    by_rows = {
        "formula_median": truth.groupby(formula)
        .transform("median")
        .where(formula.duplicated(keep=False), np.nan)
        .to_numpy(),
        "equal_formulas": median_of_others(truth, formula).to_numpy(),
    }
    models = _by_fold(predictions, rows.index)
    fractions = elements.compute(list(formula)).set_axis(formula.index)
    found = []
    for protocol, of_protocol in folds.items():
        chosen = set(headline_folds(of_protocol))
        tested = [_Tested.of(fold, truth) for fold in of_protocol if fold.key in chosen]
        densities = [_with_predicted_density(truth, fractions, fold) for fold in tested]
        for i, target in enumerate(TARGETS):
            for name, title in TITLES.items():
                if name == "predicted_density":
                    values = [density[target].to_numpy() for density in densities]
                else:
                    values = [by_rows[name][:, i][fold.rows] for fold in tested]
                row = _scored(values, tested, i, len(truth))
                if row["n"]:
                    best = _best(models.get((protocol, target), {}), values, tested, i, len(truth))
                    about = {"protocol": protocol, "target": target, "ceiling": name, "title": title}
                    found.append({**about, **row, **best})
    return pd.DataFrame(found, columns=list(COMPARISON_TABLES["ceilings"]))


def median_of_others(values: pd.DataFrame, key: pd.Series) -> pd.DataFrame:
    """For each row the median of the other rows with the same key; NaN where there are none.

    Parameters
    ----------
    values : (n x columns).
    key : (n,) on the same index.
    """
    out = pd.DataFrame(np.nan, index=values.index, columns=values.columns)
    array, result = values.to_numpy(), out.to_numpy(copy=True)
    for equal in values.groupby(key.to_numpy()).indices.values():
        for at in equal if len(equal) > 1 else ():
            result[at] = np.median(array[equal[equal != at]], axis=0)
    out[:] = result
    return out


#: For each fold, positions of electrodes and their predictions.
_ByFold = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class _Tested:
    """The test rows (n) of a fold, in its order.

    Attributes
    ----------
    rows, train : positions in the table.
    true : (n x targets).
    control : (n x targets) errors of the control.
    """

    key: str
    rows: np.ndarray
    train: np.ndarray
    true: np.ndarray
    control: np.ndarray

    @classmethod
    def of(cls, fold: Fold, truth: pd.DataFrame) -> Self:
        rows, train = (truth.index.get_indexer(pd.Index(ids)) for ids in (fold.test_ids, fold.train_ids))
        values = truth.to_numpy()
        true = values[rows]
        mean = np.array([column[train].mean() for column in np.ascontiguousarray(values.T)])
        return cls(fold.key, rows, train, true, np.abs(mean - true))


def _with_predicted_density(truth: pd.DataFrame, fractions: pd.DataFrame, fold: _Tested) -> pd.DataFrame:
    """The volumetric capacity of the fold's test rows from the true gravimetric one; NaN for the other targets."""
    from electrode_bench.data.density import AdditiveDensity

    out = pd.DataFrame(np.nan, index=truth.index[fold.rows], columns=truth.columns)
    train = truth.iloc[fold.train]
    train = train[(train[GRAVIMETRIC.key] > 0) & (train[VOLUMETRIC.key] > 0)]
    if train.empty:
        return out
    density = (train[VOLUMETRIC.key] / train[GRAVIMETRIC.key]).to_numpy()
    fitted = AdditiveDensity.fit(fractions.loc[train.index].to_numpy(), density, list(fractions.columns))
    predicted = fitted.density(fractions.loc[out.index].to_numpy())
    out[VOLUMETRIC.key] = truth.loc[out.index, GRAVIMETRIC.key] * predicted
    return out


def _scored(predicted: Sequence[np.ndarray], folds: Sequence[_Tested], target: int, rows: int) -> dict[str, float]:
    """MAE and SMAE over folds of one target, by its position.

    Parameters
    ----------
    predicted : for each fold, a value for each test row; NaN where there is none.
    rows : number of rows of the table.
    """
    errors: list[float] = []
    controls: list[float] = []
    with_value, tested = np.zeros((2, rows), dtype=bool)
    for fold, values in zip(folds, predicted, strict=True):
        known = ~np.isnan(values)
        tested[fold.rows] = True
        with_value[fold.rows[known]] = True
        if known.any():
            errors.append(float(np.abs(values - fold.true[:, target])[known].mean()))
            controls.append(float(fold.control[known, target].mean()))
    if not errors:
        return {"n": 0}
    mae, control, n = float(np.mean(errors)), float(np.mean(controls)), int(with_value.sum())
    return {"mae": mae, "smae": smae(mae, control), "n": n, "share": n / int(tested.sum())}


def _by_fold(predictions: pd.DataFrame | None, ids: pd.Index) -> dict[tuple[str, str], dict[str, _ByFold]]:
    """(protocol, target) -> model -> fold -> positions of electrodes and their predictions, without the control."""
    out: dict[tuple[str, str], dict[str, _ByFold]] = {}
    if predictions is not None:
        of_models = predictions[predictions["model"] != CONTROL]
        place, values = ids.get_indexer(pd.Index(of_models[ID])), of_models["y_pred"].to_numpy()
        for names, at in positions(of_models, ["protocol", "target", "model", "fold"]):
            protocol, target, model, fold = map(str, names)
            out.setdefault((protocol, target), {}).setdefault(model, {})[fold] = (place[at], values[at])
    return out


def _best(
    models: Mapping[str, _ByFold],
    ceiling: Sequence[np.ndarray],
    folds: Sequence[_Tested],
    target: int,
    rows: int,
) -> dict[str, str | float]:
    """The model with the smallest error on the rows that the ceiling has a value for, and its SMAE there."""
    scored = {}
    for model, by_fold in models.items():
        values = []
        for fold, known in zip(folds, ceiling, strict=True):
            predicted = np.full(rows, np.nan)
            place, value = by_fold[fold.key]
            predicted[place] = value
            values.append(np.where(np.isnan(known), np.nan, predicted[fold.rows]))
        scored[model] = _scored(values, folds, target, rows)["smae"]
    best = min(scored, key=lambda model: (scored[model], model), default=None)
    return {"best_model": "", "best_smae": np.nan} if best is None else {"best_model": best, "best_smae": scored[best]}
