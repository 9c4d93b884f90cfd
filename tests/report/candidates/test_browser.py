"""The page of candidates in a real browser, with a mouse and without one, on a desk and on a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from support import chromium as browsers
from support.screenings import shown

from electrode_bench.report.candidates.write import write

pytestmark = [browsers.needed, pytest.mark.xdist_group("report in a browser")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(shown(), tmp_path_factory.mktemp("page") / "candidates.html")[0]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsers.running(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(chromium: webdriver.Chrome, page: Path) -> Iterator[webdriver.Chrome]:
    """The page in a wide window with light colours; afterwards the console must be empty."""
    browsers.desk(chromium)
    chromium.get(page.as_uri())
    browsers.wait(chromium, "return document.documentElement.dataset.ready === 'true'")
    yield chromium
    assert chromium.get_log("browser") == []


def _names(driver: webdriver.Chrome) -> list[str]:
    return [e.text for e in driver.find_elements(By.CSS_SELECTOR, "#table .pick")]


def _marks(driver: webdriver.Chrome, figure: str) -> int:
    return len(driver.find_elements(By.CSS_SELECTOR, f"#{figure} .point"))


def test_figure_map_and_table_are_drawn_without_a_request_to_the_network(browser: webdriver.Chrome, page: Path) -> None:
    assert _names(browser) == ["LCO", "LFP", "NVP2", "LiNiPO4"]
    # Only a formula has subscripts.
    assert [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#table .pick sub, #energies .sub")] == ["4", "4"]
    assert (_marks(browser, "energies"), _marks(browser, "known")) == (4, 2)
    assert len(browser.find_elements(By.CSS_SELECTOR, "#energies .name")) == 4
    assert browser.find_element(By.ID, "count").text == "4 of 4 candidates shown"
    cells = [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#row-0 td")]
    assert cells[:5] == ["1", "Li", "800\n720 to 880", "4.00\n3.60 to 4.40", "200\n180 to 220"]
    assert "no interval" in browser.find_element(By.ID, "row-1").text
    assert "repeated in line 9" in browser.find_element(By.ID, "row-1").text
    assert "outside domain" in browser.find_element(By.ID, "row-2").text
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith(("data:", "chrome:"))} <= {page.as_uri()}


def test_heads_sort_the_table_by_keyboard(browser: webdriver.Chrome) -> None:
    head = browser.find_element(By.XPATH, "//th[.//span[text()='Average voltage']]")
    head.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "descending"
    assert _names(browser) == ["LiNiPO4", "LCO", "LFP", "NVP2"]
    head.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert head.get_attribute("aria-sort") == "ascending"
    assert _names(browser) == ["NVP2", "LFP", "LCO", "LiNiPO4"]


def test_fields_filter_table_and_figures(browser: webdriver.Chrome) -> None:
    browser.find_element(By.ID, "filter-text").send_keys("olivine")
    assert _names(browser) == ["LFP", "LiNiPO4"]
    assert (_marks(browser, "energies"), _marks(browser, "known")) == (2, 1)
    assert browser.find_element(By.ID, "count").text == "2 of 4 candidates shown"
    browser.find_element(By.ID, "filter-high").send_keys("4.5")
    assert _names(browser) == ["LFP"]
    browser.find_element(By.CSS_SELECTOR, "#filters [type=reset]").click()
    browsers.wait(browser, "return document.querySelectorAll('#table .pick').length === 4")
    Select(browser.find_element(By.ID, "filter-ion")).select_by_value("Na")
    assert _names(browser) == ["NVP2"]
    browser.find_element(By.ID, "filter-domain").click()
    assert _names(browser) == []
    assert browser.find_element(By.ID, "count").text == "0 of 4 candidates shown"


def test_a_candidate_is_found_in_figure_map_and_table(browser: webdriver.Chrome) -> None:
    browser.find_element(By.CSS_SELECTOR, "#row-1 .pick").send_keys(Keys.ENTER)
    assert browser.find_element(By.CSS_SELECTOR, "#row-1 .pick").get_attribute("aria-pressed") == "true"
    assert [len(browser.find_elements(By.CSS_SELECTOR, f"#{f} .ring")) for f in ("energies", "known")] == [1, 1]
    browser.execute_script("document.querySelector('#energies .point[data-index=\"3\"] .target').dispatchEvent("
                           "new MouseEvent('click', {bubbles: true}))")  # fmt: skip
    assert "selected" in str(browser.find_element(By.ID, "row-3").get_attribute("class"))


def test_the_vertical_axis_can_be_chosen(browser: webdriver.Chrome) -> None:
    Select(browser.find_element(By.ID, "quantity")).select_by_value("gravimetric_capacity")
    assert browser.find_element(By.ID, "figure-title").text == "Gravimetric capacity against voltage"
    assert not browser.find_element(By.ID, "front-note").is_displayed()
    browser.find_element(By.ID, "bars").click()
    assert browser.find_elements(By.CSS_SELECTOR, "#energies .bars") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everything_fits_and_can_be_read(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    browsers.screen(browser, width=width)
    browsers.prefer(browser, scheme)
    browsers.wait(browser, "return document.querySelector('#energies svg').clientWidth <= innerWidth")
    assert browser.execute_script("const e = document.documentElement; return e.scrollWidth === e.clientWidth")
    assert min(browsers.contrasts(browser, "h1, h2, p, label, th, td, .interval, button, .flag, li")) >= 4.5
