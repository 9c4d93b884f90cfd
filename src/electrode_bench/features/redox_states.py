"""Electrodes in words: which elements give the electrons when the working ion leaves, and from which state to which.

The numbers are those of the feature set :mod:`~electrode_bench.features.redox`, for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.features.elements import SYMBOLS
from electrode_bench.features.oxidation import charges, state_table

#: States that differ by less are the same: amounts are rounded.
_SAME = 1e-6


@dataclass(frozen=True)
class RedoxStates:
    """The redox-active elements of an electrode and their mean oxidation states.

    Attributes
    ----------
    elements : the redox-active elements, in the order of the formula.
    discharged, charged : their mean oxidation state with the working ion and without what leaves; None where no element
        is redox-active.
    electrons : electrons per formula unit as given, for the ion that leaves.
    highest_known : mean of the highest state of each redox-active element that is known from crystal structures; None
        where no element is redox-active, or a state is not tabulated.
    anion : whether an element has a negative state.
    """

    elements: tuple[str, ...]
    discharged: float | None
    charged: float | None
    electrons: float
    highest_known: float | None
    anion: bool

    @property
    def above_known(self) -> bool:
        """Whether the charged electrode needs a higher state than is known."""
        return self.charged is not None and self.highest_known is not None and self.charged > self.highest_known + _SAME

    def __str__(self) -> str:
        """The states in words.

        >>> from electrode_bench.data import chemistry
        >>> print(redox_states([chemistry.parse("LiFePO4")], ["Li"])[0])
        Fe +2 -> +3
        >>> print(redox_states([chemistry.parse("LiNi0.8Mn0.1Co0.1O2")], ["Li"])[0])
        Ni, Mn, Co +3 -> +4 on average
        >>> print(redox_states([chemistry.parse("LiAlO2")], ["Li"])[0])
        no redox-active element
        """
        if self.discharged is None or self.charged is None:
            return "no redox-active element"
        mean = " on average" if len(self.elements) > 1 else ""
        return f"{', '.join(self.elements)} {signed(self.discharged)} -> {signed(self.charged)}{mean}"


def redox_states(
    amounts: Sequence[Mapping[str, float]], ions: Sequence[str], *, extracted: Sequence[float] | None = None
) -> list[RedoxStates]:
    """The redox-active elements of n discharged electrodes, and their states before and after the ion leaves.

    Parameters
    ----------
    amounts : of each element in one formula unit of each discharged electrode.
    ions : the working ions.
    extracted : how much of the ion leaves one formula unit; None is all of it.
    """
    column = {symbol: j for j, symbol in enumerate(SYMBOLS)}
    matrix = np.zeros((len(amounts), len(SYMBOLS)))
    for row, of_one in zip(matrix, amounts, strict=True):
        for symbol, amount in of_one.items():
            row[column[symbol]] = amount
    of = charges(matrix)
    redox, carried, anion = of.redox.sum(axis=1), of.of_redox_elements, np.any(of.fixed < 0, axis=1)
    # A missing state makes the mean of the compound missing, and no other one.
    highest = np.where(of.redox > 0, of.redox * state_table()["highest_known"].to_numpy(), 0.0).sum(axis=1)
    moved = [one[ion] for one, ion in zip(amounts, ions, strict=True)] if extracted is None else list(extracted)
    described = []
    for i, (one, ion) in enumerate(zip(amounts, ions, strict=True)):
        elements = tuple(symbol for symbol in one if of.redox[i, column[symbol]] > 0)
        electrons = moved[i] * ION_CHARGE[ion]
        known = float(highest[i] / redox[i]) if elements else np.nan
        described.append(
            RedoxStates(
                elements=elements,
                discharged=float(carried[i] / redox[i]) if elements else None,
                charged=float((carried[i] + electrons) / redox[i]) if elements else None,
                electrons=electrons,
                highest_known=None if np.isnan(known) else known,
                anion=bool(anion[i]),
            )
        )
    return described


def signed(state: float) -> str:
    """An oxidation state with its sign and at most two decimals.

    >>> signed(2.0), signed(3.3333), signed(-0.5), signed(0.001)
    ('+2', '+3.33', '-0.5', '0')
    """
    text = f"{state:+.2f}".rstrip("0").rstrip(".")
    return "0" if float(text) == 0 else text
