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

from electrode_bench.fitting.executor import Local
from electrode_bench.models.search_space import Choice, Float, Int
from electrode_bench.project import Layout
from electrode_bench.report import page, tuning
from electrode_bench.stages import report
from electrode_bench.tuning import driver, record
from electrode_bench.tuning import record_file as sweep_record
from electrode_bench.tuning.storage import journal, open_study
from electrode_bench.tuning.study import Setting

SPACE = {
    "n_estimators": Int(2, 16, log=True),
    "max_features": Float(0.2, 1.0),
    "max_depth": Choice((None, 2, 4)),
    "targets": Choice(("separate", "joint")),
}

SCORE = {
    "study": "rf", "model": "rf_magpie", "trial": 3, "claim": "held_out", "protocol": "grouped", "folds": ["fold-0"],
    "rows": [
        {"target": target, "n": 41, "folds": 1, "configured_mae": 2.0, "tuned_mae": 1.5, "configured_smae": 0.4,
         "tuned_smae": 0.3, "configured_spread": None, "tuned_spread": None, "difference": -0.5, "low": -0.7,
         "high": -0.3, "relative": -0.25, "p": None, "verdict": "better"}
        for target in ("average_voltage", "mean")
    ],
}  # fmt: skip


class _Silent:
    def began(self, *_: Any) -> None:
        pass

    ended = lost = began


