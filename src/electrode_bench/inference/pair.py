"""The answer where the charged formula is known too: then Faraday's law gives the capacity exactly."""

from __future__ import annotations

from dataclasses import replace

from electrode_bench.core.rows import records
from electrode_bench.core.schema import GRAVIMETRIC, VOLTAGE, VOLUMETRIC
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.features.redox_states import redox_states
from electrode_bench.inference.answer import Answer, PairAnswer
from electrode_bench.inference.chosen import FittedModel
from electrode_bench.inference.ions import candidate_ions
from electrode_bench.inference.predictor import estimate


def ion_of_pair(formula: str, charged: str, ion: str | None) -> str | None:
    """The working ion of a pair: the one that was named, or the only candidate that leaves.

    Raises
    ------
    UserError
        When a formula cannot be read, or the two formulas do not differ in one working ion alone.
    """
    if ion is not None:
        return ion
    reasons, leaving = {}, []
    try:
        candidates = candidate_ions(formula)
        for candidate in candidates:
            try:
                chemistry.pair_capacity(charged, formula, candidate)
                leaving.append(candidate)
            except chemistry.FormulaError as error:
                reasons[candidate] = str(error)
    except chemistry.FormulaError as error:
        raise UserError(str(error)) from error
    if not leaving:
        raise UserError(f"{charged} is not a charged {formula}: {reasons[candidates[0]]}")
    return leaving[0] if len(leaving) == 1 else None


def with_pair(answer: Answer, charged: str, model: FittedModel) -> Answer:
    """The answer with that for the charged formula.

    Parameters
    ----------
    answer : of ``model``, to the discharged formula alone.

    Raises
    ------
    UserError
        When the charged formula cannot be read, has another framework, or holds no less of the ion.
    """
    formula, ion = answer.formula, answer.working_ion
    discharged = chemistry.parse(formula)
    try:
        moles = chemistry.exchanged(chemistry.parse(charged), discharged, ion)
        capacity = chemistry.pair_capacity(charged, formula, ion)
    except chemistry.FormulaError as error:
        raise UserError(f"{charged} is not a charged {formula}: {error}") from error
    if "formula_charge" in model.predictor.model.columns:
        (row,) = records(model.predictor.evaluate([formula], [ion], charged=[charged]))
        gravimetric, volumetric, voltage = row[GRAVIMETRIC.key], row[VOLUMETRIC.key], estimate(row, VOLTAGE.key)
        source = f"density and voltage are predicted by {model.title}, which was fitted with both formulas"
    else:
        gravimetric, volumetric = (answer.targets[column.key].value for column in (GRAVIMETRIC, VOLUMETRIC))
        voltage = answer.targets[VOLTAGE.key]
        source = (
            f"no model of this project was fitted with both formulas (featurize.composition: pair): density and "
            f"voltage are what {model.title} predicts for {formula} alone"
        )
    states = redox_states([discharged], [ion], extracted=[moles])[0]
    dense = capacity * volumetric / gravimetric
    pair = PairAnswer(
        charged_formula=charged,
        extracted_share=moles / discharged[ion],
        electrons=states.electrons,
        states=str(states) if states.anion else "no anion, so no oxidation states",
        gravimetric_capacity=capacity,
        volumetric_capacity=dense,
        average_voltage=voltage,
        specific_energy=capacity * voltage.value,
        energy_density=dense * voltage.value,
        source=source,
    )
    return replace(answer, pair=pair)
