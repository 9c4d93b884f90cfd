"""Whether the errors of two models differ significantly: paired tests on the same folds.

Chance enters in two ways. Other *test rows* would give another difference. Its interval therefore comes from resampling
discharged formulas: electrodes with the same formula are one observation for a model that reads only formulas. Other
*training rows* would give other models. This is tested over folds, with a t-test that is corrected for overlapping
training sets. A difference is significant if both agree (:func:`verdict`).

Repeated folds test an electrode several times. A formula is then drawn with all of these tests, so that repeats make
the interval narrower only by as much as they average out the chance of training.

Sources: C. Nadeau and Y. Bengio, Machine Learning 52, 239 (2003), doi:10.1023/A:1024068626366 (the corrected test);
S. Holm, Scand. J. Stat. 6, 65 (1979) (many tests at once).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.rows import records
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.core.seeds import derive
from electrode_bench.evaluation.resampling import bca, drawn_means, first_places, group_sums, intervals
from electrode_bench.splits import headline_folds

#: Significance level: the accepted probability of calling any two equal models of a protocol's table different.
LEVEL = 0.05
#: Resamples behind an interval.
RESAMPLES = 2000

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
    "resolvable",
    "effect",
    "win_rate",
    "t",
    "p",
    "p_holm",
    "different",
)
MODEL_COLUMNS = ("protocol", "target", "model", "mae_low", "mae_high", "first")


@dataclass(frozen=True)
class Compared:
    """All models of all protocols, compared on the same rows.

    Attributes
    ----------
    pairs : every pair of models: :data:`PAIR_COLUMNS`.
    models : :data:`MODEL_COLUMNS`. ``mae_low`` to ``mae_high`` is the 95% interval of the model's own MAE, in the
        target's unit, and ``first`` the share of the draws of formulas in which the model has the smallest error.
    """

    pairs: pd.DataFrame
    models: pd.DataFrame


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


def compared(
    predictions: pd.DataFrame,
    *,
    folds: Mapping[str, tuple[Fold, ...]],
    formulas: pd.Series,
    control: str,
    seed: int,
    resamples: int = RESAMPLES,
) -> Compared:
    """Compare every pair of models under every protocol and for every target.

    In the table of pairs, ``difference`` is the MAE of ``model`` minus that of ``other``, in the target's unit
    (negative: ``model`` is better), with its 95% interval ``low`` to ``high``; ``relative`` divides it by the MAE of
    ``other``. ``resolvable`` is the smallest difference that the folds could tell from zero
    (:func:`smallest_resolvable`). ``effect`` is Cohen's d of the paired differences and ``win_rate`` the share of folds
    that ``model`` wins. ``p`` is the p-value of the corrected t-test over folds, and ``p_holm`` the same corrected for
    everything that the protocol's table reports: all pairs of models and all targets. ``different`` says that the
    difference is significant (:func:`verdict`).

    Parameters
    ----------
    predictions : schema.PREDICTION_COLUMNS, all models on the same folds.
    folds : folds of each protocol, of which the headline folds are used, as everywhere.
    formulas : discharged formula by electrode id.
    control : the model that is ``other`` in all its pairs.
    seed : root seed of the resampling.
    resamples : draws of formulas. Everything of a protocol shares them.
    """
    found, each = [], []
    targets = [target for target in TARGETS if target in set(predictions["target"])]
    for protocol, of in predictions.groupby("protocol", sort=False):
        chosen = headline_folds(folds[str(protocol)])
        kept = [fold for fold in folds[str(protocol)] if fold.key in chosen]
        overlap = float(np.mean([len(f.test_ids) / len(set(f.train_ids)) for f in sorted(kept, key=lambda f: f.key)]))
        rows = of[of["fold"].isin(chosen)]
        names = sorted(rows["model"].unique(), key=lambda name: (name == control, name))
        # The electrodes of all targets are the same, and so are the formulas that are drawn.
        wide = pd.concat({target: errors(rows[rows["target"] == target])[names] for target in targets}, axis=1)
        sample = _Sample.of(
            wide,
            weight=row_weights(wide.index),
            group=np.asarray(pd.Index(wide.index.get_level_values(ID)).map(formulas)),
            seed=derive(seed, "significance", str(protocol)),
            resamples=resamples,
        )
        for i, target in enumerate(targets):
            columns = list(range(i * len(names), (i + 1) * len(names)))
            _, low, high = bca(sample.total[:, columns], sample.mass, sample.drawn[:, columns])
            first = first_places(sample.drawn[:, columns])
            for model, *numbers in zip(names, low, high, first, strict=True):
                each.append((protocol, target, model, *map(float, numbers)))
        between = [(i * len(names) + a, i * len(names) + b) for i in range(len(targets)) for a, b in _pairs(len(names))]
        for (one, two), row in zip(between, sample.compared(between, overlap=overlap), strict=True):
            about = {"target": targets[one // len(names)], "model": names[one % len(names)]}
            found.append({"protocol": protocol, **about, "other": names[two % len(names)], **row})
    table = pd.DataFrame(found, columns=[c for c in PAIR_COLUMNS if c not in ("p_holm", "different")])
    # The family is everything that one table reports: all pairs and targets of a protocol.
    table["p_holm"] = table.groupby("protocol", sort=False)["p"].transform(lambda p: holm(p.to_numpy()))
    tested = zip(table["low"], table["high"], table["p_holm"], strict=True)
    table["different"] = [verdict(*row) in ("better", "worse") for row in tested]
    return Compared(table[list(PAIR_COLUMNS)], pd.DataFrame(each, columns=list(MODEL_COLUMNS)))


def _pairs(n: int) -> list[tuple[int, int]]:
    return list(combinations(range(n), 2))


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
    """One pair of models: the values of :func:`compared` that need no other pair.

    Parameters
    ----------
    one, two : absolute errors (n,) of the two models, indexed by (fold, electrode id).
    weight : (n,) of each row (:func:`row_weights`).
    group : (n,) formula of each row; formulas are resampled.
    overlap : number of test rows divided by number of training rows, see :func:`corrected_t_test`.
    """
    both = pd.concat({"one": one, "two": two}, axis=1)
    sample = _Sample.of(both, weight=weight, group=np.asarray(group), seed=seed, resamples=resamples)
    (row,) = sample.compared([(0, 1)], overlap=overlap)
    return row


@dataclass(frozen=True)
class _Sample:
    """Absolute errors of k models on the same rows, and draws of formulas.

    Attributes
    ----------
    mae : (k,) weighted means.
    by_fold : (folds x k) means.
    total, mass : (groups x k) and (groups,) sums of weighted errors and of weights (:func:`resampling.group_sums`).
    drawn : (resamples x k) weighted means of the draws.
    """

    mae: np.ndarray
    by_fold: np.ndarray
    total: np.ndarray
    mass: np.ndarray
    drawn: np.ndarray

    @classmethod
    def of(cls, errors: pd.DataFrame, *, weight: np.ndarray, group: np.ndarray, seed: int, resamples: int) -> _Sample:
        values = errors.to_numpy()
        total, mass = group_sums(values, weight=weight, group=group)
        return cls(
            mae=np.average(values, weights=weight, axis=0),
            by_fold=pd.DataFrame(values).groupby(errors.index.get_level_values("fold")).mean().to_numpy(),
            total=total,
            mass=mass,
            drawn=drawn_means(total, mass, seed=seed, resamples=resamples),
        )

    def compared(self, between: Sequence[tuple[int, int]], *, overlap: float) -> list[dict[str, float]]:
        """The values of :func:`pair` for pairs of columns."""
        one, two = (list(columns) for columns in zip(*between, strict=True)) if between else ([], [])
        # Means are linear: the mean of a difference is the difference of the means, in each draw as well.
        total = self.total[:, one] - self.total[:, two]
        estimate, low, high = bca(total, self.mass, self.drawn[:, one] - self.drawn[:, two])
        by_fold = self.by_fold[:, one] - self.by_fold[:, two]
        rows = []
        for i, (a, b) in enumerate(between):
            t, p = corrected_t_test(by_fold[:, i], test_over_train=overlap)
            row = {
                "mae": self.mae[a],
                "other_mae": self.mae[b],
                "difference": estimate[i],
                "low": low[i],
                "high": high[i],
                "relative": estimate[i] / self.mae[b] if self.mae[b] > 0 else np.nan,
                "resolvable": smallest_resolvable(by_fold[:, i], test_over_train=overlap),
                "effect": _effect_size(total[:, i], self.mass),
                "win_rate": np.mean((by_fold[:, i] < 0) + 0.5 * (by_fold[:, i] == 0)),
                "t": t,
                "p": p,
            }
            rows.append({name: float(value) for name, value in row.items()})
        return rows


def grouped_interval(
    values: np.ndarray, *, weight: np.ndarray, group: pd.Index, seed: int, resamples: int = RESAMPLES
) -> Interval:
    """Weighted mean of ``values`` (n,) with its 95% BCa interval, from drawing whole groups with replacement.

    Parameters
    ----------
    weight : (n,) positive.
    group : (n,) group of each row; rows of one group stay together.
    """
    total, mass = group_sums(values[:, None], weight=weight, group=np.asarray(group))
    found = intervals(total, mass, seed=seed, resamples=resamples)
    return Interval(*(float(value[0]) for value in found))


def effect_size(values: np.ndarray, *, weight: np.ndarray, group: pd.Index) -> float:
    """Cohen's d of paired differences (n,): mean divided by standard deviation between groups; 0 if both are 0."""
    total, mass = group_sums(values[:, None], weight=weight, group=np.asarray(group))
    return _effect_size(total[:, 0], mass)


