"""MLflow's own page on the published cells, in a real browser: the lab notebook that people open."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import chromium
import pytest
import tracking_cells
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from serving import free_port, wait_for

from electrode_bench import tracking
from electrode_bench.layout import Layout

pytestmark = chromium.needed


class Notebook:
    """MLflow's page in a browser, and the runs that it shows."""

    def __init__(self, driver: webdriver.Chrome, base: str, page: str, runs: dict[str, str]) -> None:
        self.driver, self.base, self.page, self.runs = driver, base, page, runs

    def open(self, address: str, *expected: str) -> str:
        """The page's text, when all that is expected of it is there."""
        self.driver.get("about:blank")
        self.driver.get(address)
        return self.read(*expected)

    def read(self, *expected: str) -> str:
        def text(driver: webdriver.Chrome) -> str:
            return str(driver.execute_script("return document.body.innerText"))

        try:
            WebDriverWait(self.driver, 90).until(lambda d: all(part in text(d) for part in expected))
        except Exception as error:
            missing = [part for part in expected if part not in text(self.driver)]
            raise AssertionError(f"{missing} not on {self.driver.current_url}: {text(self.driver)[:1500]}") from error
        return text(self.driver)

    def of_run(self, name: str, *, tab: str = "") -> str:
        return f"{self.base}/#/experiments/1/runs/{self.runs[name]}{tab}"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    layout = Layout(tmp_path_factory.mktemp("project"))
    uri = tracking.tracking_uri(layout, {})
    runs = {}
    for name in ("control", "rf_magpie"):
        record, trace = tracking_cells.make(layout.root, name, "grouped")
        runs[name] = tracking.publish_cell(layout, record, trace=trace, uri=uri).run_id
    port = free_port()
    page = tracking.page(layout, uri=uri, port=port)
    command = tracking.ui_command(layout, uri=uri, port=port)
    script = f"import sys; from electrode_bench.cli import _served; sys.exit(_served({command!r}))"
    log = Path(layout.root / "ui.log")
    with log.open("wb") as out:
        server = subprocess.Popen([sys.executable, "-c", script], stdout=out, stderr=out)
        driver = None
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, log)
            driver = chromium.start(tmp_path_factory.mktemp("profile"))
            driver.set_window_size(1700, 1200)
            yield Notebook(driver, f"http://127.0.0.1:{port}", page, runs)
        finally:
            if driver is not None:
                driver.quit()
            server.terminate()
            server.wait(timeout=60)


def test_the_first_page_has_the_cells_and_their_errors_by_target(notebook: Notebook) -> None:
    text = notebook.open(notebook.page, "rf_magpie · grouped", "control · grouped", "average_voltage/mae")
    # Folds would bury the cells: they have an experiment of their own.
    assert "fold-0 ·" not in text
    assert "2 matching runs" in text


def test_a_candidates_page_leads_to_its_control(notebook: Notebook) -> None:
    notebook.open(notebook.of_run("rf_magpie"), "RF@Magpie", "its run on the same data and split", "Synthetic data")
    link = notebook.driver.find_element(By.XPATH, f"//a[contains(@href, '{notebook.runs['control']}')]")
    notebook.driver.execute_script("arguments[0].click()", link)
    if len(notebook.driver.window_handles) > 1:
        notebook.driver.switch_to.window(notebook.driver.window_handles[-1])
    notebook.read("control · grouped", "this is the control")


def test_two_cells_are_compared_target_by_target(notebook: Notebook) -> None:
    ids = ",".join(f"%22{run}%22" for run in notebook.runs.values())
    address = f"{notebook.base}/#/compare-runs?runs=[{ids}]&experiments=[%221%22]"
    # The list of metrics is drawn as far as the window reaches: grouped by target, the voltage's stand together.
    notebook.open(address, "control · grouped", "rf_magpie · grouped", "average_voltage/mae", "average_voltage/smae")


def test_artifacts_open(notebook: Notebook) -> None:
    notebook.open(notebook.of_run("rf_magpie", tab="/artifacts"), "cell.json", "predictions.parquet", "parity")
    notebook.open(notebook.of_run("rf_magpie", tab="/artifacts/cell.json"), '"feature_set": "magpie_mean"')


def _order(notebook: Notebook) -> list[str]:
    """The cells of the list, from the top."""
    script = """
        return [...document.querySelectorAll('.ag-row')]
          .map((row) => [row.getBoundingClientRect().top, row.innerText])
          .sort((a, b) => a[0] - b[0]).map((r) => r[1])
    """
    rows = "\n".join(notebook.driver.execute_script(script))
    return sorted(notebook.runs, key=lambda name: rows.find(f"{name} · grouped"))


def _until(notebook: Notebook, expected: list[str]) -> None:
    WebDriverWait(notebook.driver, 60).until(lambda _: _order(notebook) == expected, f"not in the order {expected}")


def test_cells_sort_by_the_error_of_a_target(notebook: Notebook) -> None:
    # Before the click on the other order, the page has the first: that one must not pass by chance.
    for ascending, expected in (("true", ["rf_magpie", "control"]), ("false", ["control", "rf_magpie"])):
        sort = f"&orderByKey=metrics.%60average_voltage%2Fmae%60&orderByAsc={ascending}"
        notebook.open(notebook.page + sort, "rf_magpie · grouped", "control · grouped", "Sort: average_voltage/mae")
        _until(notebook, expected)


def test_cells_group_by_model(notebook: Notebook) -> None:
    notebook.open(notebook.page, "rf_magpie · grouped", "control · grouped", "Group by")
    notebook.driver.find_element(By.XPATH, "//button[contains(., 'Group by')]").click()
    notebook.read("table_digest")
    notebook.driver.find_element(By.XPATH, "//*[@role='menu']//*[normalize-space(text())='model']").click()
    notebook.read("Group by: model", "Group: rf_magpie", "Group: control")
