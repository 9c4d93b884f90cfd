"""What all tables for a terminal have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from electrode_bench.data.card import SYNTHETIC_NOTICE

if TYPE_CHECKING:
    from rich.table import Table


def titled(title: str, notes: list[str], *, synthetic: bool) -> Table:
    """An empty table with notes below it."""
    from rich.table import Table
    from rich.text import Text

    lines = [Text(note) for note in notes] + ([Text(SYNTHETIC_NOTICE, style="yellow")] if synthetic else [])
    caption = Text("\n", style="table.caption").join(lines)
    return Table(title=title, caption=caption, title_justify="left", caption_justify="left")
