"""The report's page in a real browser: what people click, with a mouse and without one, on a desk and on a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait
from support import chromium as browsers

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.project import Project
from electrode_bench.report.composition_map import CompositionMap
from electrode_bench.report.numbers import compact, significant
from electrode_bench.report.page.data import FEW
from electrode_bench.report.style import GREY
from electrode_bench.stages import report

pytestmark = [browsers.needed, pytest.mark.xdist_group("report in a browser")]


@pytest.fixture(scope="module")
def page(finished: Project) -> Path:
    return report.run(finished)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    driver = browsers.start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome, page: Path) -> Iterator[webdriver.Chrome]:
    """The page, opened as a file in a wide window with light colours; afterwards the console must be empty."""
    browsers.screen(chromium, width=1280)
    browsers.prefer(chromium, "light")
    chromium.get(page.as_uri())
    # Colours that an earlier test has chosen are read when the page opens.
    chromium.execute_script("localStorage.clear()")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    chromium.refresh()
    browsers.wait(chromium, "return document.documentElement.dataset.ready === 'true'")
    yield chromium
    assert chromium.get_log("browser") == []


def _plot(driver: webdriver.Chrome, section: str) -> None:
    """Scroll to a section's plots and wait until they are drawn."""
    driver.execute_script("document.getElementById(arguments[0]).scrollIntoView()", section)
    drawn = f"document.querySelectorAll('[data-plots=\"{section}\"] .plot')"
    browsers.wait(driver, f"const p = [...{drawn}]; return p.length > 0 && p.every((d) => d._fullLayout)")


def _draw_all(driver: webdriver.Chrome) -> None:
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    browsers.wait(
        driver, "return [...document.querySelectorAll('[data-plots]')].every((b) => b.querySelector('.plot'))"
    )


def _labels(driver: webdriver.Chrome, section: str) -> list[str]:
    plots = driver.find_elements(By.CSS_SELECTOR, f'[data-plots="{section}"] .plot')
    return [str(p.get_attribute("aria-label")) for p in plots]


def _details(driver: webdriver.Chrome) -> str:
    return driver.find_element(By.ID, "details").text


def test_all_sections_are_drawn_without_a_request_to_the_network(browser: webdriver.Chrome, page: Path) -> None:
    _draw_all(browser)
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
    _draw_all(browser)
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

    _plot(browser, "parity")
    before = _labels(browser, "parity")
    assert "RF@Magpie, protocol grouped, 120 electrodes" in before[0]
    Select(browser.find_element(By.ID, "parity-protocol")).select_by_value("loco")
    after = _labels(browser, "parity")
    assert "protocol loco" in after[0]
    assert "120 electrodes" not in after[0]  # noise is never tested there
    Select(browser.find_element(By.ID, "parity-model")).select_by_value("control")
    assert "Control" in _labels(browser, "parity")[2]

    _plot(browser, "groups")
    Select(browser.find_element(By.ID, "groups-by")).select_by_value("cluster")
    assert all("by cluster" in label for label in _labels(browser, "groups"))

    _plot(browser, "map")
    Select(browser.find_element(By.ID, "map-colour")).select_by_value("average_voltage")
    assert browser.find_elements(By.CSS_SELECTOR, '[data-plots="map"] .colorbar')


