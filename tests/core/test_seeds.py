from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.core.seeds import derive

names = st.lists(st.one_of(st.text(max_size=8), st.integers(0, 99)), max_size=4)


def test_the_same_names_give_the_same_seed_in_another_process() -> None:
    code = "from electrode_bench.core.seeds import derive; print(derive(7, 'rf_magpie', 'loco', 3))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(other) == derive(7, "rf_magpie", "loco", 3)


@given(st.integers(0, 2**40), names, names)
def test_different_names_give_different_seeds_in_range(root: int, one: list[str | int], other: list[str | int]) -> None:
    assert 0 <= derive(root, *one) < 2**32
    assert (derive(root, *one) == derive(root, *other)) == (one == other)


def test_a_number_is_not_its_text_and_joined_names_are_not_split_ones() -> None:
    assert len({derive(0, 1), derive(0, "1"), derive(0, "ab", "c"), derive(0, "a", "bc"), derive(1)}) == 5
