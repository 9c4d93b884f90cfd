"""The comparison as tables, for a terminal and in Markdown."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.schema import COMPOSITION_ONLY, CONTROL, TARGETS
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.errors import UserError
from electrode_bench.evaluation.metrics import FILTERED, SHOWN
from electrode_bench.evaluation.significance import standing
from electrode_bench.report import numbers
from electrode_bench.report.costs import CAPTION, COLUMNS, cost_rows

if TYPE_CHECKING:
    from rich.table import Table

#: How two models that are next to each other in the order of their error are compared.
VERDICTS = (
    "A < B: the errors are significantly different (the 95% interval over formulas excludes zero, and p < 0.05 over "
    "folds after Holm's correction); A ~ B: statistically tied. The two ends of a chain of ~ may still differ "
    "significantly"
)

#: Heading of the ceilings.
CEILINGS = "what is left to gain (references, not models)"

#: Columns of a terminal that a model's name gets at least.
_NAME_WIDTH = 16

_ALL_PAIRS = "All pairs with their numbers: results/compare/pairs.csv"

_ORDER_COLUMNS = ("protocol", "target", "smallest error first", "significantly better than the control")


def headline(rows: pd.DataFrame, *, ceilings: pd.DataFrame, synthetic: bool) -> Iterator[Table]:
    """The study's table for a terminal, one for each protocol.

    Parameters
    ----------
    rows : ``results/compare/table.csv``: one row for each protocol and model. Each value is shown with its standard
        deviation, and in brackets below it the same on 2-sigma-filtered rows.
    ceilings : ``results/compare/ceilings.csv``: what is left to gain, below the models.
    """
    from rich.table import Table
    from rich.text import Text

    for protocol, runs in rows.groupby("protocol", sort=False):
        table = Table(
            title=_title(str(protocol)),
            caption=_caption(str(protocol), synthetic=synthetic),
            title_justify="left",
            caption_justify="left",
        )
        # Names wrap where the terminal is narrow; they are never cut off.
        table.add_column("model", overflow="fold", min_width=_NAME_WIDTH)
        for metric in SHOWN:
            table.add_column(metric.label, justify="right", no_wrap=True)
        for target, column in TARGETS.items():
            table.add_row(Text(f"{column.label}, {column.unit}", style="bold"))
            for heading, group in by_what_they_read(runs):
                if heading:
                    table.add_row(Text(heading, style="italic"))
                for _, run in group.iterrows():
                    values = ("\n".join(_values(run, target, metric.key)) for metric in SHOWN)
                    table.add_row(f"  {run['title']}", *values)
            references = ceiling_rows(ceilings, runs, target=target)
            if references:
                table.add_row(Text(CEILINGS, style="italic"))
            for title, *shown in references:
                table.add_row(f"  {title}", *shown)
            table.add_section()
        yield table


def order(pairs: pd.DataFrame, *, titles: Mapping[str, str]) -> Iterator[Table]:
    """For a terminal: the models of each protocol and target by their error, and which of them differ significantly.

    Parameters
    ----------
    pairs : ``results/compare/pairs.csv``.
    titles : each model's name for people.
    """
    from rich.table import Table

    table = Table(
        title="Which model is better",
        caption=f"{VERDICTS}\n{_ALL_PAIRS}",
        title_justify="left",
        caption_justify="left",
    )
    for name in _ORDER_COLUMNS:
        table.add_column(name)
    previous = None
    for protocol, *rest in _order_rows(pairs, titles=titles):
        if previous not in (None, protocol):
            table.add_section()
        table.add_row("" if protocol == previous else protocol, *rest)
        previous = protocol
    yield table


def left_out(reasons: Mapping[str, str]) -> list[str]:
    """A line for each protocol that the data has no folds for."""
    return [f"{_title(protocol)}: left out: {reason}" for protocol, reason in reasons.items()]


def markdown(
    rows: pd.DataFrame,
    pairs: pd.DataFrame,
    *,
    titles: Mapping[str, str],
    ceilings: pd.DataFrame,
    synthetic: bool,
    left_out: Mapping[str, str] = MappingProxyType({}),
    costs: pd.DataFrame | None = None,
) -> str:
    """The same tables in Markdown; ``left_out`` has the reason for each protocol without folds.

    ``costs`` are those of :func:`electrode_bench.report.costs.error_and_cost`; None, or no rows, for no table of them.
    """
    lines = []
    for protocol, runs in rows.groupby("protocol", sort=False):
        lines += [f"### {_title(str(protocol))}", ""]
        lines += [f"| target | model | {' | '.join(metric.label for metric in SHOWN)} |"]
        lines += [f"|---|---|{'---:|' * len(SHOWN)}"]
        for target, column in TARGETS.items():
            head, blank = f"| {column.label}, {column.unit} |", " |" * len(SHOWN)
            for heading, group in by_what_they_read(runs):
                lines += [f"{head} *{heading}* |{blank}"] if heading else []
                for _, run in group.iterrows():
                    values = " | ".join(" ".join(_values(run, target, metric.key)) for metric in SHOWN)
                    lines.append(f"{head} {run['title']} | {values} |")
            references = ceiling_rows(ceilings, runs, target=target)
            lines += [f"{head} *{CEILINGS}* |{blank}"] if references else []
            lines += [f"{head} {' | '.join(row)} |" for row in references]
        caption = _caption(str(protocol), synthetic=synthetic).replace("\n", "; ")
        lines += ["", f"{caption[0].upper()}{caption[1:]}.", ""]
    if not pairs.empty:
        lines += ["### Which model is better", "", f"| {' | '.join(_ORDER_COLUMNS)} |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(row).replace('~', '&#126;')} |" for row in _order_rows(pairs, titles=titles)]
        lines += ["", f"{VERDICTS.replace('~', '&#126;')}. {_ALL_PAIRS}."]
    if costs is not None and len(costs):
        lines += ["", "### What a fold costs", "", f"| {' | '.join(COLUMNS)} |", "|---|---|---:|---:|---:|---|"]
        lines += [f"| {' | '.join(row)} |" for row in cost_rows(costs)]
        lines += ["", f"{CAPTION}."]
    for protocol, reason in left_out.items():
        lines += ["", f"{_title(protocol)}: left out: {reason}."]
    return "\n".join(lines)


def orders(pairs: pd.DataFrame, *, titles: Mapping[str, str]) -> dict[str, str]:
    """One line for each target of one protocol, such as ``CrabNet ~ MODNet < RF@Magpie < Control``.

    Where nothing could be tested, because there is one fold, names are separated by commas.
    """
    lines = {}
    for target, rows in pairs.groupby("target", sort=False):
        mae, different = standing(rows)
        names = [titles.get(name, name) for name in mae]
        if not _tested(rows):
            lines[str(target)] = ", ".join(names)
            continue
        line = names[0]
        for (better, worse), title in zip(itertools.pairwise(mae), names[1:], strict=True):
            line += f" {'<' if frozenset((better, worse)) in different else '~'} {title}"
        lines[str(target)] = line
    return lines


def by_what_they_read(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Heading and rows of each group of models, those of the study first; no heading where all read the same.

    Parameters
    ----------
    runs : rows of ``results/compare/table.csv`` of one protocol.

    Raises
    ------
    UserError
        When the table lacks the column: it was made by an earlier version.
    """
    if "reads" not in runs:
        raise UserError("results/compare/table.csv has no column reads; run: dvc repro")
    kinds = sorted(dict.fromkeys(runs["reads"]), key=lambda kind: kind != COMPOSITION_ONLY)
    if len(kinds) == 1:
        return [("", runs)]
    headings = {COMPOSITION_ONLY: "composition only, as in the study"}
    return [(headings.get(kind, kind), runs[runs["reads"] == kind]) for kind in kinds]


