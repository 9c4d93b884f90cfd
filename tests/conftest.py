"""What all tests share: quiet, seeded, and no setting of the caller's shell that changes a result."""

from __future__ import annotations

import hypothesis
import pytest

hypothesis.settings.register_profile("project", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("project")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "ELECTRODE_BENCH_PROJECT", "ELECTRODE_BENCH_WORKERS", "ELECTRODE_BENCH_DEBUG"):
        monkeypatch.delenv(name, raising=False)
