"""Many candidates at once, in bounded memory: the best by an objective, and the front of energy against voltage.

A chunk of formulas is predicted, the best so far and the Pareto front are kept, and the rest is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, GRAVIMETRIC, TARGETS, VOLTAGE, VOLUMETRIC, Column
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError, nearest
from electrode_bench.inference.predictor import Domain, Predictor, compositions, working_ion

#: What candidates can be ranked by; the largest is best.
OBJECTIVES = {
    c.key: c
    for c in (
        Column("energy", "Specific energy", "Wh/kg"),
        Column("energy_density", "Energy density", "Wh/L"),
        *TARGETS.values(),
    )
}

#: Volt. Carbonate electrolytes beside lithium are stable up to about here.
WINDOW = (0.0, 4.3)

#: Formulas read, predicted and forgotten at once.
CHUNK = 20_000

_RANKED = "ranked by "

_NAMES = ("formula", FORMULA)

#: Called with (lines done, lines in all).
Progress = Callable[[int, int], None]


@dataclass
class Screened:
    """The outcome of a screening.

    ``best`` has one row a candidate that is among the best or on the front, best first: rank (by the objective;
    missing for one that is only on the front), line (where it stood first), formula, working_ion, the targets with
    ``<target>_low`` and ``<target>_high`` (90% interval), energy (Wh/kg) and energy_density (Wh/L) with no more
    capacity than Faraday's law allows, outside_window (V), theoretical_capacity (mAh/g), above_limit (the predicted
    capacity is more than that), nearest, nearest_distance (ElMD), in_domain, on_front.
    ``read`` and ``rejected`` count lines.
    """

    best: pd.DataFrame
    read: int = 0
    rejected: int = 0
    objective: str = "energy"
    window: tuple[float, float] = WINDOW


def lines(path: Path, *, chunk: int = CHUNK) -> Iterator[pd.DataFrame]:
    """Candidates of a file in chunks: line (1 is the first of the file), formula, working_ion (None where not given).

    A CSV or parquet file has a column ``formula`` or ``formula_discharge``, and may have ``working_ion``; any other
    file has one formula a line.

    Raises
    ------
    UserError
        When the file is missing, cannot be read, or has no such column.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; give a CSV or parquet file with a column 'formula', or a formula a line")
    line = 1
    try:
        for part in _parts(path, chunk):
            name = next((n for n in _NAMES if n in part), None)
            if name is None:
                raise UserError(f"{path} has no column 'formula' (or '{FORMULA}'); it has {', '.join(map(str, part))}")
            ion = part["working_ion"] if "working_ion" in part else pd.Series([None] * len(part))
            first = line + (0 if part.attrs.get("headless") else 1)
            line += len(part)
            yield pd.DataFrame(
                {
                    "line": range(first, first + len(part)),
                    "formula": part[name].to_numpy(dtype=object),
                    "working_ion": ion.to_numpy(dtype=object),
                }
            )
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read: {error}") from error


def _parts(path: Path, chunk: int) -> Iterator[pd.DataFrame]:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        file = pq.ParquetFile(path)
        kept = [name for name in (*_NAMES, "working_ion") if name in file.schema_arrow.names]
        for batch in file.iter_batches(batch_size=chunk, columns=kept or None):
            yield batch.to_pandas()
    elif path.suffix in (".csv", ".tsv"):
        separator = "\t" if path.suffix == ".tsv" else ","
        yield from pd.read_csv(path, sep=separator, dtype=str, chunksize=chunk, keep_default_na=False, na_values=[""])
    else:
        with path.open(encoding="utf-8") as stream:
            while block := [text.strip() for _, text in zip(range(chunk), stream, strict=False)]:
                part = pd.DataFrame({"formula": block})
                part.attrs["headless"] = True
                yield part


