"""docs/reliability.md: every promise names tests that exist, and the harness has the kinds that are named."""

from __future__ import annotations

import re

import pytest
from support import ROOT

from chaos import NAMES

TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
SECTION = TEXT[TEXT.index("\n## Promises") : TEXT.index("\n## What is not promised")]
PROMISES = [line for line in SECTION.splitlines() if line.startswith("| ") and not line.startswith("| promise |")]


@pytest.mark.parametrize("promise", PROMISES, ids=lambda line: line[2:40])
def test_the_tests_of_a_promise_exist(promise: str) -> None:
    tests = re.findall(r"`([^`]+)`", promise.strip("|").rsplit("|", 1)[-1])
    assert tests
    for test in tests:
        if test.startswith("chaos "):
            assert test.removeprefix("chaos ") in NAMES
        else:
            file, _, name = test.partition("::")
            assert re.search(rf"^\s*def {name}\(", (ROOT / file).read_text(encoding="utf-8"), flags=re.MULTILINE), test


def test_every_kind_of_fault_is_described() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, flags=re.MULTILINE)) == set(NAMES)
