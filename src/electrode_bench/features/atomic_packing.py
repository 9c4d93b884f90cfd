"""Atomic packing efficiency, a descriptor of MODNet's preset for which matminer takes 4 s for five elements.

It is computed only if params.yaml asks for it (featurize.atomic_packing). Its columns come after those of
:mod:`electrode_bench.features.modnet`.

A cluster is a central atom with a shell of 3 to 24 neighbours. It is packed efficiently when the ratio of the central
radius to the mean radius of the shell is within 1% of the ideal one for that number of neighbours. matminer builds
every shell of a formula's elements as a list of atoms, and searches the efficient ones for those of a similar
composition. Here the shells of a given size and number of elements are one table of counts, made once, so that a
formula needs a few products of arrays: 3,173 formulas take 7 s instead of hours.

Source: K. Laws, D. Miracle, M. Ferry, Nat. Commun. 6, 8123 (2015), doi:10.1038/ncomms9123, as in matminer's
``AtomicPackingEfficiency``, with its defaults.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from electrode_bench.data import chemistry
from electrode_bench.features import composition
from electrode_bench.features.base import FeatureSet

#: matminer's distances go through a matrix product, whose noise is about 1e-8.
_DISTANCE_DIGITS = 6

#: Ideal ratio of the central radius to the shell's, by the number of neighbours from 3 on (as in matminer).
_FEWEST = 3
_IDEAL = np.array(
    [
        0.154701, 0.224745, 0.361654, 0.414214, 0.518145, 0.616517, 0.709914, 0.798907, 0.884003, 0.902113, 0.976006,
        1.04733, 1.11632, 1.18318, 1.2481, 1.31123, 1.37271, 1.43267, 1.49119, 1.5484, 1.60436, 1.65915,
    ]
)  # fmt: skip

#: How far from 1 the ratio of an efficiently packed cluster may be from the ideal one.
_EFFICIENT = 0.01

#: Distances are to this many nearest efficient clusters.
_NEAREST = (1, 3, 5)

#: Elements that clusters are made of: the most frequent ones of a formula.
_MOST_ELEMENTS = 6


def compute(formulas: Sequence[str]) -> pd.DataFrame:
    """The mean packing efficiency, its mean absolute value, and the distances (in atomic fractions) to the
    nearest 1, 3 and 5 efficiently packed clusters, kept to 6 decimals (n_formulas x 5).

    Raises
    ------
    UserError
        When a formula cannot be read.
    """
    labels = ["mean simul. packing efficiency", "mean abs simul. packing efficiency"]
    labels += [f"dist from {k} clusters |APE| < {_EFFICIENT:.3f}" for k in _NEAREST]
    index = composition.amounts(formulas).index
    rows = [_features(chemistry.parse(formula)) for formula in formulas]
    return pd.DataFrame(
        np.array(rows).reshape(-1, len(labels)),
        index=index,
        columns=[f"AtomicPackingEfficiency|{label}" for label in labels],
    )


def _features(amounts: Mapping[str, float]) -> list[float]:
    """The five features of a formula."""
    elements = sorted(amounts)
    fractions = np.array([amounts[element] for element in elements], dtype=float)
    fractions /= fractions.sum()
    radii = np.array([_radii()[element] for element in elements])
    efficiencies = _best(radii / (fractions @ radii))[1]
    nearest = _distances(amounts, elements, fractions, radii)
    # matminer takes the largest distance between two compositions, 1, for clusters that there are too few of.
    padded = np.append(nearest, np.ones(max(_NEAREST)))
    distances = [round(float(padded[:k].mean()), _DISTANCE_DIGITS) for k in _NEAREST]
    return [float(fractions @ efficiencies), float(fractions @ np.abs(efficiencies)), *distances]


def _distances(
    amounts: Mapping[str, float], elements: list[str], fractions: np.ndarray, radii: np.ndarray
) -> np.ndarray:
    """Distances to the nearest efficiently packed clusters, smallest first; at most five."""
    used = [elements.index(element) for element in _most_frequent(amounts)]
    x, radii = fractions[used], radii[used]
    # What the elements that no cluster contains add to a squared distance.
    rest = float(np.square(np.delete(fractions, used)).sum())
    low, high = (
        _FEWEST + int(_best(np.array([r]))[0][0]) for r in (radii.min() / radii.max(), radii.max() / radii.min())
    )
    found = np.empty(0)
    for neighbours in range(low, high + 1):
        shells = _shells(neighbours, len(used))
        mean_radii = shells @ radii / neighbours
        for centre, radius in enumerate(radii):
            efficient = np.abs(1 - _IDEAL[neighbours - _FEWEST] * mean_radii / radius) < _EFFICIENT
            if not efficient.any():
                continue
            cluster = shells[efficient]
            cluster[:, centre] += 1
            squares = np.square(cluster / (neighbours + 1) - x).sum(axis=1) + rest
            most = min(len(squares), max(_NEAREST))
            found = np.append(found, np.partition(squares, most - 1)[:most])
    return np.sqrt(np.sort(found)[: max(_NEAREST)])


def _best(ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For ratios of a radius to its neighbours' (n,): the position in ``_IDEAL`` of the best shell, its efficiency.

    An efficiency of 0 is ideal.
    """
    efficiencies = 1 - _IDEAL / ratios[:, None]
    best = np.abs(efficiencies).argmin(axis=1)
    return best, efficiencies[np.arange(len(ratios)), best]


def _most_frequent(amounts: Mapping[str, float]) -> list[str]:
    """The elements that clusters are made of; of equally frequent ones those that matminer takes."""
    if len(amounts) <= _MOST_ELEMENTS:
        return sorted(amounts)
    from pymatgen.core import Composition

    in_order = [str(element) for element in Composition(dict(amounts)).element_composition]
    return sorted(sorted(in_order, key=lambda element: -amounts[element])[:_MOST_ELEMENTS])


@functools.cache
def _radii() -> dict[str, float]:
    """matminer's atomic radius (pm) of each element; one that its table lacks has the mean of the others."""
    from matminer.utils.data import MagpieData

    table: dict[str, float] = MagpieData(impute_nan=True).all_elemental_props["MiracleRadius"]
    return table


@functools.cache
def _shells(neighbours: int, elements: int) -> np.ndarray:
    """Every shell as the number of its atoms of each element, shape (n_shells, elements)."""
    if elements == 1:
        return np.array([[float(neighbours)]])
    parts = [
        np.column_stack([np.full(len(rest), float(first)), rest])
        for first in range(neighbours + 1)
        for rest in [_shells(neighbours - first, elements - 1)]
    ]
    return np.concatenate(parts)


ATOMIC_PACKING = FeatureSet(
    name="atomic_packing",
    title="Atomic packing efficiency",
    compute=compute,
    batch=1000,
)
