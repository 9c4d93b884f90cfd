"""Numbers and units as people read them. Tables, figures and the page format them here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable

from electrode_bench.core.schema import Column

#: Shown instead of a missing value.
MISSING = "-"


def missing(value: float | None) -> bool:
    """Whether a value is None, NaN or infinite."""
    return value is None or not math.isfinite(value)


def significant(value: float | None, digits: int = 3) -> str:
    """A number with ``digits`` significant digits.

    >>> significant(0.48912), significant(1234.5), significant(float("nan")), significant(-0.0)
    ('0.489', '1,234', '-', '0')
    """
    if value is None or missing(value):
        return MISSING
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    text = f"{value:.{digits}g}"
    return "0" if float(text) == 0 else text


def compact(value: float | None) -> str:
    """A number with at most two decimals, fewer for larger numbers. The page's script has the same rule.

    >>> compact(3.456), compact(34.56), compact(345.6)
    ('3.46', '34.6', '346')
    """
    if value is None or missing(value):
        return MISSING
    return f"{value:.{0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2}f}"


def percent(share: float | None, *, decimals: int = 0, sign: bool = False) -> str:
    """A share as a percentage.

    >>> percent(0.256), percent(-0.012, decimals=1, sign=True), percent(None)
    ('26%', '-1.2%', '-')
    """
    if share is None or missing(share):
        return MISSING
    # Adding 0.0 turns -0.0 into 0.0.
    value = round(100 * share, decimals) + 0.0
    return f"{value:+.{decimals}f}%" if sign else f"{value:.{decimals}f}%"


def with_deviation(value: float | None, deviation: float | None, decimals: int) -> str:
    """A mean and its standard deviation; only the mean where there is no deviation.

    >>> with_deviation(32.24, 1.9, 1), with_deviation(-0.0001, float("nan"), 3)
    ('32.2 ± 1.9', '0.000')
    """
    if value is None or missing(value):
        return MISSING
    text = f"{round(value, decimals) + 0.0:.{decimals}f}"
    return text if deviation is None or missing(deviation) else f"{text} ± {deviation:.{decimals}f}"


def rounded(value: float, digits: int) -> float | int | None:
    """A number for JSON: ``digits`` significant digits, whole numbers as int, None where it is not finite."""
    if missing(value):
        return None
    number = float(f"{value:.{digits}g}")
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def all_rounded(values: Iterable[float], digits: int) -> list[float | int | None]:
    """:func:`rounded` of each value."""
    return [rounded(float(value), digits) for value in values]


def unit(column: Column) -> str:
    """A column's unit in figures and on the page. Files and plain text keep "cm3"."""
    return column.unit.replace("cm3", "cm³")


def with_unit(column: Column) -> str:
    """A column's label and unit, as an axis shows them.

    >>> from electrode_bench.core.schema import VOLUMETRIC
    >>> with_unit(VOLUMETRIC)
    'Volumetric capacity (mAh/cm³)'
    """
    return f"{column.label} ({unit(column)})" if column.unit else column.label
