"""The wheel: what it has, and that it answers without a project."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from support import ROOT, forks

from electrode_bench import __version__
from electrode_bench.core.schema import TARGETS
from electrode_bench.tasks.pretrain import LARGEST

SHIPPED = ROOT / "src" / "electrode_bench" / "pretrained"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the content of the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def _run(site: Path, folder: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "electrode_bench", *arguments]
    done = forks.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_answers_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    answered = json.loads(_run(site, tmp_path, "predict", "LiFePO4", "NaMnO2", "--json"))
    assert answered["pretrained"]
    assert answered["data"]["release"] == "2023.11.1"
    for answer in answered["answers"]:
        for target in TARGETS:
            estimate = answer["targets"][target]
            assert estimate["low"] <= estimate["value"] <= estimate["high"]
        assert answer["targets"]["gravimetric_capacity"]["high"] <= answer["theoretical_capacity"] * (1 + 1e-9)
    assert list(tmp_path.iterdir()) == []
    # The answer that README quotes.
    capacity, voltage = (
        answered["answers"][0]["targets"][name] for name in ("gravimetric_capacity", "average_voltage")
    )
    quoted = (
        f"LiFePO4 gets {capacity['value']:.0f} mAh/g (the limit of Faraday's law) and {voltage['value']:.2f} V, with a "
        f"90% interval from {voltage['low']:.2f} to {voltage['high']:.2f} V."
    )
    assert quoted in " ".join((ROOT / "README.md").read_text("utf-8").split())


def test_the_wheel_has_its_types(site: Path) -> None:
    assert (site / "electrode_bench" / "py.typed").exists()


def test_every_file_that_names_the_version_has_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    newest = re.search(
        r"^## \[(\d\S*)\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert newest
    assert [project["version"], cited["version"], newest[1]] == [__version__] * 3
    assert str(cited["date-released"]) == newest[2]


def test_the_wheel_says_which_model_answers(site: Path, tmp_path: Path) -> None:
    text = " ".join(_run(site, tmp_path, "predict", "LiFePO4").split())
    assert "Boosting (pre-trained) was fitted on release 2023.11.1 of the Materials Project" in text


def test_the_pretrained_model_is_small_and_has_a_card() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= LARGEST
    card = (SHIPPED / "README.md").read_text("utf-8")
    for part in ("release 2023.11.1", "CC BY 4.0", "1513e22f349b5205404385091fbc2726", "A. Jain", "### Coverage"):
        assert part in card
    assert max(len(line) for line in card.splitlines() if not line.startswith("|")) <= 120
