"""Tables, paragraphs and quantities as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence

#: Longest line of a paragraph.
_WIDTH = 120


def paragraph(text: str) -> str:
    """Text in lines of at most 120 characters."""
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def filled(page: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """A page with its blocks made again; each is between the comments ``begin: NAME`` and ``end: NAME``."""
    for name, make in blocks.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n\n{make()}\n\n{end}{rest.split(end)[1]}"
    return page


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A table; the first ``left`` columns are aligned to the left, and the others, which hold numbers, to the right."""
    lines = [head, ["---"] * left + ["---:"] * (len(head) - left), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("  ", " ")


def time(seconds: float) -> str:
    """A time in the unit that suits it."""
    if seconds < 0.1:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 7200 else f"{seconds / 3600:.3g} h"


def memory(mib: float | None) -> str:
    """Memory in MiB; nothing where it is not known."""
    return "" if mib is None else f"{mib:,.0f} MiB"


def times(ratio: float) -> str:
    """A ratio, with two digits."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def quantity(value: float, unit: str) -> str:
    """A number with its unit: seconds (s), a share as a percentage (%), or any other."""
    if unit == "s":
        return time(value)
    if unit == "%":
        return f"{value:.1%}"
    return f"{value:,.0f} {unit}" if value >= 10 else f"{value:.2g} {unit}"


def yes(value: bool) -> str:
    """Yes or no."""
    return "yes" if value else "no"
