"""Errors before and after a change of the data, on the electrodes that both releases have.

Two things change at once: what models are trained on, and the labels that they are scored against. So each side's
predictions are scored against the labels of both sides. A model reads the same formula in both, so its predictions for
an electrode may be compared with either label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

import pandas as pd

from electrode_bench.core.results import Run
from electrode_bench.core.schema import CONTROL, ID, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.evaluation.metrics import smae
from electrode_bench.evaluation.resampling import group_sums, intervals
from electrode_bench.evaluation.significance import RESAMPLES
from electrode_bench.splits import headline_keys

#: The two sides, in the order of the columns.
SIDES = ("old", "new")


def column(metric: str, results: str, labels: str) -> str:
    """The column that has a metric of one side's results against one side's labels.

    >>> column("mae", results="old", labels="new")
    'mae_old_results_new_labels'
    """
    return f"{metric}_{results}_results_{labels}_labels"


#: Columns of :func:`rescored`.
COLUMNS = (
    "protocol",
    "model",
    "title",
    "target",
    "n",
    *(column(metric, *sides) for metric in ("mae", "smae") for sides in product(SIDES, SIDES)),
    "difference",
    "low",
    "high",
)


def rescored(
    runs: Mapping[str, Iterable[Run]], pairs: pd.DataFrame, labels: Mapping[str, pd.DataFrame], formulas: pd.Series
) -> pd.DataFrame:
    """The errors of both sides' runs on the electrodes that both have tested.

    An electrode that several headline folds test counts once, with its mean error. SMAE divides by the error of that
    side's control on the same electrodes and labels.

    Parameters
    ----------
    runs : the runs of each side (:data:`SIDES`).
    pairs : the columns ``old`` and ``new``: ids of the same electrode.
    labels : the targets of each side by its electrode ids.
    formulas : discharged formula by the new id; electrodes that share one are resampled together.

    Returns
    -------
    One row for each protocol, model and target that both sides have: :data:`COLUMNS`. ``n`` is the number of
    electrodes. ``difference`` is the MAE of the new results minus that of the old results, both against the new labels,
    with its 95% interval (BCa, resampled by formula). MAEs are in the target's unit.
    """
    by_name = {side: {(run.protocol, run.model): run for run in of} for side, of in runs.items()}
    common = [name for name in by_name["new"] if name in by_name["old"]]
    truth = {side: of.loc[pairs[side]].reset_index(drop=True) for side, of in labels.items()}
    number = {side: pd.Series(pairs.index, index=pairs[side]) for side in SIDES}
    groups = pd.Series(pd.factorize(formulas.loc[pairs["new"]])[0])
    errors = {(name, side): _errors(by_name[side][name], number[side], truth) for name in common for side in SIDES}
    rows = [
        row
        for protocol in dict.fromkeys(protocol for protocol, _ in common)
        for row in _of_protocol(
            {model: by_name["new"][protocol, model].title for p, model in common if p == protocol},
            {(model, side): of for ((p, model), side), of in errors.items() if p == protocol},
            protocol=protocol,
            groups=groups,
        )
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _errors(run: Run, number: pd.Series, truth: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The mean absolute errors of a run by number of the pair: columns (labels, target)."""
    headline = headline_keys(run.protocol, run.training_sizes)
    rows = run.predictions[run.predictions["fold"].isin(headline) & run.predictions[ID].isin(number.index)]
    of = rows[ID].map(number)
    found = {}
    for target in TARGETS:
        chosen = rows["target"] == target
        pair, predicted = of[chosen], rows.loc[chosen, "y_pred"]
        for side in SIDES:
            label = truth[side][target].loc[pair].to_numpy()
            found[side, target] = (predicted - label).abs().groupby(pair.to_numpy()).mean()
    return pd.DataFrame(found)


def _of_protocol(
    titles: Mapping[str, str],
    errors: Mapping[tuple[str, str], pd.DataFrame],
    *,
    protocol: str,
    groups: pd.Series,
) -> Iterable[dict[str, object]]:
    tested = None
    for of in errors.values():
        tested = of.index if tested is None else tested.intersection(of.index)
    if tested is None or not len(tested):
        return
    tested = tested.sort_values()
    on = {name: of.loc[tested] for name, of in errors.items()}
    names = list(product(titles, TARGETS))
    gained = pd.concat(
        [on[model, "new"]["new", target] - on[model, "old"]["new", target] for model, target in names], axis=1
    )
    sums = group_sums(
        # Beyond these digits, sums in another order differ.
        gained.to_numpy().round(9),
        weight=pd.Series(1.0, index=tested).to_numpy(),
        group=groups.loc[tested].to_numpy(),
    )
    ends = intervals(*sums, seed=derive(0, "releases", protocol), resamples=RESAMPLES)
    for (model, target), difference, low, high in zip(names, *ends, strict=True):
        row: dict[str, object] = {"protocol": protocol, "model": model, "title": titles[model], "target": target}
        row |= {"n": len(tested), "difference": difference, "low": low, "high": high}
        for results, labels in product(SIDES, SIDES):
            error = float(on[model, results][labels, target].mean())
            control = on.get((CONTROL, results))
            row[column("mae", results, labels)] = error
            row[column("smae", results, labels)] = (
                float("nan") if control is None else smae(error, float(control[labels, target].mean()))
            )
        yield row
