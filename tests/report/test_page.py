"""The report's page: what it says, that it is safe to open, small enough to send, and equal to the byte."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.report import page
from electrode_bench.report import published as study
from electrode_bench.stages import report

EVIL = "</script><script>alert(1)</script><!--&\u2028"
TABLES = ("headline", "pairs", "ranking", "by_ion", "by_cluster")


@pytest.fixture(scope="module")
def results(finished: Project) -> page.Results:
    return report.read(finished)


def _html(results: page.Results) -> str:
    return page.html(results, plotly="/* plotly */")


def _json(text: str) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1], parse_constant=refuse)


def _only(
    results: page.Results, protocols: list[str], models: tuple[str, ...] = ("control", "rf_magpie")
) -> page.Results:
    """As if nothing else had been run, with the tables that compare then leaves empty."""
    kept = {
        name: (f := getattr(results, name))[f["protocol"].isin(protocols) & f["model"].isin(models)] for name in TABLES
    }
    if models == ("control",):
        kept |= {"pairs": results.pairs.iloc[:0], "ranking": results.ranking.iloc[:0]}
    empty = ["leakage", "penalties", "penalty_against_distance", "learning_curve", "power_laws"]
    cells = [c for c in results.cells if c.about["protocol"] in protocols and c.about["model"] in models]
    return replace(results, cells=cells, **kept, **{name: getattr(results, name).iloc[:0] for name in empty})


def test_equal_results_give_equal_bytes_that_name_no_machine(finished: Project, results: page.Results) -> None:
    first = report.run(finished).read_bytes()
    assert report.run(finished).read_bytes() == first
    shuffled = replace(results, table=results.table.sample(frac=1, random_state=1), cells=list(results.cells))
    assert _html(shuffled) == _html(results)
    assert str(finished.root).encode() not in first
    assert not re.search(rb"20\d\d-\d\d-\d\d", _html(results).encode())


def test_the_page_loads_nothing_from_elsewhere(results: page.Results) -> None:
    text = _html(results)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)
    assert "default-src 'none'" in text
    assert "url(" not in text


def test_text_of_the_data_is_escaped(results: page.Results) -> None:
    table = results.table.assign(**{FORMULA: EVIL}, working_ion=EVIL)
    headline = results.headline.assign(title=EVIL)
    card = {**results.card, "synthetic": False}
    origin = {**results.origin, "source": EVIL, "licence": EVIL, "md5": EVIL}
    cells = [replace(c, about={**c.about, "config": {"a": EVIL}, "versions": {EVIL: EVIL}}) for c in results.cells]
    text = _html(replace(results, table=table, headline=headline, card=card, origin=origin, cells=cells))
    assert "alert(1)</script>" not in text
    assert "<script>alert" not in text
    assert text.count("<script") == text.count("</script>") == 3
    assert _json(text)["electrodes"]["formula"][0] == EVIL
    assert page.embedded({"a": EVIL}).isascii()
    closing = page.html(results, plotly='"</script>"')
    assert '"<\\/script>"' in closing


def test_what_is_no_number_is_null(results: page.Results) -> None:
    holed = results.by_ion.assign(smae=np.nan, bias=np.inf)
    leakage = results.leakage.assign(ratio=np.nan)
    text = _html(replace(results, by_ion=holed, leakage=leakage, map=results.map.assign(x=np.nan)))
    read = _json(text)
    some = next(iter(read["groups"]["working_ion"]["grouped"]["average_voltage"]["rf_magpie"].values()))
    assert some[:2] == [None, None]
    assert set(read["electrodes"]["x"]) == {None}
    assert ">nan<" not in text.lower()


def test_synthetic_data_and_units_are_named(results: page.Results) -> None:
    text = _html(results)
    assert "Synthetic data" in text
    assert "Synthetic data" not in _html(replace(results, card={**results.card, "synthetic": False}))
    for column in TARGETS.values():
        assert f"{column.label}, MAE in {page.unit(column)}" in text
    origin = {**results.origin, "source": "/home/me/materials-project", "release": "2025.09.25", "md5": "abc"}
    shown = _html(replace(results, card={**results.card, "synthetic": False}, origin=origin))
    assert "Source: materials-project, release 2025.09.25." in shown
    assert '<code class="all">abc</code>' in shown
    assert "density functional theory" in shown
    assert "density functional theory" not in text


def test_a_tuned_model_is_said_to_be_tuned(results: page.Results) -> None:
    tuning = {"study": "rf_magpie-grouped-fold-0-1a2b", "trial": 7, "part": "grouped/fold-0", "state": "edited"}
    cells = [
        replace(c, about={**c.about, "tuning": tuning}) if c.about["model"] == "rf_magpie" else c for c in results.cells
    ]
    shown = _html(replace(results, cells=cells))
    assert shown.count("rf_magpie-grouped-fold-0-1a2b") == 1
    assert "trial 7, and edited since" in shown
    assert "not nested" in shown
    assert "not nested" not in _html(results)


def test_more_data_is_told_of_the_model_that_leads_in_the_table(results: page.Results) -> None:
    law = {"target": "average_voltage", "n_train": 50, "saved": 0.1, "saved_low": 0.05, "saved_high": 0.2,
           "mae_doubled": 0.3}  # fmt: skip
    laws = pd.DataFrame([{**law, "model": "crabnet", "mae": 0.40}, {**law, "model": "modnet", "mae": 0.41}])
    ranks = pd.DataFrame({"protocol": "bootstrap", "target": "average_voltage", "model": ["crabnet", "modnet"],
                          "mae": [0.43, 0.42]})  # fmt: skip
    (told,) = page.doublings(replace(results, power_laws=laws, ranking=ranks))
    assert "MAE of modnet by 10% (95% interval 5% to 20%)" in told
    assert "from 0.41 to 0.3 V on the fitted curve" in told


@pytest.mark.parametrize("protocols", [["stratified"], ["loco"], ["grouped", "bootstrap"]], ids="+".join)
def test_protocols_that_were_not_run_are_named(results: page.Results, protocols: list[str]) -> None:
    text = _html(_only(results, protocols))
    assert "Not run, and so not on this page:" in text
    assert "Needs stratified and grouped folds; one of them was not run." in text
    assert "Needs stratified and leave-one-cluster-out folds; one of them was not run." in text
    assert ("Needs the bootstrap, which was not run." in text) == ("bootstrap" not in protocols)
    assert list(_json(text)["protocols"]) == sorted(protocols)
    assert f"({protocols[0]})" in text


def test_a_control_alone_has_a_page(results: page.Results) -> None:
    text = _html(_only(results, ["grouped"], ("control",)))
    assert "Only the control was fitted." in text
    assert "No model with a predicted spread was fitted under grouped folds." in text


def test_the_study_stands_beside_the_stratified_folds_only(results: page.Results) -> None:
    blocks = {block["name"]: block for block in page.headline(results)}
    assert [name for name, block in blocks.items() if block["study"]] == ["stratified"]
    voltage = blocks["stratified"]["targets"][2]
    assert [row["study"] for row in voltage["rows"]] == [
        ["1.000", "0.811", "0.000", "0.000"],
        ["0.693", "0.404", "0.084", "0.562"],
    ]
    assert blocks["grouped"]["targets"][0]["rows"][0]["study"] is None
    assert study.STRATIFIED["crabnet"]["gravimetric_capacity"].smae == 0.284
    assert study.STRATIFIED["modnet"]["volumetric_capacity"].r2_2sigma == 0.739
    # The study's own rule: a filtered SMAE divides by the control on all rows, so the control's is below 1.
    assert all(p.smae_2sigma < p.smae for of in study.STRATIFIED.values() for p in of.values())
    unknown = replace(results, headline=results.headline.replace("rf_magpie", "mine"))
    assert page.headline(unknown)[0]["targets"][0]["rows"][1]["study"] == ["-"] * 4


def _compared(results: page.Results, *, best_beats: bool, like: bool) -> page.Results:
    """a: MAE 1, b: MAE 1.5, control: MAE 2 V, under grouped folds."""
    mae = {"a": 1.0, "b": 1.5, "control": 2.0}
    pairs = pd.DataFrame(
        [
            {"protocol": "grouped", "target": t, "model": one, "other": two, "mae": mae[one], "other_mae": mae[two],
             "difference": mae[one] - mae[two], "low": mae[one] - mae[two] - 0.2, "high": mae[one] - mae[two] + 0.2,
             "different": False}
            for t in TARGETS for one, two in (("a", "b"), ("a", "control"), ("b", "control"))
        ]
    )  # fmt: skip
    ranking = pd.DataFrame(
        [
            {"protocol": "grouped", "target": t, "rank": i, "model": m, "mae": mae[m], "beats_control": best_beats,
             "like_best": m == "a" or like}
            for t in TARGETS for i, m in enumerate(mae, start=1)
        ]
    )  # fmt: skip
    return replace(results, pairs=pairs, ranking=ranking)


def test_the_answer_says_who_is_best_by_how_much_and_who_is_not_told_apart(results: page.Results) -> None:
    sure = page.answers(_compared(results, best_beats=True, like=False))[2]
    assert sure["text"] == (
        "a has the smallest error: MAE 1 V, 50% less than the control's 2 V (95% interval 40% to 60%). "
        "Told apart from it, with a larger error: b."
    )
    unsure = page.answers(_compared(results, best_beats=False, like=True))[2]["text"]
    assert "the careful test does not tell it apart from the control." in unsure
    assert unsure.endswith("Not told apart from it: b.")
    worse = _compared(results, best_beats=False, like=True)
    worse = replace(worse, ranking=worse.ranking.assign(rank=worse.ranking["rank"].map({1: 2, 2: 3, 3: 1})))
    assert page.answers(worse)[0]["text"].startswith("No model has a smaller error than the control")


def test_intervals_are_shares_of_the_controls_error(results: page.Results) -> None:
    found = page.data(_compared(results, best_beats=True, like=True))["ranking"]["grouped"]["average_voltage"]
    assert found == {"a": [-0.5, -0.6, -0.4, False], "b": [-0.25, -0.35, -0.15, False]}


def test_predictions_are_means_and_of_the_bootstrap_those_of_the_largest_size(results: page.Results) -> None:
    rows = [(i, fold, t, value) for t in TARGETS for i, fold, value in
            (("e0", "small", 9.0), ("e0", "large-0", 1.0), ("e0", "large-1", 2.0))]  # fmt: skip
    frame = pd.DataFrame(rows, columns=[ID, "fold", "target", "y_pred"]).assign(y_true=0.0, y_std=np.nan)
    about = {"model": "m", "protocol": "bootstrap", "folds": {k: {"n_train": n} for k, n in
             (("small", 10), ("large-0", 20), ("large-1", 20))}}  # fmt: skip
    found = page.predictions(replace(results, cells=[page.Cell(about, frame)]), ["e0", "e1"])
    assert found["bootstrap"]["m"]["average_voltage"] == [1.5, None]


def test_calibration_is_the_share_of_errors_within_z_spreads(results: page.Results) -> None:
    # Errors of 0, 0.5, 1 and 3 spreads; 95% is z = 1.96, 50% is z = 0.674.
    of = pd.DataFrame({"y_true": 0.0, "y_pred": [0.0, 0.5, -1.0, 3.0], "y_std": 1.0, "fold": "f", ID: list("abcd")})
    frame = pd.concat([of.assign(target=t) for t in TARGETS])
    about = {"model": "m", "protocol": "grouped", "folds": {}}
    without = page.Cell({**about, "model": "none"}, frame.assign(y_std=np.nan))
    found = page.calibration(replace(results, cells=[page.Cell(about, frame), without]))
    assert list(found) == ["m"]
    at = dict(zip(page.LEVELS, found["m"]["average_voltage"], strict=True))
    assert (at[0.05], at[0.5], at[0.7], at[0.95]) == (0.25, 0.5, 0.75, 0.75)


def test_every_cell_can_be_found_in_mlflow(results: page.Results) -> None:
    text = _html(results)
    for cell in results.cells:
        assert f"tags.cell_digest = &#39;{cell.about['digests']['cell']}&#39;" in text
    for digest in results.splits.values():
        assert digest in text


def test_the_page_of_4351_electrodes_four_models_and_protocols_is_below_8_megabytes(results: page.Results) -> None:
    from plotly.offline import get_plotlyjs

    n, rng = 4351, np.random.default_rng(0)
    ids = [f"mp-{1000000 + i}_Li" for i in range(n)]
    table = pd.DataFrame({ID: ids, FORMULA: [f"Li{i}Mn2(PO4)3F" for i in range(n)], "working_ion": "Li"})
    table = table.assign(**{t: rng.normal(300, 100, n) for t in TARGETS})
    place = pd.DataFrame({ID: ids, "x": rng.normal(size=n), "y": rng.normal(size=n), "cluster": 0})
    place["representative"] = place.index == 0
    cells, headline = [], []
    for protocol in ("stratified", "grouped", "loco", "bootstrap"):
        for model in ("control", "rf_magpie", "modnet", "crabnet"):
            of = [table[[ID]].assign(target=t, fold="f", y_true=table[t], y_pred=rng.normal(300, 100, n), y_std=1.0)
                  for t in TARGETS]  # fmt: skip
            about = {**results.cells[0].about, "model": model, "protocol": protocol, "folds": {"f": {"n_train": 9}}}
            cells.append(page.Cell(about, pd.concat(of, ignore_index=True)))
            headline.append({**results.headline.iloc[0].to_dict(), "protocol": protocol, "model": model})
    large = replace(results, table=table, map=place, cells=cells, headline=pd.DataFrame(headline))
    size = len(page.html(large, plotly=get_plotlyjs()).encode())
    assert 5e6 < size < 8e6


def test_a_comparison_of_other_predictions_is_refused(finished: Project, tmp_path: Path) -> None:
    layout = Project(tmp_path / "copy")
    shutil.copytree(finished.results, layout.results, ignore=shutil.ignore_patterns("report"))
    shutil.copy(finished.data_dvc, layout.data_dvc)
    path = layout.predictions("rf_magpie", "grouped")
    frame = pd.read_parquet(path)
    frame.assign(y_pred=frame["y_pred"] * 1.01).to_parquet(path)
    with pytest.raises(UserError, match=r"other predictions of rf_magpie under grouped .*dvc repro compare"):
        report.run(layout)
    assert not layout.report.exists()
    (layout.compare / "by_ion.csv").unlink()
    shutil.copy(finished.predictions("rf_magpie", "grouped"), path)
    with pytest.raises(UserError, match=r"by_ion.csv is missing; make it with: dvc repro compare"):
        report.run(layout)
