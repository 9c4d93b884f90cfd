"""A headless Chromium, driven by WebDriver, to test what people see in a browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")

#: Marks tests that need a browser.
needed = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1280,900",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


def start(profile: Path) -> webdriver.Chrome:
    """A browser with an empty profile that logs its console and its requests to the network. The caller quits it."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    driver.set_page_load_timeout(60)
    return driver


@contextmanager
def running(profile: Path) -> Iterator[webdriver.Chrome]:
    """A browser that ends with the block."""
    driver = start(profile)
    try:
        yield driver
    finally:
        driver.quit()


def desk(driver: webdriver.Chrome) -> None:
    """A wide window with light colours."""
    screen(driver, width=1280)
    prefer(driver, "light")


def screen(driver: webdriver.Chrome, *, width: int) -> None:
    """Give the window a width in pixels."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def prefer(driver: webdriver.Chrome, scheme: str) -> None:
    """Say that the user prefers "light" or "dark" colours."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def wait(driver: webdriver.Chrome, script: str, *arguments: object) -> None:
    """Wait until a script returns something true."""
    WebDriverWait(driver, 60, poll_frequency=0.1).until(lambda d: d.execute_script(script, *arguments))


def contrasts(driver: webdriver.Chrome, selector: str) -> list[float]:
    """The contrast (WCAG 2) of the text of each visible element with what is behind it."""
    return [float(value) for value in driver.execute_script(_CONTRASTS, selector)]


def contrast(one: str, two: str) -> float:
    """The contrast (WCAG 2) of two colours such as "#0072b2".

    >>> contrast("#000000", "#ffffff")
    21.0
    """
    lighter, darker = sorted((_luminance(one), _luminance(two)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def violations(driver: webdriver.Chrome) -> list[str]:
    """What axe-core finds that is serious or critical: each rule with the first elements that break it."""
    from selenium_axe_python import Axe

    axe = Axe(driver)
    axe.inject()
    driver.set_script_timeout(120)
    # The insides of plots are thousands of paths; what stands for them is the label of the plot.
    found = axe.run({"exclude": [[".main-svg"]]})["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {[node['html'][:120] for node in rule['nodes'][:3]]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]


_CONTRASTS = """
const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (colour) => rgb(colour).slice(0, 3)
  .map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4))
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    const parts = rgb(colour);
    if (parts.length === 3 || parts[3] === 1) return colour;
  }
  return "rgb(255, 255, 255)";
};
return [...document.querySelectorAll(arguments[0])].filter((e) => e.offsetParent && e.textContent.trim()).map((e) => {
  const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
});
"""
