"""Screening of many candidates in bounded memory: the best by an objective, and the Pareto front of energy and voltage.

Candidates are evaluated in chunks, by several processes if there are workers. Only the best so far, the Pareto front,
and a digest of each candidate are kept. The result does not depend on the number of workers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from electrode_bench.core.rows import records
from electrode_bench.inference.notes import why_no_interval
from electrode_bench.inference.predictor import Predictor
from electrode_bench.inference.reading import read
from electrode_bench.inference.screened import COLUMNS, OBJECTIVES, RANKS, Options, Screened
from electrode_bench.inference.screening.evaluation import KEY, Evaluated, voltage_outside
from electrode_bench.inference.screening.processes import evaluated_chunks
from electrode_bench.inference.screening.ranking import best, pareto
from electrode_bench.inference.screening.remarks import remarks
from electrode_bench.inference.screening.seen import Seen

__all__ = ["OBJECTIVES", "RANKS", "Options", "Screened", "screen"]

#: Lines that repeat a candidate and are shown with it; further ones are only counted.
MOST_REPEATS = 20


def screen(
    chunks: Iterable[pd.DataFrame],
    predictor: Predictor,
    options: Options | None = None,
    *,
    workers: int = 1,
    reject: Callable[[pd.DataFrame], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Screened:
    """Predict every candidate; keep the best and the Pareto front.

    Parameters
    ----------
    chunks : tables of candidates with the columns line, formula and working_ion, and any others (see
        :func:`electrode_bench.inference.candidates.read_candidates`).
    workers : processes that evaluate chunks. The result is the same for any number.
    reject : called with the lines of each chunk that cannot be used: line, formula, reason.
    progress : called with the number of lines done.

    Raises
    ------
    UserError
        When an option cannot be used.
    """
    options = options or Options()
    options.check()
    found = _Found(options, predictor.calibration.level)
    for chunk, evaluated in evaluated_chunks(chunks, predictor, options, workers=workers):
        found.add(chunk, evaluated)
        if reject and len(evaluated.rejected):
            reject(evaluated.rejected)
        if progress:
            progress(found.result.read)
    return found.described(predictor)


class _Found:
    """The best candidates and the Pareto front of the chunks so far, and the lines that repeat them."""

    def __init__(self, options: Options, level: float) -> None:
        self.options = options
        self.result = Screened(pd.DataFrame(columns=list(COLUMNS)), options, level=level)
        self.best = self.front = pd.DataFrame()
        self.repeats: dict[tuple[str, str], list[pd.DataFrame]] = {}
        self.seen = Seen()
        self.own_columns: list[str] = []

    def add(self, chunk: pd.DataFrame, evaluated: Evaluated) -> None:
        self.own_columns = self.own_columns or [str(c) for c in chunk.columns[3:]]
        rows, repeats = (_with_columns_of(part, chunk) for part in (evaluated.rows, evaluated.repeats))
        first = self.seen.first_lines(_keys(rows), rows["line"].to_numpy(dtype=np.int64))
        rows, again = rows[first < 0], rows[first >= 0]
        result = self.result
        result.read += len(chunk)
        result.rejected += len(evaluated.rejected)
        result.duplicates += len(repeats) + len(again)
        if self.options.window is not None and len(rows):
            outside = voltage_outside(rows, self.options.window)
            result.filtered += int(outside.sum())
            rows = rows[~outside]
        if self.options.in_domain and len(rows):
            result.outside_domain += int((~rows["in_domain"]).sum())
            rows = rows[rows["in_domain"]]
        if len(rows):
            self.best = best(_joined(self.best, rows), self.options.top)
            self.front = pareto(_joined(self.front, rows))
        kept = {*_keys(self.best), *_keys(self.front)}
        self.repeats = {key: lines for key, lines in self.repeats.items() if key in kept}
        # A candidate that was dropped before never comes back, so lines that repeat it need not be kept.
        for part in (again, repeats):
            for key, lines in part.groupby(KEY, sort=False) if len(part) else ():
                if key in kept:
                    held = self.repeats.setdefault(key, [])
                    room = MOST_REPEATS - sum(map(len, held))
                    if room > 0:
                        held.append(lines[["line", "formula", *self.own_columns]].head(room))

    def described(self, predictor: Predictor) -> Screened:
        """The result, with what is only needed for the candidates that are kept."""
        if self.best.empty:
            return self.result
        on_front = set(_keys(self.front))
        ranked = self.best.assign(rank=range(1, len(self.best) + 1))
        rows = _joined(ranked, self.front.assign(rank=None)).drop_duplicates(KEY, ignore_index=True)
        rows["on_front"] = [key in on_front for key in _keys(rows)]
        rows = _with_notes(rows, predictor)
        rows["duplicate_of"] = None
        rows = self._with_repeats(rows)
        for name in ("rank", "duplicate_of"):
            rows[name] = rows[name].astype("Int64")
        self.result.best = rows[[*COLUMNS, *self.own_columns]].reset_index(drop=True)
        return self.result

    def _with_repeats(self, rows: pd.DataFrame) -> pd.DataFrame:
        parts: list[pd.DataFrame] = []
        for position, key in enumerate(_keys(rows)):
            row = rows.iloc[[position]]
            parts.append(row)
            lines = self.repeats.get(key)
            if lines:
                again = pd.concat(lines).sort_values("line", kind="stable")
                copies = row.loc[row.index.repeat(len(again))].reset_index(drop=True)
                first = int(row["line"].iloc[0])
                for name in again:
                    copies[name] = again[name].to_numpy()
                notes = f"repeats line {first}"
                copies = copies.assign(rank=None, duplicate_of=first, notes=notes)
                parts.append(copies.astype(dict(row.dtypes)))
        return pd.concat(parts, ignore_index=True)


def _with_notes(rows: pd.DataFrame, predictor: Predictor) -> pd.DataFrame:
    """The rows with the nearest known composition, and what to know about them."""
    formulas, ions = rows["formula"].tolist(), rows["working_ion"].tolist()
    nearest, distance = predictor.domain.nearest_of_each(formulas)
    fitted_on = predictor.known.electrodes(formulas) if predictor.known else np.zeros(len(rows), dtype=np.int64)
    ends = [column for column in COLUMNS if column.endswith(("_low", "_high"))]
    missing = rows[ends].isna().any(axis=1)
    # As in all answers: an interval comes from errors on compositions that the model was not fitted on. The score keeps
    # the end of the interval, which is too low rather than too high here.
    rows.loc[fitted_on > 0, ends] = np.nan
    rows["nearest"] = pd.Series(nearest, index=rows.index, dtype=object)
    rows["nearest_distance"] = distance
    rows["reading"] = pd.Series(read(formulas, ions), index=rows.index, dtype=object)
    given = zip(formulas, rows["nearest_distance"], rows["undefined"], strict=True)
    rows["outside"] = [
        predictor.outside(formula, distance=float(distance), undefined=undefined)
        for formula, distance, undefined in given
    ]
    rows["no_interval"] = [why_no_interval(*one) for one in zip(missing, fitted_on, rows["outside"], strict=True)]
    rows["notes"] = ["; ".join(remarks(row, reads_ion=predictor.reads_ion)) for row in records(rows)]
    return rows


def _with_columns_of(rows: pd.DataFrame, chunk: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the user's own columns, which did not travel to the workers."""
    own = chunk.iloc[rows["position"].to_numpy(dtype=np.int64), 3:].set_axis(rows.index, axis=0)
    return pd.concat([rows, own], axis=1)


def _joined(kept: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return rows if kept.empty else kept if rows.empty else pd.concat([kept, rows], ignore_index=True)


def _keys(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["composition"], rows["working_ion"], strict=True)) if len(rows) else []
