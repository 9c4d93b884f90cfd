"""What all tests share: quiet, seeded, and no setting of the caller's shell that changes a result."""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "ELECTRODE_BENCH_PROJECT", "ELECTRODE_BENCH_WORKERS", "ELECTRODE_BENCH_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    # Set, so that what the command line puts there is taken back.
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "auto")
    # Upstream models take minutes: they are tested where the caller names their environment, not where one is found.
    if "ELECTRODE_BENCH_REFERENCE" not in os.environ:
        monkeypatch.setenv("ELECTRODE_BENCH_REFERENCE", "no-reference-environment")
