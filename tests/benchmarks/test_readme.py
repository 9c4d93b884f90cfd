from __future__ import annotations

from support import ROOT

from benchmarks import markdown, readme
from electrode_bench.core.digests import digest_files
from electrode_bench.exported import Exported


def test_readme_has_the_exported_results() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert markdown.filled(page, readme.BLOCKS) == page, "run: python -m benchmarks.readme"


def test_the_exported_results_are_complete_and_hold_no_rows() -> None:
    about = Exported.open(readme.RESULTS).about()
    present = {path.relative_to(readme.RESULTS).as_posix() for path in readme.RESULTS.rglob("*") if path.is_file()}
    assert present - {"about.json"} == set(about["files"])
    assert {name for name, digest in about["files"].items() if digest_files([readme.RESULTS / name]) != digest} == set()
    assert not [name for name in present if name.endswith((".parquet", ".html"))]
    assert not about["data"]["synthetic"]
