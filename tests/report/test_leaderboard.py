from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd
import pytest
from rich.console import Console

from electrode_bench.core.schema import TARGETS
from electrode_bench.report import leaderboard
from electrode_bench.report.leaderboard import Leaderboard, Line, Place

MAE = {"a": 1.0, "b": 1.1, "c": 3.0, "control": 4.0}


def tables(protocols: tuple[str, ...] = ("stratified", "grouped"), *, p: float = 0.01) -> dict[str, pd.DataFrame]:
    """Model b is tied with a, which is the best; c is worse than both."""
    models = list(MAE)
    table = pd.DataFrame(
        [
            {"protocol": protocol, "model": m, "title": f"Model {m}", **{f"{t}/smae": MAE[m] / 4 for t in TARGETS}}
            for protocol in protocols for m in models
        ]
    )  # fmt: skip
    pairs = pd.DataFrame(
        [
            {"protocol": protocol, "target": t, "model": one, "other": two, "mae": MAE[one], "other_mae": MAE[two],
             "relative": MAE[one] / MAE[two] - 1, "resolvable": 0.25 if p == p else p, "p": p,
             "different": {one, two} != {"a", "b"}}
            for protocol in protocols for t in TARGETS for i, one in enumerate(models) for two in models[i + 1 :]
        ]
    )  # fmt: skip
    ranking = pd.DataFrame(
        [
            {"protocol": protocol, "target": t, "rank": i, "model": m, "mae": MAE[m], "beats_control": m != "control",
             "like_best": m in ("a", "b"), "first": {"a": 0.75, "b": 0.25}.get(m, 0.0)}
            for protocol in protocols for t in TARGETS for i, m in enumerate(models, start=1)
        ]
    )  # fmt: skip
    coverage = pd.DataFrame(
        [
            {"model": m, "protocol": protocol, "target": t, "level": 0.9, "by": "all", "group": "all", "coverage": 0.88}
            for protocol in protocols for t in TARGETS for m in ("a", "b")
        ]
    )  # fmt: skip
    return {"table": table, "pairs": pairs, "ranking": ranking, "coverage": coverage}


NO_COSTS = pd.DataFrame(columns=["protocol", "model", "cpu_seconds", "peak_rss_mb"])
COSTS = pd.DataFrame([("grouped", "a", 12.3, 250.0)], columns=list(NO_COSTS.columns))


def board(taken: pd.DataFrame = NO_COSTS, **options: object) -> Leaderboard:
    return Leaderboard.of(tables(**options), taken=taken, level=0.9, synthetic=False)  # type: ignore[arg-type]


def printed(of: Leaderboard, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width)
    for part in leaderboard.terminal(of):
        console.print(part, highlight=False)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


def test_the_best_is_first_and_ties_are_marked() -> None:
    lines = board().protocols["grouped"]
    assert [line.model for line in lines] == ["a", "b", "c"]
    voltage = [line.places["average_voltage"] for line in lines]
    assert voltage == [Place(0.25, True, False), Place(0.275, False, True), Place(0.75, False, False)]
    text = printed(board())
    assert "~0.275" in text
    assert "~0.250" not in text
    assert "~0.750" not in text


def test_the_verdict_names_the_error_its_stability_and_what_can_be_told() -> None:
    verdict = board().verdict
    assert board().main_protocol == "grouped"
    assert verdict[2] == (
        "Average voltage: Model a, MAE 1 V, 75% less than the control. First in 75% of resamples; "
        "detectable difference 0.25 V."
    )


def test_one_fold_marks_no_tie_and_resolves_nothing() -> None:
    of = board(protocols=("chronological",), p=float("nan"))
    assert not any(place.tied for line in of.lines for place in line.places.values())
    assert of.verdict[0].endswith("First in 75% of resamples.")


def test_costs_are_shown_where_any_is_known() -> None:
    assert "seconds" not in printed(board()).lower()
    text = printed(board(COSTS))
    assert "12.3" in text
    assert "Seconds: processor time" in text
    assert leaderboard.frame(board(COSTS))["cpu_seconds"].notna().sum() == 1


def test_a_full_study_fits_on_one_screen() -> None:
    of = board(COSTS)
    models = [replace(of.lines[0], model=f"m{i}", title=f"A model with the name {i}") for i in range(8)]
    protocols = ("stratified", "grouped", "loco", "bootstrap", "chronological")
    lines = [replace(line, protocol=protocol) for protocol in protocols for line in models]
    full = replace(of, lines=lines)
    for width in (80, 100, 120):
        assert len(printed(full, width).splitlines()) <= 60
    # More models than fit are counted.
    more = [replace(line, model=f"{line.model}-{k}") for line in lines for k in range(3)]
    shortened = printed(replace(of, lines=more))
    assert len(shortened.splitlines()) <= 60
    assert "and 17 more: --full" in shortened


def test_markdown_and_latex_have_the_same_numbers() -> None:
    markdown, latex = leaderboard.markdown(board(COSTS)), leaderboard.latex(board(COSTS))
    assert "| Model a | **0.250** | **0.250** | **0.250** | 88 88 88 % | 12.3 | 250 |" in markdown
    assert "| Model b | &#126;0.275 |" in markdown
    assert r"Model a & \textbf{0.250} & \textbf{0.250} & \textbf{0.250} & 88 88 88 \% & 12.3 & 250 \\" in latex
    assert r"Model b & $\sim$0.275 &" in latex
    assert latex.count(r"\multicolumn{7}") == 2
    assert latex.count("{") == latex.count("}")


@pytest.mark.parametrize("text", ["50% & more_less #1 $2", "a < b ~ c"])
def test_latex_prints_names_as_they_are(text: str) -> None:
    of = board()
    line: Line = replace(of.lines[0], title=text)
    shown = leaderboard.latex(replace(of, lines=[line]))
    assert leaderboard.latex(of) != shown
    assert text not in shown


def test_the_table_for_csv_has_a_row_for_each_protocol_and_model() -> None:
    rows = leaderboard.frame(board())
    assert rows[["protocol", "model"]].to_numpy().tolist() == [
        [protocol, model] for protocol in ("stratified", "grouped") for model in "abc"
    ]
    assert rows["average_voltage/tied"].tolist() == [False, True, False] * 2
