"""How discharged formulas are read: composition, what moves, and which elements give the electrons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from electrode_bench.data import chemistry, notation
from electrode_bench.features.redox_states import RedoxStates, redox_states, signed

#: Amounts that differ by less, relative to each other, are the same.
_SAME = 1e-6

#: How far an amount with two decimals may be from the fraction that it stands for.
_TWO_DIGITS = 0.005

#: Fractions with a larger denominator are written as decimals.
_DENOMINATOR = 50


@dataclass(frozen=True)
class Reading:
    """What a formula was read as. States are means over the redox-active elements; None where there are none.

    Attributes
    ----------
    reduced_formula : the same for every spelling of the composition.
    electrons : electrons per formula unit as written, if all of the working ion is extracted.
    redox_elements : the elements that give them.
    state_discharged, state_charged : their oxidation state before and after full extraction.
    states : the same in words, such as "Fe +2 -> +3".
    notes : sentences that question the formula or say how it was understood.
    """

    reduced_formula: str
    electrons: float
    redox_elements: tuple[str, ...]
    state_discharged: float | None
    state_charged: float | None
    states: str
    notes: tuple[str, ...] = ()


def read(formulas: Sequence[str], ions: Sequence[str]) -> list[Reading]:
    """How discharged formulas with these working ions are read.

    Raises
    ------
    chemistry.FormulaError
        When a formula cannot be read, or does not contain its ion.
    """
    written = [chemistry.parse(formula) for formula in formulas]
    for formula, amounts, ion in zip(formulas, written, ions, strict=True):
        if ion not in amounts:
            raise chemistry.FormulaError(f"{formula} does not contain the working ion {ion}")
    meant = [_meant(amounts) for amounts in written]
    readings = zip(formulas, written, meant, redox_states(meant, ions), strict=True)
    return [_reading(*given) for given in readings]


def _reading(formula: str, written: Mapping[str, float], meant: Mapping[str, float], states: RedoxStates) -> Reading:
    # Without an anion the states of the rule are numbers without a meaning.
    defined = states.anion
    return Reading(
        reduced_formula=chemistry.canonical(formula),
        electrons=states.electrons,
        redox_elements=states.elements,
        state_discharged=states.discharged if defined else None,
        state_charged=states.charged if defined else None,
        states=str(states) if defined else "no anion, so no oxidation states",
        notes=(*notation.read(formula).notes, *_amount_notes(written, meant), *_state_notes(states)),
    )


def _meant(written: Mapping[str, float]) -> dict[str, float]:
    """The amounts that a formula is read as, for the formula unit as written (see ``chemistry.whole_amounts``).

    Elements with whole amounts are taken at their word; the others may be rounded.
    """
    reduced = chemistry.whole_amounts(written)
    exact = [element for element, amount in written.items() if amount == int(amount)] or list(written)
    unit = sum(written[element] for element in exact) / sum(reduced[element] for element in exact)
    return {element: amount * unit for element, amount in reduced.items()}


def _state_notes(states: RedoxStates) -> Iterator[str]:
    if states.discharged is None and states.anion:
        yield "no redox-active element: by the rule of oxidation states, only an anion could give the electrons"
    if not states.anion:
        yield "no anion: an alloy or intermetallic compound, which has no oxidation states by rule"
    elif states.above_known:
        assert states.charged is not None
        assert states.highest_known is not None
        yield (
            f"full extraction would take {', '.join(states.elements)} to {signed(states.charged)}; the highest state "
            f"known from crystal structures is {signed(states.highest_known)}"
        )


def _amount_notes(written: Mapping[str, float], meant: Mapping[str, float]) -> Iterator[str]:
    """Notes on amounts that are read as another number, and on decimals that a reader may expect to be."""
    decimals = []
    for element, amount in written.items():
        sixth = Fraction(round(6 * amount), 6)
        if abs(meant[element] / amount - 1) > _SAME:
            yield f"{element}{amount:g} is read as {_amount(meant[element])}"
        elif sixth.denominator in (3, 6) and _SAME < abs(amount - sixth) <= _TWO_DIGITS:
            decimals.append((f"{element}{amount:g}", f"{element}{sixth}"))
    if decimals:
        as_written, fractions = (", ".join(names) for names in zip(*decimals, strict=True))
        verb = "are" if len(decimals) > 1 else "is"
        yield f"{as_written} {verb} read as written; write {fractions} if you mean the fraction"


def _amount(value: float) -> str:
    """An amount as a simple fraction where it is one.

    >>> _amount(2 / 3), _amount(2.0), _amount(0.123457)
    ('2/3', '2', '0.123457')
    """
    fraction = Fraction(value).limit_denominator(_DENOMINATOR)
    return str(fraction) if abs(float(fraction) - value) <= _SAME * value else f"{value:g}"
