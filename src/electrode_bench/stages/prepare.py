"""prepare: the raw snapshot in data/ -> the canonical table, the rejects and the card."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from electrode_bench import params
from electrode_bench.core.artifacts import write_csv, write_table
from electrode_bench.core.outputs import write_record
from electrode_bench.core.schema import TABLE_COLUMNS
from electrode_bench.data.card import card
from electrode_bench.data.doubts import doubts
from electrode_bench.data.prepare import NothingUsable, prepare
from electrode_bench.data.readers import read
from electrode_bench.errors import UserError
from electrode_bench.project import Project

#: Questioned rows that are named one by one.
_NAMED = 5


def run(project: Project, rules: params.Prepare, *, warn: Callable[[str], None] | None = None) -> dict[str, Any]:
    """Write ``results/prepare``; return the card.

    When no row can be used, only the rejects are written, and the table and the card stay as they were.

    Parameters
    ----------
    warn : called with a line for each converted unit, for rows that are voltage steps, for each way in which most rows
        disagree with physics, and for each row whose formula is probably a slip; of many such rows, the first ones and
        their number.
    """
    raw = read(project.paths.data)
    try:
        prepared = prepare(raw, rules)
    except NothingUsable as error:
        write_csv(error.rejects, project.paths.rejects)
        raise UserError(f"{error}; all are listed in {project.paths.rejects}") from error
    summary = card(prepared.table, prepared.rejects, raw.conversions, licences=prepared.licences, steps=prepared.steps)
    write_csv(prepared.rejects, project.paths.rejects)
    write_record(summary, project.paths.card)
    write_table(prepared.table, project.paths.table, TABLE_COLUMNS)
    if warn:
        units, merged = map(str, raw.conversions.values()), prepared.steps.messages()
        for line in (*units, *merged, *doubts(prepared), *_questions(prepared.questions)):
            warn(line)
    return summary


def _questions(questions: pd.DataFrame) -> list[str]:
    """A line for each question; of many, the first ones and how many there are."""
    lines = [f"{row.file}, line {row.line} ({row.battery_id}): {row.note}" for row in questions[:_NAMED].itertuples()]
    more = len(questions) - len(lines)
    return [*lines, f"and {more:,} more formulas like these; correct them in the snapshot"] if more else lines


def describe(card: dict[str, Any], project: Project) -> str:
    """How many rows were kept and where the others are."""
    kept = f"{card['rows']:,} electrodes with {len([n for n in card['ions'].values() if n])} working ions"
    if not card["rejects"]:
        return f"{kept}; no row was rejected"
    rules = ", ".join(f"{rule}: {number:,}" for rule, number in card["rejects_by_rule"].items())
    return f"{kept}; {card['rejects']:,} rows rejected ({rules}), listed with their reasons in {project.paths.rejects}"
