"""Screening of many candidates in bounded memory: the best by an objective, and the Pareto front of energy and voltage.

Candidates are predicted in chunks. Only the best so far and the Pareto front are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pandas as pd

from electrode_bench.core.schema import GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC, Column
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError, nearest
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.predictor import Predictor, compositions, exceeds, working_ion

#: What candidates can be ranked by; larger is better.
OBJECTIVES = {
    column.key: column
    for column in (
        Column("energy", "Specific energy", "Wh/kg"),
        Column("energy_density", "Energy density", "Wh/L"),
        *TARGETS.values(),
    )
}

#: Voltages (V) between which carbonate electrolytes next to lithium are stable, roughly.
WINDOW = (0.0, 4.3)

#: Prefix of columns that hold a target clipped to the Faraday limit, for ranking.
_CLIPPED = "clipped "

_REJECT_COLUMNS = ("line", "formula", "reason")


@dataclass
class Screened:
    """The result of a screening.

    ``best`` has one row for each candidate that is among the best or on the Pareto front, best first. Its columns are
    rank (by the objective; missing for a candidate that is only on the front), line (where it first occurs), formula,
    working_ion, the targets with ``<target>_low`` and ``<target>_high`` (90% interval), energy (Wh/kg) and
    energy_density (Wh/L), both with the capacity clipped to the Faraday limit, outside_window (V),
    theoretical_capacity (mAh/g), above_limit (whether the predicted capacity is above it), nearest, nearest_distance
    (ElMD), in_domain and on_front. ``read`` and ``rejected`` count lines.
    """

    best: pd.DataFrame
    read: int = 0
    rejected: int = 0
    objective: str = "energy"
    window: tuple[float, float] = WINDOW


def screen(
    chunks: Iterable[pd.DataFrame],
    predictor: Predictor,
    *,
    objective: str = "energy",
    top: int = 50,
    window: tuple[float, float] = WINDOW,
    ion: str | None = None,
    in_domain: bool = False,
    reject: Callable[[pd.DataFrame], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Screened:
    """Predict every candidate; keep the ``top`` by ``objective`` and the Pareto front.

    A candidate is on the Pareto front when every candidate with more energy lies further outside the voltage window.

    Parameters
    ----------
    chunks : tables of candidates with the columns line, formula and working_ion (see ``candidates.read_candidates``).
        A composition that occurs again with the same ion counts once.
    window : lowest and highest voltage (V) at which the electrolyte is stable.
    ion : the working ion of formulas that contain several candidates and name none.
    in_domain : keep only candidates within the applicability domain, both in the ranking and on the front.
    reject : called with the lines of each chunk that cannot be used: line, formula, reason.
    progress : called with the number of lines done.

    Raises
    ------
    UserError
        When the objective or the ion is unknown, or the window is empty.
    """
    _check(objective, window, ion)
    best = front = pd.DataFrame()
    result = Screened(best, objective=objective, window=window)
    for chunk in chunks:
        usable, rejected = _usable(chunk, ion=ion)
        evaluated, refused = _evaluate(usable, predictor, window=window)
        rejected = pd.concat([rejected, refused]).sort_values("line", ignore_index=True)
        result.read, result.rejected = result.read + len(chunk), result.rejected + len(rejected)
        if reject and len(rejected):
            reject(rejected)
        if len(evaluated):
            if in_domain:
                evaluated = evaluated[evaluated["undefined"].map(len) == 0]
            inside = _Inside(predictor.domain, [best, front]) if in_domain else None
            best = _best(pd.concat([best, evaluated]), objective, top, inside=inside)
            front = pareto(pd.concat([front, evaluated]), inside=inside)
        if progress:
            progress(result.read)
    if len(best):
        result.best = _described(best, front, predictor)
    return result


def _check(objective: str, window: tuple[float, float], ion: str | None) -> None:
    if objective not in OBJECTIVES:
        raise UserError(f"unknown objective '{objective}'; {nearest(objective, OBJECTIVES)}")
    if ion is not None:
        try:
            chemistry.ion_charge(ion)
        except chemistry.FormulaError as error:
            raise UserError(str(error)) from error
    if not window[0] < window[1]:
        raise UserError(f"the window {window[0]:g} to {window[1]:g} V is empty; give the lower voltage first")


def _usable(chunk: pd.DataFrame, *, ion: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The candidates that can be used, with their working ion, and the others, with the reason."""
    usable, rejected = [], []
    for line, formula, own_ion in chunk[["line", "formula", "working_ion"]].itertuples(index=False):
        text = formula.strip() if isinstance(formula, str) else ""
        try:
            if not text:
                raise UserError("the formula is missing")
            moving = _moving_ion(text, own_ion if isinstance(own_ion, str) and own_ion else None, ion)
            chemistry.framework(chemistry.parse(text), moving)
        except (UserError, chemistry.FormulaError) as error:
            rejected.append((line, text, str(error)))
        else:
            usable.append((line, text, moving))
    candidates = pd.DataFrame(usable, columns=["line", "formula", "working_ion"])
    return (
        candidates.drop_duplicates(["formula", "working_ion"], ignore_index=True),
        pd.DataFrame(rejected, columns=list(_REJECT_COLUMNS)),
    )


