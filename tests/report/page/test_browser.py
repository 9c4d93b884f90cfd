"""The report's page in a real browser: what people click, with a mouse and without one, on a desk and on a phone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from support import chromium as browsers
from support.report_page import draw_all, plot

from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.project import Project
from electrode_bench.report.numbers import compact

pytestmark = [browsers.needed, pytest.mark.xdist_group("report in a browser")]


def _labels(driver: webdriver.Chrome, section: str) -> list[str]:
    plots = driver.find_elements(By.CSS_SELECTOR, f'[data-plots="{section}"] .plot')
    return [str(p.get_attribute("aria-label")) for p in plots]


def _details(driver: webdriver.Chrome) -> str:
    return driver.find_element(By.ID, "details").text


def test_all_sections_are_drawn_without_a_request_to_the_network(browser: webdriver.Chrome, page: Path) -> None:
    draw_all(browser)
    sections = {str(b.get_attribute("data-plots")) for b in browser.find_elements(By.CSS_SELECTOR, "[data-plots]")}
    assert sections == {
        "ranking", "parity", "groups", "leakage", "chemistry", "curves", "map", "ions", "calibration"
    }  # fmt: skip
    for section in sections:
        plots = browser.find_elements(By.CSS_SELECTOR, f'[data-plots="{section}"] .plot')
        assert plots
        assert all(p.get_attribute("aria-label") for p in plots)
        assert all(p.find_elements(By.CSS_SELECTOR, ".main-svg") for p in plots), section
    assert browser.find_elements(By.CSS_SELECTOR, "[data-title^='Share']") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith(("data:", "blob:"))} <= {page.as_uri()}


def test_every_axis_has_a_title(browser: webdriver.Chrome) -> None:
    draw_all(browser)
    untitled = browser.execute_script(
        "return [...document.querySelectorAll('.plot')].flatMap((p) => [p._fullLayout.xaxis, p._fullLayout.yaxis]"
        ".filter((a) => a.type !== 'category' && !a.title.text).map(() => p.getAttribute('aria-label')))"
    )
    assert untitled == []


def test_selects_change_what_is_shown(browser: webdriver.Chrome) -> None:
    table = '[data-of="headline"]:not([hidden])'
    assert "of the study" not in browser.find_element(By.CSS_SELECTOR, table).text
    Select(browser.find_element(By.ID, "headline-protocol")).select_by_value("stratified")
    assert "of the study" in browser.find_element(By.CSS_SELECTOR, table).text

    plot(browser, "parity")
    before = _labels(browser, "parity")
    assert "RF@Magpie, protocol grouped, 120 electrodes" in before[0]
    Select(browser.find_element(By.ID, "parity-protocol")).select_by_value("loco")
    after = _labels(browser, "parity")
    assert "protocol loco" in after[0]
    assert "120 electrodes" not in after[0]  # noise is never tested there
    Select(browser.find_element(By.ID, "parity-model")).select_by_value("control")
    assert "Control" in _labels(browser, "parity")[2]

    plot(browser, "groups")
    Select(browser.find_element(By.ID, "groups-by")).select_by_value("cluster")
    assert all("by cluster" in label for label in _labels(browser, "groups"))

    plot(browser, "map")
    Select(browser.find_element(By.ID, "map-colour")).select_by_value("average_voltage")
    assert browser.find_elements(By.CSS_SELECTOR, '[data-plots="map"] .colorbar')


def test_a_click_on_a_point_of_the_map_fills_the_panel(browser: webdriver.Chrome, finished: Project) -> None:
    plot(browser, "map")
    assert "No electrode selected" in _details(browser)
    # Where the first point is on the screen.
    at = browser.execute_script(
        "const d = document.querySelector('[data-plots=\"map\"] .plot');"
        "d.scrollIntoView({block: 'center'});"
        "const l = d._fullLayout, r = d.getBoundingClientRect(), t = d.data[0];"
        "return {x: r.left + l._size.l + l.xaxis.d2p(t.x[0]), y: r.top + l._size.t + l.yaxis.d2p(t.y[0])}"
    )
    mouse = {"x": at["x"], "y": at["y"], "button": "left", "clickCount": 1}
    browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": at["x"], "y": at["y"]})
    browsers.wait(browser, "return document.querySelector('[data-plots=\"map\"] .hovertext')")
    for kind in ("mousePressed", "mouseReleased"):
        browser.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": kind, **mouse})
    browsers.wait(browser, "return !document.getElementById('details').textContent.includes('No electrode selected')")
    shown = _details(browser)
    ids = set(finished.table()[ID])
    assert any(i in shown for i in ids)
    for word in ("working ion", "Reference", "RF@Magpie", "Control", "Average voltage, V"):
        assert word in shown


def test_the_map_is_searched_by_keyboard(browser: webdriver.Chrome, finished: Project) -> None:
    table = finished.table()
    row = table.iloc[7]
    first = table[table[FORMULA] == row[FORMULA]].sort_values(ID).iloc[0]
    field = browser.find_element(By.ID, "find")
    options = browser.execute_script("return [...document.querySelectorAll('#formulas option')].map((o) => o.value)")
    assert sorted(options) == sorted(table[FORMULA].unique())
    field.send_keys("No2Such3", Keys.ENTER)
    assert "No electrode has the formula" in _details(browser)
    field.clear()
    field.send_keys(row[FORMULA].lower(), Keys.ENTER)
    shown = _details(browser)
    assert first[ID] in shown
    for target in ("gravimetric_capacity", "average_voltage"):
        assert compact(first[target]) in shown
    Select(browser.find_element(By.ID, "map-protocol")).select_by_value("stratified")
    assert "the protocol stratified" in _details(browser)


def test_the_keyboard_reaches_the_controls_in_order_and_focus_is_seen(browser: webdriver.Chrome) -> None:
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = browser.switch_to.active_element
    assert skip.text == "Skip to the results"
    assert skip.rect["x"] >= 0
    skip.send_keys(Keys.TAB)
    theme = browser.switch_to.active_element
    assert theme.get_attribute("id") == "theme"
    assert theme.value_of_css_property("outline-style") == "solid"
    theme.send_keys(Keys.ENTER)
    assert browser.execute_script("return document.documentElement.dataset.theme") == "dark"
    unlabelled = browser.execute_script(
        "return [...document.querySelectorAll('select, input')].filter((s) => !s.labels.length).map((s) => s.id)"
    )
    assert unlabelled == []


def test_a_phone_needs_no_sideways_scrolling(browser: webdriver.Chrome) -> None:
    browsers.screen(browser, width=360)
    browser.refresh()
    browsers.wait(browser, "return document.documentElement.dataset.ready === 'true'")
    draw_all(browser)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    field = browser.find_element(By.ID, "find")
    field.send_keys("Li", Keys.ENTER)
    assert "working ion" in _details(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    # Points outside the axes are cut off, but their boxes are where they would be.
    beyond = browser.execute_script(
        "return [...document.querySelectorAll('main *')].filter((e) => !e.closest('.scroll, .cartesianlayer')"
        " && e.getBoundingClientRect().right > 361).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert beyond == []


def test_collapsed_sections_open_when_a_link_leads_to_them(browser: webdriver.Chrome) -> None:
    details = browser.find_element(By.CSS_SELECTOR, "#provenance > details")
    assert details.get_attribute("open") is None
    link = browser.find_element(By.CSS_SELECTOR, 'nav a[href="#provenance"]')
    for _ in range(2):
        link.send_keys(Keys.ENTER)
        browsers.wait(browser, "return arguments[0].open", details)
        assert "Library versions" in details.text
        # Closed again, the same link opens it again.
        browser.execute_script("arguments[0].open = false", details)
    browser.get(browser.current_url.partition("#")[0] + "#provenance-title")
    browser.refresh()
    browsers.wait(browser, "return document.querySelector('#provenance > details').open")
