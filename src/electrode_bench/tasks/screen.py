"""screen: a list of candidates -> the best of them and the front, and the lines that could not be used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from electrode_bench.core.artifacts import replacing, write_csv, write_table
from electrode_bench.errors import UserError
from electrode_bench.inference import screening
from electrode_bench.project import Layout
from electrode_bench.tasks import predict


@dataclass(frozen=True)
class Made:
    """What was screened, by what, and where the files are; ``rejects`` is None when every line could be used."""

    screened: screening.Screened
    model: str
    title: str
    synthetic: bool
    out: Path
    rejects: Path | None


def run(
    layout: Layout,
    candidates: Path,
    *,
    objective: str,
    top: int,
    window: tuple[float, float],
    ion: str | None = None,
    in_domain: bool = False,
    model: str | None = None,
    out: Path | None = None,
    progress: screening.Progress | None = None,
) -> Made:
    """Screen a file; write ``out`` (CSV or parquet) and, where lines could not be used, ``<out>.rejects.csv``.

    Raises
    ------
    UserError
        When the file cannot be read, ``out`` is neither CSV nor parquet, or no model is fitted.
    """
    out = out or candidates.with_name(f"{candidates.stem}.screened.csv")
    if out.suffix not in (".csv", ".parquet"):
        raise UserError(f"{out} must end in .csv or .parquet")
    if out.resolve() == candidates.resolve():
        raise UserError(f"{out} is the list of candidates itself; name another file with --out")
    chunks = screening.lines(candidates)
    # The first chunk tells whether the file can be read, before a model is made.
    first = next(chunks, None)
    chosen = predict.choose(layout, model=model)
    total = screening.count(candidates)
    rejects = out.with_name(f"{out.stem}.rejects.csv")
    with replacing(rejects) as temporary:
        pd.DataFrame(columns=["line", "formula", "reason"]).to_csv(temporary, index=False)

        def reject(bad: pd.DataFrame) -> None:
            bad.to_csv(temporary, index=False, header=False, mode="a")

        def report(done: int) -> None:
            if progress:
                progress(done, max(total, done))

        found = screening.screen(
            (part for source in ([first] if first is not None else [], chunks) for part in source),
            chosen.predictor, objective=objective, top=top, window=window, ion=ion,
            in_domain=in_domain, reject=reject, progress=report,
        )  # fmt: skip
    if not found.rejected:
        rejects.unlink()
    if found.best.empty and found.read > found.rejected:
        raise UserError(f"{candidates} has no formula in the domain of the known electrodes; try without --in-domain")
    if found.best.empty:
        why = f"; the reasons are in {rejects}" if found.rejected else ""
        raise UserError(f"{candidates} has no formula that can be used{why}")
    if out.suffix == ".parquet":
        write_table(found.best, out)
    else:
        write_csv(found.best, out)
    return Made(found, chosen.model, chosen.title, chosen.synthetic, out, rejects if found.rejected else None)
