"""Results and warnings are printed as they are."""

from __future__ import annotations

import pytest

from electrode_bench.cli import output


def test_text_that_looks_like_markup_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A path with such a name ended `data use` after the data had been switched."""
    output.print_result({}, "data/ now contains /home/a[/b]/[red]x.csv", as_json=False)
    assert capsys.readouterr().out == "data/ now contains /home/a[/b]/[red]x.csv\n"
