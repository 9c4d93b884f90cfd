from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binom, ttest_1samp

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID, TARGETS
from electrode_bench.evaluation import significance


def test_corrected_t_test_by_hand() -> None:
    # Mean 2, variance 1 of three folds; 1/3 + 1/2 in place of 1/3: t = 2 / sqrt(5/6).
    t, p = significance.corrected_t_test(np.array([1.0, 2.0, 3.0]), test_over_train=0.5)
    assert t == pytest.approx(2 / np.sqrt(5 / 6))
    # Student's t with 2 degrees of freedom has a closed form.
    assert p == pytest.approx(1 - t / np.sqrt(2 + t**2))
    assert significance.corrected_t_test(np.array([1.0]), test_over_train=0.25) == pytest.approx(
        (np.nan,) * 2, nan_ok=True
    )
    assert significance.corrected_t_test(np.zeros(5), test_over_train=0.25) == (0.0, 1.0)
    assert significance.corrected_t_test(np.full(5, -2.0), test_over_train=0.25) == (-np.inf, 0.0)


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=10).filter(lambda d: np.std(d) > 1e-3))
def test_without_overlap_it_is_students_test_and_overlap_makes_it_careful(differences: list[float]) -> None:
    plain = ttest_1samp(differences, 0.0)
    t, p = significance.corrected_t_test(np.array(differences), test_over_train=0.0)
    assert (t, p) == pytest.approx((plain.statistic, plain.pvalue))
    assert significance.corrected_t_test(np.array(differences), test_over_train=0.25)[1] >= p


def test_holm_by_hand() -> None:
    # Sorted .01, .02, .03, .04 times 4, 3, 2, 1 is .04, .06, .06, .04: none may be smaller than the one before.
    assert significance.holm(np.array([0.03, 0.01, np.nan, 0.04, 0.02])) == pytest.approx(
        [0.06, 0.04, np.nan, 0.06, 0.06], nan_ok=True
    )
    assert significance.holm(np.array([0.6, 0.9])) == pytest.approx([1.0, 1.0])
    assert len(significance.holm(np.array([]))) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_never_lowers(p: list[float]) -> None:
    corrected = significance.holm(np.array(p))
    assert (corrected >= p).all()
    assert (corrected <= np.minimum(np.array(p) * len(p), 1.0) + 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()


def test_weights_make_the_mean_over_folds() -> None:
    index = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("a", "z"), ("b", "w")], names=["fold", ID])
    weight = significance.row_weights(index)
    # Fold a has the mean 2, fold b 10.
    assert np.average([1.0, 2.0, 3.0, 10.0], weights=weight) == pytest.approx(6.0)


def test_rows_of_one_formula_are_one_observation() -> None:
    rng = np.random.default_rng(1)
    each = rng.normal(0.3, 1.0, 40)
    single = significance.grouped_interval(each, weight=np.ones(40), group=pd.Index(range(40)), seed=7)
    # Fifty copies of each row tell nothing new.
    many = significance.grouped_interval(
        np.repeat(each, 50), weight=np.ones(2000), group=pd.Index(np.repeat(range(40), 50)), seed=7
    )
    assert (many.estimate, many.low, many.high) == pytest.approx((single.estimate, single.low, single.high))
    assert single.estimate == pytest.approx(each.mean())
    assert single.low < single.estimate < single.high
    # About 1.96 standard errors on either side.
    assert (single.high - single.low) / 2 == pytest.approx(1.96 * each.std() / np.sqrt(40), rel=0.15)


def test_an_interval_of_equal_differences_is_a_point_and_of_one_formula_none() -> None:
    equal = significance.grouped_interval(np.full(6, -2.0), weight=np.ones(6), group=pd.Index(list("aabbcc")), seed=1)
    assert (equal.estimate, equal.low, equal.high) == (-2.0, -2.0, -2.0)
    alone = significance.grouped_interval(np.array([1.0, 2.0]), weight=np.ones(2), group=pd.Index(["a", "a"]), seed=1)
    assert alone.estimate == 1.5
    assert np.isnan([alone.low, alone.high]).all()


def test_effect_size_by_hand() -> None:
    # Formulas with means 1 and 3: mean 2, standard deviation 1.
    assert significance.effect_size(
        np.array([0.0, 2.0, 3.0, 3.0]), weight=np.ones(4), group=pd.Index(list("aabb"))
    ) == pytest.approx(2.0)
    assert significance.effect_size(np.zeros(2), weight=np.ones(2), group=pd.Index(list("ab"))) == 0.0