def _effect_size(total: np.ndarray, mass: np.ndarray) -> float:
    each = total / mass
    mean = np.average(each, weights=mass)
    deviation = np.sqrt(np.average(np.square(each - mean), weights=mass))
    if deviation <= 1e-12 * max(1.0, abs(mean)):
        return 0.0 if mean == 0 else float(np.copysign(np.inf, mean))
    return float(mean / deviation)


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


def smallest_resolvable(differences: np.ndarray, *, test_over_train: float) -> float:
    """The smallest mean difference that :func:`corrected_t_test` would call different from zero, at 5%.

    It depends on how much the folds' differences (k,) vary, not on their mean. It is not corrected for several tests,
    so the true limit of a table with many models is larger. NaN for fewer than two folds.
    """
    from scipy.stats import t as student

    k = len(differences)
    if k < 2:
        return np.nan
    variance = float(np.var(differences, ddof=1))
    return float(student.ppf(1 - LEVEL / 2, df=k - 1) * np.sqrt(variance * (1 / k + test_over_train)))


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


def ranking(made: Compared, *, control: str) -> pd.DataFrame:
    """Models of each protocol and target by their MAE.

    The columns are protocol, target, rank, model, mae with its interval ``mae_low`` to ``mae_high``, ``beats_control``
    (the error is significantly smaller than the control's), ``like_best`` (it does not differ significantly from the
    smallest) and ``first`` (the share of the draws of formulas in which it is the smallest).
    """
    rows = []
    of_model = {(row["protocol"], row["target"], row["model"]): row for row in records(made.models)}
    for (protocol, target), of in made.pairs.groupby(["protocol", "target"], sort=False):
        mae, different = standing(of)
        best = next(iter(mae))
        for rank, name in enumerate(mae, start=1):
            own = of_model[protocol, target, name]
            rows.append(
                {
                    "protocol": protocol,
                    "target": target,
                    "rank": rank,
                    "model": name,
                    "mae": mae[name],
                    "mae_low": own["mae_low"],
                    "mae_high": own["mae_high"],
                    "beats_control": mae[name] < mae[control] and frozenset((name, control)) in different,
                    "like_best": frozenset((name, best)) not in different,
                    "first": own["first"],
                }
            )
    return pd.DataFrame(rows)
