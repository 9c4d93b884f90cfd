"""What can be read but is probably a slip: capital letters that change the elements, and zeros for the letter O.

A letter in the wrong case turns cobalt into carbon and oxygen (LiCOO2). The reading is questioned if its charges cannot
add up to zero, or none of its elements can change its state, and the other spelling does better
(:mod:`electrode_bench.data.notation.neutrality`). Elements that occur in no electrode are always questioned.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from electrode_bench.data.notation import neutrality

#: Elements without stable isotopes of which hardly any compound is known.
_RARE = frozenset(
    "Po At Rn Fr Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og".split()  # noqa: SIM905
)
#: Two elements that are one if their second letter is small: CO and Co.
_PAIRS = ("CO", "CS", "CU", "HF", "HO", "IN", "NB", "NI", "OS", "PB", "SC", "SI", "SN", "YB")
_CAPITALS = re.compile(rf"(?=({'|'.join(_PAIRS)})(?![a-z]))")
#: One element that is two if its second letter is a capital, as in carbonates, hydroxides, thiocyanates and borates.
_SMALL = re.compile(r"(?:Co|Hf|Ho|Yb)(?![a-z])")
_SYMBOL = re.compile(r"[A-Z][a-z]?")
#: Oxygen written as zero: Ti5012 for Ti5O12. And water as H20.
_ZERO = re.compile(r"([A-Z][a-z]?)([1-9][0-9]?)0([1-9][0-9]?)(?![0-9./])")
_WATER = re.compile(r"·\s*[0-9./]*\s*H20(?![0-9.])")
#: Oxygen twice in a row, with an amount each: CO0.1O2 for Co0.1O2.
_TWICE = re.compile(r"CO[0-9./]+O(?![a-z])")
#: Places that are tried one by one.
_MOST_PLACES = 4
_IODINE_VANADIUM = re.compile(r"(?<=[a-z])IV(?![a-z])")


#: Reads another spelling: its amounts, or a ValueError.
Read = Callable[[str], Mapping[str, float]]


def notes(text: str, amounts: Mapping[str, float], read: Read) -> tuple[str, ...]:
    """Sentences that question how a formula is read; none for an ordinary one.

    Parameters
    ----------
    text : a formula in the characters of the grammar of :mod:`electrode_bench.data.notation.parser`.
    amounts : how it is read.
    read : the parser.
    """
    found = []
    rare = [symbol for symbol in amounts if symbol in _RARE]
    if rare:
        found += _of_rare(text, rare)
    if "Ac" in amounts:
        found.append("Ac is actinium; acetate is written CH3COO")
    if "O" not in amounts:
        found += [
            f"{match[1]} has {int(match[0][len(match[1]) :])} atoms; "
            f"did you mean {text[: match.end(2)]}O{text[match.start(3) :]}?"
            for match in _ZERO.finditer(text)
        ]
    found += [f"H20 is 20 atoms of hydrogen; did you mean {text.replace('H20', 'H2O')}?" for _ in _WATER.findall(text)]
    if _IODINE_VANADIUM.search(text):
        found.append("IV is iodine and vanadium; leave oxidation states out")
    if not rare:
        found += _of_case(text, amounts, read)
    return tuple(dict.fromkeys(found))


def _of_rare(text: str, rare: list[str]) -> list[str]:
    found = []
    for symbol in rare:
        other = "".join(t.upper() if t == symbol else t for t in re.split(rf"({symbol}(?![a-z]))", text))
        readable = all(_is_element(letter) for letter in symbol.upper())
        what = f"did you mean {other}?" if readable else "it occurs in no known electrode"
        found.append(f"{symbol} is {_name(symbol)}; {what}")
    return found


def _of_case(text: str, amounts: Mapping[str, float], read: Read) -> list[str]:
    """At most one sentence on letters in the wrong case: of one place, or of all places at once."""
    capitals = [(match.start(1), match[1]) for match in _CAPITALS.finditer(text)]
    small = [(match.start(), match[0]) for match in _SMALL.finditer(text)]
    if len(amounts) == 1 or not (capitals or small):
        return []
    for places in (capitals, small):
        for chosen in [*([place] for place in places[:_MOST_PLACES]), *([places] if len(places) > 1 else [])]:
            other = _with_other_case(text, chosen)
            implausible = places is capitals and bool(_TWICE.search(text) and not _TWICE.search(other))
            if _is_better(other, amounts, read, capitals=places is capitals, implausible=implausible):
                what = " and ".join(dict.fromkeys(_meaning(symbols) for _, symbols in chosen))
                return [f"{what}; did you mean {other}?"]
    return []


def _with_other_case(text: str, places: list[tuple[int, str]]) -> str:
    for start, symbols in places:
        changed = symbols.capitalize() if symbols.isupper() else symbols.upper()
        text = f"{text[:start]}{changed}{text[start + 2 :]}"
    return text


def _is_better(other: str, amounts: Mapping[str, float], read: Read, *, capitals: bool, implausible: bool) -> bool:
    """Whether another spelling is plausible where the amounts as read are not, or the text is ``implausible``."""
    if capitals and "C" in amounts and "H" in amounts:
        return False  # organic: carbon has no usual state
    try:
        alternative = read(other)
    except ValueError:
        return False
    if not neutrality.has_anion(alternative) or not neutrality.can_be_neutral(alternative):
        return False
    if not capitals:
        carbonate = alternative.get("O", 0.0) >= 2.5 * alternative.get("C", 0.0)
        return carbonate and not (neutrality.has_anion(amounts) and neutrality.can_be_neutral(amounts))
    inert = not any(map(neutrality.changes_state, amounts)) and any(map(neutrality.changes_state, alternative))
    return neutrality.has_anion(amounts) and (implausible or inert or not neutrality.can_be_neutral(amounts))


def _meaning(symbols: str) -> str:
    if symbols.isupper():
        return f"{symbols} is {_name(symbols[0])} and {_name(symbols[1])}"
    return f"{symbols} is {_name(symbols)}"


def _is_element(symbol: str) -> bool:
    from pymatgen.core import Element

    return bool(Element.is_valid_symbol(symbol)) and symbol not in ("D", "T")


def _name(symbol: str) -> str:
    from pymatgen.core import Element

    return str(Element(symbol).long_name).lower()