def _moving_ion(formula: str, own: str | None, default: str | None) -> str:
    """The working ion of a candidate that may name its own; the name must be right."""
    ion = working_ion(formula, own or default)
    if own and own != ion:
        raise UserError(f"{formula} does not contain the working ion {own}")
    return ion


def _evaluate(
    candidates: pd.DataFrame, predictor: Predictor, *, window: tuple[float, float]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The candidates with their predictions, and those that the model cannot read, with the reason."""
    refused = pd.DataFrame(columns=list(_REJECT_COLUMNS))
    if candidates.empty:
        return candidates, refused
    try:
        return _with_predictions(candidates, predictor, window=window), refused
    except UserError as error:
        if len(candidates) == 1:
            return candidates.iloc[:0], candidates[["line", "formula"]].assign(reason=str(error))
    # An element that the model's features have no data for: the halves are tried until it is found.
    middle = len(candidates) // 2
    parts = [
        _evaluate(half.reset_index(drop=True), predictor, window=window)
        for half in (candidates[:middle], candidates[middle:])
    ]
    evaluated, refusals = zip(*parts, strict=True)
    return pd.concat([rows for rows in evaluated if len(rows)] or [candidates.iloc[:0]]), pd.concat(refusals)


def _with_predictions(candidates: pd.DataFrame, predictor: Predictor, *, window: tuple[float, float]) -> pd.DataFrame:
    """The candidates with their predictions, energies, and distance from the voltage window."""
    frame = compositions(candidates["formula"].tolist(), candidates["working_ion"].tolist())
    evaluated = predictor.model.evaluate(frame)
    predicted = evaluated.targets
    voltage = predicted[VOLTAGE.key].to_numpy()
    rows = pd.concat([candidates, predicted.set_axis(candidates.index, axis=0)], axis=1)
    pairs = zip(rows["formula"], rows["working_ion"], strict=True)
    limit = np.array([chemistry.full_capacity(formula, ion) for formula, ion in pairs])
    rows["theoretical_capacity"] = limit
    rows["above_limit"] = exceeds(predicted[GRAVIMETRIC.key].to_numpy(), limit)
    # A capacity above the Faraday limit is an error of the model. Without clipping, a ranking would favour such errors.
    capacity = predicted[GRAVIMETRIC.key].to_numpy()
    share = np.where(capacity > limit, limit / np.where(capacity > 0, capacity, 1.0), 1.0)
    # mAh/g times V is Wh/kg; mAh/cm3 times V is Wh/L.
    rows["energy"] = capacity * share * voltage
    rows["energy_density"] = predicted[VOLUMETRIC.key].to_numpy() * share * voltage
    rows[_CLIPPED + GRAVIMETRIC.key] = capacity * share
    rows[_CLIPPED + VOLUMETRIC.key] = predicted[VOLUMETRIC.key].to_numpy() * share
    rows["outside_window"] = np.maximum.reduce([window[0] - voltage, voltage - window[1], np.zeros(len(voltage))])
    rows["undefined"] = pd.Series(list(evaluated.undefined), index=rows.index, dtype=object)
    rows["composition"] = [chemistry.canonical(formula) for formula in rows["formula"]]
    return rows


class _Inside:
    """Whether compositions lie in the applicability domain.

    Called only for rows that would be kept, since each call takes a while. Rows in ``kept`` were called for before.
    """

    def __init__(self, domain: Domain, kept: Iterable[pd.DataFrame]) -> None:
        self._domain = domain
        self._inside = {str(composition): True for rows in kept if len(rows) for composition in rows["composition"]}

    def __call__(self, composition: str) -> bool:
        if composition not in self._inside:
            self._inside[composition] = composition in self._domain
        return self._inside[composition]


def _best(rows: pd.DataFrame, objective: str, top: int, *, inside: _Inside | None = None) -> pd.DataFrame:
    unique = rows.drop_duplicates(["composition", "working_ion"])
    by = _CLIPPED + objective if _CLIPPED + objective in unique else objective
    ordered = unique.sort_values([by, "formula"], ascending=[False, True], kind="stable")
    if inside is None:
        return ordered.head(top)
    positions = (i for i, composition in enumerate(ordered["composition"]) if inside(composition))
    return ordered.iloc[list(islice(positions, top))]


def pareto(rows: pd.DataFrame, *, inside: Callable[[str], bool] | None = None) -> pd.DataFrame:
    """The Pareto front of ``energy`` (higher is better) and ``outside_window`` (lower is better), highest energy first.

    Rows whose ``composition`` is not ``inside`` are ignored.
    """
    unique = rows.drop_duplicates(["composition", "working_ion"])
    ordered = unique.sort_values(["energy", "outside_window", "formula"], ascending=[False, True, True], kind="stable")
    positions, last = [], (np.inf, np.inf)
    columns = (ordered[column] for column in ("energy", "outside_window", "composition"))
    for i, (energy, outside, composition) in enumerate(zip(*columns, strict=True)):
        # Going down in energy, a row is on the front when it lies less far outside than all rows before it. Rows that
        # are equal in both are all on the front.
        if (outside < last[1] or (energy, outside) == last) and (inside is None or inside(composition)):
            positions.append(i)
            last = (energy, outside)
    return ordered.iloc[positions]


def _described(best: pd.DataFrame, front: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """The kept candidates with intervals, the nearest known composition, and whether they are in the domain."""
    key = ["composition", "working_ion"]
    ranked = best.assign(rank=range(1, len(best) + 1))
    rows = pd.concat([ranked, front]).drop_duplicates(key, ignore_index=True)
    rows["rank"] = rows["rank"].astype("Int64")
    on_front = set(front[key].itertuples(index=False, name=None))
    rows["on_front"] = [pair in on_front for pair in rows[key].itertuples(index=False, name=None)]
    known = [predictor.domain.nearest(formula, number=1)[0] for formula in rows["formula"]]
    rows["nearest"], rows["nearest_distance"] = [formula for formula, _ in known], [distance for _, distance in known]
    columns = ["formula", "nearest_distance", "undefined"]
    outside = [
        predictor.outside(formula, distance=distance, undefined=undefined)
        for formula, distance, undefined in zip(*(rows[c] for c in columns), strict=True)
    ]
    rows["in_domain"] = [reason is None for reason in outside]
    ends = predictor.intervals(
        rows,
        rows["formula"].tolist(),
        rows["working_ion"].tolist(),
        limit=rows["theoretical_capacity"].to_numpy(),
        distance=rows["nearest_distance"].to_numpy(),
        outside=outside,
    )
    rows = pd.concat([rows, ends], axis=1)
    columns = ["rank", "line", "formula", "working_ion"]
    for target in TARGETS:
        columns += [target, f"{target}_low", f"{target}_high"]
    columns += ["energy", "energy_density", "outside_window", "theoretical_capacity", "above_limit"]
    return rows[[*columns, "nearest", "nearest_distance", "in_domain", "on_front"]]
