"""The published results of the models with physics: every table of the documents is what the committed tables say."""

from __future__ import annotations

import pandas as pd
import pytest
from support import ROOT
from support.published import order, table_rows

from electrode_bench.core.schema import TARGETS, WITH_PHYSICS

RESULTS = ROOT / "docs" / "results" / "earlier" / "physics"
PAGE = RESULTS / "README.md"

SHORT = {
    "control": "control",
    "faraday": "Faraday",
    "rf_magpie": "RF",
    "modnet": "MODNet",
    "crabnet": "CrabNet",
    "boosting": "boosting",
    "modnet_physics": "MODNet+",
    "crabnet_physics": "CrabNet+",
    "ensemble": "ensemble",
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "table.csv")


@pytest.fixture(scope="module")
def pairs() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "pairs.csv")


def _cells(row: pd.Series, *, deviation: bool) -> list[str]:
    values = [(row[f"{target}/smae"], row[f"{target}/smae spread"]) for target in TARGETS]
    return [f"{value:.3f} ± {spread:.3f}" if deviation else f"{value:.3f}" for value, spread in values]


def test_the_page_has_the_scores_of_the_table(table: pd.DataFrame) -> None:
    protocols = list(dict.fromkeys(table["protocol"]))
    titles = {(row["protocol"], row["title"]): row for _, row in table.iterrows()}
    protocol, shown = "", 0
    for title, *cells in table_rows(PAGE, "| SMAE |", columns=4):
        if title.startswith("**"):
            protocol = next(
                name for name in protocols if title.lower().startswith(f"**{name}") or f"({name}" in title.lower()
            )
            continue
        wanted = _cells(titles[protocol, title], deviation=protocol != "chronological")
        assert cells == wanted, f"{protocol}, {title}"
        shown += 1
    assert shown == len(table[table["model"] != "control"])


def test_the_page_has_the_order_of_the_models(pairs: pd.DataFrame) -> None:
    rows = {protocol: cells for protocol, *cells in table_rows(PAGE, "## Which differences", columns=4)}
    assert set(rows) == set(pairs["protocol"])
    for protocol, cells in rows.items():
        for cell, target in zip(cells, TARGETS, strict=True):
            of = pairs[(pairs["protocol"] == protocol) & (pairs["target"] == target)]
            wanted = order(of, SHORT)
            # One fold gives no verdict.
            assert cell == (wanted if of["p_holm"].notna().any() else wanted.replace(" ~ ", ", "))


def test_the_page_says_what_was_reached(table: pd.DataFrame) -> None:
    scores = table.set_index(["protocol", "model"])
    rows = table_rows(PAGE, "## Targets", columns=5)
    assert len(rows) == 4
    for protocol, _, *cells in rows:
        for model, cell in zip(("ensemble", "boosting"), cells, strict=False):
            assert cell == ", ".join(f"{scores.loc[(protocol, model), f'{t}/smae']:.3f}" for t in TARGETS)
        study = [
            scores.loc[(protocol, model)]
            for model in ("rf_magpie", "modnet", "crabnet")
            if (protocol, model) in scores.index
        ]
        assert cells[2] == ", ".join(f"{min(row[f'{t}/smae'] for row in study):.3f}" for t in TARGETS)


def test_the_page_has_the_references() -> None:
    references = pd.read_csv(RESULTS / "ceilings.csv")
    rows = table_rows(PAGE, "## What is left to gain", columns=6)
    assert len(rows) == len(references.groupby(["protocol", "ceiling"]))
    for protocol, title, *cells, _ in rows:
        for cell, target in zip(cells, TARGETS, strict=True):
            same = (references["protocol"] == protocol) & (references["title"] == title)
            of = references[same & (references["target"] == target)]
            if of.empty:
                assert cell == ""
                continue
            row = of.iloc[0]
            best = "" if row["share"] == 1 else f" ({row['best_smae']:.3f})"
            assert cell == f"{row['smae']:.3f}{best}"


def test_the_page_has_the_costs() -> None:
    costs = pd.read_csv(RESULTS / "cost.csv")
    rows = {title: cells for title, *cells in table_rows(PAGE, "## Cost", columns=5)}
    assert set(rows) == set(costs["title"])
    for title, (seconds, *cells) in rows.items():
        of = costs[costs["title"] == title].set_index("target")
        assert seconds == f"{of['cpu_seconds'].iloc[0]:.1f}"
        assert cells == [f"{of.loc[target, 'smae']:.3f}" for target in TARGETS]


def test_the_table_has_every_model_with_physics(table: pd.DataFrame) -> None:
    physics = table[table["reads"] == WITH_PHYSICS]
    assert {"faraday", "boosting", "modnet_physics", "crabnet_physics", "ensemble"} == set(physics["model"])


def test_what_the_documents_say_of_significance(pairs: pd.DataFrame) -> None:
    learning, study = {"boosting", "modnet_physics", "crabnet_physics", "ensemble"}, {"rf_magpie", "modnet", "crabnet"}
    different = {
        (row.protocol, row.target, frozenset((row.model, row.other))) for row in pairs[pairs["different"]].itertuples()
    }
    for target in TARGETS:
        for ours in learning:
            for theirs in study:
                assert ("grouped", target, frozenset((ours, theirs))) in different
    capacities = [target for target in TARGETS if target != "average_voltage"]
    among = {(target, both) for protocol, target, both in different if protocol == "grouped" and both <= learning}
    assert not [both for target, both in among if target in capacities]
    assert {both for _, both in among} == {
        frozenset(("ensemble", "modnet_physics")),
        frozenset(("ensemble", "crabnet_physics")),
    }
    loco = {(t, both) for protocol, t, both in different if protocol == "loco" and both <= learning | study}
    assert loco == {
        ("average_voltage", frozenset(("ensemble", "rf_magpie"))),
        ("average_voltage", frozenset(("boosting", "rf_magpie"))),
    }
