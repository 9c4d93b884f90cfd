"""The published results: every table and every claim about them in the documents is what the committed tables say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from support import ROOT
from support.published import order, table_rows

from electrode_bench import models
from electrode_bench.core.digests import digest
from electrode_bench.core.schema import TARGETS
from electrode_bench.project import Project
from electrode_bench.tuning.assess import judged

RESULTS = ROOT / "docs" / "results" / "earlier"

SHORT = {"control": "control", "rf_magpie": "RF", "modnet": "MODNet", "crabnet": "CrabNet"}
TITLES = {"RF@Magpie": "rf_magpie", "MODNet": "modnet", "CrabNet": "crabnet", "Control (training mean)": "control"}
#: The order in which the pages list a value for each model.
LISTED = ("rf_magpie", "modnet", "crabnet")


@pytest.fixture(scope="module")
def headline() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "table.csv").set_index(["protocol", "model"])


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "pairs.csv")


def _text(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8").split())


def test_the_results_have_the_studys_table(headline: pd.DataFrame) -> None:
    labels = {f"{column.label}, {column.unit}": key for key, column in TARGETS.items()}

    def shown(row: pd.Series, key: str, digits: int) -> str:
        value, spread = (f"{row[f'{key}{suffix}']:.{digits}f}" for suffix in ("", " spread"))
        filtered, its = (f"{row[f'{key}_2sigma{suffix}']:.{digits}f}" for suffix in ("", " spread"))
        return f"{value} ± {spread} ({filtered} ± {its})"

    for protocol in ("stratified", "grouped", "loco", "bootstrap"):
        rows = table_rows(RESULTS / "README.md", f"({protocol})\n", columns=5)
        assert len(rows) == 12
        for label, title, *values in rows:
            target, row = labels[label], headline.loc[(protocol, TITLES[title])]
            wanted = [shown(row, f"{target}/mae", 3 if target == "average_voltage" else 1)]
            wanted += [shown(row, f"{target}/{metric}", 3) for metric in ("smae", "r2")]
            # No minus before a zero.
            assert values == [re.sub(r"-(0\.0+\b)", r"\1", text) for text in wanted]


def test_the_results_have_the_order_of_the_models(pairs: pd.DataFrame) -> None:
    rows = {
        protocol: cells for protocol, *cells in table_rows(RESULTS / "README.md", "## Which differences", columns=4)
    }
    assert set(rows) == set(pairs["protocol"])
    for protocol, cells in rows.items():
        for cell, target in zip(cells, TARGETS, strict=True):
            of = pairs[(pairs["protocol"] == protocol) & (pairs["target"] == target)]
            assert cell == order(of, SHORT), f"{protocol}, {target}"


def test_a_difference_is_significant_when_interval_and_test_agree(pairs: pd.DataFrame) -> None:
    wanted = ((pairs["low"] > 0) | (pairs["high"] < 0)) & (pairs["p_holm"] < 0.05)
    assert (pairs["different"] == wanted).all()


def test_the_page_says_which_models_are_tied(pairs: pd.DataFrame) -> None:
    text = _text(RESULTS / "README.md")
    networks = pairs[(pairs["model"] == "crabnet") & (pairs["other"] == "modnet")]
    claimed = re.search(r"MODNet and CrabNet are statistically tied, except for (.*?), where MODNet is", text)
    assert claimed is not None
    found = {
        (name, p)
        for name, p in re.findall(r"(grouped folds|stratified folds|LOCO|bootstrap) \(p = ([\d.]+) after", claimed[1])
    }
    names = {"grouped": "grouped folds", "stratified": "stratified folds", "loco": "LOCO", "bootstrap": "bootstrap"}
    significant = networks[networks["different"]]
    assert found == {(names[row.protocol], f"{row.p_holm:.3f}") for row in significant.itertuples()}
    assert set(significant["target"]) <= {"average_voltage"}
    assert (significant["difference"] > 0).all()

    forest = pairs[pairs["model"].isin(["crabnet", "modnet"]) & (pairs["other"] == "rf_magpie")]
    assert "Under LOCO, no difference between the three models is significant" in text
    assert not pairs[(pairs["protocol"] == "loco") & (pairs["other"] != "control")]["different"].any()
    assert "significantly better than the forest for every target under stratified folds, grouped folds and the" in text
    assert forest.loc[forest["protocol"] != "loco", "different"].all()


def test_the_results_say_who_beats_the_control_on_new_chemistry(pairs: pd.DataFrame) -> None:
    loco = pairs[(pairs["protocol"] == "loco") & (pairs["other"] == "control")]
    better = {target: set(of.loc[of["different"], "model"]) for target, of in loco.groupby("target")}
    assert "Under `loco`, no model is significantly better than the control for the gravimetric capacity." in _text(
        RESULTS / "README.md"
    )
    assert better == {
        "gravimetric_capacity": set(),
        "volumetric_capacity": {"crabnet", "modnet", "rf_magpie"},
        "average_voltage": {"crabnet", "modnet"},
    }
    text = _text(RESULTS / "README.md")
    for target, claim in (
        ("gravimetric_capacity", "by 4.7 mAh/g (3.1 to 6.2)"),
        ("volumetric_capacity", "by 32 mAh/cm3 (25 to 39)"),
    ):
        row = pairs[(pairs["protocol"] == "loco") & (pairs["model"] == "crabnet") & (pairs["other"] == "modnet")]
        row = row[row["target"] == target].iloc[0]
        digits = 1 if target == "gravimetric_capacity" else 0
        numbers = re.findall(r"(?<!cm)\d+\.?\d*", claim)
        assert numbers == [f"{-row[c]:.{digits}f}" for c in ("difference", "high", "low")]
        assert claim in text
        assert f"{row['p']:.2f}" in {"0.31", "0.13"}


def test_the_results_say_how_far_clusters_explain_the_error() -> None:
    rho = pd.read_csv(RESULTS / "penalty_against_distance.csv").set_index(["model", "target"])
    models, control = rho.drop("control"), rho.loc["control"]
    outlier = models.loc[("modnet", "average_voltage")]
    others = models.drop(("modnet", "average_voltage"))
    text = _text(RESULTS / "README.md")
    assert (
        f"rho over the 14 clusters is {others['rho'].min():.2f} to {others['rho'].max():.2f} for eight of the" in text
    )
    assert f"(p = {others['p'].max():.3f} or less)" in text
    assert f"it is {outlier['rho']:.2f}, which is not significant (p = {outlier['p']:.3f})" in text
    first, second, third = (f"{control.loc[target, 'rho']:.2f}" for target in TARGETS)
    assert f"For the control it is {first}, {second} and {third}" in text
    assert control["p"].min() > 0.25
    assert "(p = 0.25 or more)" in text


def test_the_results_say_what_leakage_and_more_data_change(headline: pd.DataFrame) -> None:
    text = _text(RESULTS / "README.md")
    leakage = pd.read_csv(RESULTS / "leakage.csv").set_index("model")["ratio"]
    laws = pd.read_csv(RESULTS / "power_laws.csv").set_index("model")["saved"]
    networks = ["modnet", "crabnet"]

    def percent(values: pd.Series) -> str:
        return f"{100 * values.min():.0f} to {100 * values.max():.0f}%"

    assert f"the MAE of the networks rises by {percent(leakage[networks] - 1)}, and that of the forest by " in text
    assert f"forest by {percent(leakage['rf_magpie'] - 1)}: the 4,351 electrodes" in text
    assert (
        f"reduce the networks' error by {percent(laws[networks])} and the forest's by {percent(laws['rf_magpie'])}"
        in text
    )
    ratios = [
        headline.loc[("loco", m), f"{t}/smae"] / headline.loc[("stratified", m), f"{t}/smae"]
        for m in LISTED
        for t in TARGETS
    ]
    assert f"Leaving a cluster out multiplies SMAE by {min(ratios):.1f} to {max(ratios):.1f}." in text


def test_the_results_have_the_errors_of_each_cluster_ion_and_size() -> None:
    scores = pd.read_csv(RESULTS / "scores.csv")
    loco = scores[(scores["protocol"] == "loco") & (scores["metric"] == "smae")].set_index(["fold", "target", "model"])
    for cluster, _, n, _, *cells in table_rows(RESULTS / "README.md", "## The map", columns=7):
        of = loco.loc[f"cluster-{int(cluster):02d}"]
        assert cells == [", ".join(f"{of.loc[(t, m), 'value']:.2f}" for m in LISTED) for t in TARGETS]
        assert int(n) == of["n"].iloc[0]
    worse = loco[(loco["value"] > 1) & (loco.index.get_level_values("fold") != "all")].index
    assert {(fold, model) for fold, target, model in worse if model != "control"} == {
        ("cluster-03", "modnet"),
        ("cluster-07", "rf_magpie"),
        ("cluster-12", "crabnet"),
        ("cluster-12", "modnet"),
        ("cluster-12", "rf_magpie"),
        ("cluster-13", "rf_magpie"),
    }
    assert "average_voltage" not in {target for _, target, model in worse if model != "control"}

    curve = pd.read_csv(RESULTS / "learning_curve.csv")
    curve = curve[curve["metric"] == "smae"].set_index(["n_train", "target", "model"])["value"]
    for size, *cells in table_rows(RESULTS / "README.md", "## More data", columns=4):
        of = curve.loc[int(size.replace(",", ""))]
        assert cells == [", ".join(f"{of.loc[(t, m)]:.3f}" for m in LISTED) for t in TARGETS]

    ions = pd.read_csv(RESULTS / "by_ion.csv")
    ions = ions[ions["protocol"] == "stratified"].set_index(["working_ion", "target", "model"])
    for ion, n, *cells in table_rows(RESULTS / "README.md", "## Working ions", columns=5):
        of = ions.loc[ion]
        assert cells == [", ".join(f"{of.loc[(t, m), 'smae']:.2f}" for m in LISTED) for t in TARGETS]
        assert int(n.replace(",", "")) == of["n"].iloc[0]


def test_the_tables_of_tuning_are_those_of_the_studies_records() -> None:
    page = RESULTS / "sweeps" / "README.md"
    labels = {"mean of the three": "mean"} | {column.label.lower(): key for key, column in TARGETS.items()}
    scores = {}
    for model in LISTED:
        # params.yaml has the tuned values of the forest only.
        folder = ROOT / "sweeps" if model == "rf_magpie" else page.parent
        for score in json.loads((folder / f"{model}.json").read_text(encoding="utf-8"))["scores"]:
            rows = judged(score["rows"]).to_dict("records")
            scores |= {(model, score["protocol"], row["target"]): row for row in rows}

    def change(row: dict[str, float]) -> str:
        unit = row["configured_mae"]
        mean, low, high = (f"{100 * row[key] / unit:+.1f}%" for key in ("difference", "low", "high"))
        return f"{mean} ({low} to {high})"

    for protocol, heading in (("stratified", "### Stratified"), ("loco", "### Leave one")):
        rows = table_rows(page, heading, columns=8)
        assert len(rows) == 12
        for title, label, _, before, after, shown, p, verdict in rows:
            row = scores[TITLES[title], protocol, labels[label]]
            assert shown == change(row)
            assert before == f"{row['configured_smae']:.3f} ± {row['configured_spread']:.3f}"
            assert after == f"{row['tuned_smae']:.3f} ± {row['tuned_spread']:.3f}"
            assert p == f"{row['p']:.2f}"
            assert verdict == {"tied": "no"}.get(row["verdict"], row["verdict"])
    assert {row["verdict"] for row in scores.values()} == {"tied", "no verdict"}
    assert "No change is significant." in _text(page)
    closest = scores["crabnet", "stratified", "average_voltage"]
    assert f"p is {closest['p']:.3f} alone, and {closest['p_holm']:.3f} after Holm's correction" in _text(page)
    assert "No error of any model changed significantly, so" in _text(RESULTS / "README.md")
    for title, before, after, shown in table_rows(page, "## On rows that no trial", columns=4):
        row = scores[TITLES[title], "grouped", "mean"]
        assert (before, after) == (f"{row['configured_smae']:.3f}", f"{row['tuned_smae']:.3f}")
        assert shown == change(row)


def test_params_have_the_configurations_that_the_cost_rule_keeps() -> None:
    """Decision 18: a configuration that costs more ships only when its mean SMAE is significantly smaller."""
    table = {model: (cost, ships) for model, cost, _, ships in table_rows(
        ROOT / "docs" / "decisions" / "0018-cost-rule.md", "**What it keeps**", columns=4)}  # fmt: skip
    project = Project.open(ROOT)
    params = project.params()
    for title, (cost, ships) in table.items():
        name, (before, after) = TITLES[title], map(float, cost.split(", "))
        folder = ROOT / "sweeps" if name == "rf_magpie" else RESULTS / "sweeps"
        record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        rows = [
            row
            for score in record["scores"]
            if score["protocol"] in ("stratified", "grouped") or score["claim"] == "nested"
            for row in judged(score["rows"]).to_dict("records")
        ]
        better = any(row["verdict"] == "better" and row["target"] == "mean" for row in rows)
        worse = any(row["verdict"] == "worse" for row in rows)
        assert ships == ("tuned" if better or (after <= 1.1 * before and not worse) else "as before tuning")
        adoption = project.adoption(name)
        configured = models.configured(models.spec(name), params).model_dump(mode="json")
        if ships == "tuned":
            assert adoption is not None
            assert adoption.config == digest(configured)
        else:
            assert adoption is None
            # Options that were removed since have no place in the configuration.
            assert configured == {key: record["base"][key] for key in configured}
