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
from types import MappingProxyType

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
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
        "formula_median": truth.groupby(formula).transform("median")[formula.duplicated(keep=False)],
        "equal_formulas": median_of_others(truth, formula),
    }
    models = _by_fold(predictions)
    fractions = elements.compute(list(formula)).set_axis(formula.index)
    found = []
    for protocol, of_protocol in folds.items():
        chosen = set(headline_folds(of_protocol))
        kept = [fold for fold in of_protocol if fold.key in chosen]
        predicted = {
            fold.key: {**by_rows, "predicted_density": _with_predicted_density(truth, fractions, fold)} for fold in kept
        }
        for target in TARGETS:
            for name, title in TITLES.items():
                values = {key: each[name][target] for key, each in predicted.items()}
                row = _scored(values, kept, truth[target])
                if row["n"]:
                    best = _best(models.get((protocol, target), {}), values, kept, truth[target])
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
    for positions in values.groupby(key.to_numpy()).indices.values():
        for at in positions if len(positions) > 1 else ():
            result[at] = np.median(array[positions[positions != at]], axis=0)
    out[:] = result
    return out


def _with_predicted_density(truth: pd.DataFrame, fractions: pd.DataFrame, fold: Fold) -> pd.DataFrame:
    """The volumetric capacity of the fold's test rows from the true gravimetric one; NaN for the other targets."""
    from electrode_bench.data.density import AdditiveDensity

    out = pd.DataFrame(np.nan, index=list(fold.test_ids), columns=truth.columns)
    train = truth.loc[list(fold.train_ids)]
    train = train[(train[GRAVIMETRIC.key] > 0) & (train[VOLUMETRIC.key] > 0)]
    if train.empty:
        return out
    density = (train[VOLUMETRIC.key] / train[GRAVIMETRIC.key]).to_numpy()
    fitted = AdditiveDensity.fit(fractions.loc[train.index].to_numpy(), density, list(fractions.columns))
    predicted = fitted.density(fractions.loc[out.index].to_numpy())
    out[VOLUMETRIC.key] = truth.loc[out.index, GRAVIMETRIC.key] * predicted
    return out


def _scored(predicted: Mapping[str, pd.Series], folds: Sequence[Fold], truth: pd.Series) -> dict[str, float]:
    """MAE and SMAE of one target over folds, from predictions by fold."""
    errors: list[float] = []
    controls: list[float] = []
    with_value: set[str] = set()
    tested: set[str] = set()
    for fold in folds:
        values = predicted[fold.key].reindex(list(fold.test_ids)).dropna()
        tested.update(fold.test_ids)
        with_value.update(values.index)
        if len(values):
            true = truth[values.index]
            errors.append(float((values - true).abs().mean()))
            controls.append(float((truth[list(fold.train_ids)].mean() - true).abs().mean()))
    if not errors:
        return {"n": 0}
    mae, control = float(np.mean(errors)), float(np.mean(controls))
    return {"mae": mae, "smae": smae(mae, control), "n": len(with_value), "share": len(with_value) / len(tested)}


def _by_fold(predictions: pd.DataFrame | None) -> dict[tuple[str, str], dict[str, dict[str, pd.Series]]]:
    """(protocol, target) -> model -> fold -> predictions by electrode id, without the control."""
    out: dict[tuple[str, str], dict[str, dict[str, pd.Series]]] = {}
    if predictions is not None:
        of_models = predictions[predictions["model"] != CONTROL]
        for names, rows in of_models.groupby(["protocol", "target", "model", "fold"], sort=True):
            protocol, target, model, fold = map(str, names)
            values = rows.set_index(ID)["y_pred"]
            out.setdefault((protocol, target), {}).setdefault(model, {})[fold] = values
    return out


def _best(
    models: Mapping[str, Mapping[str, pd.Series]],
    ceiling: Mapping[str, pd.Series],
    folds: Sequence[Fold],
    truth: pd.Series,
) -> dict[str, str | float]:
    """The model with the smallest error on the rows that the ceiling has a value for, and its SMAE there."""
    known = {key: values.dropna().index for key, values in ceiling.items()}
    scored = {
        model: _scored({key: values[values.index.isin(known[key])] for key, values in by_fold.items() if key in known},
                       folds, truth)["smae"]
        for model, by_fold in models.items()
    }  # fmt: skip
    best = min(scored, key=lambda model: (scored[model], model), default=None)
    return {"best_model": "", "best_smae": np.nan} if best is None else {"best_model": best, "best_smae": scored[best]}
