"""The page's answer: for each target one to three sentences on which model has the smallest error."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from electrode_bench.core.schema import CONTROL, TARGETS, Column
from electrode_bench.report.numbers import percent, significant, unit
from electrode_bench.report.page.results import Results


def answers(results: Results) -> list[dict[str, str]]:
    """One answer per target under the main protocol, with the keys target and text."""
    ranking = results.ranking[results.ranking["protocol"] == results.main_protocol]
    out = []
    for target, column in TARGETS.items():
        ranks = ranking[ranking["target"] == target].sort_values("rank")
        enough = len(ranks) > 1
        text = _answer(results, ranks, target=target, column=column) if enough else "Only the control was fitted."
        out.append({"target": column.label, "text": text})
    return out


def against_control(pairs: pd.DataFrame, *, protocol: str, target: str) -> pd.DataFrame:
    """Rows of ``pairs`` with the control as ``other``, as it is in all its pairs."""
    keep = (pairs["protocol"] == protocol) & (pairs["target"] == target) & (pairs["other"] == CONTROL)
    return pairs[keep]


def _answer(results: Results, ranking: pd.DataFrame, *, target: str, column: Column) -> str:
    best = ranking.iloc[0]
    if best["model"] == CONTROL:
        mae = f"{significant(best['mae'])} {unit(column)}"
        return f"No model has a smaller error than the control, which predicts the training mean (MAE {mae})."
    pairs = against_control(results.pairs, protocol=results.main_protocol, target=target)
    text = _best(results, best, pairs[pairs["model"] == best["model"]].iloc[0], column)
    others = ranking[(ranking["model"] != best["model"]) & (ranking["model"] != CONTROL)]
    tied = others["like_best"].astype(bool)
    if tied.any():
        verb = "is" if tied.sum() == 1 else "are"
        text += f" {_listed(results, others.loc[tied, 'model'])} {verb} statistically tied with it."
    if not tied.all():
        verb = "has a" if (~tied).sum() == 1 else "have"
        noun = "error" if (~tied).sum() == 1 else "errors"
        text += f" {_listed(results, others.loc[~tied, 'model'])} {verb} significantly larger {noun}."
    return text


def _best(results: Results, best: pd.Series, pair: pd.Series, column: Column) -> str:
    """The model with the smallest error, compared with the control."""
    less, low, high = (-pair[key] / pair["other_mae"] for key in ("difference", "high", "low"))
    text = (
        f"{results.titles[str(best['model'])]} has the smallest error: MAE {significant(best['mae'])} {unit(column)}, "
        f"{percent(less)} less than the control's {significant(pair['other_mae'])} {unit(column)} "
        f"(95% interval {percent(low)} to {percent(high)})"
    )
    if best["beats_control"]:
        return f"{text}."
    # The interval and the test over folds must agree.
    reason = ", because the test over folds does not agree" if low > 0 else ""
    return f"{text}; the difference is not statistically significant{reason}."


def _listed(results: Results, models: Sequence[str] | pd.Series) -> str:
    names = [results.titles.get(str(model), str(model)) for model in models]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
