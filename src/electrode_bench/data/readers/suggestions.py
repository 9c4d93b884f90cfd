"""Which column of a table was probably meant by a missing one: only a column that says the same in other words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from functools import lru_cache

from electrode_bench.data.units import UNITS, UnitError, conversion

#: Words that mean the same in names of columns; each list begins with the word that stands for it.
_SYNONYMS = (
    ("capacity", "cap", "capacities"),
    ("gravimetric", "grav", "specific", "mass"),
    ("volumetric", "vol", "volume"),
    ("voltage", "volt", "voltages", "potential"),
    ("average", "avg", "mean", "av"),
    ("energy", "energies"),
    ("battery", "batt", "electrode"),
    ("id", "ids", "identifier"),
    ("ion", "ions"),
    ("working", "mobile", "carrier"),
    ("formula", "formulas", "formulae", "composition"),
    ("charge", "charged"),
    ("discharge", "discharged"),
    ("max", "maximum", "largest"),
    ("min", "minimum", "smallest"),
    ("delta", "change"),
    ("step", "steps"),
    ("stability", "hull"),
    ("fraction", "frac"),
)
_MEANING = {word: words[0] for words in _SYNONYMS for word in words}

#: Words that add nothing.
_FILLERS = frozenset({"of", "the", "in", "per", "value", "data", "mp"})

#: Wider tables are not searched.
_MOST_COLUMNS = 1000

_UNIT = re.compile(r"\s*[(\[]([^()\[\]]*)[)\]]\s*$")


def suggestion(column: str, name: str, others: Sequence[str]) -> str | None:
    """The one of ``others`` that means the missing column; None if there is none, or more than one.

    Parameters
    ----------
    column : the raw column that is missing.
    name : its name in the layout.

    Examples
    --------
    >>> suggestion("gravimetric_capacity", "capacity_grav", ["gravimetric_capacity", "volumetric_capacity"])
    'gravimetric_capacity'
    >>> suggestion("gravimetric_capacity", "Gravimetric Capacity", ["Gravimetric Energy", "Volumetric Capacity"])
    """
    if len(others) > _MOST_COLUMNS:
        return None
    wanted = _words(name)
    found = [other for other in others if _words(_UNIT.sub("", other)) == wanted and _unit_fits(column, other)]
    return found[0] if len(found) == 1 else None


def with_unit_of(name: str, other: str) -> str:
    """``name`` with the unit of another header, so that a rename does not lose it.

    >>> with_unit_of("Gravimetric Capacity", "Specific capacity (C/g)")
    'Gravimetric Capacity (C/g)'
    """
    match = _UNIT.search(other)
    return name if match is None else f"{name} ({match[1]})"


def _unit_fits(column: str, header: str) -> bool:
    match = _UNIT.search(header)
    if match is None or column not in UNITS:
        return True
    try:
        conversion(column, header, match[1])
    except UnitError:
        return False
    return True


def _words(name: str) -> frozenset[str]:
    """The words of a name, without regard to their order, spelling and small slips."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[^\W\d_]+", spaced)
    return frozenset(_meaning(word.lower()) for word in words if word.lower() not in _FILLERS)


@lru_cache(maxsize=4096)
def _meaning(word: str) -> str:
    if word in _MEANING:
        return _MEANING[word]
    close = difflib.get_close_matches(word, _MEANING, n=1, cutoff=0.85) if 4 <= len(word) <= 30 else []
    return _MEANING[close[0]] if close else word
