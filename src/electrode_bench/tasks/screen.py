"""screen: a list of candidates -> the best ones and the Pareto front, and the lines that cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pandas as pd

from electrode_bench.core.artifacts import replacing, write_csv, write_table
from electrode_bench.errors import UserError
from electrode_bench.inference import screening
from electrode_bench.inference.candidates import count_candidates, read_candidates
from electrode_bench.inference.chosen import FittedModel

#: Called with (lines done, lines in total).
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class ScreenedFile:
    """What was screened, by which model, and the files that were written."""

    screened: screening.Screened
    model: FittedModel
    out: Path
    #: None when every line could be used.
    rejects: Path | None


def run(
    candidates: Path,
    load_model: Callable[[], FittedModel],
    *,
    objective: str = "energy",
    top: int = 50,
    window: tuple[float, float] = screening.WINDOW,
    ion: str | None = None,
    in_domain: bool = False,
    out: Path | None = None,
    progress: Progress | None = None,
) -> ScreenedFile:
    """Screen a file; write ``out`` (CSV or parquet) and, when lines cannot be used, ``<out>.rejects.csv``.

    Parameters
    ----------
    load_model : called once it is clear that the file can be read, since the model may have to be fitted first.
    out : None writes ``<candidates>.screened.csv``.

    The other parameters are those of :func:`electrode_bench.inference.screening.screen`.

    Raises
    ------
    UserError
        When the file cannot be read, ``out`` is neither CSV nor parquet, or no candidate remains.
    """
    out = out or candidates.with_name(f"{candidates.stem}.screened.csv")
    if out.suffix not in (".csv", ".parquet"):
        raise UserError(f"{out} must end in .csv or .parquet")
    if out.resolve() == candidates.resolve():
        raise UserError(f"{out} is the list of candidates itself; name another file with --out")
    chunks = _readable(read_candidates(candidates))
    model = load_model()
    total = count_candidates(candidates)
    rejects = out.with_name(f"{out.stem}.rejects.csv")
    with replacing(rejects) as temporary:
        pd.DataFrame(columns=["line", "formula", "reason"]).to_csv(temporary, index=False)

        def reject(rows: pd.DataFrame) -> None:
            rows.to_csv(temporary, index=False, header=False, mode="a")

        def report(done: int) -> None:
            if progress:
                progress(done, max(total, done))

        screened = screening.screen(
            chunks, model.predictor, objective=objective, top=top, window=window, ion=ion,
            in_domain=in_domain, reject=reject, progress=report,
        )  # fmt: skip
    if not screened.rejected:
        rejects.unlink()
    if screened.best.empty:
        _raise_empty(candidates, screened, rejects)
    if out.suffix == ".parquet":
        write_table(screened.best, out)
    else:
        write_csv(screened.best, out)
    return ScreenedFile(screened, model, out, rejects if screened.rejected else None)


def _readable(chunks: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same chunks, the first of which was read: a file that cannot be read is an error now."""
    first = next(chunks, None)
    return chunks if first is None else chain([first], chunks)


def _raise_empty(candidates: Path, screened: screening.Screened, rejects: Path) -> None:
    if screened.read > screened.rejected:
        raise UserError(f"no formula of {candidates} is in the applicability domain; try without --in-domain")
    reasons = f"; the reasons are in {rejects}" if screened.rejected else ""
    raise UserError(f"no formula of {candidates} can be used{reasons}")
