"""Whether the errors of two models differ significantly: paired tests on the same folds.

Chance enters in two ways. Other *test rows* would give another difference. Its interval therefore comes from resampling
discharged formulas: electrodes with the same formula are one observation for a model that reads only formulas. Other
*training rows* would give other models. This is tested over folds, with a t-test that is corrected for overlapping
training sets. A difference is significant if both agree (:func:`verdict`).

Repeated folds test an electrode several times. A formula is then drawn with all of these tests, so that repeats make
the interval narrower only by as much as they average out the chance of training.

Sources: B. Efron, J. Am. Stat. Assoc. 82, 171 (1987), doi:10.1080/01621459.1987.10478410 (the interval, BCa);
C. Nadeau and Y. Bengio, Machine Learning 52, 239 (2003), doi:10.1023/A:1024068626366 (the corrected test);
S. Holm, Scand. J. Stat. 6, 65 (1979) (many tests at once).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.splits import headline_folds

#: Significance level: the accepted probability of calling any two equal models of a protocol's table different.
LEVEL = 0.05
#: Resamples behind an interval.
RESAMPLES = 2000
#: Groups up to which scipy leaves each out in turn, which takes time in proportion to their square.
MOST_LEFT_OUT = 10_000

PAIR_COLUMNS = (
    "protocol",
    "target",
    "model",
    "other",
    "mae",
    "other_mae",
    "difference",
    "low",
    "high",
    "relative",
    "effect",
    "win_rate",
    "t",
    "p",
    "p_holm",
    "different",
)


@dataclass(frozen=True)
class Interval:
    """An estimate and its 95% interval, in one unit; not a number where there is none."""

    estimate: float
    low: float
    high: float


#: What may be said of a model's error against another's.
Verdict = Literal["better", "worse", "tied", "no verdict"]


def verdict(low: float, high: float, p: float) -> Verdict:
    """The one rule for what is significant.

    Parameters
    ----------
    low, high : 95% interval of the difference in error, resampled by formula; negative means a smaller error.
    p : of the corrected t-test over folds, corrected for multiple tests where there are several; NaN for one fold.

    Returns
    -------
    "better" or "worse" when the interval excludes zero and p is below 0.05, "tied" when they do not both say so, and
    "no verdict" when there is a single fold: its interval says nothing about other training rows.

    Examples
    --------
    >>> verdict(-3.0, -1.0, 0.01), verdict(-3.0, -1.0, 0.2), verdict(-3.0, -1.0, float("nan"))
    ('better', 'tied', 'no verdict')
    """
    if np.isnan(p):
        return "no verdict"
    if p < LEVEL and high < 0:
        return "better"
    return "worse" if p < LEVEL and low > 0 else "tied"


def pairs(
    predictions: pd.DataFrame,
    *,
    folds: Mapping[str, tuple[Fold, ...]],
    formulas: pd.Series,
    control: str,
    seed: int,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Every pair of models under every protocol and for every target: :data:`PAIR_COLUMNS`.

    ``difference`` is the MAE of ``model`` minus that of ``other``, in the target's unit (negative: ``model`` is
    better), with its 95% interval ``low`` to ``high``; ``relative`` divides it by the MAE of ``other``. ``effect`` is
    Cohen's d of the paired differences and ``win_rate`` the share of folds that ``model`` wins. ``p`` is the p-value
    of the corrected t-test over folds, and ``p_holm`` the same corrected for everything that the protocol's table
    reports: all pairs of models and all targets.
    ``different`` says that the difference is significant (:func:`verdict`).

    Parameters
    ----------
    predictions : schema.PREDICTION_COLUMNS, all models on the same folds.
    folds : folds of each protocol, of which the headline folds are used, as everywhere.
    formulas : discharged formula by electrode id.
    control : the model that is ``other`` in all its pairs.
    seed : root seed of the resampling.
    resamples : bootstrap resamples behind an interval.
    """
    found = []
    targets = [target for target in TARGETS if target in set(predictions["target"])]
    for protocol, of in predictions.groupby("protocol", sort=False):
        chosen = headline_folds(folds[str(protocol)])
        kept = [fold for fold in folds[str(protocol)] if fold.key in chosen]
        overlap = float(np.mean([len(f.test_ids) / len(set(f.train_ids)) for f in sorted(kept, key=lambda f: f.key)]))
        rows = of[of["fold"].isin(chosen)]
        names = sorted(rows["model"].unique(), key=lambda name: (name == control, name))
        for target in targets:
            wide = errors(rows[rows["target"] == target])
            weight = row_weights(wide.index)
            group = pd.Index(wide.index.get_level_values(ID)).map(formulas)
            for model, other in combinations(names, 2):
                own = derive(seed, "significance", str(protocol), target, model, other)
                row = pair(
                    wide[model], wide[other], weight=weight, group=group, overlap=overlap, seed=own, resamples=resamples
                )
                found.append({"protocol": protocol, "target": target, "model": model, "other": other, **row})
    table = pd.DataFrame(found, columns=[c for c in PAIR_COLUMNS if c not in ("p_holm", "different")])
    # The family is everything that one table reports: all pairs and targets of a protocol.
    table["p_holm"] = table.groupby("protocol", sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    tested = zip(table["low"], table["high"], table["p_holm"], strict=True)
    table["different"] = [verdict(*row) in ("better", "worse") for row in tested]
    return table[list(PAIR_COLUMNS)]


def errors(rows: pd.DataFrame) -> pd.DataFrame:
    """Absolute errors of one target, with one column per model, indexed by (fold, electrode id)."""
    absolute = rows.assign(error=(rows["y_pred"] - rows["y_true"]).abs())
    return absolute.pivot(index=["fold", ID], columns="model", values="error")


def row_weights(index: pd.Index) -> np.ndarray:
    """Weight (n,) of each row of (fold, electrode id), so that a weighted mean is the mean of the folds' means."""
    fold = pd.Series(index.get_level_values("fold"))
    return (1.0 / (fold.map(fold.value_counts()) * fold.nunique())).to_numpy()


def pair(
    one: pd.Series,
    two: pd.Series,
    *,
    weight: np.ndarray,
    group: pd.Index,
    overlap: float,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, float]:
    """One pair of models: the values of :func:`pairs` that need no other pair.

    Parameters
    ----------
    one, two : absolute errors (n,) of the two models, indexed by (fold, electrode id).
    weight : (n,) of each row (:func:`row_weights`).
    group : (n,) formula of each row; formulas are resampled.
    overlap : number of test rows divided by number of training rows, see :func:`corrected_t_test`.
    """
    difference = (one - two).to_numpy()
    found = grouped_interval(difference, weight=weight, group=group, seed=seed, resamples=resamples)
    by_fold = (one - two).groupby("fold").mean()
    t, p = corrected_t_test(by_fold.to_numpy(), test_over_train=overlap)
    other = float(np.average(two, weights=weight))
    return {
        "mae": float(np.average(one, weights=weight)),
        "other_mae": other,
        "difference": found.estimate,
        "low": found.low,
        "high": found.high,
        "relative": found.estimate / other if other > 0 else np.nan,
        "effect": effect_size(difference, weight=weight, group=group),
        "win_rate": float(np.mean((by_fold < 0) + 0.5 * (by_fold == 0))),
        "t": t,
        "p": p,
    }


def grouped_interval(
    values: np.ndarray, *, weight: np.ndarray, group: pd.Index, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """Weighted mean of ``values`` (n,) with its 95% BCa interval, from drawing whole groups with replacement.

    Parameters
    ----------
    weight : (n,) positive.
    group : (n,) group of each row; rows of one group stay together.
    """
    from scipy.stats import bootstrap

    total, mass = _sums(values, weight=weight, group=group)
    estimate = float(total.sum() / mass.sum())
    if len(total) < 2:
        return Interval(estimate, np.nan, np.nan)
    if np.ptp(total / mass) <= 1e-12 * max(1.0, abs(estimate)):
        return Interval(estimate, estimate, estimate)

    def ratio(part: np.ndarray, whole: np.ndarray, axis: int) -> np.ndarray:
        return np.asarray(part.sum(axis=axis) / whole.sum(axis=axis))

    many = len(total) > MOST_LEFT_OUT
    found = bootstrap(
        (total, mass),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=resamples,
        # Bounds the memory: as many resamples, or groups left out, at once.
        batch=20 if many else 200,
        method="percentile" if many else "BCa",
        rng=np.random.default_rng(seed),
    )
    if many:
        low, high = _bca(found.bootstrap_distribution, estimate, total, mass)
    else:
        low, high = found.confidence_interval
    return Interval(estimate, float(low), float(high))


def _bca(resampled: np.ndarray, estimate: float, total: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Ends of the 95% BCa interval (2,) of a ratio of sums, as scipy computes them but in linear time.

    Leaving a group out subtracts its part from both sums.

    Parameters
    ----------
    resampled : ratios of the resamples.
    total, mass : of each group; ``estimate`` is the ratio of their sums.
    """
    from scipy.special import ndtr, ndtri

    left_out = (total.sum() - total) / (mass.sum() - mass)
    deviation = left_out.mean() - left_out
    acceleration = float((deviation**3).sum() / (6 * (deviation**2).sum() ** 1.5))
    below = ((resampled < estimate).mean() + (resampled <= estimate).mean()) / 2
    shift = ndtri(below) + ndtri(np.array([LEVEL / 2, 1 - LEVEL / 2]))
    return np.asarray(np.quantile(resampled, ndtr(ndtri(below) + shift / (1 - acceleration * shift))))


def effect_size(values: np.ndarray, *, weight: np.ndarray, group: pd.Index) -> float:
    """Cohen's d of paired differences (n,): mean divided by standard deviation between groups; 0 if both are 0."""
    total, mass = _sums(values, weight=weight, group=group)
    each = total / mass
    mean = np.average(each, weights=mass)
    deviation = np.sqrt(np.average(np.square(each - mean), weights=mass))
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return float(mean / deviation)


def _sums(values: np.ndarray, *, weight: np.ndarray, group: pd.Index) -> tuple[np.ndarray, np.ndarray]:
    """Sums of weighted values (n,) and of weights (n,) within each group."""
    sums = pd.DataFrame({"value": values * weight, "weight": weight}).groupby(np.asarray(group)).sum()
    return sums["value"].to_numpy(), sums["weight"].to_numpy()


def corrected_t_test(differences: np.ndarray, *, test_over_train: float) -> tuple[float, float]:
    """t and two-sided p of the folds' mean differences (k,), corrected for overlapping training sets.

    The variance of the mean, s2 / k, is replaced by s2 (1 / k + n_test / n_train). The test was made for random splits.
    With repeated folds, k counts the folds of all repeats (R. R. Bouckaert and E. Frank, PAKDD 2004,
    doi:10.1007/978-3-540-24775-3_3): each repeat lowers the first term, none the second.
    Under leave-one-cluster-out, where folds differ by design, p is only a guide.

    Returns
    -------
    (t, p) with k - 1 degrees of freedom; NaN for fewer than two folds.
    """
    from scipy.stats import t as student

    k = len(differences)
    if k < 2:
        return np.nan, np.nan
    mean, variance = float(np.mean(differences)), float(np.var(differences, ddof=1))
    if variance <= (1e-12 * max(1.0, abs(mean))) ** 2:
        return (0.0, 1.0) if mean == 0 else (float(np.copysign(np.inf, mean)), 0.0)
    t = mean / np.sqrt(variance * (1 / k + test_over_train))
    return float(t), float(2 * student.sf(abs(t), df=k - 1))


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down correction of the p-values (m,) of one family; NaN stays NaN and is not counted."""
    out = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return out


def standing(pairs: pd.DataFrame) -> tuple[dict[str, float], set[frozenset[str]]]:
    """MAE of each model of one protocol and target, smallest first, and the pairs that differ significantly."""
    mae = dict(zip([*pairs["model"], *pairs["other"]], [*pairs["mae"], *pairs["other_mae"]], strict=True))
    significant = pairs[pairs["different"].astype(bool)]
    different = {frozenset(names) for names in zip(significant["model"], significant["other"], strict=True)}
    return {name: mae[name] for name in sorted(mae, key=lambda name: (mae[name], name))}, different


def ranking(pairs: pd.DataFrame, *, control: str) -> pd.DataFrame:
    """Models of each protocol and target by their MAE: protocol, target, rank, model, mae, beats_control, like_best.

    ``beats_control`` says that the model's error is significantly smaller than the control's, ``like_best`` that it
    does not differ significantly from the smallest.
    """
    rows = []
    for (protocol, target), of in pairs.groupby(["protocol", "target"], sort=False):
        mae, different = standing(of)
        best = next(iter(mae))
        for rank, name in enumerate(mae, start=1):
            rows.append(
                {
                    "protocol": protocol,
                    "target": target,
                    "rank": rank,
                    "model": name,
                    "mae": mae[name],
                    "beats_control": mae[name] < mae[control] and frozenset((name, control)) in different,
                    "like_best": frozenset((name, best)) not in different,
                }
            )
    return pd.DataFrame(rows)
