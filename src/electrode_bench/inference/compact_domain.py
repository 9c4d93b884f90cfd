"""The applicability domain without a list of the known compositions, for a model that is passed on without its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from electrode_bench.clustering import elmd
from electrode_bench.core.artifacts import round_significant
from electrode_bench.data import chemistry
from electrode_bench.inference.domain import Bounded, distances_to, within

#: A centroid of fewer compositions than this is left out: it would tell which compositions they are.
FEWEST = 3

#: Parts in which the reach is measured: each on the centroids of the others.
_PARTS = 5


@dataclass(frozen=True)
class CompactDomain(Bounded):
    """Centroids of the known compositions, and their elements.

    The distance of a composition is that to the nearest centroid: the ElMD, as for
    :class:`~electrode_bench.inference.domain.Domain`, to a mean composition. It is larger than the distance to the
    nearest known composition, so a calibration must be made with the same measure.

    Attributes
    ----------
    elements : every element of the known compositions.
    centroids : (k x 103) cumulative compositions (:func:`electrode_bench.clustering.elmd.cumulative`).
    reach : distance within which 95% of new compositions lie, measured on known ones that were left out.
    """

    too_far = (
        "the nearest group of known compositions is {distance:.2f} away; {share:.0%} of new compositions lie within "
        "{reach:.2f}"
    )

    elements: frozenset[str]
    centroids: np.ndarray
    reach: float

    @classmethod
    def of(cls, formulas: Sequence[str], *, centroids: int = 300, seed: int = 0) -> Self:
        """From the known formulas; several spellings of one composition count once.

        Parameters
        ----------
        centroids : how many clusters of compositions there are at most; small ones are left out.
        seed : of the clustering.
        """
        known = sorted({chemistry.canonical(formula) for formula in formulas})
        cumulative = elmd.cumulative(known)
        part = np.random.default_rng(seed).permutation(len(known)) % _PARTS
        held_out = [
            _nearest(cumulative[part == i], _centroids(cumulative[part != i], centroids, seed))
            for i in range(_PARTS)
            if (part == i).any() and (part != i).any()
        ]
        reach = float(np.quantile(np.concatenate(held_out), elmd.REACH)) if held_out else 0.0
        elements = frozenset(element for formula in known for element in chemistry.parse(formula))
        return cls(elements, _centroids(cumulative, centroids, seed), reach)

    def nearest(self, formula: str, *, number: int) -> list[tuple[str | None, float]]:  # noqa: ARG002
        """The distance to the nearest centroid, which has no name."""
        return [(None, float(self.nearest_of_each([formula])[1][0]))]

    def nearest_of_each(self, formulas: Sequence[str]) -> tuple[list[None], np.ndarray]:
        """No names, and the distance of each formula (n,), as of ``Domain.nearest_of_each``."""
        canonical = [chemistry.canonical(formula) for formula in formulas]
        return [None] * len(canonical), round_significant(distances_to(canonical, self.centroids).min(axis=1), 9)

    def nearest_within(self, formulas: Sequence[str], limit: float) -> np.ndarray:
        """As ``Domain.nearest_within``: infinite above ``limit``, and for an element that no known composition has."""
        familiar = np.array([self.elements.issuperset(chemistry.parse(formula)) for formula in formulas], dtype=bool)
        distance = self.nearest_of_each(formulas)[1] if len(formulas) else np.empty(0)
        return np.where(familiar & within(distance, limit), distance, np.inf)

    def to_json(self) -> dict[str, Any]:
        """Everything as values of JSON, with few digits: the file is passed on."""
        rounded = [[round(float(value), 4) for value in row] for row in self.centroids]
        return {"elements": sorted(self.elements), "centroids": rounded, "reach": self.reach}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(frozenset(value["elements"]), np.array(value["centroids"], dtype=float), float(value["reach"]))


def _centroids(cumulative: np.ndarray, number: int, seed: int) -> np.ndarray:
    """The means of at most ``number`` clusters, (k x 103), without those of fewer than :data:`FEWEST` compositions."""
    from sklearn.cluster import KMeans

    number = min(number, max(len(cumulative) // FEWEST, 1))
    fitted = KMeans(number, n_init=1, random_state=seed).fit(cumulative)
    members = np.bincount(fitted.labels_, minlength=number)
    kept = fitted.cluster_centers_[members >= FEWEST]
    # Without any, one mean of all.
    return np.asarray(np.round(kept if len(kept) else cumulative.mean(axis=0, keepdims=True), 4))


def _nearest(cumulative: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return round_significant(np.asarray(elmd.between(cumulative, centroids)).min(axis=1), 9)
