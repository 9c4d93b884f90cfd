from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.app_server import service_of, serving

from electrode_bench.app.security import Access
from electrode_bench.app.service import Loaded, Service
from electrode_bench.inference.chosen import choose
from electrode_bench.project import Project
from electrode_bench.report.candidates.shown import known_map


@pytest.fixture(scope="session")
def loaded(finished: Project) -> Loaded:
    """The model of a small project, which has a map. A second model says the same."""
    chosen = choose(finished)
    return Loaded(chosen, known_map(finished), lambda: [replace(chosen, name="again", title="Again")])


@pytest.fixture
def service(loaded: Loaded) -> Iterator[Service]:
    made = service_of(lambda: loaded)
    yield made
    made.jobs.close()


@pytest.fixture(scope="package")
def address(loaded: Loaded) -> Iterator[str]:
    """The address of the app without a token."""
    with serving(service_of(lambda: loaded), Access(None)) as found:
        yield found
