"""Why a formula cannot be read: where the fault is, and what to write instead.

Every function gives the end of a sentence that begins "the formula '...' ". Positions are those of Python, counted
from 0; messages count characters from 1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

#: Characters of a formula that a message shows.
_SHOWN = 80
#: What an amount, a range, a variable or a charge is written with.
_NUMBER = re.compile(r"[0-9.,/+\-±−–—~^⁺⁻⁰¹²³⁴-⁹₊₋ₓxyzδ\s]+(?:(?<=[+\-±−–])[dmnα-ω])?")
_BEFORE = "0123456789./"
_DASHES = "-−–—"
_RANGE = re.compile(rf"([0-9.]+)\s*[{_DASHES}~]\s*([0-9.]+)")
_VARIABLE = re.compile(r"[a-zα-ωₓ]")
_CHARGE = re.compile(rf"\^?[0-9]*\s*[+₊₋\{_DASHES}]\s*[0-9]*")
_SUPERSCRIPT = re.compile("[⁺⁻⁰¹²³⁴-⁹]")


def shown(text: str) -> str:
    """Text of any kind as a message shows it: on one line, printable, and not too long."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: _SHOWN + 1])
    return line if len(text) <= _SHOWN else line[:_SHOWN] + "..."


def _unparsed(reason: str) -> str:
    return f"cannot be parsed: {reason}"


def _at(text: str, start: int, end: int) -> str:
    return f"'{shown(text[start:end])}' at character {start + 1}"


def unreadable(text: str, position: int) -> str:
    """Why nothing of the grammar is at ``position``."""
    while position < len(text) and text[position].isspace():
        position += 1
    start = position
    while start > 0 and text[start - 1] in _BEFORE:
        start -= 1
    number = _NUMBER.match(text, start)
    end = start + len(number[0].rstrip()) if number else 0
    reason = _of_number(text, start, end) if end > position else None
    if reason:
        return _unparsed(reason)
    return _unparsed(_of_character(text, position))


def _of_number(text: str, start: int, end: int) -> str | None:
    """What is wrong with something that looks like an amount."""
    run, where = text[start:end], _at(text, start, end)
    span = _RANGE.fullmatch(run)
    if span:
        amount = "" if span[2] == "1" else span[2]
        return f"{where} is a range; give one composition, such as {shown(text[:start] + amount + text[end:])}"
    if _SUPERSCRIPT.search(run):
        return f"{where} is written high, as a charge or an isotope; leave it out"
    if _VARIABLE.search(run):
        return f"{where} holds a variable; put a number in its place"
    if re.fullmatch(r"[0-9]+,[0-9]+", run):
        other = text[:start] + run.replace(",", ".") + text[end:]
        return f"{where} has a decimal comma; write a point: {shown(other)}"
    if "±" in run or "~" in run:
        return f"{where} is not exact; give one amount"
    if _CHARGE.fullmatch(run) and not run.isdigit():
        if run in _DASHES and text[end : end + 1].isalpha():
            return f"{where} is a hyphen; give one compound, without hyphens between its elements"
        if text[start - 1 : start] == "(" and text[end : end + 1] == ")":
            start, end = start - 1, end + 1
        plain = text[:start] + text[end:]
        shorter = f": {shown(plain)}" if plain and re.fullmatch(r"\^?[0-9]?\+[0-9]?", run) else ""
        return f"{where} is a charge or an oxidation state; leave it out{shorter}"
    if run.count(".") > 1:
        return f"{where} has several points; write one number, and '·' before the water of a hydrate"
    if re.search(r"/[0-9]", run):
        return f"{where} is no fraction of whole numbers; write one, such as 1/3"
    if start > 0 and text[start - 1].isspace():
        return f"{where} follows a blank; write an amount directly after its element, and a hydrate with '·'"
    if start == 0:
        return f"{where} stands before the first element; leave it out"
    return None


def _of_character(text: str, position: int) -> str:
    """What is wrong with a character that no formula has there."""
    character = text[position] if position < len(text) else text[-1]
    where = _at(text, position, position + 1)
    if re.match(r"[0-9]e[+-]?[0-9]", text[max(position - 1, 0) :]):
        return f"{where} makes an amount in powers of ten; write it as a plain number"
    if character in ".·*nmdαβγδε" and re.match(r"[.·*]?\s*[a-zα-ω]", text[position:]):
        return f"{where} stands with a variable; put a number in its place"
    if character.isascii() and character.islower():
        return f"{where} begins no element; write the first letter of each element as a capital, as in LiFePO4"
    if character in "@/:;|&" or character in _DASHES:
        return f"{where} joins several compounds; give one of them"
    if character in "_$<>\\":
        return f"{where} is markup; write amounts as plain numbers, as in PO4"
    if character == ",":
        return f"{where} stands for a mixture; give the amount of each element"
    if character in ".·*×":
        return f"{where} joins nothing; write a hydrate as in FePO4·2H2O"
    if not character.isascii():
        name = unicodedata.name(character, "without a name")
        return f"{where} is the character {name}; write Latin letters, numbers and brackets only"
    return f"{where} is no part of a formula; use elements, amounts and brackets only"


