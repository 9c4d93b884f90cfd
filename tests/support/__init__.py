"""What several test modules share: small inputs, small projects, and the servers that users have."""

from __future__ import annotations

from pathlib import Path

#: The repository, and its tests.
ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
