"""Printing texts that people chose, such as paths, formulas and names: as they are, whatever they contain.

A path may look like rich's markup (``[/b]``), hold bytes that are no character, or control characters that would change
the terminal. Nothing of this may end a command whose work is done, so all output goes through this module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment
    from rich.text import Text

#: Characters that move the cursor, start a command of the terminal, or reverse the direction of what follows.
_UNSEEN = {number: f"\\x{number:02x}" for number in (*range(32), *range(127, 160)) if chr(number) not in "\n\t"} | {
    number: f"\\u{number:04x}" for number in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}


def printable(text: str) -> str:
    """The text with control characters, and what is no character, written as escapes; line breaks and tabs stay.

    >>> print(printable("a\\x1b[31m.csv"))
    a\\x1b[31m.csv
    """
    return text.translate(_UNSEEN).encode("utf-8", "backslashreplace").decode("utf-8")


def say(text: str) -> None:
    """Print a text on stdout as it is, without wrapping it."""
    typer.echo(printable(text))


@lru_cache(maxsize=1)
def _console() -> type[Console]:
    """Consoles that take no text for markup or an emoji, and show control characters as escapes."""
    from rich.console import Console

    class Plain(Console):
        def __init__(self, **options: Any) -> None:
            super().__init__(markup=False, emoji=False, **options)

        def render_str(self, text: str, **options: Any) -> Text:
            # Before its width is measured.
            return super().render_str(printable(text), **options)

        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else segment._replace(text=printable(segment.text))

    return Plain


def out() -> Console:
    """The console of results."""
    # A pipe has no width; without one, tables would be cut at 80 columns.
    return _console()(width=None if sys.stdout.isatty() else 160)


@lru_cache(maxsize=1)
def err() -> Console:
    """The console of warnings and progress bars: always the same one, so that warnings do not break a bar."""
    return _console()(stderr=True)


def escape_what_cannot_be_encoded(*streams: IO[str] | None) -> None:
    """Let streams write escapes for characters that their encoding lacks, instead of raising an error."""
    for stream in streams:
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