def unknown_element(text: str, start: int, symbol: str, known: Collection[str]) -> str:
    """``symbol`` at ``start`` is none of the ``known`` elements."""
    first, second = symbol[0], symbol[1:]
    if first in known and second in ("x", "y", "z"):
        return unreadable(text, start + 1)
    reason = f"names an unknown element: {symbol}"
    joined = first + text[start + 1 : start + 2].lower()
    if symbol in ("D", "T"):
        return f"{reason} ({'deuterium' if symbol == 'D' else 'tritium'}, an isotope); write H"
    if second and first in known and second.upper() in known:
        return f"{reason}; did you mean {shown(text[:start] + symbol.upper() + text[start + 2 :])}?"
    if text.isupper():
        return f"{reason}; write the second letter of an element small, as in LiFePO4"
    if symbol == "M" and joined not in ("Mn", "Mg"):
        return f"{reason}, at character {start + 1}; write the symbol of the metal"
    if not second and joined in known and joined != symbol:
        return f"{reason}; if {joined} is meant, write {shown(text[:start] + joined + text[start + 2 :])}"
    return f"{reason}, at character {start + 1}; write the symbol of an element"


def zero(text: str, start: int, end: int) -> str:
    """An amount that is zero, or begins with a zero."""
    number = _NUMBER.match(text, start)
    if number and len(number[0].rstrip()) > end - start:
        reason = _of_number(text, start, start + len(number[0].rstrip()))
        if reason:
            return _unparsed(reason)
    if "/" in text[start:end]:
        return _unparsed(f"{_at(text, start, end)} is no fraction of whole numbers above zero; write one, such as 1/3")
    amount, with_letter = text[start:end], shown(f"{text[:start]}O{text[start + 1 :]}")
    if re.match(r"0[0-9]", amount):
        return _unparsed(
            f"{_at(text, start, end)} begins with a zero; did you write zero instead of O? Then write {with_letter}"
        )
    named = re.search(r"[A-Z][a-z]?$", text[:start])
    whose = named[0] if named else shown(text[max(start - 1, 0) : end])
    other = f", or write {with_letter} if the letter O is meant" if amount == "0" else ""
    return f"has an amount of zero: {whose} at character {start + 1}; leave it out{other}"


def too_large(start: int, end: int) -> str:
    """An amount with more digits than anyone means."""
    return f"has an amount of {end - start} digits at character {start + 1}; write a plain number, such as 0.3333"


def out_of_range(symbol: str, amount: float, most: float) -> str:
    """An element's whole amount that is hardly above zero, or larger than ``most``."""
    if amount > most:
        return f"has {amount:.3g} atoms of {symbol}; at most {most:,.0f} are read: give one formula unit"
    return f"has an amount of zero: {symbol} ({amount:.3g}); leave it out"


def bracket(text: str, opened: int, closed: int | None) -> str:
    """A bracket that is not closed (``closed`` is None), not opened (``opened`` is -1), or closed by another one."""
    if closed is None:
        return _unparsed(f"the bracket {_at(text, opened, opened + 1)} is not closed; close it")
    if opened < 0:
        return _unparsed(f"the bracket {_at(text, closed, closed + 1)} closes nothing; leave it out")
    right = {"(": ")", "[": "]", "{": "}"}[text[opened]]
    return _unparsed(
        f"the bracket {_at(text, opened, opened + 1)} is closed by {_at(text, closed, closed + 1)}; write '{right}'"
    )


def nothing(text: str, start: int, end: int) -> str:
    """A bracket or a dot with nothing in or before it."""
    return _unparsed(f"{_at(text, start, end + 1)} stands without elements; leave it out")


def oxidation_state(text: str, start: int, end: int) -> str:
    """Roman numerals."""
    other = text[:start].rstrip() + text[end:].lstrip()
    return _unparsed(f"{_at(text, start, end)} is an oxidation state; leave it out: {shown(other)}")


def ambiguous_dot(text: str, dot: int, end: int) -> str:
    """A point that may belong to a decimal number or to a hydrate."""
    other = shown(f"{text[:dot]}·{text[dot + 1 :]}")
    return _unparsed(f"{_at(text, dot, end)} may be a decimal or water; write a hydrate with '·', as in {other}")
