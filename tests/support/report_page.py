"""The report's page in a browser."""

from __future__ import annotations

from selenium import webdriver

from support import chromium as browsers


def plot(driver: webdriver.Chrome, section: str) -> None:
    """Scroll to a section's plots and wait until they are drawn."""
    driver.execute_script("document.getElementById(arguments[0]).scrollIntoView()", section)
    drawn = f"document.querySelectorAll('[data-plots=\"{section}\"] .plot')"
    browsers.wait(driver, f"const p = [...{drawn}]; return p.length > 0 && p.every((d) => d._fullLayout)")


def draw_all(driver: webdriver.Chrome) -> None:
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    browsers.wait(
        driver, "return [...document.querySelectorAll('[data-plots]')].every((b) => b.querySelector('.plot'))"
    )
