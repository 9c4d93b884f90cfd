"""What tests of published results share: tables of documents, and the order of models in words."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pandas as pd


def table_rows(document: Path, after: str, *, columns: int) -> list[list[str]]:
    """The rows of the first table with this many columns below a heading, without its header."""
    text = document.read_text(encoding="utf-8")
    text = text[text.index(after) :]
    rows = []
    for line in text.splitlines():
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(fields) == columns:
            rows.append(fields)
        elif rows:
            break
    return [row for row in rows[1:] if not set("".join(row)) <= set("-:")]


def order(pairs: pd.DataFrame, short: Mapping[str, str]) -> str:
    """The models by their error: ``<`` for a significantly smaller one, ``~`` for a tie."""
    mae = dict(zip([*pairs["model"], *pairs["other"]], [*pairs["mae"], *pairs["other_mae"]], strict=True))
    different = {frozenset(r) for r in pairs.loc[pairs["different"], ["model", "other"]].itertuples(index=False)}
    names = sorted(mae, key=lambda name: mae[name])
    out = short[names[0]]
    for one, other in pairwise(names):
        out += f" {'<' if frozenset((one, other)) in different else '~'} {short[other]}"
    return out
