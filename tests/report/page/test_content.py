"""Text and tables of the page."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from electrode_bench.core.results import Adoption, MemberRecord
from electrode_bench.core.schema import COMPOSITION_ONLY, WITH_PHYSICS
from electrode_bench.evaluation.metrics import SHOWN
from electrode_bench.report import published
from electrode_bench.report.page.build import html
from electrode_bench.report.page.content import COLUMNS, doublings, headline, tuned
from electrode_bench.report.page.results import Results


def _adoption(results: Results, **changes: str) -> Adoption:
    """The forest's configuration as adopted from a study of these data."""
    digests = next(run.digests for run in results.runs if run.model == "rf_magpie")
    values = {"config": digests.config, "table": digests.table, **changes}
    study = {"model": "rf_magpie", "study": "rf_magpie-grouped-fold-0-1a2b", "trial": 7, "part": "grouped/fold-0"}
    return Adoption.model_validate({**study, **values, "base": {}})


@pytest.mark.parametrize(
    ("changes", "state", "parts"),
    [
        ({}, "not_nested", ["trial 7).", "are not\nnested"]),
        ({"config": "another"}, "edited", ["trial 7, and its configuration was edited since).", "are not\nnested"]),
        ({"table": "another"}, "other_data", ["trial 7).", "used another table than this page"]),
    ],
)
def test_the_limits_name_tuned_models(results: Results, changes: dict[str, str], state: str, parts: list[str]) -> None:
    adopted = replace(results, adoptions={"rf_magpie": _adoption(results, **changes)})
    assert [row["state"] for row in tuned(adopted)] == [state]
    text = html(adopted, plotly="")
    assert text.count("rf_magpie-grouped-fold-0-1a2b") == 1
    for part in parts:
        assert part in text
    assert "nested" not in html(results, plotly="")


def test_the_tuned_member_of_an_ensemble_is_named_with_it(results: Results) -> None:
    adoption = _adoption(results)
    member = MemberRecord(module="m", feature_set=None, config=adoption.config, code="c")
    runs = [
        run.model_copy(update={"members": {"rf_magpie": member}}) if run.model == "control" else run
        for run in results.runs
    ]
    rows = tuned(replace(results, runs=runs, adoptions={"rf_magpie": adoption}))
    assert {row["title"] for row in rows} == {"RF@Magpie", "Control (training mean) (its member rf_magpie)"}
    assert {row["state"] for row in rows} == {"not_nested"}


def test_more_data_is_told_of_the_model_that_leads_in_the_table(results: Results) -> None:
    law = {"target": "average_voltage", "n_train": 50, "saved": 0.1, "saved_low": 0.05, "saved_high": 0.2,
           "mae_doubled": 0.3}  # fmt: skip
    laws = pd.DataFrame([{**law, "model": "crabnet", "mae": 0.40}, {**law, "model": "modnet", "mae": 0.41}])
    ranks = pd.DataFrame({"protocol": "bootstrap", "target": "average_voltage", "model": ["crabnet", "modnet"],
                          "mae": [0.43, 0.42]})  # fmt: skip
    (sentence,) = doublings(replace(results, power_laws=laws, ranking=ranks))
    assert "would lower the MAE of modnet by 10% (95% interval: 5% to 20% lower)" in sentence
    assert "from 0.41 to 0.3 V on the fitted curve" in sentence


@pytest.mark.parametrize(
    ("saved", "low", "high", "words"),
    [
        (0.03, -0.02, 0.08, "lower the MAE of modnet by 3% (95% interval: 8% lower to 2% higher, so not significant)"),
        (-0.1, -0.2, -0.05, "raise the MAE of modnet by 10% (95% interval: 5% to 20% higher)"),
    ],
)
def test_more_data_may_bring_nothing(results: Results, saved: float, low: float, high: float, words: str) -> None:
    law = {"model": "modnet", "target": "average_voltage", "n_train": 50, "mae": 0.4, "saved": saved,
           "saved_low": low, "saved_high": high, "mae_doubled": 0.3}  # fmt: skip
    (sentence,) = doublings(replace(results, power_laws=pd.DataFrame([law])))
    assert words in sentence


def test_the_study_is_shown_beside_the_stratified_folds_only(results: Results) -> None:
    blocks = {block["name"]: block for block in headline(results)}
    assert [name for name, block in blocks.items() if block["published"]] == ["stratified"]
    voltage = blocks["stratified"]["targets"][2]
    assert [row["published"] for row in voltage["groups"][0]["rows"]] == [
        ["1.000", "0.811", "0.000", "0.000"],
        ["0.693", "0.404", "0.084", "0.562"],
    ]
    assert blocks["grouped"]["targets"][0]["groups"][0]["rows"][0]["published"] is None
    assert published.STRATIFIED["crabnet"]["gravimetric_capacity"].smae == 0.284
    assert published.STRATIFIED["modnet"]["volumetric_capacity"].r2_2sigma == 0.739
    # The study's own rule: a filtered SMAE divides by the control on all rows, so the control's is below 1.
    assert all(p.smae_2sigma < p.smae for of in published.STRATIFIED.values() for p in of.values())
    unknown = replace(results, headline=results.headline.replace("rf_magpie", "mine"))
    assert headline(unknown)[0]["targets"][0]["groups"][0]["rows"][1]["published"] == ["-"] * 4


def test_every_shown_metric_has_two_columns_and_smae_is_first(results: Results) -> None:
    labels = ["SMAE", *(m.label for m in SHOWN if m.key != "smae")]
    heads = "\n".join(f'<th scope="col">{label}</th>' for label in [*labels, *(f"{label}, 2σ" for label in labels)])
    assert html(results, plotly="").count(heads) == len(results.protocols)
    rows = [row for group in headline(results)[0]["targets"][0]["groups"] for row in group["rows"]]
    assert {len(row["values"]) for row in rows} == {2 * len(SHOWN)}


def test_the_best_of_each_column_is_marked(results: Results) -> None:
    rows = {row["title"]: row for row in headline(results)[0]["targets"][0]["groups"][0]["rows"]}
    of = results.headline[results.headline["protocol"] == "stratified"].set_index("title")
    for i, (metric, suffix) in enumerate(COLUMNS):
        values = of[f"gravimetric_capacity/{metric.key}{suffix}"]
        best = values.idxmax() if metric.key == "r2" else values.idxmin()
        assert [title for title, row in rows.items() if row["values"][i]["best"]] == [best]
    smallest = of["gravimetric_capacity/smae"].idxmin()
    assert [title for title, row in rows.items() if row["best"]] == [smallest]
    alone = replace(results, headline=results.headline[results.headline["model"] == "control"])
    assert not any(row["best"] for row in headline(alone)[0]["targets"][0]["groups"][0]["rows"])


def test_kinds_of_models_and_ceilings_are_groups_of_their_own(results: Results) -> None:
    reads = results.headline["model"].map({"control": COMPOSITION_ONLY, "rf_magpie": WITH_PHYSICS})
    both = replace(results, headline=results.headline.assign(reads=reads))
    blocks = headline(both)
    headings = [group["heading"] for group in blocks[0]["targets"][1]["groups"]]
    assert headings == [
        "composition only, as in the study", "composition and ion, with physics",
        "what is left to gain (references, not models)",
    ]  # fmt: skip
    page = html(both, plotly="")
    assert "composition and ion, with physics</th>" in page
    assert "exact gravimetric capacity, density from element volumes" in page
