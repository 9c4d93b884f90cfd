"""Plots of the page in a browser: what they say, and how they look in the dark."""

from __future__ import annotations

import re

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait
from support import chromium as browsers
from support.report_page import draw_all, plot

from electrode_bench.project import Project
from electrode_bench.report.composition_map import CompositionMap
from electrode_bench.report.numbers import significant
from electrode_bench.report.page.data import FEW
from electrode_bench.report.style import GREY

pytestmark = [browsers.needed, pytest.mark.xdist_group("report in a browser")]


def test_a_parity_plot_tells_errors_ions_and_names(browser: webdriver.Chrome, finished: Project) -> None:
    plot(browser, "parity")
    ions = finished.table()["working_ion"].value_counts()
    legend = [e.text for e in browser.find_elements(By.CSS_SELECTOR, '[data-legend="ions"] li')]
    assert sorted(legend) == sorted(f"{ion} ({n})" for ion, n in ions.items())
    shown = browser.execute_script(
        "const d = document.querySelectorAll('[data-plots=\"parity\"] .plot')[2];"
        "return {lines: d._fullLayout.annotations[0].text.split('<br>'), names: d.data.slice(1).map((t) => t.text),"
        " ranges: [d._fullLayout.xaxis.range, d._fullLayout.yaxis.range]}"
    )
    scores = finished.comparison("table").query("protocol == 'grouped' and model == 'rf_magpie'").iloc[0]
    assert shown["lines"][0] == f"MAE {significant(scores['average_voltage/mae'])} V"
    assert shown["lines"][1] == f"R² {scores['average_voltage/r2']:.3f}"
    assert shown["lines"][2] == "n = 120"
    assert [len(names) for names in shown["names"]] == ions.sort_values(ascending=False).tolist()
    assert all("synthetic-" in name for names in shown["names"] for name in names)


def test_small_groups_are_grey_and_labelled_with_their_size(browser: webdriver.Chrome, finished: Project) -> None:
    plot(browser, "groups")
    ions = finished.table()["working_ion"].value_counts()
    labels, colours = browser.execute_script(
        "const d = document.querySelector('[data-plots=\"groups\"] .plot'); const t = d.data[d.data.length - 1];"
        "return [d._fullLayout.xaxis.ticktext, t.marker.color]"
    )
    assert any(n < FEW for n in ions)
    for label, colour in zip(labels, colours, strict=True):
        ion, n = re.search(r"(?:<i>|^)(\w+)<br>(\d+)", label).groups()
        assert ions[ion] == int(n)
        assert (colour == GREY) == (int(n) < FEW) == ("<i>" in label)
    Select(browser.find_element(By.ID, "groups-by")).select_by_value("cluster")
    named = browser.execute_script(
        "return document.querySelector('[data-plots=\"groups\"] .plot')._fullLayout.xaxis.ticktext"
    )
    chart = CompositionMap.of(finished.map(), finished.table())
    for cluster, name in chart.names.items():
        assert any(f"{cluster}: {name.short} (" in text for text in named)


def test_points_stand_out_from_a_dark_page(browser: webdriver.Chrome) -> None:
    browsers.prefer(browser, "dark")
    plot(browser, "map")
    browsers.wait(browser, "return getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 27)'")
    for colour_by in ("cluster", "ion"):
        Select(browser.find_element(By.ID, "map-colour")).select_by_value(colour_by)
        colours = browser.execute_script(
            "return document.querySelector('[data-plots=\"map\"] .plot').data.map((t) => t.marker.color)"
        )
        assert min(browsers.contrast(colour, "#14171b") for colour in colours) >= 3
    Select(browser.find_element(By.ID, "map-colour")).select_by_value("average_voltage")
    scale = browser.execute_script(
        "return document.querySelector('[data-plots=\"map\"] .plot').data[0].marker.colorscale"
    )
    assert min(browsers.contrast(colour, "#14171b") for _, colour in scale) >= 3


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    browsers.screen(browser, width=width)
    browsers.prefer(browser, scheme)
    draw_all(browser)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browsers.violations(browser) == []


def test_dark_colours_follow_the_system_and_the_button(browser: webdriver.Chrome) -> None:
    plot(browser, "ranking")

    def become(expected: tuple[str, str]) -> None:
        # Plots are drawn again a moment after the page has changed.
        WebDriverWait(browser, 20).until(lambda _: colours() == expected, f"not {expected}")

    def colours() -> tuple[str, str]:
        page = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        plot = browser.execute_script(
            "return document.querySelector('[data-plots=\"ranking\"] .plot')._fullLayout.font.color"
        )
        return page, plot

    light = colours()
    assert light == ("rgb(255, 255, 255)", "#1c1f23")
    browser.find_element(By.ID, "theme").click()
    dark = ("rgb(20, 23, 27)", "#e8eaed")
    become(dark)
    assert browser.find_element(By.ID, "theme").text == "Light"
    browser.find_element(By.ID, "theme").click()
    become(light)
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    browsers.prefer(browser, "dark")
    plot(browser, "ranking")
    browsers.wait(browser, "return getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 27)'")
    assert colours() == dark
