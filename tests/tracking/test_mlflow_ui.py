"""MLflow's own page on the published cells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from support import chromium, mlflow_page, tracking_cells
from support.mlflow_page import Notebook

from electrode_bench.project import Layout
from electrode_bench.tracking import runs as tracking

pytestmark = [chromium.needed, pytest.mark.xdist_group("MLflow's page")]


class Cells:
    """MLflow's page on two published cells, and their runs."""

    def __init__(self, notebook: Notebook, page: str, runs: dict[str, str]) -> None:
        self.notebook, self.page, self.runs = notebook, page, runs

    def of_run(self, name: str, *, tab: str = "") -> str:
        return f"{self.notebook.base}/#/experiments/1/runs/{self.runs[name]}{tab}"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cells]:
    layout = Layout(tmp_path_factory.mktemp("project"))
    uri = tracking.tracking_uri(layout, {})
    runs = {}
    for name in ("control", "rf_magpie"):
        record, trace = tracking_cells.make(layout.root, name, "grouped")
        runs[name] = tracking.publish_cell(layout, record, trace=trace, uri=uri).run_id
    with mlflow_page.opened(layout, uri=uri, profile=tmp_path_factory.mktemp("profile")) as shown:
        yield Cells(shown, tracking.page(layout, uri=uri, port=shown.port), runs)


def test_the_first_page_has_the_cells_and_their_errors_by_target(cells: Cells) -> None:
    text = cells.notebook.open(cells.page, "rf_magpie · grouped", "control · grouped", "average_voltage/mae")
    # Folds would bury the cells: they have an experiment of their own.
    assert "fold-0 ·" not in text
    assert "2 matching runs" in text


def test_a_candidates_page_leads_to_its_control(cells: Cells) -> None:
    cells.notebook.open(cells.of_run("rf_magpie"), "RF@Magpie", "its run on the same data and split", "Synthetic data")
    cells.notebook.follow(cells.runs["control"], "control · grouped", "this is the control")


def test_two_cells_are_compared_target_by_target(cells: Cells) -> None:
    ids = ",".join(f"%22{run}%22" for run in cells.runs.values())
    address = f"{cells.notebook.base}/#/compare-runs?runs=[{ids}]&experiments=[%221%22]"
    # The list of metrics is drawn as far as the window reaches: grouped by target, the voltage's stand together.
    cells.notebook.open(
        address, "control · grouped", "rf_magpie · grouped", "average_voltage/mae", "average_voltage/smae"
    )


def test_artifacts_open(cells: Cells) -> None:
    cells.notebook.open(cells.of_run("rf_magpie", tab="/artifacts"), "cell.json", "predictions.parquet", "parity")
    cells.notebook.open(cells.of_run("rf_magpie", tab="/artifacts/cell.json"), '"feature_set": "magpie_mean"')


def _order(cells: Cells) -> list[str]:
    """The cells of the list, from the top."""
    script = """
        return [...document.querySelectorAll('.ag-row')]
          .map((row) => [row.getBoundingClientRect().top, row.innerText])
          .sort((a, b) => a[0] - b[0]).map((r) => r[1])
    """
    rows = "\n".join(cells.notebook.driver.execute_script(script))
    return sorted(cells.runs, key=lambda name: rows.find(f"{name} · grouped"))


def _until(cells: Cells, expected: list[str]) -> None:
    WebDriverWait(cells.notebook.driver, 60).until(lambda _: _order(cells) == expected, f"not in the order {expected}")


def test_cells_sort_by_the_error_of_a_target(cells: Cells) -> None:
    # Before the click on the other order, the page has the first: that one must not pass by chance.
    for ascending, expected in (("true", ["rf_magpie", "control"]), ("false", ["control", "rf_magpie"])):
        sort = f"&orderByKey=metrics.%60average_voltage%2Fmae%60&orderByAsc={ascending}"
        cells.notebook.open(cells.page + sort, "rf_magpie · grouped", "control · grouped", "Sort: average_voltage/mae")
        _until(cells, expected)


def test_cells_group_by_model(cells: Cells) -> None:
    cells.notebook.open(cells.page, "rf_magpie · grouped", "control · grouped", "Group by")
    cells.notebook.driver.find_element(By.XPATH, "//button[contains(., 'Group by')]").click()
    cells.notebook.read("table_digest")
    cells.notebook.driver.find_element(By.XPATH, "//*[@role='menu']//*[normalize-space(text())='model']").click()
    cells.notebook.read("Group by: model", "Group: rf_magpie", "Group: control")
