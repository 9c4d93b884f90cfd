"""Several writers of one store lose nothing; the benchmark does the same with 50 writers on PostgreSQL."""

from __future__ import annotations

import pytest

from benchmarks import publishing

pytestmark = pytest.mark.xdist_group("tracking")


def test_three_writers_on_sqlite_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert publishing.writers("sqlite", 3, folds=2) == []
    assert "3 writers, 9 runs in sqlite" in capsys.readouterr().out
