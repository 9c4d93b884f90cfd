"""One chunk of candidates: what can be used, what a model predicts for it, and the score that it is ranked by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE
from electrode_bench.data import chemistry
from electrode_bench.data.delimited.records import Unreadable
from electrode_bench.errors import UserError
from electrode_bench.inference.compositions import compositions, working_ion
from electrode_bench.inference.ions import named_ion
from electrode_bench.inference.predictor import Predictor, exceeds
from electrode_bench.inference.screened import ENERGY, ENERGY_DENSITY, Options, high, low
from electrode_bench.inference.screening import energies

REJECT_COLUMNS = ("line", "formula", "reason")

#: What a candidate is ordered by (larger is better), and what its energy counts as on the Pareto front.
SCORE, FRONT_ENERGY = "score", "front energy"

#: The identity of a candidate.
KEY = ["composition", "working_ion"]


@dataclass
class Evaluated:
    """A chunk of candidates with predictions.

    Attributes
    ----------
    rows : the distinct candidates of the chunk that can be used.
    repeats : the candidates that repeat one of ``rows``; without predictions.
    rejected : what cannot be used: line, formula, reason.

    The column ``position`` of ``rows`` and ``repeats`` is the row in the chunk.
    """

    rows: pd.DataFrame
    repeats: pd.DataFrame
    rejected: pd.DataFrame


def evaluate(predictor: Predictor, chunk: pd.DataFrame, options: Options) -> Evaluated:
    """Evaluate the candidates (line, formula, working_ion) of a chunk."""
    candidates, rejected = _usable(chunk, ion=options.ion)
    again = candidates.duplicated(KEY)
    rows, refused = _predicted(candidates[~again].reset_index(drop=True), predictor)
    repeats = candidates[again.to_numpy(dtype=bool)]
    if len(refused):
        # What repeats a candidate that the model cannot read cannot be read either.
        keys = refused[KEY].itertuples(index=False, name=None)
        reasons: dict[tuple[Any, ...], str] = dict(zip(keys, refused["reason"], strict=True))
        again_keys = list(repeats[KEY].itertuples(index=False, name=None))
        also = np.array([key in reasons for key in again_keys], dtype=bool)
        reason = pd.Series([reasons.get(key, "") for key in again_keys], index=repeats.index, dtype=object)
        refused = pd.concat([refused, repeats.assign(reason=reason)[also]])
        repeats = repeats[~also]
    rejected = pd.concat([part for part in (rejected, refused[list(REJECT_COLUMNS)]) if len(part)] or [rejected])
    if len(rows):
        rows = _scored(rows, predictor, options)
    return Evaluated(rows, repeats.reset_index(drop=True), rejected.sort_values("line", kind="stable"))


def _usable(chunk: pd.DataFrame, *, ion: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The candidates that can be used, with their working ion, and the others, with the reason."""
    usable: list[tuple[Any, ...]] = []
    rejected: list[tuple[Any, ...]] = []
    given = (chunk[name].tolist() for name in ("line", "formula", "working_ion"))
    for position, (line, formula, own_ion) in enumerate(zip(*given, strict=True)):
        if isinstance(formula, Unreadable):
            rejected.append((line, formula.text, formula.reason))
            continue
        text = formula.strip() if isinstance(formula, str) else "" if chemistry.is_missing(formula) else str(formula)
        try:
            if not text:
                raise UserError("the formula is missing")
            moving = _moving_ion(text, named_ion(own_ion), ion)
            chemistry.framework(chemistry.parse(text), moving)
            usable.append((position, line, text, moving, chemistry.canonical(text)))
        except (UserError, chemistry.FormulaError) as error:
            rejected.append((line, text, str(error)))
    return (
        pd.DataFrame(usable, columns=["position", "line", "formula", "working_ion", "composition"]),
        pd.DataFrame(rejected, columns=list(REJECT_COLUMNS)),
    )


def _moving_ion(formula: str, own: str | None, default: str | None) -> str:
    """The working ion of a candidate that may name its own; the name must be right."""
    ion = working_ion(formula, own or default)
    if own and own != ion:
        raise UserError(f"{formula} does not contain the working ion {own}")
    return ion


