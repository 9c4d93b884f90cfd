"""Names of clusters for people: the working ions, anions and metals that most of their electrodes have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from electrode_bench.core.rows import records
from electrode_bench.core.schema import FORMULA, NOISE
from electrode_bench.data import chemistry

#: Centres of oxoanions, the one that names a compound with several first.
_OXOANIONS = {"P": "phosphates", "Si": "silicates", "S": "sulfates", "B": "borates", "C": "carbonates",
              "As": "arsenates"}  # fmt: skip
#: Fewest oxygen atoms for each centre: fewer make an oxide or a sulfide with a little of the other element.
_FEWEST_OXYGEN = 2.0
#: Anions of compounds without an oxoanion, the one that names a compound with several first.
_ANIONS = {"O": "oxides", "S": "sulfides", "Se": "selenides", "Te": "tellurides", "F": "fluorides", "Cl": "chlorides",
           "Br": "bromides", "I": "iodides", "N": "nitrides", "P": "phosphides"}  # fmt: skip
_NONMETALS = {"H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "Te", "I"}

#: Shares of a cluster's electrodes from which an ion or anion, or a metal, is named, and how many are named at most.
_LEAST, _LEAST_METAL = 0.25, 0.15
_MOST, _MOST_METALS = 2, 3


@dataclass(frozen=True)
class Name:
    """What a cluster is called: ``short`` has ions and anions, ``full`` the metals as well."""

    short: str
    full: str


def names(rows: pd.DataFrame) -> dict[int, Name]:
    """The name of each cluster; noise has none.

    An ion or a kind of anion is named if at least a quarter of the cluster's electrodes have it, at most two of each,
    and a metal of the framework if 15% have it, at most three; the most frequent comes first. Where no ion or metal is
    frequent enough, the name says "mixed", and where no anion is, "compounds".

    Parameters
    ----------
    rows : the columns cluster, working_ion and formula_discharge.
    """
    alike = ["cluster", "working_ion", FORMULA]
    counts = rows[rows["cluster"] != NOISE].groupby(alike).size().rename("n").reset_index()
    of_cluster: dict[int, list[tuple[str, str, int]]] = {}
    for row in records(counts):
        of_cluster.setdefault(int(row["cluster"]), []).append((str(row["working_ion"]), str(row[FORMULA]), row["n"]))
    return {cluster: _name(electrodes) for cluster, electrodes in of_cluster.items()}


def _name(electrodes: Iterable[tuple[str, str, int]]) -> Name:
    ions, anions, metals = Counter[str](), Counter[str](), Counter[str]()
    for ion, formula, n in electrodes:
        ions[ion] += n
        amounts = _amounts(formula)
        if amounts:
            anions[anion(amounts)] += n
        for element in amounts:
            if element != ion and element not in _NONMETALS:
                metals[element] += n
    total = ions.total()
    mobile = ", ".join(_frequent(ions, least=_LEAST * total, most=_MOST)) or "mixed-ion"
    short = f"{mobile} {' and '.join(_frequent(anions, least=_LEAST * total, most=_MOST)) or 'compounds'}"
    of_metals = _frequent(metals, least=_LEAST_METAL * total, most=_MOST_METALS)
    described = ", ".join(of_metals) or ("mixed metals" if metals else "")
    return Name(short, f"{short} ({described})" if described else short)


def anion(amounts: Mapping[str, float]) -> str:
    """The kind of compound by its anions.

    >>> anion({"Li": 1, "Fe": 1, "P": 1, "O": 4}), anion({"Na": 1, "Mn": 1, "O": 2}), anion({"Mg": 1, "Ti": 2, "S": 4})
    ('phosphates', 'oxides', 'sulfides')
    >>> anion({"Li": 2, "Fe": 1, "P": 1, "O": 4, "F": 1}), anion({"Li": 1, "Al": 1})
    ('fluorophosphates', 'alloys')
    """
    oxygen = amounts.get("O", 0.0)
    for centre, kind in _OXOANIONS.items():
        if centre in amounts and oxygen >= _FEWEST_OXYGEN * amounts[centre]:
            return f"fluoro{kind}" if "F" in amounts else kind
    if "O" in amounts and "F" in amounts:
        return "oxyfluorides"
    return next((kind for element, kind in _ANIONS.items() if element in amounts), "alloys")


def _amounts(formula: str) -> Mapping[str, float]:
    try:
        return chemistry.parse(formula)
    except chemistry.FormulaError:
        # A map is drawn of what is there; `prepare` refuses formulas that cannot be read.
        return {}


def _frequent(counts: Counter[str], *, least: float, most: int) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [name for name, n in ordered if n >= least][:most]