def ceiling_rows(ceilings: pd.DataFrame, runs: pd.DataFrame, *, target: str) -> list[list[str]]:
    """For each ceiling its title, then a text for each shown metric.

    The title of a ceiling that is not known for all electrodes says for how many it is, and the smallest SMAE of a
    model on these.

    Parameters
    ----------
    ceilings : ``results/compare/ceilings.csv``.
    runs : rows of ``results/compare/table.csv`` of one protocol.
    """
    rows = ceilings[(ceilings["protocol"] == runs["protocol"].iloc[0]) & (ceilings["target"] == target)]
    titles = dict(zip(runs["model"], runs["title"], strict=True))
    lines = []
    for row in rows.to_dict("records"):
        part = ""
        if row["share"] < 1:
            best = ""
            if not numbers.missing(row["best_smae"]):
                title = titles.get(row["best_model"], row["best_model"])
                best = f"; best model on these: {title}, SMAE {row['best_smae']:.3f}"
            part = f" (on {numbers.percent(row['share'])} of the electrodes{best})"
        values = [
            numbers.with_deviation(row[metric.key], None, _decimals(row[metric.key], metric.key))
            if metric.key in row
            else ""
            for metric in SHOWN
        ]
        lines.append([f"{row['title']}{part}", *values])
    return lines


