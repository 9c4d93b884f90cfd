"""Ceilings: errors that show how much is left to gain. They use what no model is given, and are never ranked.

``equal_formulas``
    Each electrode is predicted as the median of the other electrodes with the same discharged formula, in training or
    test alike. What differs between them (structure, charged end, working ion) no formula tells. A model that reads
    formulas only, trained on all other electrodes, could hardly be better on these rows.
``equal_formulas_and_ion``
    The same with the same working ion: for models that read the ion.
``predicted_density``
    The true gravimetric capacity times a density that is predicted: a sum of element volumes, fitted to the training
    rows of the fold. What a model that knows the capacity would still miss with so simple a density.

An electrode whose formula stands once has no other, so the first two hold for a part of the rows, whose number and
share are told. Their SMAE divides by the control's error on the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import COMPARISON_TABLES, FORMULA, GRAVIMETRIC, ID, TARGETS, VOLUMETRIC
from electrode_bench.evaluation.metrics import smae
from electrode_bench.splits import headline_folds

#: Names for people.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "equal_formulas": "median of other electrodes of the same formula",
        "equal_formulas_and_ion": "median of other electrodes of the same formula and ion",
        "predicted_density": "exact gravimetric capacity, density from element volumes",
    }
)


def ceilings(folds: Mapping[str, Sequence[Fold]], table: pd.DataFrame) -> pd.DataFrame:
    """One row for each protocol, target and ceiling that has a value, averaged over the headline folds.

    The columns are ``mae`` in the target's unit, ``smae``, the number ``n`` of electrodes that have a value and their
    ``share`` of the tested ones. As in the scores, the MAE is the mean over folds, and the SMAE divides it by the mean
    MAE of the control.

    Parameters
    ----------
    folds : folds of each protocol.
    table : the canonical table.
    """
    from electrode_bench.data.chemistry import canonical

    rows = table.set_index(ID)
    truth, formula = rows[list(TARGETS)], rows[FORMULA].map(canonical)
    by_rows = {
        "equal_formulas": median_of_others(truth, [formula]),
        "equal_formulas_and_ion": median_of_others(truth, [formula, rows["working_ion"]]),
    }
    fractions = _fractions(formula)
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
                    found.append({"protocol": protocol, "target": target, "ceiling": name, "title": title, **row})
    return pd.DataFrame(found, columns=list(COMPARISON_TABLES["ceilings"]))


def median_of_others(values: pd.DataFrame, keys: Sequence[pd.Series]) -> pd.DataFrame:
    """For each row the median of the other rows with the same keys; NaN where there are none.

    Parameters
    ----------
    values : (n x columns).
    keys : (n,) each, on the same index.
    """
    out = pd.DataFrame(np.nan, index=values.index, columns=values.columns)
    array, result = values.to_numpy(), out.to_numpy(copy=True)
    for positions in values.groupby([key.to_numpy() for key in keys]).indices.values():
        for at in positions if len(positions) > 1 else ():
            result[at] = np.median(array[positions[positions != at]], axis=0)
    out[:] = result
    return out


def _fractions(formula: pd.Series) -> pd.DataFrame:
    """Atomic fractions, electrodes x elements."""
    from electrode_bench.features.composition import amounts, totals

    matrix = amounts(list(formula))
    return matrix.div(totals(matrix), axis=0).set_axis(formula.index)


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
