"""The static figures: files, bytes, and the note on synthetic data."""

from __future__ import annotations

from pathlib import Path

import pytest

from electrode_bench.core.digests import digest_files
from electrode_bench.project import Project
from electrode_bench.report import static
from electrode_bench.report.page.results import Results

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("figures")

NAMES = ["working_ions", "map", "protocols", "learning_curve", "parity"]


@pytest.fixture(scope="module")
def figures(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _write(finished, tmp_path_factory.mktemp("figures"))


def _write(project: Project, folder: Path, *, synthetic: bool = True) -> Path:
    results = Results.of(project)
    names = static.write(
        folder,
        table=results.table,
        map_frame=results.map,
        headline=results.headline,
        learning_curve=results.learning_curve,
        predictions=results.predictions("stratified"),
        predicted_under="stratified",
        synthetic=synthetic,
    )
    assert names == NAMES
    return folder


def test_every_figure_is_there_as_svg_and_png(figures: Path) -> None:
    assert sorted(p.name for p in figures.iterdir()) == sorted(f"{n}.{s}" for n in NAMES for s in ("png", "svg"))
    for file in figures.glob("*.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
    assert all("<svg" in file.read_text(encoding="utf-8") for file in figures.glob("*.svg"))


def test_equal_results_give_equal_bytes(finished: Project, figures: Path, tmp_path: Path) -> None:
    again = _write(finished, tmp_path / "again")
    for file in figures.iterdir():
        assert digest_files([file]) == digest_files([again / file.name]), file.name


def test_only_synthetic_data_is_called_synthetic(finished: Project, figures: Path, tmp_path: Path) -> None:
    real = _write(finished, tmp_path / "real", synthetic=False)
    assert (real / "map.png").read_bytes() != (figures / "map.png").read_bytes()
    # Text is drawn as shapes; the comment before them keeps it readable.
    assert "Synthetic data" in (figures / "map.svg").read_text(encoding="utf-8")
    assert "Synthetic" not in (real / "map.svg").read_text(encoding="utf-8")
