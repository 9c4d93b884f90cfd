"""Tables of the page in a browser: sorted, saved, and readable on a phone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from support import chromium as browsers

from electrode_bench.core.schema import TARGETS
from electrode_bench.project import Project

pytestmark = [browsers.needed, pytest.mark.xdist_group("report in a browser")]


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
            "const rows = [...table.rows].filter((row) => !row.matches('.group, .subgroup'));"
            "const cells = rows.map((row) => row.cells[arguments[1]]);"
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
