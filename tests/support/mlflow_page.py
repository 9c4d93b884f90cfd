"""MLflow's own page in a real browser."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from electrode_bench.project import Project
from electrode_bench.tracking.ui import ui_command
from support import chromium
from support.serving import free_port, wait_for


class Notebook:
    """A browser on MLflow's page, which is served at ``base``."""

    def __init__(self, driver: webdriver.Chrome, port: int) -> None:
        self.driver, self.port, self.base = driver, port, f"http://127.0.0.1:{port}"

    def open(self, address: str, *expected: str) -> str:
        """Open an address; the text of the page, once it contains everything that is expected."""
        self.driver.get("about:blank")
        self.driver.get(address)
        return self.read(*expected)

    def read(self, *expected: str) -> str:
        """The text of the page, once it contains everything that is expected."""

        def text(driver: webdriver.Chrome) -> str:
            return str(driver.execute_script("return document.body.innerText"))

        try:
            WebDriverWait(self.driver, 90).until(lambda d: all(part in text(d) for part in expected))
        except Exception as error:
            missing = [part for part in expected if part not in text(self.driver)]
            raise AssertionError(f"{missing} not on {self.driver.current_url}: {text(self.driver)[:1500]}") from error
        return text(self.driver)

    def follow(self, part: str, *expected: str) -> str:
        """Click the link whose address contains ``part``; the text of the page that it opens."""
        link = self.driver.find_element(By.XPATH, f"//a[contains(@href, '{part}')]")
        self.driver.execute_script("arguments[0].click()", link)
        # It may open in a new window.
        if len(self.driver.window_handles) > 1:
            self.driver.switch_to.window(self.driver.window_handles[-1])
        return self.read(*expected)


@contextmanager
def opened(project: Project, *, profile: Path) -> Iterator[Notebook]:
    """The page that `electrode-bench ui` serves, in a browser with an empty profile."""
    port = free_port()
    command = ui_command(project, port=port)
    script = f"import sys; from electrode_bench.cli.server import run_server; sys.exit(run_server({command!r}))"
    log = project.root / "ui.log"
    with log.open("wb") as out:
        server = subprocess.Popen([sys.executable, "-c", script], stdout=out, stderr=out)
        driver = None
        try:
            wait_for(f"http://127.0.0.1:{port}/health", server, log)
            driver = chromium.start(profile)
            driver.set_window_size(1700, 1200)
            yield Notebook(driver, port)
        finally:
            if driver is not None:
                driver.quit()
            server.terminate()
            server.wait(timeout=60)
