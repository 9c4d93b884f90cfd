"""The results that the page's tests show, and the page in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from support import chromium as browsers

from electrode_bench.project import Project
from electrode_bench.report.page.results import Results
from electrode_bench.stages import report


@pytest.fixture(scope="package")
def results(finished: Project) -> Results:
    return Results.of(finished)


@pytest.fixture(scope="package")
def page(finished: Project) -> Path:
    return report.run(finished)


@pytest.fixture(scope="package")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    with browsers.running(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(chromium: webdriver.Chrome, page: Path) -> Iterator[webdriver.Chrome]:
    """The page, opened as a file in a wide window with light colours; afterwards the console must be empty."""
    browsers.desk(chromium)
    chromium.get(page.as_uri())
    # Colours that an earlier test has chosen are read when the page opens.
    chromium.execute_script("localStorage.clear()")
    for kind in ("browser", "performance"):
        chromium.get_log(kind)
    chromium.refresh()
    browsers.wait(chromium, "return document.documentElement.dataset.ready === 'true'")
    yield chromium
    assert chromium.get_log("browser") == []