def _experiment(
    seed: int, *, better: float = 0.0, folds: int = 5, rows: int = 24
) -> tuple[pd.DataFrame, dict, pd.Series]:
    """Predictions of two models whose errors come from one distribution; pairs of electrodes share a formula."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"e{i:03}" for i in range(folds * rows)])
    parts, made = [], []
    for k in range(folds):
        test = ids[k * rows : (k + 1) * rows]
        made.append(Fold("stratified", f"fold-{k}", tuple(sorted(set(ids) - set(test))), tuple(test)))
        for model in ("one", "two"):
            # A model's luck with its training rows, and the same luck on both rows of a formula.
            luck = rng.normal(0, 0.3)
            noise = np.repeat(rng.normal(0, 1, rows // 2), 2) + rng.normal(0, 0.3, rows) + luck
            for target in TARGETS:
                size = np.abs(noise) + 1.0 - (better if model == "one" else 0.0)
                parts.append(pd.DataFrame({
                    ID: test, "protocol": "stratified", "fold": f"fold-{k}", "model": model, "target": target,
                    "y_true": 0.0, "y_pred": size, "y_std": np.nan}))  # fmt: skip
    formulas = pd.Series([f"f{i // 2}" for i in range(len(ids))], index=ids)
    return pd.concat(parts, ignore_index=True), {"stratified": tuple(made)}, formulas


def _pairs(seed: int, *, resamples: int = significance.RESAMPLES, better: float = 0.0) -> pd.DataFrame:
    predictions, folds, formulas = _experiment(seed, better=better)
    one = predictions[predictions["target"] == "average_voltage"]
    return significance.compared(
        one, folds=folds, formulas=formulas, control="two", seed=seed, resamples=resamples
    ).pairs


def test_equal_models_are_called_different_in_no_more_than_one_of_twenty_experiments() -> None:
    runs = 200
    found = pd.concat([_pairs(seed, resamples=200) for seed in range(runs)])
    # 99.9% of experiments at a rate of 5% lie below.
    most = binom.ppf(0.999, runs, 0.05)
    assert (found["p"] < 0.05).sum() <= most
    assert found["different"].sum() <= most
    # The test is no constant: p-values spread over the whole range.
    assert (found["p"] < 0.5).mean() > 0.2


def test_a_clearly_better_model_is_found() -> None:
    row = _pairs(3, better=0.9).iloc[0]
    assert (row["model"], row["other"], row["different"], row["win_rate"]) == ("one", "two", True, 1.0)
    assert row["low"] < row["difference"] < row["high"] < 0
    assert row["difference"] == pytest.approx(row["mae"] - row["other_mae"])
    assert row["relative"] == pytest.approx(row["difference"] / row["other_mae"])


def test_intervals_of_equal_fits_hold_zero_in_nineteen_of_twenty() -> None:
    rng = np.random.default_rng(0)
    runs, missed = 300, 0
    group = pd.Index(np.repeat(range(40), 2))
    for seed in range(runs):
        values = np.repeat(rng.normal(0, 1, 40), 2)
        found = significance.grouped_interval(values, weight=np.ones(80), group=group, seed=seed, resamples=300)
        missed += found.low > 0 or found.high < 0
    low, high = binom.ppf([0.001, 0.9999], runs, 0.05)
    assert low <= missed <= high + 4


def test_all_pairs_with_the_control_last_and_one_family_of_tests_per_protocol() -> None:
    predictions, folds, formulas = _experiment(5)
    third = predictions[predictions["model"] == "one"].assign(model="control")
    table = significance.compared(
        pd.concat([predictions, third]), folds=folds, formulas=formulas, control="control", seed=1
    ).pairs
    assert list(table.columns) == list(significance.PAIR_COLUMNS)
    first = table[table["target"] == "average_voltage"]
    assert first[["model", "other"]].to_numpy().tolist() == [["one", "two"], ["one", "control"], ["two", "control"]]
    same = first.iloc[1]
    assert (same["difference"], same["p"], same["win_rate"], same["different"]) == (0, 1, 0.5, False)
    assert len(table) == 3 * len(TARGETS)
    assert table["p_holm"].to_numpy() == pytest.approx(significance.holm(table["p"].to_numpy()))
    again = significance.compared(
        pd.concat([third, predictions]).sample(frac=1, random_state=0), folds=folds, formulas=formulas,
        control="control", seed=1,
    ).pairs  # fmt: skip
    pd.testing.assert_frame_equal(table, again)


def test_ranking_says_who_is_tied_with_the_best() -> None:
    mae = {"a": 1.0, "b": 1.1, "control": 2.0, "c": 3.0}
    pairs = pd.DataFrame(
        [
            ("p", "average_voltage", one, two, mae[one], mae[two], {one, two} != {"a", "b"})
            for one, two in (("a", "b"), ("a", "c"), ("a", "control"), ("b", "c"), ("b", "control"), ("c", "control"))
        ],
        columns=["protocol", "target", "model", "other", "mae", "other_mae", "different"],
    )
    shares = {"a": 0.7, "b": 0.3, "control": 0.0, "c": 0.0}
    models = pd.DataFrame(
        [("p", "average_voltage", name, mae[name] - 0.5, mae[name] + 0.6, share) for name, share in shares.items()],
        columns=list(significance.MODEL_COLUMNS),
    )
    rows = significance.ranking(significance.Compared(pairs, models), control="control")
    assert rows[["rank", "model", "beats_control", "like_best", "first"]].to_numpy().tolist() == [
        [1, "a", True, True, 0.7], [2, "b", True, True, 0.3],
        [3, "control", False, False, 0.0], [4, "c", False, False, 0.0],
    ]  # fmt: skip
    assert (rows["mae"] - rows["mae_low"]).tolist() == pytest.approx([0.5] * 4)
    assert (rows["mae_high"] - rows["mae"]).tolist() == pytest.approx([0.6] * 4)


def test_the_interval_of_an_error_holds_the_error_and_narrows_with_more_formulas() -> None:
    widths = []
    for copies in (1, 4):
        predictions, folds, formulas = _experiment(3, rows=24 * copies)
        made = significance.compared(predictions, folds=folds, formulas=formulas, control="two", seed=1, resamples=400)
        rows = significance.ranking(made, control="two")
        assert (rows["mae_low"] < rows["mae"]).all()
        assert (rows["mae"] < rows["mae_high"]).all()
        assert (rows["mae_low"] > 0).all()
        widths.append((rows["mae_high"] - rows["mae_low"]).mean())
    assert widths[1] < widths[0]


def test_the_first_place_is_as_stable_as_the_models_differ() -> None:
    def of_one(better: float) -> float:
        predictions, folds, formulas = _experiment(3, better=better)
        made = significance.compared(predictions, folds=folds, formulas=formulas, control="two", seed=1, resamples=400)
        first = made.models.set_index(["target", "model"])["first"]
        assert first.groupby("target").sum().tolist() == pytest.approx([1.0] * len(TARGETS))
        return float(first["average_voltage", "one"])

    assert of_one(0.9) == 1.0
    assert of_one(-0.9) == 0.0
    assert 0.02 < of_one(0.0) < 0.98


def test_equal_models_share_the_first_place() -> None:
    predictions, folds, formulas = _experiment(5)
    one = predictions[predictions["model"] == "one"]
    both = pd.concat([one, one.assign(model="control")])
    made = significance.compared(both, folds=folds, formulas=formulas, control="control", seed=1, resamples=50)
    assert made.models["first"].unique().tolist() == [0.5]


@given(arrays(float, 5, elements=st.floats(-3, 3)), st.floats(0.1, 3))
def test_what_the_folds_can_resolve_is_where_the_test_turns(differences: np.ndarray, overlap: float) -> None:
    limit = significance.smallest_resolvable(differences, test_over_train=overlap)
    assume(limit > 1e-6)
    for share, significant in ((0.99, False), (1.01, True)):
        shifted = differences - differences.mean() + share * limit
        assert (significance.corrected_t_test(shifted, test_over_train=overlap)[1] < 0.05) is significant


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (-3.0, -1.0, 0.01, "better"),
        (1.0, 3.0, 0.01, "worse"),
        (-3.0, 1.0, 0.01, "tied"),
        (-3.0, -1.0, 0.05, "tied"),
        (1.0, 3.0, 0.2, "tied"),
        # A single fold has no test over folds: its interval alone gives no verdict.
        (-3.0, -1.0, float("nan"), "no verdict"),
        (float("nan"), float("nan"), 0.01, "tied"),
    ],
)
def test_the_one_rule_for_what_is_significant(low: float, high: float, p: float, expected: str) -> None:
    assert significance.verdict(low, high, p) == expected


def test_one_fold_gives_an_interval_and_no_verdict() -> None:
    predictions, folds, formulas = _experiment(3, better=0.9)
    one = predictions[predictions["fold"] == "fold-0"]
    table = significance.compared(
        one, folds={"stratified": folds["stratified"][:1]}, formulas=formulas, control="two", seed=1
    ).pairs
    assert table["resolvable"].isna().all()
    assert (table["high"] < 0).all()
    assert table["p"].isna().all()
    assert not table["different"].any()


def test_repeated_folds_by_hand() -> None:
    # Two repeats of two folds; formula f has the electrodes a and b, g has c, h has d. Errors of model m against zero.
    folds = tuple(
        Fold("grouped", key, tuple(set("abcd") - set(tested)), tuple(tested))
        for key, tested in (("fold-0", "ab"), ("fold-1", "cd"), ("repeat-1-fold-0", "abc"), ("repeat-1-fold-1", "d"))
    )
    of_m = {
        "fold-0": {"a": 1.0, "b": 3.0}, "fold-1": {"c": 2.0, "d": 6.0},
        "repeat-1-fold-0": {"a": 2.0, "b": 1.0, "c": 3.0}, "repeat-1-fold-1": {"d": 4.0},
    }  # fmt: skip
    rows = [
        {"protocol": "grouped", "fold": fold, "model": model, "target": "average_voltage", ID: electrode,
         "y_true": 0.0, "y_pred": error if model == "m" else 0.0, "y_std": np.nan}
        for fold, errors in of_m.items() for electrode, error in errors.items() for model in ("m", "z")
    ]  # fmt: skip
    formulas = pd.Series({"a": "f", "b": "f", "c": "g", "d": "h"})
    (row,) = significance.compared(
        pd.DataFrame(rows), folds={"grouped": folds}, formulas=formulas, control="z", seed=1, resamples=500
    ).pairs.to_dict("records")
    # The folds' means are 2, 4, 2 and 4.
    assert row["mae"] == row["difference"] == pytest.approx(3.0)
    assert row["win_rate"] == 0.0
    # k = 4 folds of both repeats; test over train is 1, 1, 3 and 1/3 on average 4/3; the variance of the means is 4/3.
    assert row["t"] == pytest.approx(3 / np.sqrt(4 / 3 * (1 / 4 + 4 / 3)))
    # Formulas are drawn with all of their tests. With weights 1/8, 1/12 and 1/4 for folds of 2, 3 and 1 rows:
    # f has 1/8 (1 + 3) + 1/12 (2 + 1) = 3/4 of weight 5/12, g has 1/4 + 1/4 of 5/24, h has 3/4 + 1 of 3/8.
    total, mass = np.array([3 / 4, 1 / 2, 7 / 4]), np.array([5 / 12, 5 / 24, 3 / 8])
    drawn = np.array(list(itertools.product(range(3), repeat=3)))
    reachable = total[drawn].sum(axis=1) / mass[drawn].sum(axis=1)
    for end in ("low", "high"):
        assert np.abs(reachable - row[end]).min() == pytest.approx(0.0, abs=0.1)
    assert reachable.min() <= row["low"] < 3 < row["high"] <= reachable.max()
    each = total / mass
    assert row["effect"] == pytest.approx(3 / np.sqrt(np.average(np.square(each - 3), weights=mass)))


def test_repeats_average_the_chance_of_training_but_not_that_of_the_formulas() -> None:
    rng = np.random.default_rng(3)
    own = rng.normal(0.5, 1.0, 80)
    ids = [f"e{i}" for i in range(80)]

    def interval(repeats: int, noise: float) -> significance.Interval:
        values = np.concatenate([own + rng.normal(0, noise, 80) for _ in range(repeats)])
        return significance.grouped_interval(
            values, weight=np.full(80 * repeats, 1 / repeats), group=pd.Index(ids * repeats), seed=5
        )

    def width(repeats: int, noise: float) -> float:
        found = interval(repeats, noise)
        return found.high - found.low

    # Without chance in the training, ten repeats say what one says.
    assert width(10, 0.0) == pytest.approx(width(1, 0.0))
    # With it, they come close to that.
    assert width(10, 3.0) < 0.6 * width(1, 3.0)
    assert width(10, 3.0) > 0.9 * width(1, 0.0)