def test_a_click_on_a_point_of_the_map_fills_the_panel(browser: webdriver.Chrome, finished: Project) -> None:
    _plot(browser, "map")
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
    _draw_all(browser)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    field = browser.find_element(By.ID, "find")
    field.send_keys("Li", Keys.ENTER)
    assert "working ion" in _details(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    beyond = browser.execute_script(
        "return [...document.querySelectorAll('main *')].filter((e) => !e.closest('.scroll')"
        " && e.getBoundingClientRect().right > 361).map((e) => e.outerHTML.slice(0, 80))"
    )
    assert beyond == []


def _cells(driver: webdriver.Chrome, table: str, column: int) -> list[str]:
    """The texts of a column of the visible table of a section, without rows that are headings."""
    return [
        str(text)
        for text in driver.execute_script(
            "return [...document.querySelectorAll(`${arguments[0]} tbody tr:not(.group):not(.subgroup)`)]"
            ".filter((row) => row.offsetParent).map((row) => row.cells[arguments[1]].textContent.trim())",
            table,
            column,
        )
    ]


def test_a_phone_shows_the_smae_of_each_model_without_scrolling(browser: webdriver.Chrome) -> None:
    browsers.screen(browser, width=390)
    browser.refresh()
    browsers.wait(browser, "return document.documentElement.dataset.ready === 'true'")
    for table, column in (("#headline .scroll > table", 1), (".bars", 3)):
        head, right = browser.execute_script(
            "const table = [...document.querySelectorAll(arguments[0])].find((t) => t.offsetParent);"
            "const cells = [...table.rows].filter((r) => !r.matches('.group, .subgroup')).map((r) => r.cells[arguments[1]]);"
            "return [cells[0].textContent.trim(), Math.max(...cells.map((c) => c.getBoundingClientRect().right))]",
            table,
            column,
        )
        assert head == "SMAE"
        assert right <= 390


def test_tables_are_sorted_by_keyboard_within_their_groups(browser: webdriver.Chrome) -> None:
    table = "#headline .scroll > table"
    smae, r2 = (
        browser.execute_script(
            "const table = [...document.querySelectorAll(arguments[0])].find((t) => t.offsetParent);"
            "return table.tHead.rows[0].cells[arguments[1]]",
            table,
            column,
        )
        for column in (1, 3)
    )
    smae.find_element(By.CSS_SELECTOR, "button").send_keys(Keys.ENTER)
    assert smae.get_attribute("aria-sort") == "ascending"
    values = [float(text.split(" ± ")[0]) for text in _cells(browser, table, 1)]
    # Each target is a group: two models, then the references, which stay below them.
    models = {"RF@Magpie", "Control (training mean)"}
    kept = [i for i, title in enumerate(_cells(browser, table, 0)) if any(title.startswith(m) for m in models)]
    assert [kept[i + 1] - kept[i] for i in (0, 2, 4)] == [1, 1, 1]
    ascending = [values[i] for i in kept]
    assert all(ascending[i] <= ascending[i + 1] for i in (0, 2, 4))
    smae.find_element(By.CSS_SELECTOR, "button").send_keys(Keys.ENTER)
    assert smae.get_attribute("aria-sort") == "descending"
    values = [float(text.split(" ± ")[0]) for text in _cells(browser, table, 1)]
    assert [values[i] for i in kept] == [ascending[i ^ 1] for i in range(6)]
    r2.find_element(By.CSS_SELECTOR, "button").send_keys(Keys.SPACE)
    assert (smae.get_attribute("aria-sort"), r2.get_attribute("aria-sort")) == (None, "ascending")


def test_a_table_is_saved_as_csv_without_the_network(
    browser: webdriver.Chrome, finished: Project, tmp_path: Path
) -> None:
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    button = browser.execute_script(
        "return [...document.querySelectorAll('#headline button.save')].find((b) => b.offsetParent)"
    )
    button.click()
    WebDriverWait(browser, 20).until(lambda _: list(tmp_path.glob("*.csv")))
    (file,) = tmp_path.glob("*.csv")
    rows = pd.read_csv(file, encoding="utf-8-sig")
    assert list(rows.columns)[:5] == ["group", "subgroup", "Model", "SMAE", "SMAE, standard deviation"]
    assert rows["group"].nunique() == len(TARGETS)
    expected = finished.comparison("table").query("protocol == 'grouped'").set_index("title")
    written = rows[rows["Model"].isin(expected.index)]
    assert len(written) == len(expected) * len(TARGETS)
    for target, (_, of) in zip(TARGETS, written.groupby("group", sort=False), strict=True):
        smae = of.set_index("Model")["SMAE"].astype(float)
        assert smae.to_dict() == pytest.approx(expected[f"{target}/smae"].to_dict(), abs=6e-4)


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


def test_a_parity_plot_tells_errors_ions_and_names(browser: webdriver.Chrome, finished: Project) -> None:
    _plot(browser, "parity")
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
    assert shown["lines"][1] == f"R² {significant(scores['average_voltage/r2'])}"
    assert shown["lines"][2] == "n = 120"
    assert [len(names) for names in shown["names"]] == ions.sort_values(ascending=False).tolist()
    assert all("synthetic-" in name for names in shown["names"] for name in names)


def test_small_groups_are_grey_and_labelled_with_their_size(browser: webdriver.Chrome, finished: Project) -> None:
    _plot(browser, "groups")
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
    _plot(browser, "map")
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_serious(browser: webdriver.Chrome, scheme: str, width: int) -> None:
    browsers.screen(browser, width=width)
    browsers.prefer(browser, scheme)
    _draw_all(browser)
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browsers.violations(browser) == []


def test_dark_colours_follow_the_system_and_the_button(browser: webdriver.Chrome) -> None:
    _plot(browser, "ranking")

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
    _plot(browser, "ranking")
    browsers.wait(browser, "return getComputedStyle(document.body).backgroundColor === 'rgb(20, 23, 27)'")
    assert colours() == dark