@pytest.fixture(scope="session")
def made(make_setting: Callable[..., Setting], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of a study with error and time, so that there is a front, on one with a space of every kind."""
    setting = make_setting(space=SPACE, base={"n_estimators": 4, "max_depth": None}, against_seconds=True)
    url = journal(tmp_path_factory.mktemp("studies"))
    opened = open_study(setting, url=url, trials=12)
    driver.run(setting, opened, url=url, trials=12, seconds=None, executor=Local(), book=_Silent())
    opened.study.set_user_attr(record.SCORES, {"held_out": SCORE})
    return record.of(opened.study, adopted=3, data={"release": "2023.11.1", "md5": "abc"})


@pytest.fixture
def results(finished: Layout, made: dict[str, Any]) -> page.Results:
    """A finished project's results, as if the forest's configuration had come from that study."""
    found = report.read(finished)
    about = {"study": made["study"], "trial": 3, "part": "grouped/fold-0", "state": "not_nested"}
    cells = [
        replace(c, about={**c.about, "tuning": about}) if c.about["model"] == "rf_magpie" else c for c in found.cells
    ]
    return replace(found, cells=cells, sweeps={"rf_magpie": made})


def test_a_record_is_what_was_written_and_the_same_bytes(made: dict[str, Any], tmp_path: Path) -> None:
    paths = [tmp_path / name / "rf_magpie.json" for name in ("a", "b")]
    for path in paths:
        sweep_record.write(made, path)
    assert sweep_record.read(paths[0]) == made
    assert paths[0].read_bytes() == paths[1].read_bytes()
    # A trial a line: what an adoption changes is seen in a diff.
    assert sum(line.strip().startswith('{"folds"') for line in paths[0].read_text().splitlines()) == 12


def test_the_page_tells_what_tuning_brought(results: page.Results, made: dict[str, Any]) -> None:
    text = page.html(results, plotly="/* plotly */")
    for part in ("of release 2023.11.1", made["study"], "-25.0%", "-35.0% to -15.0%", "which the study has not seen",
                 "3 (adopted)", "sweeps/rf_magpie.json",
                 'md5 of the data <code class="all">abc', "seed 1,"):  # fmt: skip
        assert part in text
    assert "Tuning: where" not in page.html(replace(results, cells=[], sweeps={}), plotly="")
    pruned = {**made, "summary": {**made["summary"], "complete": 11, "pruned": 1, "saved_seconds": 120.0}}
    text = page.html(replace(results, sweeps={"rf_magpie": pruned}), plotly="")
    assert "11 complete, 1 pruned (pruning saved about 2 minutes of fitting)." in text
    looked = {**made, "scores": [SCORE, {**SCORE, "trial": 5, "before": [3]}]}
    text = page.html(replace(results, sweeps={"rf_magpie": looked}), plotly="")
    assert "Trial 3 of rf:" in text
    assert "Trial 5 of rf:" not in text
    assert "looked at for trial 5 too: a trial that is chosen by them is tuned on them" in text
    without = page.html(replace(results, sweeps={}), plotly="")
    assert "records (sweeps/*.json) are not here" in without


def test_a_study_of_other_data_is_told_from_one_that_saw_the_folds(results: page.Results) -> None:
    cells = [
        replace(c, about={**c.about, "tuning": {**c.about["tuning"], "state": "other_data"}})
        if "tuning" in c.about
        else c
        for c in results.cells
    ]
    shown = page.html(replace(results, cells=cells), plotly="")
    assert "on another table than this one" in shown
    assert "were made on other data than the results on this page" in shown
    assert "are not nested and may flatter it" not in shown


def test_only_the_record_of_the_study_that_was_adopted_is_shown(
    results: page.Results, made: dict[str, Any], tmp_path: Path
) -> None:
    layout = Layout(tmp_path)
    assert report.records(layout, results.cells) == {}
    sweep_record.write(made, layout.sweep_record("rf_magpie"))
    assert report.records(layout, results.cells) == {"rf_magpie": made}
    sweep_record.write({**made, "study": "another"}, layout.sweep_record("rf_magpie"))
    assert report.records(layout, results.cells) == {}


def test_axes_are_positions_of_choices_and_bounds_of_numbers(made: dict[str, Any]) -> None:
    axes = {a["name"]: a for a in tuning.drawn(made)["axes"]}
    assert axes["max_depth"]["labels"] == ["null", "2", "4"]
    assert set(axes["max_depth"]["values"]) <= {0, 1, 2}
    assert (axes["n_estimators"]["range"], axes["n_estimators"]["log"]) == ([2.0, 16.0], True)
    complete = [t for t in made["trials"] if t["state"] == "complete"]
    assert axes["n_estimators"]["values"] == [t["params"]["n_estimators"] for t in complete]


def test_what_matters_most_comes_first(made: dict[str, Any]) -> None:
    """A record has its keys in alphabetical order."""
    shares = {"a": 0.1, "b": 0.6, "c": 0.3}
    drawn = tuning.drawn({**made, "summary": {**made["summary"], "importances": shares}})
    assert drawn["importances"] == [["b", 0.6], ["c", 0.3], ["a", 0.1]]


@pytest.fixture
def browser(results: page.Results, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    from plotly.offline import get_plotlyjs

    path = tmp_path / "index.html"
    path.write_text(page.html(results, plotly=get_plotlyjs()), encoding="utf-8")
    opened = chromium.start(tmp_path / "profile")
    try:
        opened.get(path.as_uri())
        yield opened
        # Without a graphics card Chromium draws WebGL in software, and says so.
        assert [e for e in opened.get_log("browser") if not re.search(r"WebGL|GL Driver", e["message"])] == []
    finally:
        opened.quit()


@chromium.needed
def test_history_importances_front_and_parallel_coordinates_are_drawn(
    browser: webdriver.Chrome, made: dict[str, Any]
) -> None:
    browser.execute_script("document.getElementById('tuning').scrollIntoView()")
    drawn = "return [...document.querySelectorAll('[data-plots=\"tuning\"] .plot')].filter((p) => p._fullLayout).length"
    WebDriverWait(browser, 30).until(lambda d: d.execute_script(drawn) == 3)
    labels = [
        str(p.get_attribute("aria-label")) for p in browser.find_elements(By.CSS_SELECTOR, "#tuning [data-plots] .plot")
    ]
    assert "History of RF@Magpie: 12 complete trials" in labels[0]
    assert "Importances of RF@Magpie: " in labels[1]
    assert "Pareto front of RF@Magpie" in labels[2]
    assert "12 complete trials over max_depth, max_features, n_estimators, targets" in labels[3]
    history = browser.execute_script(
        "return document.querySelector('[data-plots=\"tuning\"] .plot').data.map((t) => t.y)"
    )
    values = [t["values"][0] for t in made["trials"]]
    assert history[1] == values
    assert history[2] == [min(values[: i + 1]) for i in range(len(values))]
    assert history[3] == [values[3]]
