"""The comparison of two releases of the data as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.data.releases.difference import ADDED, ALL_IONS, RELABELLED, REMOVED, SAME, Difference
from electrode_bench.evaluation.releases import SIDES, column
from electrode_bench.report.numbers import percent, significant
from electrode_bench.report.terminal import titled
from electrode_bench.splits import for_new_compositions

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_WHAT_COUNTS = (
    "Relabelled: the same electrode with another ion, another formula, a voltage that differs by more than 1 mV, or a "
    "capacity that differs by more than 0.1%."
)
_SCALED = (
    "Scaled: the mean absolute change divided by the mean absolute deviation of the old labels. It may be compared "
    "with an SMAE: it is the error of a model that knows the old labels, against the new ones."
)
_BOTH_LABELS = (
    "MAE (SMAE) on the same electrodes: those of both releases, with the same formula, that both results have tested. "
    "Results: what models were trained on. Labels: the values that they are scored against. Difference: new minus old "
    "results, both against the new labels, with its 95% interval (negative: the new results are better)."
)


def tables(difference: Difference, scores: pd.DataFrame | None, *, full: bool = False) -> Iterator[RenderableType]:
    """Tables of the electrodes by working ion, of the labels, and of the errors where there are some.

    Parameters
    ----------
    full : the errors under every protocol, instead of that which best stands for new compositions.
    """
    yield _electrodes(difference)
    if len(difference.in_both):
        yield _labels(difference)
    if scores is not None:
        found = list(dict.fromkeys(scores["protocol"]))
        protocols = found if full else [for_new_compositions(found) or found[0]]
        for protocol in protocols:
            # The note stands once, below the last table.
            note = _BOTH_LABELS if protocol == protocols[-1] else ""
            yield _scores(protocol, scores[scores["protocol"] == protocol], note=note)


def _electrodes(difference: Difference) -> Table:
    unclear = bool(difference.by_ion[["unclear_old", "unclear_new"]].to_numpy().any())
    headings = ["old", "new", "in both", RELABELLED, ADDED, REMOVED, *(["unclear"] if unclear else [])]
    table = _table("Electrodes", "ion", headings, note=_WHAT_COUNTS)
    for row in difference.by_ion.to_dict("records"):
        numbers = [row["old"], row["new"], row["in_both"], row[RELABELLED], row[ADDED], row[REMOVED]]
        cells = [f"{number:,}" for number in numbers]
        if unclear:
            cells.append(f"{row['unclear_old']:,} / {row['unclear_new']:,}")
        table.add_row(str(row["ion"]), *cells, style="bold" if row["ion"] == ALL_IONS else "")
    return table


def _labels(difference: Difference) -> Table:
    headings = ["in both", "changed", "mean change", "mean abs.", "median", "95%", "largest", "scaled"]
    table = _table("Labels of electrodes in both: new minus old", "target", headings, note=_SCALED)
    of_all = difference.changes[difference.changes["ion"] == ALL_IONS]
    for row in of_all.to_dict("records"):
        share = percent(row["changed"] / row["n"])
        values = [significant(row[name]) for name in ("mean", "mae", "median", "p95", "largest", "scaled")]
        table.add_row(TARGETS[row["target"]].title, f"{row['n']:,}", f"{row['changed']:,} ({share})", *values)
    return table


def _scores(protocol: str, scores: pd.DataFrame, *, note: str) -> Table:
    pairs = list(product(SIDES, SIDES))
    headings = ["n", *(f"{results} results,\n{labels} labels" for results, labels in pairs), "difference"]
    table = _table(f"Errors on electrodes in both: {protocol}", "model", headings, note=note)
    table.columns[0].no_wrap = True
    for target, of in scores.groupby("target", sort=False):
        table.add_section()
        table.add_row(TARGETS[str(target)].title, style="bold")
        for row in of.to_dict("records"):
            cells = [
                f"{significant(row[column('mae', *pair)])} ({significant(row[column('smae', *pair)])})"
                for pair in pairs
            ]
            interval = f"{significant(row['low'])} to {significant(row['high'])}"
            table.add_row(row["title"], f"{row['n']:,}", *cells, f"{significant(row['difference'])} ({interval})")
    return table


def _table(title: str, first: str, headings: list[str], *, note: str) -> Table:
    table = titled(title, [note] if note else [], synthetic=False)
    table.add_column(first)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def headline(difference: Difference) -> str:
    """What changed, in one sentence."""
    total = difference.by_ion.set_index("ion").loc[ALL_IONS]
    return (
        f"{total['in_both']:,} electrodes are in both releases: {total[SAME]:,} are the same and {total[RELABELLED]:,} "
        f"are relabelled; {total[ADDED]:,} are added and {total[REMOVED]:,} removed"
    )
