"""Formulas as people write them, read in one pass over the text.

A formula is one or more parts, joined by a middle dot, as in FePO4·2H2O. A part is a sequence of elements and brackets,
each with an amount after it. Whatever else people write is refused with a reason
(:mod:`electrode_bench.data.notation.refusals`), and what can be read but is probably a slip is questioned
(:mod:`electrode_bench.data.notation.questions`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NoReturn

from electrode_bench.data.notation import questions, refusals

#: Longer text is not read as a formula.
MAX_LENGTH = 500
#: Amounts outside this span are a slip; whole amounts of a composition go up to a million.
MIN_AMOUNT, MAX_AMOUNT = 1e-8, 1e9
#: More digits than a decimal number has, with a margin.
_MAX_DIGITS = 40
#: More water than a hydrate has: here the dot may be a decimal point.
_MAX_WATER = 24

_VULGAR = {"½": 1 / 2, "⅓": 1 / 3, "⅔": 2 / 3, "¼": 1 / 4, "¾": 3 / 4, "⅕": 1 / 5, "⅖": 2 / 5, "⅗": 3 / 5, "⅘": 4 / 5,
           "⅙": 1 / 6, "⅚": 5 / 6, "⅛": 1 / 8, "⅜": 3 / 8, "⅝": 5 / 8, "⅞": 7 / 8}  # fmt: skip
_AMOUNT = rf"[0-9]+(?:[./][0-9]+)?|\.[0-9]+|[{''.join(_VULGAR)}]"
_CLOSING = {"(": ")", "[": "]", "{": "}"}
_TOKEN = re.compile(
    rf"\s*(?:([A-Z][a-z]?)({_AMOUNT})?|([(\[{{])|([)\]}}])({_AMOUNT})?|(·)\s*({_AMOUNT})?)",
)
_COEFFICIENT = re.compile(_AMOUNT)

#: Other characters for those of the grammar, one for one, so that positions stay.
_SAME = str.maketrans(
    {
        **{chr(0x2080 + digit): str(digit) for digit in range(10)},
        **dict.fromkeys("•∙⋅・‧", "·"),
        **dict.fromkeys("⁄∕", "/"),
    }
)
#: Characters without width, which pasted text may contain.
_INVISIBLE = re.compile("[\u200b\u200c\u200d\u2060\ufeff\u00ad]")
# A dot, an asterisk or a cross before water at the end (H2O, or H20 by mistake) is that of a hydrate; but the dot of
# "0.5H2O" after a symbol is a decimal point.
_WATER = re.compile(
    rf"(?:(?<![A-Za-z)\]}}]0)\s*([.*×·])|(?<=\s)(x)(?=\s))\s*"
    rf"([1-9][0-9]*(?:[./][0-9]+)?|0\.[0-9]+|[{''.join(_VULGAR)}])?\s*(?=\(?H2[O0]\)?\s*(?:[·)\]}}]|$))"
)
#: A dot before a symbol or bracket.
_JOINING_DOT = re.compile(r"\.(?=\s*[A-Z(\[{])")
#: Oxidation states are written in these ways, and would be read as iodine and vanadium. (VI)2 may be a compound's.
_ROMAN = re.compile(r"\(\s*(?:I{1,3}|IV|V|VI{2,3}|VI(?=\s*\)(?![0-9])))\s*\)|I{2,3}(?![a-z])")


class FormulaError(ValueError):
    """A formula, or a pair of formulas, that cannot be used; the message is the reason."""


@dataclass(frozen=True)
class Reading:
    """How a formula is read.

    Attributes
    ----------
    amounts : amount of each element in one formula unit as written, in the order of the text.
    notes : sentences that question the reading, such as "Po is polonium; did you mean LiFePO4?".
    """

    amounts: dict[str, float]
    notes: tuple[str, ...] = ()


def read(formula: Any) -> Reading:
    """Read a formula.

    Examples
    --------
    >>> read("FePO4·2H2O").amounts
    {'Fe': 1.0, 'P': 1.0, 'O': 6.0, 'H': 4.0}
    >>> read("LiFePo4").notes
    ('Po is polonium; did you mean LiFePO4?',)

    Raises
    ------
    FormulaError
        When ``formula`` is not text, is empty or too long, or cannot be read. The message names the place and says what
        to write instead.
    """
    amounts = amounts_of(formula)
    return Reading(dict(amounts), questions.notes(_cleaned(formula), amounts, amounts_of))


def amounts_of(formula: Any) -> Mapping[str, float]:
    """The amounts of :func:`read` without its notes, which take longer; the caller must not change them."""
    if not isinstance(formula, str):
        kind = type(formula).__name__
        raise FormulaError("the formula is missing" if is_missing(formula) else f"the formula is no text but {kind}")
    if len(formula) > MAX_LENGTH:
        raise FormulaError(
            f"the formula '{refusals.shown(formula)}' has {len(formula):,} characters; "
            f"at most {MAX_LENGTH} are read: give one compound"
        )
    return _amounts(formula)


def is_missing(value: Any) -> bool:
    """Whether a value from a table stands for "no value": None or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


@lru_cache(maxsize=2**17)
def _amounts(formula: str) -> Mapping[str, float]:
    text = _cleaned(formula)
    if not text:
        raise FormulaError("the formula is empty")
    return _Parser(text).amounts()


def _cleaned(formula: str) -> str:
    """The formula in the characters of the grammar, where a dot that joins parts is a middle dot.

    Apart from blanks around it and invisible characters, each character keeps its place.
    """
    text = formula.strip()
    if not text.isascii():
        text = _INVISIBLE.sub("", text).translate(_SAME).strip()
    if "H2" in text:
        text = _WATER.sub(lambda match: _with_middle_dot(match, text), text)
    if "." in text:
        text = _JOINING_DOT.sub("·", text)
    return text