def count(path: Path) -> int:
    """Candidates in a file, for a progress bar; a CSV's quoted line breaks count too."""
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return int(pq.read_metadata(path).num_rows)
    with path.open("rb") as stream:
        found = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    return max(found - (path.suffix in (".csv", ".tsv")), 0)


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

    The front: no other candidate has a higher energy and lies no further outside the window, or as high an energy and
    less far outside.

    Parameters
    ----------
    chunks : as :func:`lines` gives them. A composition that comes again with the same ion counts once.
    window : lowest and highest voltage (V) at which the electrolyte is stable.
    ion : the working ion of formulas that hold several candidates and name none.
    in_domain : keep only candidates within the domain of the known electrodes, in the ranks and on the front.
    reject : gets each chunk's lines that cannot be used: line, formula, reason.
    progress : gets the number of lines done.

    Raises
    ------
    UserError
        When the objective or the ion is not known, or the window is empty.
    """
    if objective not in OBJECTIVES:
        raise UserError(f"unknown objective '{objective}'; {nearest(objective, OBJECTIVES)}")
    if ion is not None:
        try:
            chemistry.ion_charge(ion)
        except chemistry.FormulaError as error:
            raise UserError(str(error)) from error
    if not window[0] < window[1]:
        raise UserError(f"the window {window[0]:g} to {window[1]:g} V is empty; give the lower voltage first")
    best = front = pd.DataFrame()
    out = Screened(best, objective=objective, window=window)
    for chunk in chunks:
        good, bad = _sorted_out(chunk, ion=ion)
        out.read, out.rejected = out.read + len(chunk), out.rejected + len(bad)
        if reject and len(bad):
            reject(bad)
        if len(good):
            found = _evaluated(good, predictor, window=window)
            inside = _Inside(predictor.domain, [best, front]) if in_domain else None
            best = _best(pd.concat([best, found]), objective, top, inside=inside)
            front = pareto(pd.concat([front, found]), inside=inside)
        if progress:
            progress(out.read)
    if len(best):
        out.best = _described(best, front, predictor)
    return out


def _sorted_out(chunk: pd.DataFrame, *, ion: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The candidates that can be used, with their ion, and the others with the reason."""
    good, bad = [], []
    for line, formula, named in chunk[["line", "formula", "working_ion"]].itertuples(index=False):
        given = named if isinstance(named, str) and named else None
        text = formula.strip() if isinstance(formula, str) else ""
        try:
            if not text:
                raise UserError("the formula is missing")
            moving = working_ion(text, given or ion)
            if given and given != moving:
                raise UserError(f"{text} does not hold the working ion {given}")
            chemistry.framework(chemistry.parse(text), moving)
        except (UserError, chemistry.FormulaError) as error:
            bad.append((line, text, str(error)))
        else:
            good.append((line, text, moving))
    once = pd.DataFrame(good, columns=["line", "formula", "working_ion"])
    return (
        once.drop_duplicates(["formula", "working_ion"], ignore_index=True),
        pd.DataFrame(bad, columns=["line", "formula", "reason"]),
    )


def _evaluated(candidates: pd.DataFrame, predictor: Predictor, *, window: tuple[float, float]) -> pd.DataFrame:
    frame = compositions(candidates["formula"].tolist(), candidates["working_ion"].tolist())
    predicted = predictor.model.predict(frame)
    voltage = predicted[VOLTAGE.key].to_numpy()
    out = pd.concat([candidates, predicted.set_axis(candidates.index, axis=0)], axis=1)
    pairs = zip(out["formula"], out["working_ion"], strict=True)
    limit = np.array([chemistry.full_capacity(formula, ion) for formula, ion in pairs])
    out["theoretical_capacity"] = limit
    out["above_limit"] = predicted[GRAVIMETRIC.key].to_numpy() > limit
    # A capacity beyond Faraday's limit is an error of the model: without the cut, a ranking would seek such errors.
    capacity = predicted[GRAVIMETRIC.key].to_numpy()
    possible = np.where(capacity > limit, limit / np.where(capacity > 0, capacity, 1.0), 1.0)
    # mAh/g times V is Wh/kg; mAh/cm3 times V is Wh/L.
    out["energy"] = capacity * possible * voltage
    out["energy_density"] = predicted[VOLUMETRIC.key].to_numpy() * possible * voltage
    # What candidates are ranked by: an impossible capacity must not win in itself either.
    out[_RANKED + GRAVIMETRIC.key] = capacity * possible
    out[_RANKED + VOLUMETRIC.key] = predicted[VOLUMETRIC.key].to_numpy() * possible
    out["outside_window"] = np.maximum.reduce([window[0] - voltage, voltage - window[1], np.zeros(len(voltage))])
    out["composition"] = [chemistry.canonical(f) for f in out["formula"]]
    return out


