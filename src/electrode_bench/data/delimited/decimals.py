"""Decimal commas, as programs write them where a semicolon separates the fields."""

from __future__ import annotations

import re

#: A number with a decimal comma, and a formula with such amounts.
_NUMBER = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_AMOUNTS = re.compile(r"[A-Z(\[](?:[A-Za-z()\[\]\s.·]|\d+(?:,\d+)?)*")


def is_decimal_comma(field: str) -> bool:
    """Whether a field is a number with a decimal comma.

    >>> is_decimal_comma(" 3,4"), is_decimal_comma("1.100,5"), is_decimal_comma("3.4")
    (True, False, False)
    """
    return _NUMBER.fullmatch(field.strip()) is not None


def with_point(field: str) -> str:
    """A number or a formula with points in place of decimal commas; any other text as it is.

    >>> with_point("3,4"), with_point("LiNi0,5Mn1,5O4"), with_point("a, b")
    ('3.4', 'LiNi0.5Mn1.5O4', 'a, b')
    """
    text = field.strip()
    if "," not in text or not (_NUMBER.fullmatch(text) or _AMOUNTS.fullmatch(text)):
        return field
    return text.replace(",", ".")