def _with_middle_dot(match: re.Match[str], text: str) -> str:
    """The dot of a hydrate as a middle dot."""
    sign, count = match[1] or match[2], match[3] or ""
    at = match.start(1) if match[1] else match.start(2)
    if sign == "." and at > 0 and text[at - 1].isdigit():
        # FePO4.2H2O is certainly a hydrate. MnO2.25H2O and V2O5.1.5H2O may be read in two ways.
        decimal = "." in count and not count.startswith("0")
        if decimal or (count.isdigit() and int(count) > _MAX_WATER):
            if text[match.end() :].lstrip("(").startswith("H20"):
                return match[0]
            _refuse(text, refusals.ambiguous_dot(text, at, match.end()))
    return text[match.start() : at] + "·" + text[at + 1 : match.end()]


def _refuse(text: str, reason: str) -> NoReturn:
    raise FormulaError(f"the formula '{refusals.shown(text)}' {reason}")


class _Group:
    """What is between two brackets, or the whole formula: the parts before the last dot, and the last part."""

    __slots__ = ("coefficient", "done", "opened", "part")

    def __init__(self, opened: int) -> None:
        self.opened = opened
        self.done: list[tuple[str, float]] = []
        self.part: list[tuple[str, float]] = []
        self.coefficient = 1.0

    def end_part(self) -> bool:
        """Put the last part to the others; False when it is empty."""
        if not self.part:
            return False
        if self.coefficient == 1.0:
            self.done += self.part
        else:
            self.done += _sums(self.part, self.coefficient)
        self.part, self.coefficient = [], 1.0
        return True


def _sums(terms: Iterable[tuple[str, float]], factor: float) -> Iterable[tuple[str, float]]:
    """The sum of each element's terms, times ``factor``.

    Each term is multiplied before it is added, as pymatgen does, whose amounts are then the same to the last bit.
    """
    total: dict[str, float] = {}
    for symbol, amount in terms:
        total[symbol] = total.get(symbol, 0.0) + amount * factor
    return total.items()


class _Parser:
    """One pass over the text of a formula."""

    def __init__(self, text: str) -> None:
        self.text = text

    def amounts(self) -> dict[str, float]:
        text, known = self.text, _elements()
        group = _Group(-1)
        outer: list[_Group] = []
        position = self._leading_coefficient(group)
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                _refuse(text, refusals.unreadable(text, position))
            symbol, amount, opening, closing, factor, dot, coefficient = token.groups()
            if symbol:
                if symbol not in known:
                    _refuse(text, refusals.unknown_element(text, token.start(1), symbol, known))
                group.part.append((symbol, self._value(amount, token.start(2)) if amount else 1.0))
            elif opening:
                outer.append(group)
                group = _Group(token.start(3))
            elif closing:
                if not outer or _CLOSING[text[group.opened]] != closing:
                    _refuse(text, refusals.bracket(text, group.opened, token.start(4)))
                if not group.end_part():
                    _refuse(text, refusals.nothing(text, group.opened, token.start(4)))
                times = self._value(factor, token.start(5)) if factor else 1.0
                inner, group = group, outer.pop()
                group.part += _sums(inner.done, times)
            elif dot:
                if not group.end_part():
                    _refuse(text, refusals.nothing(text, token.start(6), token.start(6)))
                group.coefficient = self._value(coefficient, token.start(7)) if coefficient else 1.0
            position = token.end()
        if outer:
            _refuse(text, refusals.bracket(text, group.opened, None))
        if not group.end_part():
            _refuse(text, refusals.nothing(text, len(text) - 1, len(text) - 1))
        roman = _ROMAN.search(text) if "I" in text or "V" in text else None
        if roman:
            _refuse(text, refusals.oxidation_state(text, roman.start(), roman.end()))
        return self._checked(dict(_sums(group.done, 1.0)))

    def _leading_coefficient(self, group: _Group) -> int:
        """Only a formula of several parts may begin with an amount: 0.5Li2MnO3·0.5LiMnO2."""
        first = _COEFFICIENT.match(self.text) if "·" in self.text else None
        if first is None:
            return 0
        group.coefficient = self._value(first[0], 0)
        return first.end()

    def _value(self, amount: str, start: int) -> float:
        """The number that an amount's text stands for."""
        value = _number(amount)
        if value is None:
            _refuse(self.text, refusals.too_large(start, start + len(amount)))
        if value == 0.0:
            _refuse(self.text, refusals.zero(self.text, start, start + len(amount)))
        return value

    def _checked(self, amounts: dict[str, float]) -> dict[str, float]:
        for symbol, amount in amounts.items():
            if not MIN_AMOUNT <= amount <= MAX_AMOUNT:
                _refuse(self.text, refusals.out_of_range(symbol, amount, MAX_AMOUNT))
        return amounts


@lru_cache(maxsize=2**12)
def _number(amount: str) -> float | None:
    """An amount's text as a number; None for too many digits, and 0 where it begins with a zero that is no decimal."""
    if amount in _VULGAR:
        return _VULGAR[amount]
    if len(amount) > _MAX_DIGITS:
        return None
    over, line, under = amount.partition("/")
    if any(part[0] == "0" and part[1:2].isdigit() for part in (over, under) if part):
        return 0.0
    if not line:
        return float(over)
    return int(over) / int(under) if int(under) else 0.0


@cache
def _elements() -> frozenset[str]:
    from pymatgen.core import Element

    # Deuterium and tritium are isotopes of hydrogen, and no elemental table has them.
    return frozenset(e.symbol for e in Element) - {"D", "T"}
