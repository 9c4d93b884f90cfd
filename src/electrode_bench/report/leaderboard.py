"""The leaderboard: who has the smallest error under each protocol, on one screen of a terminal and in other forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench import splits
from electrode_bench.core.rows import records
from electrode_bench.core.schema import CONTROL, TARGETS, Column
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.evaluation.coverage import ALL_ROWS
from electrode_bench.report import costs, numbers
from electrode_bench.report.numbers import MISSING, percent, significant, unit

if TYPE_CHECKING:
    from rich.console import RenderableType

    from electrode_bench.exported import Exported
    from electrode_bench.project import Project

#: Marks a model that does not differ significantly from the one with the smallest error.
TIED = "~"
#: Heads of the targets in a terminal.
_HEADS = ("gravimetric\ncapacity", "volumetric\ncapacity", "average\nvoltage")
#: Lines of the models of all protocols together that fit on one screen with the rest.
_MOST_ROWS = 40

NOTE = (
    f"SMAE: MAE divided by the control's, which has 1. Bold: the smallest. {TIED}: statistically tied with it (no "
    "significant difference over these folds). Resamples: draws of formulas. Detectable difference: from the next "
    "model, and significant over these folds. Verdicts are corrected for all pairs of models (Holm), so one more model "
    "makes every verdict stricter"
)


@dataclass(frozen=True)
class Place:
    """A model's error for one target.

    Attributes
    ----------
    smae : the error divided by the control's.
    best, tied : whether it is the smallest, or does not differ significantly from the smallest.
    """

    smae: float
    best: bool
    tied: bool


@dataclass(frozen=True)
class Line:
    """A model under a protocol.

    Attributes
    ----------
    places : by target.
    coverage : how often its intervals of the main level hold the true value, by target; NaN without intervals.
    cpu_seconds, peak_mb : of a fold, median; NaN where they are not known.
    """

    protocol: str
    model: str
    title: str
    places: Mapping[str, Place]
    coverage: Mapping[str, float]
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Leaderboard:
    """The lines of all protocols, the smallest mean error first, and the verdict on the main protocol.

    Attributes
    ----------
    main_protocol : the one that the verdict is about.
    level : nominal level of the intervals whose coverage is given.
    """

    lines: Sequence[Line]
    main_protocol: str
    verdict: Sequence[str]
    level: float
    synthetic: bool

    @classmethod
    def of(
        cls, tables: Mapping[str, pd.DataFrame], *, taken: pd.DataFrame, level: float, synthetic: bool
    ) -> Leaderboard:
        """Make it from the comparison.

        Parameters
        ----------
        tables : those of ``results/compare`` by name: ``table``, ``pairs``, ``ranking`` and ``coverage``.
        taken : what folds took (:func:`electrode_bench.fitting.costs.fold_costs`); may be empty.
        """
        ranks = _by(tables["ranking"], "protocol", "model", "target")
        spent = _by(taken, "protocol", "model")
        shown = tables["coverage"]
        held = _by(shown[(shown["by"] == ALL_ROWS) & (shown["level"] == level)], "protocol", "model", "target")
        # One fold tests nothing.
        tested = set(tables["pairs"].dropna(subset="p")["protocol"])
        lines = []
        for row in records(tables["table"][tables["table"]["model"] != CONTROL]):
            key = (row["protocol"], row["model"])
            places = {t: _place(row[f"{t}/smae"], ranks[*key, t], tested=key[0] in tested) for t in TARGETS}
            coverage = {t: held.get((*key, t), {}).get("coverage", float("nan")) for t in TARGETS}
            cost = spent.get(key, {})
            cpu_seconds, peak_mb = (cost.get(name, float("nan")) for name in ("cpu_seconds", "peak_rss_mb"))
            lines.append(Line(*key, row["title"], places, coverage, cpu_seconds, peak_mb))
        protocols = list(dict.fromkeys(line.protocol for line in lines))
        lines.sort(key=lambda line: (protocols.index(line.protocol), _mean(line), line.model))
        main = splits.for_new_compositions(protocols) or next(iter(protocols), "")
        return cls(lines, main, list(_verdict(tables, main)) if main else [], level, synthetic)

    @classmethod
    def read(cls, results: Project | Exported, *, taken: pd.DataFrame) -> Leaderboard:
        """That of a project's comparison, or of exported results; ``taken`` as in :meth:`of`."""
        tables = {name: results.comparison(name) for name in ("table", "pairs", "ranking", "coverage")}
        level = results.params().intervals.level
        return cls.of(tables, taken=taken, level=level, synthetic=results.synthetic())

    @property
    def protocols(self) -> dict[str, list[Line]]:
        """The lines by protocol."""
        out: dict[str, list[Line]] = {}
        for line in self.lines:
            out.setdefault(line.protocol, []).append(line)
        return out

    @property
    def has_costs(self) -> bool:
        """Whether the cost of any fold is known."""
        return any(line.cpu_seconds == line.cpu_seconds for line in self.lines)

    def heads(self) -> list[str]:
        """The columns after the model's name."""
        columns = [f"{column.label}, SMAE" for column in TARGETS.values()]
        return [*columns, f"coverage of {percent(self.level)} intervals", *(costs.HEADS if self.has_costs else ())]


