from __future__ import annotations

from pathlib import Path

import pytest
from support import ROOT

from benchmarks import readme
from electrode_bench.core.digests import digest_files
from electrode_bench.exported import Exported


@pytest.mark.parametrize("page", readme.PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_pages_have_the_exported_results_and_the_answer(page: Path) -> None:
    assert readme.made(page) == page.read_text(encoding="utf-8"), "run: python -m benchmarks.readme"


def test_the_exported_results_are_complete_and_hold_no_rows() -> None:
    about = Exported.open(readme.RESULTS).about()
    present = {path.relative_to(readme.RESULTS).as_posix() for path in readme.RESULTS.rglob("*") if path.is_file()}
    assert present - {"about.json"} == set(about["files"])
    assert {name for name, digest in about["files"].items() if digest_files([readme.RESULTS / name]) != digest} == set()
    assert not [name for name in present if name.endswith((".parquet", ".html"))]
    assert not about["data"]["synthetic"]