def value_of(run: Mapping[str, Any] | pd.Series[Any], key: str, metric: str) -> str:
    """The value ``key`` of a row of ``results/compare/table.csv`` with its standard deviation, suitably rounded.

    Raises
    ------
    UserError
        When the table lacks it: it was made before the metric was added.
    """
    if key not in run:
        raise UserError(f"results/compare/table.csv has no column {key}; run: dvc repro")
    value = float(run[key])
    return numbers.with_deviation(value, float(run[f"{key} spread"]), _decimals(value, metric))


def _decimals(value: float, metric: str) -> int:
    return 1 if abs(value) >= 10 or (metric == "mae" and abs(value) >= 5) else 3


def _values(run: pd.Series[Any], target: str, metric: str) -> tuple[str, str]:
    """A metric with its standard deviation, and in brackets the same on filtered rows."""
    unfiltered, filtered = (value_of(run, f"{target}/{metric}{suffix}", metric) for suffix in ("", FILTERED))
    return unfiltered, f"({filtered})"


def _order_rows(pairs: pd.DataFrame, *, titles: Mapping[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Rows of the columns ``_ORDER_COLUMNS``."""
    for protocol, rows in pairs.groupby("protocol", sort=False):
        for target, line in orders(rows, titles=titles).items():
            against_control = rows[(rows["target"] == target) & (rows["other"] == CONTROL)]
            better = against_control[against_control["different"].astype(bool) & (against_control["high"] < 0)]
            names = ", ".join(titles.get(str(name), str(name)) for name in better["model"]) or "none"
            if not _tested(against_control):
                names = "one fold: no test"
            yield str(protocol), TARGETS[target].label, line, names


def _tested(pairs: pd.DataFrame) -> bool:
    """Whether the pairs of one protocol and target were tested over folds; one fold does not allow it."""
    return bool(pairs["p_holm"].notna().any())


def _title(protocol: str) -> str:
    return f"{splits.protocol(protocol).title} ({protocol})"


def _caption(protocol: str, *, synthetic: bool) -> str:
    text = (
        f"mean ± standard deviation over {splits.protocol(protocol).averaged_over}; "
        "in brackets: on 2-sigma-filtered rows\nSMAE = MAE / MAE of the control on unfiltered rows"
    )
    return f"{text}\n{SYNTHETIC_NOTICE}" if synthetic else text


def wrapped(text: str, width: int = 120) -> str:
    """Markdown whose lines are not longer than ``width``, but for those of tables, which cannot be broken."""

    def one(line: str) -> str:
        indent = "  " if line.startswith("- ") else ""
        return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)

    return "\n".join(line if line.startswith("|") or len(line) <= width else one(line) for line in text.splitlines())
