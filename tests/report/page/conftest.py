"""The results that the page's tests show."""

from __future__ import annotations

import pytest

from electrode_bench.project import Project
from electrode_bench.report.page.results import Results


@pytest.fixture(scope="package")
def results(finished: Project) -> Results:
    return Results.of(finished)