class _Inside:
    """Whether compositions lie in the domain. Asked only of rows that would be kept, since it takes a while."""

    def __init__(self, domain: Domain, kept: Iterable[pd.DataFrame]) -> None:
        self._domain = domain
        self._known = {str(c): True for rows in kept if len(rows) for c in rows["composition"]}

    def __call__(self, composition: str) -> bool:
        if composition not in self._known:
            self._known[composition] = composition in self._domain
        return self._known[composition]


def _best(rows: pd.DataFrame, objective: str, top: int, *, inside: _Inside | None = None) -> pd.DataFrame:
    once = rows.drop_duplicates(["composition", "working_ion"])
    by = _RANKED + objective if _RANKED + objective in once else objective
    order = once.sort_values([by, "formula"], ascending=[False, True], kind="stable")
    if inside is None:
        return order.head(top)
    kept = (i for i, composition in enumerate(order["composition"]) if inside(composition))
    return order.iloc[list(islice(kept, top))]


def pareto(rows: pd.DataFrame, *, inside: Callable[[str], bool] | None = None) -> pd.DataFrame:
    """The rows that no other one beats in ``energy`` (higher) and ``outside_window`` (lower), highest energy first.

    Rows whose ``composition`` is not ``inside`` do not count.
    """
    once = rows.drop_duplicates(["composition", "working_ion"])
    order = once.sort_values(["energy", "outside_window", "formula"], ascending=[False, True, True], kind="stable")
    kept, last = [], (np.inf, np.inf)
    columns = (order[c] for c in ("energy", "outside_window", "composition"))
    for i, (energy, outside, composition) in enumerate(zip(*columns, strict=True)):
        # Going down in energy, a row is on the front when it lies less far outside than all before it; of equal energy
        # and equal distance, all are.
        if (outside < last[1] or (energy, outside) == last) and (inside is None or inside(composition)):
            kept.append(i)
            last = (energy, outside)
    return order.iloc[kept]


def _described(best: pd.DataFrame, front: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """The kept candidates with intervals, Faraday's limit, the nearest known composition and the domain."""
    key = ["composition", "working_ion"]
    ranked = best.assign(rank=range(1, len(best) + 1))
    rows = pd.concat([ranked, front]).drop_duplicates(key, ignore_index=True)
    rows["rank"] = rows["rank"].astype("Int64")
    on_front = set(front[key].itertuples(index=False, name=None))
    rows["on_front"] = [pair in on_front for pair in rows[key].itertuples(index=False, name=None)]
    for target in TARGETS:
        std = rows[f"{target}_std"].to_numpy() if f"{target}_std" in rows else np.full(len(rows), np.nan)
        low, high = predictor.calibration[target].interval(target, rows[target].to_numpy(), std)
        rows[f"{target}_low"], rows[f"{target}_high"] = low, high
    near = [predictor.domain.nearest(formula, number=1)[0] for formula in rows["formula"]]
    rows["nearest"], rows["nearest_distance"] = [n for n, _ in near], [d for _, d in near]
    rows["in_domain"] = [
        predictor.domain.outside(formula, distance=distance) is None
        for formula, (_, distance) in zip(rows["formula"], near, strict=True)
    ]
    columns = ["rank", "line", "formula", "working_ion"]
    for target in TARGETS:
        columns += [target, f"{target}_low", f"{target}_high"]
    columns += ["energy", "energy_density", "outside_window", "theoretical_capacity", "above_limit"]
    return rows[[*columns, "nearest", "nearest_distance", "in_domain", "on_front"]]