def _predicted(candidates: pd.DataFrame, predictor: Predictor) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The candidates with their predictions, and those that the model cannot read, with the reason."""
    refused = candidates.iloc[:0].assign(reason=None)
    if candidates.empty:
        return candidates, refused
    try:
        return _with_predictions(candidates, predictor), refused
    except UserError as error:
        if len(candidates) == 1:
            return candidates.iloc[:0], candidates.assign(reason=str(error))
    suspects = _unreadable_elements(candidates["formula"].tolist(), predictor)
    suspect = np.array([not suspects.isdisjoint(chemistry.parse(f)) for f in candidates["formula"]])
    if suspects and not suspect.all():
        halves = [candidates[~suspect], candidates[suspect]]
    else:
        middle = len(candidates) // 2
        halves = [candidates[:middle], candidates[middle:]]
    parts = [_predicted(half.reset_index(drop=True), predictor) for half in halves]
    evaluated, refusals = zip(*parts, strict=True)
    return (
        pd.concat([rows for rows in evaluated if len(rows)] or [candidates.iloc[:0]]).sort_values("position"),
        pd.concat([rows for rows in refusals if len(rows)]),
    )


def _unreadable_elements(formulas: Sequence[str], predictor: Predictor) -> set[str]:
    """The elements of ``formulas`` that the model has no data for, found with one compound of each."""
    elements = sorted({element for formula in formulas for element in chemistry.parse(formula)} - {"Li", "O"})
    found = set()
    for element in elements:
        try:
            predictor.model.evaluate(compositions([f"Li{element}O2"], ["Li"]))
        except UserError:
            found.add(element)
    return found


def _with_predictions(candidates: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """The candidates with their predictions, the Faraday limit, and whether they are in the domain."""
    formulas, ions = candidates["formula"].tolist(), candidates["working_ion"].tolist()
    evaluated = predictor.model.evaluate(compositions(formulas, ions, read=predictor.model.columns))
    rows = pd.concat([candidates, evaluated.targets.set_axis(candidates.index, axis=0)], axis=1)
    limit = np.array([chemistry.full_capacity(*pair) for pair in zip(formulas, ions, strict=True)])
    rows["theoretical_capacity"] = limit
    rows["above_limit"] = exceeds(rows[GRAVIMETRIC.key].to_numpy(dtype=float), limit)
    rows["undefined"] = pd.Series(list(evaluated.undefined), index=rows.index, dtype=object)
    defined = np.array([not names for names in evaluated.undefined], dtype=bool)
    # Beyond that distance there is no interval, so the distance does not matter.
    farthest = max(predictor.calibration.far, predictor.domain.reach)
    distance = predictor.domain.nearest_within(candidates["composition"].tolist(), farthest)
    rows["nearest_distance"] = distance
    rows["in_domain"] = predictor.domain.reaches(distance) & defined
    return rows


def _scored(rows: pd.DataFrame, predictor: Predictor, options: Options) -> pd.DataFrame:
    """The rows with energies, all intervals, and the columns SCORE and FRONT_ENERGY."""
    level = predictor.calibration.level
    levels = [level] if options.goal is None else list(predictor.calibration.levels)
    ends = energies.target_ends(predictor, rows, levels=levels)
    values = energies.objective_values(rows)
    by_level = {each: energies.objective_ends(rows, targets) for each, targets in ends.items()}
    shown, clipped = ends[level], by_level[level]
    new = {}
    for target in TARGETS:
        new[low(target)], new[high(target)] = shown[target]
    for energy in (ENERGY.key, ENERGY_DENSITY.key):
        new[energy] = values[energy]
        new[low(energy)], new[high(energy)] = clipped[energy]
    if options.goal is not None:
        own = {each: by_objective[options.objective] for each, by_objective in by_level.items()}
        new["probability"] = energies.probability_above(options.goal, values[options.objective], own)
    else:
        new["probability"] = np.full(len(rows), np.nan)
    # What the score is, by options.rank.
    scores = {
        "value": values[options.objective],
        "lower": clipped[options.objective][0],
        "probability": new["probability"],
    }
    new[SCORE] = scores[options.rank]
    new["value"] = values[options.objective]
    new[FRONT_ENERGY] = values[ENERGY.key] if options.rank == "value" else clipped[ENERGY.key][0]
    return rows.drop(columns=[c for c in rows if str(c).endswith("_std") or str(c).startswith("share_at")]).assign(
        **new
    )


def voltage_outside(rows: pd.DataFrame, window: tuple[float, float]) -> np.ndarray:
    """Whether predicted voltages (n,) lie outside the window."""
    voltage = rows[VOLTAGE.key].to_numpy(dtype=float)
    return np.asarray((voltage < window[0]) | (voltage > window[1]))
