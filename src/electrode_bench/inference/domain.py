"""The applicability domain: which compositions are similar enough to known ones for a prediction to be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, ClassVar, Self

import numpy as np

from electrode_bench.clustering import elmd
from electrode_bench.core.artifacts import replacing
from electrode_bench.data import chemistry

#: Rows of the distance matrix that are computed at a time, to limit memory.
_BLOCK = 500

#: Compositions near each other on the scale that are looked up together.
_QUERIES = 64


class Bounded:
    """What every applicability domain has: the elements of the known compositions, and a reach."""

    elements: frozenset[str]
    reach: float
    #: What is said of a composition that is too far away.
    too_far: ClassVar[str]

    def reaches(self, distance: np.ndarray) -> np.ndarray:
        """Whether distances to what is known (n,) are within the domain."""
        return within(distance, self.reach)

    def outside(self, formula: str, *, distance: float) -> str | None:
        """Why a composition is outside the domain; None when it is inside.

        Parameters
        ----------
        distance : distance to what is known, as the domain measures it.
        """
        unknown = [element for element in chemistry.parse(formula) if element not in self.elements]
        if unknown:
            return f"no known electrode contains {' or '.join(unknown)}"
        if not self.reaches(np.array(distance)):
            return self.too_far.format(distance=distance, share=elmd.REACH, reach=self.reach)
        return None


def within(distance: np.ndarray, limit: float) -> np.ndarray:
    """Whether distances (n,) are at most ``limit``, up to rounding."""
    return np.asarray(distance <= limit * (1 + elmd.TIE) + elmd.TIE)


class Domain(Bounded):
    """The applicability domain of a set of known compositions.

    A composition is inside when all of its elements occur in known compositions, and the nearest known composition is
    no further away than ``reach``: the distance (ElMD, in steps of the modified Pettifor scale) within which 95% of the
    known compositions have another known one.

    Parameters
    ----------
    formulas : formulas of the known compositions; several spellings of one composition count once.
    """

    too_far = (
        "the nearest known composition is {distance:.2f} away; {share:.0%} of the known compositions have another one "
        "within {reach:.2f}"
    )

    def __init__(self, formulas: Sequence[str]) -> None:
        # Of several spellings the first is kept.
        known = {chemistry.canonical(f): f for f in reversed(list(formulas))}
        self.formulas = list(known.values())
        self.elements = frozenset(element for f in self.formulas for element in chemistry.parse(f))
        self._cumulative = elmd.cumulative(list(known))
        self.reach = elmd.reach(self._cumulative)

    def save(self, path: Path) -> None:
        """Write the domain to an npz file, without pickle."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(
                file,
                formulas=np.array(self.formulas),
                elements=np.array(sorted(self.elements)),
                cumulative=self._cumulative,
                reach=np.array(self.reach),
            )

    @classmethod
    def load(cls, file: Path | BinaryIO) -> Self:
        """Read what :meth:`save` wrote, which is faster than measuring all distances again."""
        domain = cls.__new__(cls)
        with np.load(file, allow_pickle=False) as stored:
            domain.formulas = [str(formula) for formula in stored["formulas"]]
            domain.elements = frozenset(str(element) for element in stored["elements"])
            domain._cumulative = stored["cumulative"]
            domain.reach = float(stored["reach"])
        return domain

    def nearest(self, formula: str, *, number: int) -> list[tuple[str, float]]:
        """The nearest known compositions with their distances, nearest first; ties are broken by name."""
        distance = self._distances(formula)
        order = sorted(range(len(distance)), key=lambda i: (round(float(distance[i]), 9), self.formulas[i]))
        return [(self.formulas[i], float(distance[i])) for i in order[:number]]

    def nearest_of_each(self, formulas: Sequence[str]) -> tuple[list[str], np.ndarray]:
        """The nearest known composition of each formula, and its distance (n,); ties are broken by name."""
        by_name = np.argsort(np.array(self.formulas), kind="stable")
        known, names, distances = self._cumulative[by_name], [], [np.empty(0)]
        for start in range(0, len(formulas), _BLOCK):
            between = distances_to(formulas[start : start + _BLOCK], known)
            first = np.round(between, 9).argmin(axis=1)
            names += [self.formulas[i] for i in by_name[first]]
            distances.append(between[np.arange(len(between)), first])
        return names, np.concatenate(distances)

    def _distances(self, formula: str) -> np.ndarray:
        """Distance to each known composition, shape (n_known,)."""
        return distances_to([formula], self._cumulative).ravel()

    def __contains__(self, formula: str) -> bool:
        """Whether a composition is inside the domain."""
        if not self.elements.issuperset(chemistry.parse(formula)):
            return False
        return self.outside(formula, distance=float(self._distances(formula).min())) is None

    def nearest_within(self, formulas: Sequence[str], limit: float) -> np.ndarray:
        """Distance of many compositions to their nearest known ones (n,); infinite where it is above ``limit``.

        It is also infinite for a composition with an element that no known one has. The difference between the mean
        places of two compositions on the scale is never larger than their distance, so that most known compositions
        need not be compared.
        """
        familiar = np.array([self.elements.issuperset(chemistry.parse(f)) for f in formulas], dtype=bool)
        found = np.full(len(formulas), np.inf)
        if not familiar.any():
            return found
        rows = elmd.cumulative([f for f, known in zip(formulas, familiar, strict=True) if known])
        places, known_places = rows.sum(axis=1), self._cumulative.sum(axis=1)
        order, known_order = np.argsort(places, kind="stable"), np.argsort(known_places, kind="stable")
        known, known_places = self._cumulative[known_order], known_places[known_order]
        margin = limit * (1 + elmd.TIE) + 1e-6
        nearest = np.full(len(rows), np.inf)
        for start in range(0, len(rows), _QUERIES):
            block = order[start : start + _QUERIES]
            first = np.searchsorted(known_places, places[block[0]] - margin)
            last = np.searchsorted(known_places, places[block[-1]] + margin)
            if first < last:
                nearest[block] = elmd.between(rows[block], known[first:last]).min(axis=1)
        found[familiar] = np.where(within(nearest, limit), nearest, np.inf)
        return found


def distances_to(formulas: Sequence[str], known: np.ndarray) -> np.ndarray:
    """Distances, shape (n_formulas x n_known), to known compositions as :func:`elmd.cumulative` gives them.

    A composition with an element after Lr, which has no place on the scale, is as far away as the scale is long.
    """
    places = elmd.scale()
    placed = np.array([places.keys() >= chemistry.parse(formula).keys() for formula in formulas], dtype=bool)
    distances = np.full((len(formulas), len(known)), float(max(places.values())))
    if placed.any():
        canonical = [chemistry.canonical(formula) for formula, has in zip(formulas, placed, strict=True) if has]
        distances[placed] = elmd.between(elmd.cumulative(canonical), known)
    return distances
