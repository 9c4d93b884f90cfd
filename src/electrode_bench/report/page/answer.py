"""The page's answer: for each target a short sentence on the model with the smallest error."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from electrode_bench.core.schema import CONTROL, TARGETS, Column
from electrode_bench.report.numbers import missing, significant, unit
from electrode_bench.report.page.results import Results

#: More models that are tied are counted, not named.
_MOST_NAMED = 3


def answers(results: Results) -> dict[str, str]:
    """The answer of each target under the main protocol."""
    ranking = results.ranking[results.ranking["protocol"] == results.main_protocol]
    out = {}
    for target, column in TARGETS.items():
        ranks = ranking[ranking["target"] == target].sort_values("rank")
        enough = len(ranks) > 1
        out[target] = (
            _answer(results, ranks, target=target, column=column) if enough else "Only the control was fitted."
        )
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
    pair = pairs[pairs["model"] == best["model"]].iloc[0]
    text = _best(results.titles[str(best["model"])], best, pair, column)
    if missing(pair["p_holm"]):
        return f"{text} Nothing can be tested with one fold."
    others = ranking[(ranking["model"] != best["model"]) & (ranking["model"] != CONTROL)]
    return f"{text} {_others(results, others)}".rstrip()


def _best(title: str, best: pd.Series, pair: pd.Series, column: Column) -> str:
    """The model with the smallest error, compared with the control in the target's unit.

    A share of the control's error would be hard to read: the interval of a difference may be wider than the error.
    """
    mae = f"{significant(best['mae'])} {unit(column)}"
    difference = f"{significant(-pair['difference'])} {unit(column)}"
    interval = _interval(pair["low"], pair["high"], column)
    of = f" (95% interval: {interval})" if interval else ""
    text = f"{title} has the smallest error: MAE {mae}, {difference} less than the control{of}."
    if best["beats_control"] or missing(pair["p_holm"]):
        return text
    if pair["high"] < 0:
        # The interval and the test over folds must agree.
        p = f"p = {significant(pair['p_holm'], 2)} after correction for all pairs of models"
        return f"{text} The test over folds does not confirm that ({p}), so the two count as tied."
    return f"{text} The interval includes zero, so the two are statistically tied."


def _interval(low: float, high: float, column: Column) -> str:
    """An interval of a difference in error; nothing where there is none."""
    if missing(low) or missing(high):
        return ""
    if high <= 0:
        return f"{significant(-high)} to {significant(-low)} {unit(column)} less"
    if low >= 0:
        return f"{significant(low)} to {significant(high)} {unit(column)} more"
    return f"{significant(-low)} {unit(column)} less to {significant(high)} {unit(column)} more"


def _others(results: Results, others: pd.DataFrame) -> str:
    """What the test says of the other models; nothing where there are none."""
    tied = others.loc[others["like_best"].astype(bool), "model"]
    if others.empty:
        return ""
    if tied.empty:
        return "All other models are significantly worse."
    if len(tied) > _MOST_NAMED:
        return f"{len(tied)} other models are statistically tied with it."
    return f"{_listed(results, tied)} {'is' if len(tied) == 1 else 'are'} statistically tied with it."


def _listed(results: Results, models: Iterable[str]) -> str:
    names = [results.titles.get(str(model), str(model)) for model in models]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
