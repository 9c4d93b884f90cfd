"""Made-up rows of comparison tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.report.page.results import Results


def pairs_with_control(high: float) -> pd.DataFrame:
    """The forest against the control under grouped folds: differences of -1, with intervals from -2 to ``high``.

    The difference is significant for both capacities and not for the voltage.
    """
    row = {"protocol": "grouped", "model": "rf_magpie", "other": "control", "mae": 1.0, "other_mae": 2.0}
    rows = [{**row, "target": target, "difference": -1.0, "low": -2.0, "high": high} for target in TARGETS]
    return pd.DataFrame(rows).assign(different=lambda frame: frame["target"] != "average_voltage")


#: The errors of :func:`with_models`.
MAE = {"a": 1.0, "b": 1.5, "control": 2.0}


def with_models(
    results: Results,
    *,
    significant: bool,
    tied: Sequence[str],
    half_width: float = 0.2,
    p: float = 0.2,
    mae: Mapping[str, float] = MappingProxyType(MAE),
) -> Results:
    """The results as if these models had been compared under grouped folds, with the same errors for all targets.

    Parameters
    ----------
    significant : whether the first model is significantly better than the control.
    tied : the models that are statistically tied with the first; the control is, unless it is significantly worse.
    half_width : of each 95% interval.
    p : of each test that is not significant.
    mae : of each model, smallest first, one of them called control.
    """
    models = list(mae)
    best, alike = models[0], {models[0], *tied, *([] if significant else ["control"])}
    pairs = [
        {"protocol": "grouped", "target": target, "model": one, "other": two, "mae": mae[one], "other_mae": mae[two],
         "difference": mae[one] - mae[two], "low": mae[one] - mae[two] - half_width,
         "high": mae[one] - mae[two] + half_width, "p_holm": 0.01 if one == best and two not in alike else p,
         "different": one == best and two not in alike}
        for target in TARGETS for i, one in enumerate(models) for two in models[i + 1 :]
    ]  # fmt: skip
    ranking = [
        {"protocol": "grouped", "target": target, "rank": i, "model": model, "mae": mae[model],
         "mae_low": mae[model] - half_width, "mae_high": mae[model] + half_width, "first": float(i == 1),
         "beats_control": significant and model == best, "like_best": model in alike}
        for target in TARGETS for i, model in enumerate(models, start=1)
    ]  # fmt: skip
    row = results.headline.iloc[0].to_dict()
    headline = [{**row, "protocol": "grouped", "model": model, "title": model} for model in models]
    tables = {"pairs": pairs, "ranking": ranking, "headline": headline}
    return replace(results, **{name: pd.DataFrame(rows) for name, rows in tables.items()})