def _by(frame: pd.DataFrame, *keys: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a table by the values of some columns."""
    return {tuple(row[key] for key in keys): row for row in records(frame)}


def _place(smae: float, rank: Mapping[str, Any], *, tested: bool) -> Place:
    best = int(rank["rank"]) == 1
    return Place(smae, best=best, tied=tested and bool(rank["like_best"]) and not best)


def _mean(line: Line) -> float:
    return sum(place.smae for place in line.places.values()) / len(line.places)


def _verdict(tables: Mapping[str, pd.DataFrame], protocol: str) -> Iterator[str]:
    """For each target two sentences: the smallest error; how stable the first place is, and what is detectable."""
    ranking, pairs = tables["ranking"], tables["pairs"]
    titles = dict(zip(tables["table"]["model"], tables["table"]["title"], strict=True))
    for target, column in TARGETS.items():
        ranks = ranking[(ranking["protocol"] == protocol) & (ranking["target"] == target)].sort_values("rank")
        if len(ranks) < 2:
            continue
        best = ranks.iloc[0]
        if best["model"] == CONTROL:
            yield f"{column.label}: no model has a smaller error than the control."
            continue
        between = pairs[(pairs["protocol"] == protocol) & (pairs["target"] == target)]
        control = between[(between["model"] == best["model"]) & (between["other"] == CONTROL)].iloc[0]
        text = f"{column.label}: {titles[best['model']]}, MAE {significant(best['mae'])} {unit(column)}, "
        text += f"{percent(-control['relative'])} less than the control"
        text += "" if best["beats_control"] else _unconfirmed(control)
        yield f"{text}. {_stability(best, ranks, between, column)}".rstrip()


def _unconfirmed(pair: pd.Series) -> str:
    """Why a smaller error than the control's is not significant, in brackets."""
    p = "" if numbers.missing(pair["p_holm"]) else f": p = {significant(pair['p_holm'], 2)} over folds"
    return f" (not significant{p})"


def _stability(best: pd.Series, ranks: pd.DataFrame, pairs: pd.DataFrame, column: Column) -> str:
    """How often the first place stays, and the smallest difference from the second that the folds could tell."""
    text = f"First in {percent(best['first'])} of resamples"
    second = ranks["model"].iloc[1]
    both = {best["model"], second}
    row = pairs[pairs["model"].isin(both) & pairs["other"].isin(both)].iloc[0]
    if numbers.missing(row["resolvable"]):
        return f"{text}."
    limit = f"{significant(row['resolvable'], 2)} {unit(column)}"
    return f"{text}; detectable difference {limit}."


# --- forms ---


def terminal(board: Leaderboard) -> Iterator[RenderableType]:
    """For a terminal: the verdict, a table and what it means; at most 60 lines at 100 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    protocols = board.protocols
    if board.verdict:
        yield Text(f"The smallest errors ({_short(board.main_protocol).lower()})", style="bold")
        yield from (Text(f"  {line}") for line in board.verdict)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("SMAE", overflow="fold", min_width=max(map(len, map(_short, protocols)), default=0))
    for name in _HEADS:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(f"coverage\nof {percent(board.level)}", justify="right", no_wrap=True)
    if board.has_costs:
        table.add_column("seconds\nper fold", justify="right", no_wrap=True)
    each = max(1, _MOST_ROWS // max(1, len(protocols)))
    for protocol, lines in protocols.items():
        table.add_row(Text(_short(protocol), style="italic"))
        # The line that counts the others takes the place of one.
        shown = lines if len(lines) <= each else lines[: each - 1]
        for line in shown:
            more = _more(board, line)[: 1 + board.has_costs]
            table.add_row(f"  {line.title}", *map(_marked, line.places.values()), *more)
        if len(lines) > len(shown):
            table.add_row(Text(f"  and {len(lines) - len(shown)} more: --full", style="dim"))
    yield table
    cost = " Seconds: processor time of the fit of a fold." if board.has_costs else ""
    yield Text(f"{NOTE}.{cost}", style="dim")
    if board.synthetic:
        yield Text(SYNTHETIC_NOTICE, style="bold red")


def _marked(place: Place) -> RenderableType:
    from rich.text import Text

    text = numbers.MISSING if numbers.missing(place.smae) else f"{place.smae:.3f}"
    return Text(f"{TIED if place.tied else ' '}{text}", style="bold" if place.best else "")


def _more(board: Leaderboard, line: Line) -> list[str]:
    """The columns after the errors."""
    held = [percent(line.coverage[target]).rstrip("%") for target in TARGETS]
    found = MISSING if set(held) == {MISSING} else f"{' '.join(held)} %"
    taken = costs.texts({"cpu_seconds": line.cpu_seconds, "peak_rss_mb": line.peak_mb})
    if not board.has_costs:
        return [found]
    return [found, *((MISSING, MISSING) if numbers.missing(line.cpu_seconds) else taken)]


def markdown(board: Leaderboard) -> str:
    """A table for each protocol, in Markdown."""
    heads = board.heads()
    blocks = [f"**{SYNTHETIC_NOTICE}**"] if board.synthetic else []
    blocks += ["\n".join(f"- {line}" for line in board.verdict)] if board.verdict else []
    for protocol, lines in board.protocols.items():
        rows = [f"| model | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
        for line in lines:
            errors = [_in_markdown(place) for place in line.places.values()]
            rows.append(f"| {line.title} | {' | '.join([*errors, *_more(board, line)])} |")
        blocks.append("\n".join([f"**{_title(protocol)}**", "", *rows]))
    return "\n\n".join([*blocks, f"{NOTE.replace(TIED, '&#126;')}."])


def _in_markdown(place: Place) -> str:
    text = MISSING if numbers.missing(place.smae) else f"{place.smae:.3f}"
    return f"**{text}**" if place.best else f"&#126;{text}" if place.tied else text


def latex(board: Leaderboard) -> str:
    """One table for all protocols, for LaTeX with the package booktabs."""
    heads = [_escaped(head) for head in board.heads()]
    out = [
        "% needs \\usepackage{booktabs}",
        f"\\begin{{tabular}}{{l{'r' * len(heads)}}}",
        "\\toprule",
        f"model & {' & '.join(heads)} \\\\",
    ]
    for protocol, lines in board.protocols.items():
        out += ["\\midrule", f"\\multicolumn{{{len(heads) + 1}}}{{l}}{{\\emph{{{_escaped(_title(protocol))}}}}} \\\\"]
        for line in lines:
            errors = [_in_latex(place) for place in line.places.values()]
            more = [_escaped(value) for value in _more(board, line)]
            out.append(f"{_escaped(line.title)} & {' & '.join([*errors, *more])} \\\\")
    note = _escaped(f"{SYNTHETIC_NOTICE}. " * board.synthetic + NOTE)
    return "\n".join([*out, "\\bottomrule", "\\end{tabular}", f"% {note}"])


def _in_latex(place: Place) -> str:
    text = "--" if numbers.missing(place.smae) else f"{place.smae:.3f}"
    return f"\\textbf{{{text}}}" if place.best else f"$\\sim${text}" if place.tied else text


def _escaped(text: str) -> str:
    for character in "&%#_$":
        text = text.replace(character, f"\\{character}")
    return text.replace("~", "$\\sim$").replace("<", "$<$")


def frame(board: Leaderboard) -> pd.DataFrame:
    """One row for each protocol and model, with numbers: for CSV."""
    rows = []
    for line in board.lines:
        row: dict[str, object] = {"protocol": line.protocol, "model": line.model, "title": line.title}
        for target, place in line.places.items():
            row |= {f"{target}/smae": place.smae, f"{target}/best": place.best, f"{target}/tied": place.tied}
            row[f"{target}/coverage"] = line.coverage[target]
        rows.append({**row, "cpu_seconds": line.cpu_seconds, "peak_rss_mb": line.peak_mb})
    return pd.DataFrame(rows)


#: The study, the data, and this software.
BIBTEX = """\
@article{wu2026electrodes,
  title = {Machine Learning for Electrode Materials: Property Prediction via Composition},
  author = {Wu, H. and Hargreaves, C. and Mishra, A. and Rignanese, G.-M.},
  year = {2026},
  eprint = {2603.07805},
  archivePrefix = {arXiv}
}

@article{jain2013materials,
  title = {Commentary: The {Materials Project}: A materials genome approach to accelerating materials innovation},
  author = {Jain, A. and others},
  journal = {APL Materials},
  volume = {1},
  pages = {011002},
  year = {2013},
  doi = {10.1063/1.4812323}
}
"""


def _title(protocol: str) -> str:
    return splits.protocol(protocol).title


def _short(protocol: str) -> str:
    return _title(protocol).partition(":")[0]
