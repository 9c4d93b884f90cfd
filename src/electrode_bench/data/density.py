"""Density as a sum of volumes: each element has a volume of its own, fitted to the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

#: 1 g/cm3 in atomic mass units per cubic angstrom.
_U_PER_A3 = 0.602214076


@dataclass(frozen=True)
class AdditiveDensity:
    """Density of a compound from one volume for each element.

    Attributes
    ----------
    elements : symbols, in the order of the columns of the fractions.
    volumes : (elements,) cubic angstrom per atom, not negative.
    fallback : cubic angstrom per atom of an element that no training row had: the median over the training rows.
    known : (elements,) whether a training row had the element.
    """

    elements: tuple[str, ...]
    volumes: np.ndarray
    fallback: float
    known: np.ndarray

    @classmethod
    def fit(cls, fractions: np.ndarray, density: np.ndarray, elements: Sequence[str]) -> Self:
        """Fit the volumes by least absolute deviations of the volume per atom.

        Parameters
        ----------
        fractions : (n x elements) atomic fractions.
        density : (n,) in g/cm3.
        """
        from scipy.optimize import linprog
        from scipy.sparse import csr_matrix

        known = fractions.max(axis=0, initial=0.0) > 0
        per_atom = _mass_per_atom(fractions, elements) / (density * _U_PER_A3)
        # The dual program, whose basis has a row for each element and not for each compound: twelve times faster. The
        # multipliers of its constraints are the volumes.
        solution = linprog(
            -per_atom,
            A_ub=csr_matrix(fractions[:, known]).T.tocsr(),
            b_ub=np.zeros(int(known.sum())),
            bounds=(-1, 1),
            method="highs-ds",
        )
        if not solution.success:
            raise ValueError(f"the element volumes cannot be fitted: {solution.message}")
        volumes = np.zeros(len(elements))
        volumes[known] = np.maximum(-solution.ineqlin.marginals, 0.0)
        return cls(tuple(elements), volumes, float(np.median(per_atom)), known)

    def volume_per_atom(self, fractions: np.ndarray) -> np.ndarray:
        """Cubic angstrom per atom of compounds (n x elements), shape (n,)."""
        volume = (fractions * np.where(self.known, self.volumes, self.fallback)).sum(axis=1)
        return np.where(volume > 0, volume, self.fallback)

    def density(self, fractions: np.ndarray) -> np.ndarray:
        """Density (g/cm3) of compounds given as atomic fractions (n x elements), shape (n,)."""
        return _mass_per_atom(fractions, self.elements) / (self.volume_per_atom(fractions) * _U_PER_A3)

    def to_json(self) -> dict[str, object]:
        return {
            "elements": list(self.elements),
            "volumes": self.volumes.tolist(),
            "fallback": self.fallback,
            "known": self.known.tolist(),
        }

    @classmethod
    def from_json(cls, value: dict[str, object]) -> Self:
        volumes, known = np.array(value["volumes"], dtype=float), np.array(value["known"], dtype=bool)
        return cls(tuple(map(str, value["elements"])), volumes, float(str(value["fallback"])), known)  # type: ignore[call-overload]


def _mass_per_atom(fractions: np.ndarray, elements: Sequence[str]) -> np.ndarray:
    from electrode_bench.data.chemistry import molar_mass

    masses = np.array([molar_mass({element: 1.0}) for element in elements])
    # Not a matrix product: its last bits would depend on the other rows.
    return np.asarray((fractions * masses).sum(axis=1))
