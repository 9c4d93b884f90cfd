"""The licences of a snapshot's electrodes, where its documents state them.

The Materials Project states a licence for each document: ``BY-C`` (CC BY) or ``BY-NC`` (CC BY-NC), which contributions
such as GNoME's have.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

NOT_STATED = "not stated"

#: What the Materials Project calls its licences.
_NAMES: Mapping[str, str] = {"BY-C": "CC BY 4.0", "BY-NC": "CC BY-NC 4.0"}

#: More licences than this are summed up: the column of a table may hold any text.
_MOST = 10
_LONGEST = 60


def counted(stated: Iterable[Any]) -> dict[str, int]:
    """The number of electrodes by licence, the most frequent one first; nothing where no electrode states one.

    Parameters
    ----------
    stated : the licence of each electrode as its document states it, or None.

    Examples
    --------
    >>> counted(["BY-C", "BY-NC", None, "BY-C"])
    {'CC BY 4.0': 2, 'CC BY-NC 4.0': 1, 'not stated': 1}
    """
    numbers = Counter(map(_named, stated))
    if set(numbers) <= {NOT_STATED}:
        return {}
    ordered = sorted(numbers.items(), key=lambda item: (-item[1], item[0]))
    # A licence that restricts the use is always named.
    named = [item for rank, item in enumerate(ordered) if rank < _MOST or item[0] == NOT_STATED or restricts(item[0])]
    others = sum(numbers.values()) - sum(number for _, number in named)
    return dict(named) | ({"other licences": others} if others else {})


def _named(stated: Any) -> str:
    text = " ".join(stated.split()) if isinstance(stated, str) else ""
    return _NAMES.get(text, text[:_LONGEST]) or NOT_STATED


def restricts(licence: str) -> bool:
    """Whether a licence excludes commercial use.

    >>> restricts("CC BY-NC 4.0"), restricts("CC BY 4.0")
    (True, False)
    """
    return "NC" in re.split(r"[^A-Z]+", licence.upper())


def strictest(stated: Iterable[Any]) -> Any:
    """The licence of what is made from several documents: one that excludes commercial use, or else the first stated.

    >>> strictest([None, "BY-C", "BY-NC"])
    'BY-NC'
    """
    given = [one for one in stated if isinstance(one, str)]
    return next((one for one in given if restricts(one)), given[0] if given else None)


def in_words(counts: Mapping[str, int]) -> str:
    """The licences and how many electrodes have each.

    >>> in_words({"CC BY 4.0": 1200, "CC BY-NC 4.0": 1})
    'CC BY 4.0 (1,200 electrodes); CC BY-NC 4.0 (1 electrode, no commercial use)'
    """
    return "; ".join(
        f"{licence} ({number:,} electrode{'s' * (number != 1)}{', no commercial use' * restricts(licence)})"
        for licence, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


def with_stated(provenance: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of the data's origin, with the licences that its documents state in place of the source's.

    Parameters
    ----------
    provenance : as :func:`electrode_bench.data.origin.provenance` returns it.
    card : the data card of the same data.
    """
    stated = card.get("licences")
    return {**provenance, "licence": in_words(stated)} if stated else dict(provenance)
