"""What the report says and draws of the studies that configurations were adopted from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import chromium
from support.studies import RecordingLogger, run_study

from electrode_bench.core.results import Adoption
from electrode_bench.models.search_space import Choice, Float, Int
from electrode_bench.project import Project
from electrode_bench.report import tuning
from electrode_bench.report.page.build import html
from electrode_bench.report.page.results import Results
from electrode_bench.tuning.looks import keep_score
from electrode_bench.tuning.record import make_record
from electrode_bench.tuning.storage import journal
from electrode_bench.tuning.study import StudySpec

SPACE = {
    "n_estimators": Int(2, 16, log=True),
    "max_features": Float(0.2, 1.0),
    "max_depth": Choice((None, 2, 4)),
    "targets": Choice(("separate", "joint")),
}

ROW = {
    "n": 41, "folds": 1, "configured_mae": 2.0, "tuned_mae": 1.5, "configured_smae": 0.4, "tuned_smae": 0.3,
    "configured_spread": None, "tuned_spread": None, "difference": -0.5, "low": -0.7, "high": -0.3, "relative": -0.25,
    "p": None, "verdict": "no verdict",
}  # fmt: skip

SCORE = {
    "study": "rf", "model": "rf_magpie", "trial": 3, "claim": "held_out", "protocol": "grouped", "folds": ["fold-0"],
    "before": [], "rows": [{**ROW, "target": target} for target in ("average_voltage", "mean")],
}  # fmt: skip


@pytest.fixture(scope="session")
def record(make_spec: Callable[..., StudySpec], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a study with error and time, so that there is a Pareto front, and a space of every kind."""
    spec = make_spec(space=SPACE, base={"n_estimators": 4, "max_depth": None}, against_seconds=True)
    url = journal(tmp_path_factory.mktemp("studies"))
    study = run_study(spec, url, RecordingLogger(), trials=12).study
    keep_score(study, SCORE)
    return make_record(study, adopted=3, data={"release": "2023.11.1", "md5": "abc"})


@pytest.fixture
def results(finished: Project, record: dict[str, Any]) -> Results:
    """A finished project's results, as if the forest's configuration had come from that study."""
    found = Results.of(finished)
    (digests,) = {run.digests for run in found.runs if run.name == "rf_magpie under grouped"}
    adoption = Adoption(
        model="rf_magpie", study=record["study"], trial=3, part="grouped/fold-0", config=digests.config,
        table=digests.table, base={},
    )  # fmt: skip
    return replace(found, adoptions={"rf_magpie": adoption}, sweeps={"rf_magpie": record})


def _words(results: Results) -> str:
    """The page with single spaces."""
    return " ".join(html(results, plotly="/* plotly */").split())


def test_the_page_shows_what_tuning_changed(results: Results, record: dict[str, Any]) -> None:
    text = _words(results)
    for part in (
        "release 2023.11.1", record["study"], "-25.0%", "-35.0% to -15.0%", "which the study has not seen",
        "no verdict (one fold)", "3 (adopted)", "sweeps/rf_magpie.json", 'md5 of the data <code class="all">abc',
        "seed 1,",
    ):  # fmt: skip
        assert part in text, part
    assert 'id="tuning-title"' not in _words(replace(results, adoptions={}, sweeps={}))
    pruned = {**record, "summary": {**record["summary"], "complete": 11, "pruned": 1, "saved_seconds": 120.0}}
    text = _words(replace(results, sweeps={"rf_magpie": pruned}))
    assert "11 complete, 1 pruned (pruning saved about 2 minutes of fitting)." in text
    assert "There are no records (sweeps/*.json)" in _words(replace(results, sweeps={}))


def test_earlier_looks_at_the_held_out_rows_are_reported(results: Results, record: dict[str, Any]) -> None:
    later = {**SCORE, "trial": 5, "claim": "not_nested", "folds": ["fold-0", "fold-1"], "before": [3]}
    elsewhere = {**SCORE, "trial": 6, "claim": "not_nested", "protocol": "stratified"}
    looked = {**record, "scores": [SCORE, later, elsewhere]}
    text = _words(replace(results, sweeps={"rf_magpie": looked}))
    assert "Trial 3 of rf:" in text
    assert "Trial 5 of rf:" not in text
    assert "the held-out rows were also used to test trial 5: a trial chosen by these errors is tuned on them" in text


