"""prepare: the raw snapshot in data/ -> the canonical table, the rejects and the card."""

from __future__ import annotations

from typing import Any

from electrode_bench import params
from electrode_bench.core.artifacts import write_csv, write_json, write_table
from electrode_bench.core.schema import TABLE_COLUMNS
from electrode_bench.data.card import card
from electrode_bench.data.prepare import prepare
from electrode_bench.data.readers import read
from electrode_bench.project import Project


def run(project: Project, rules: params.Prepare) -> dict[str, Any]:
    """Write ``results/prepare``; return the card. Nothing is written when the snapshot cannot be used."""
    prepared = prepare(read(project.paths.data), rules)
    summary = card(prepared.table, prepared.rejects)
    write_csv(prepared.rejects, project.paths.rejects)
    write_json(summary, project.paths.card)
    write_table(prepared.table, project.paths.table, TABLE_COLUMNS)
    return summary


def describe(card: dict[str, Any], project: Project) -> str:
    """How many rows were kept and where the others are."""
    kept = f"{card['rows']:,} electrodes with {len([n for n in card['ions'].values() if n])} working ions"
    if not card["rejects"]:
        return f"{kept}; no row was rejected"
    rules = ", ".join(f"{rule}: {number:,}" for rule, number in card["rejects_by_rule"].items())
    return f"{kept}; {card['rejects']:,} rows rejected ({rules}), listed with their reasons in {project.paths.rejects}"
