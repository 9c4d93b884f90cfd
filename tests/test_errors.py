from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from electrode_bench.errors import UserError, brief


@given(text=st.text(max_size=200), length=st.integers(4, 60))
def test_what_an_error_says_is_one_short_line(text: str, length: int) -> None:
    said = brief(ValueError(text), length)
    assert len(said) <= length
    assert "\n" not in said
    assert said == " ".join(text.split()) or said.endswith("...")


def test_an_error_that_quotes_a_whole_file_is_cut() -> None:
    assert brief(ValueError("Invalid string: " + "X" * 70_000), 30) == "Invalid string: XXXXXXXXXXX..."


def test_the_middle_of_a_very_long_message_is_left_out() -> None:
    message = str(UserError(f"unknown model '{'9' * 10_000}'; known are: control"))
    assert len(message) < 2000
    assert message.startswith("unknown model '999")
    assert message.endswith("9'; known are: control")
    assert str(UserError("short")) == "short"
    assert str(UserError()) == ""
