"""The app in a real browser, with a mouse and without one, on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from support import chromium as browsers
from support.app_server import service_of, serving

from electrode_bench.app.security import Access
from electrode_bench.app.service import Loaded

pytestmark = [browsers.needed, pytest.mark.xdist_group("app in a browser")]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsers.running(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(chromium: webdriver.Chrome, address: str) -> Iterator[webdriver.Chrome]:
    """The app in a wide window with light colours; afterwards the console must be empty."""
    browsers.desk(chromium)
    chromium.get(address)
    browsers.wait(chromium, "return document.getElementById('model').dataset.ready === 'true'")
    yield chromium
    assert chromium.get_log("browser") == []


def _predict(driver: webdriver.Chrome, text: str) -> None:
    """Type formulas and wait for the answer."""
    field = driver.find_element(By.ID, "text")
    field.clear()
    field.send_keys(text)
    field.send_keys(Keys.CONTROL, Keys.ENTER)
    _answered(driver)


def _answered(driver: webdriver.Chrome) -> None:
    browsers.wait(
        driver,
        "return !document.getElementById('predict').disabled && (!document.getElementById('error').hidden ||"
        " document.getElementById('usable').hidden && !document.getElementById('results').hidden ||"
        " document.querySelector('#answer-content h4'))",
    )


def _names(driver: webdriver.Chrome) -> list[str]:
    return [e.text for e in driver.find_elements(By.CSS_SELECTOR, "#table .pick")]


def _focus(driver: webdriver.Chrome) -> str:
    return str(driver.switch_to.active_element.get_attribute("id"))


def test_formulas_are_pasted_and_answered_without_a_mouse(browser: webdriver.Chrome) -> None:
    assert browser.find_element(By.ID, "synthetic").is_displayed()
    _predict(browser, "LiFePO4\nLiCoO2\nXyO2")
    assert _focus(browser) == "results-title"
    assert sorted(_names(browser)) == ["LiCoO2", "LiFePO4"]
    assert browser.find_element(By.CSS_SELECTOR, "#rejects li").text.startswith("line 3: ")
    browsers.wait(browser, "return document.querySelector('#answer-content h4')")
    pick = browser.find_element(By.XPATH, "//button[.='LiFePO4']")
    pick.send_keys(Keys.ENTER)
    browsers.wait(browser, "return document.getElementById('answer-content').textContent.includes('Fe +2 → +3')")
    card = browser.find_element(By.ID, "answer")
    assert _focus(browser) == "answer"
    for shown in ("LiFePO4, Li electrode", "mAh/g (Faraday's law)", "Specific energy", "in the training data"):
        assert shown in card.text
    browsers.wait(browser, "return document.querySelector('#answer-models summary')")
    browser.find_element(By.CSS_SELECTOR, "#answer-models summary").send_keys(Keys.ENTER)
    assert "RF@Magpie" in card.text
    assert "Again" in card.text
    browser.find_element(By.ID, "back").send_keys(Keys.ENTER)
    assert browser.switch_to.active_element == pick


def test_the_count_is_that_of_the_list_shown(browser: webdriver.Chrome) -> None:
    for formulas in (["LiFePO4", "LiCoO2", "LiMnO2"], ["LiFePO4"], ["LiCoO2", "LiMnO2"]):
        _predict(browser, "\n".join(formulas))
        browsers.wait(browser, f"return document.querySelectorAll('#table .pick').length === {len(formulas)}")
        text = browser.find_element(By.ID, "count").text
        assert text == f"{len(formulas)} of {len(formulas)} candidates shown"


def test_the_ion_is_asked_for_where_a_formula_has_several(browser: webdriver.Chrome) -> None:
    _predict(browser, "LiNaFePO4F")
    assert not browser.find_element(By.ID, "usable").is_displayed()
    sodium = browser.find_element(By.CSS_SELECTOR, "#undecided input[value=Na]")
    sodium.send_keys(Keys.SPACE)
    sodium.send_keys(Keys.ENTER)
    browsers.wait(browser, "return document.querySelectorAll('#table .pick').length === 1")
    _answered(browser)
    assert "Na electrode" in browser.find_element(By.ID, "answer-title").text
    assert browser.find_elements(By.CSS_SELECTOR, "#undecided form") == []


def test_a_file_is_chosen_and_removed(browser: webdriver.Chrome, tmp_path: Path) -> None:
    file = tmp_path / "my candidates.csv"
    file.write_text("formula,name\nLiFePO4,first\nNaMnO2,second\n")
    browser.find_element(By.ID, "file").send_keys(str(file))
    assert browser.find_element(By.ID, "file-name").text == "my candidates.csv (1 kB)"
    assert not browser.find_element(By.ID, "text").is_enabled()
    browser.find_element(By.ID, "predict").click()
    browsers.wait(browser, "return document.querySelectorAll('#table .pick').length === 2")
    assert sorted(_names(browser)) == ["first", "second"]
    for kind in ("csv", "html", "svg", "pdf"):
        link = str(browser.find_element(By.ID, f"get-{kind}").get_attribute("href"))
        assert link.endswith(f"/candidates.{kind}")
    browser.find_element(By.ID, "file-remove").click()
    assert browser.find_element(By.ID, "text").is_enabled()
    _answered(browser)


def test_a_file_is_dropped(browser: webdriver.Chrome) -> None:
    browser.execute_script(
        "const data = new DataTransfer(); data.items.add(new File(['LiFePO4'], 'dropped.txt'));"
        "document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true}))"
    )
    assert browser.find_element(By.ID, "file-name").text == "dropped.txt (1 kB)"


def test_errors_are_shown_in_place(browser: webdriver.Chrome) -> None:
    browser.find_element(By.ID, "predict").click()
    browsers.wait(browser, "return !document.getElementById('error').hidden")
    assert "there is no formula" in browser.find_element(By.ID, "error").text
    Select(browser.find_element(By.ID, "rank")).select_by_value("probability")
    assert browser.find_element(By.ID, "goal").is_displayed()
    _predict(browser, "LiFePO4")
    assert "needs a goal in Wh/kg" in browser.find_element(By.ID, "error").text
    # The browser itself logs that the server refused something.
    assert all("422" in entry["message"] for entry in browser.get_log("browser"))


def test_text_of_the_user_stays_text(browser: webdriver.Chrome) -> None:
    evil = "<img src=x onerror=document.title='hit'>"
    _predict(browser, f"formula,name\nLiFePO4,{evil}\n{evil},x\n")
    assert _names(browser) == [evil]
    assert evil in browser.find_element(By.ID, "rejects").text
    assert browser.title == "electrode-bench: predict electrodes"
    assert browser.find_elements(By.TAG_NAME, "img") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everything_fits_and_can_be_read(browser: webdriver.Chrome, width: int, scheme: str) -> None:
    browsers.screen(browser, width=width)
    browsers.prefer(browser, scheme)
    _predict(browser, "LiFePO4\nLiNaFePO4F\nXyO2\nMgMn2O4")
    assert browser.execute_script("const e = document.documentElement; return e.scrollWidth === e.clientWidth")
    texts = "h1, h2, h3, h4, p, label, legend, th, td, dt, dd, li, a, button, summary, select, .interval, .button"
    assert min(browsers.contrasts(browser, texts)) >= 4.5
    named = "return [...document.querySelectorAll('input, select, textarea')].every((e) => e.labels.length > 0)"
    assert browser.execute_script(named)


def test_focus_can_be_seen_on_every_stop_of_the_keyboard(browser: webdriver.Chrome) -> None:
    _predict(browser, "LiFePO4\nLiCoO2")
    browser.execute_script("document.activeElement.blur(); scrollTo(0, 0)")
    stops = []
    outlined = (
        "const e = document.activeElement, p = e.classList.contains('visually-hidden') ? e.nextElementSibling : e;"
        "return [e.id || e.className || e.tagName, parseFloat(getComputedStyle(p).outlineWidth) >= 2]"
    )
    for _ in range(45):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        stops.append(browser.execute_script(outlined))
    assert [name for name, seen in stops if not seen and name != "BODY"] == []
    assert {"text", "file", "predict", "filter-text", "quantity"} <= {name for name, _ in stops}


def test_the_token_is_asked_for_once(chromium: webdriver.Chrome, loaded: Loaded) -> None:
    with serving(service_of(lambda: loaded), Access("a-long-secret")) as address:
        chromium.get(address)
        field = chromium.find_element(By.ID, "token")
        field.send_keys("wrong", Keys.ENTER)
        browsers.wait(chromium, "return !document.getElementById('error').hidden")
        assert "this is not the token" in chromium.find_element(By.ID, "error").text
        field.send_keys("a-long-secret", Keys.ENTER)
        browsers.wait(chromium, "return document.getElementById('predict') !== null")
        browsers.wait(chromium, "return document.getElementById('model').dataset.ready === 'true'")
    chromium.get_log("browser")
