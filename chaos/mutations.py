"""Odd versions of good input: of bytes, of text, of JSON values and of tables. All of it is drawn from ``rng``."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

#: What has broken readers of files before: of ours, or of others.
ODD_TEXT = (
    "",
    " ",
    "0",
    "-0",
    "-1",
    "1e300",
    "1e309",
    "-1e309",
    "NaN",
    "nan",
    "NA",
    "N/A",
    "None",
    "null",
    "inf",
    "-inf",
    "1,5",
    "1_000",
    "0x10",
    "٣",
    "½",
    "9" * 400,
    "9" * 5000,
    "1e-400",
    "0." + "0" * 400 + "1",
    "True",
    "=1+1",
    "'",
    '"',
    '""',
    "\\",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\ufeff",
    "\u202e",
    "\ud800",
    "é",
    "Ⅷ",
    "[/b]",
    "[bold",
    "{}",
    "{{7*7}}",
    "<b>",
    "../..",
    "Li" * 300,
    "(" * 200,
    ")" * 50,
    "[" * 2000,
    "Li0.3333333333333333Co0.6666666666666666O2-x",
    "LiOg",
    "X" * 70_000,
    "!!python/object/apply:os.system ['true']",
    "&a [*a]",
    "*a",
    "2026-11-26",
    "nan.csv",
    "LiFePO4",
    "Li1e308O2",
    "%s%n",
)

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**400, -(10**400), 0.5, -0.0, 1e300, 1e-320, float("nan"),
    float("inf"), float("-inf"), [], {}, [[]], [None], {"": None}, {"a": {"b": {"c": []}}}, "\ud800", *ODD_TEXT[:40],
)  # fmt: skip


def odd_bytes(rng: random.Random, content: bytes) -> bytes:
    """One to four changes of bytes: flips, cuts, insertions, repeats."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        kind, at = rng.randrange(8), rng.randrange(len(data) + 1)
        span = rng.choice((1, 4, 64, 512))
        if kind == 0 and data:
            data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:]
        elif kind == 2:
            del data[at : at + span]
        elif kind == 3:
            data[at:at] = rng.randbytes(span)
        elif kind == 4:
            data[at : at + span] = bytes(span)
        elif kind == 5:
            data[at:at] = data[at : at + span] * rng.choice((1, 2, 50))
        elif kind == 6:
            data[at:at] = rng.choice(ODD_TEXT).encode("utf-8", "surrogatepass")
        else:
            data[at : at + span] = rng.choice((b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\x80", b"PAR1", b"PK\x03\x04"))
    return bytes(data)


def odd_text(rng: random.Random, text: str) -> str:
    """A few changes of a short text, such as a formula."""
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at, span = rng.randrange(len(text) + 1), rng.choice((1, 2, 5))
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:at] + rng.choice(ODD_TEXT)[:300] + text[at:]
        elif kind == 1:
            text = text[:at] + text[at + span :]
        elif kind == 2:
            text = text[:at] + text[at : at + span] * rng.choice((2, 3, 40)) + text[at + span :]
        elif kind == 3:
            text = text[:at] + chr(rng.choice((0, 9, 32, 46, 48, 0xB7, 0x2080, 0x2082, 0xFF11, 0x1F600))) + text[at:]
        elif kind == 4:
            text = text[:at] + rng.choice("()[]{}0123456789.,-+xyδ·*:'^_/ ") + text[at:]
        else:
            text = text[:at] + text[at:].swapcase()
    return text


def odd_table(rng: random.Random, lines: list[list[str]]) -> list[list[str]]:
    """Changes of a table's cells, rows and columns; the first line is the header."""
    table = copy.deepcopy(lines)
    for _ in range(rng.choice((1, 2, 4))):
        row, width = rng.randrange(len(table)), len(table[0])
        if not width:
            return table
        column, kind = rng.randrange(width), rng.randrange(9)
        if kind <= 2 and table[row]:
            table[row][min(column, len(table[row]) - 1)] = rng.choice(ODD_TEXT)
        elif kind == 3:
            value = rng.choice(ODD_TEXT)
            for line in table[1:]:
                line[column : column + 1] = [value]
        elif kind == 4:
            for line in table:
                del line[column : column + 1]
        elif kind == 5:
            for line in table:
                line.insert(column, line[column] if column < len(line) else "")
        elif kind == 6:
            table.insert(row, table[row] * rng.choice((1, 2)))
        elif kind == 7:
            table[0][column] = rng.choice((*ODD_TEXT, table[0][column].lower(), table[0][column] + " (mV)"))
        elif len(table) > 1:
            del table[rng.randrange(1, len(table)) :]
    return table


def odd_value(rng: random.Random, value: Any) -> Any:
    """A JSON value with one to three of its parts replaced, removed, renamed or nested."""
    made = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = _places(made)
        if not places:
            return rng.choice(ODD_VALUES)
        holder, key = rng.choice(places)
        kind = rng.randrange(6)
        if kind <= 2:
            holder[key] = rng.choice(ODD_VALUES)
        elif kind == 3:
            del holder[key]
        elif kind == 4 and isinstance(holder, dict):
            holder[rng.choice(ODD_TEXT)[:50]] = holder.pop(key)
        else:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"a": holder[key]}
    return made


def _places(value: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    if depth > 8 or not isinstance(value, (dict, list)):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(min(len(value), 40)))
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key], depth + 1)]


def as_json(rng: random.Random, value: Any) -> bytes:
    """The value as JSON, sometimes as no standard allows it."""
    if rng.random() < 0.03:
        return b"[" * 100_000
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 2)))
    return text.encode("utf-8", "surrogatepass")