def test_a_study_of_other_data_is_distinguished_from_one_that_saw_the_folds(results: Results) -> None:
    same = _words(results)
    adoption = results.adoptions["rf_magpie"].model_copy(update={"table": "another"})
    other = _words(replace(results, adoptions={"rf_magpie": adoption}))
    sentence = "did not use the data of this page"
    assert sentence not in same
    assert sentence in other


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"p": 0.01}, "significantly better"),
        ({"p": 0.01, "low": 0.1, "high": 0.2}, "significantly worse"),
        ({"p": 0.2}, "statistically tied"),
        ({"p": None, "verdict": "better"}, "no verdict (one fold)"),
    ],
)
def test_verdicts_are_in_words_and_follow_the_one_rule(row: dict[str, Any], expected: str) -> None:
    score = {**SCORE, "rows": [{**ROW, "target": "mean", **row}]}
    (shown,) = tuning.rows(score)
    assert (shown[0], shown[-1]) == ("mean of the three", expected)
    assert expected in tuning.markdown(score)


def test_titles_say_what_was_compared() -> None:
    assert tuning.title(SCORE) == "Trial 3 of rf: test rows of grouped/fold-0, which the study has not seen"
    again = {**SCORE, "before": [1, 2]}
    assert tuning.title(again).endswith("(also tested on the held-out rows: trials 1, 2)")
    everywhere = {**SCORE, "claim": "not_nested"}
    assert "all folds of grouped k-fold; not nested" in tuning.title(everywhere)


def test_axes_are_positions_of_choices_and_bounds_of_numbers(record: dict[str, Any]) -> None:
    axes = {axis["name"]: axis for axis in tuning.plot_data(record)["axes"]}
    assert axes["max_depth"]["labels"] == ["null", "2", "4"]
    assert set(axes["max_depth"]["values"]) <= {0, 1, 2}
    assert (axes["n_estimators"]["range"], axes["n_estimators"]["log"]) == ([2.0, 16.0], True)
    complete = [trial for trial in record["trials"] if trial["state"] == "complete"]
    assert axes["n_estimators"]["values"] == [trial["params"]["n_estimators"] for trial in complete]


def test_the_most_important_parameter_comes_first(record: dict[str, Any]) -> None:
    """A record has its keys in alphabetical order."""
    shares = {"a": 0.1, "b": 0.6, "c": 0.3}
    plots = tuning.plot_data({**record, "summary": {**record["summary"], "importances": shares}})
    assert plots["importances"] == [["b", 0.6], ["c", 0.3], ["a", 0.1]]


@pytest.fixture
def browser(results: Results, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    from plotly.offline import get_plotlyjs

    path = tmp_path / "index.html"
    path.write_text(html(results, plotly=get_plotlyjs()), encoding="utf-8")
    with chromium.running(tmp_path / "profile") as opened:
        opened.get(path.as_uri())
        yield opened
        # Without a graphics card Chromium draws WebGL in software, and says so.
        assert [e for e in opened.get_log("browser") if not re.search(r"WebGL|GL Driver", e["message"])] == []


@chromium.needed
def test_history_importances_pareto_front_and_parallel_coordinates_are_drawn(
    browser: webdriver.Chrome, record: dict[str, Any]
) -> None:
    browser.find_element(By.CSS_SELECTOR, "#tuning > details > summary").click()
    drawn = "return [...document.querySelectorAll('[data-plots=\"tuning\"] .plot')].filter((p) => p._fullLayout).length"
    WebDriverWait(browser, 30).until(lambda d: d.execute_script(drawn) == 3)
    plots = browser.find_elements(By.CSS_SELECTOR, "#tuning [data-plots] .plot")
    labels = [str(plot.get_attribute("aria-label")) for plot in plots]
    assert "History of RF@Magpie: 12 complete trials" in labels[0]
    assert "Importances of RF@Magpie: " in labels[1]
    assert "Pareto front of RF@Magpie" in labels[2]
    assert "12 complete trials over max_depth, max_features, n_estimators, targets" in labels[3]
    history = browser.execute_script(
        "return document.querySelector('[data-plots=\"tuning\"] .plot').data.map((t) => t.y)"
    )
    values = [trial["values"][0] for trial in record["trials"]]
    assert history[1] == values
    assert history[2] == [min(values[: i + 1]) for i in range(len(values))]
    assert history[3] == [values[3]]
