from __future__ import annotations

from pathlib import Path

import pytest
from support import ROOT

from benchmarks import readme
from electrode_bench.exported import Exported


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_pages_have_the_exported_results_and_the_answer(page: Path) -> None:
    assert readme.made(page) == page.read_text(encoding="utf-8"), "run: python -m benchmarks.readme"


def test_the_exported_results_are_complete_and_hold_no_rows() -> None:
    # Opening compares every listed file with its SHA-256.
    about = Exported.open(readme.RESULTS).about()
    listed = {line.split("  ")[1] for line in (readme.RESULTS / "SHA256SUMS").read_text(encoding="utf-8").splitlines()}
    present = {path.relative_to(readme.RESULTS).as_posix() for path in readme.RESULTS.rglob("*") if path.is_file()}
    assert present - {"SHA256SUMS"} == listed
    assert not [name for name in present if name.endswith((".parquet", ".html"))]
    assert not about["data"]["synthetic"]
