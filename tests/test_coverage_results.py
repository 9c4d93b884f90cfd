"""The published coverage of prediction intervals: what the documents say of it is what the committed tables say."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from support import ROOT

from electrode_bench.core.schema import TARGETS
from electrode_bench.params import Intervals

RESULTS = ROOT / "docs" / "results" / "earlier" / "coverage"
PROTOCOLS = ("stratified", "grouped", "loco", "chronological")


def _text(path: str) -> str:
    """A document in one line, so that no sentence is broken."""
    return " ".join((ROOT / path).read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def targets() -> pd.DataFrame:
    return pd.read_csv(RESULTS / "targets.csv")


def _held(targets: pd.DataFrame, model: str, protocol: str) -> list[int]:
    """Measured coverage in whole percent, in the order of the targets."""
    of = targets[(targets["model"] == model) & (targets["protocol"] == protocol)].set_index("target")
    return [round(100 * of.loc[target, "coverage"]) for target in TARGETS]


def test_the_page_on_uncertainty_has_the_coverage_of_boosting(targets: pd.DataFrame) -> None:
    found = re.search(
        r"the 90% intervals of boosting hold (\d+) to (\d+)% under grouped folds and (\d+) to (\d+)% under LOCO",
        _text("docs/uncertainty.md"),
    )
    assert found
    grouped, loco = (_held(targets, "boosting", protocol) for protocol in ("grouped", "loco"))
    assert [int(value) for value in found.groups()] == [min(grouped), max(grouped), min(loco), max(loco)]


def test_the_decision_has_the_coverage_of_boosting(targets: pd.DataFrame) -> None:
    text = _text("docs/decisions/0026-intervals.md")
    said = text[text.index("boosting stratified") : text.index("The ensemble is within")]
    found = {
        name: [int(v) for v in re.findall(r"\d+", rest)] for name, rest in re.findall(r"([a-z]+) ([\d, ]+)%", said)
    }
    assert found == {protocol: _held(targets, "boosting", protocol) for protocol in PROTOCOLS}


def test_the_decision_has_what_is_within_reach(targets: pd.DataFrame) -> None:
    text = _text("docs/decisions/0026-intervals.md")
    ours = (
        targets[targets["model"].isin(["boosting", "ensemble"])].set_index(["protocol", "target", "model"]).sort_index()
    )
    assert "The ensemble is within 2 points of these." in text
    both = ours["coverage"].unstack("model")
    assert (both["boosting"] - both["ensemble"]).abs().max() < 0.02
    found = re.search(r"(\d+)% have an interval under loco and (\d+)% under chronological", text)
    assert found
    for protocol, share in zip(("loco", "chronological"), found.groups(), strict=True):
        assert {round(100 * value) for value in ours.loc[protocol]["share with an interval"]} == {int(share)}


def test_the_decision_has_the_lowest_ions(targets: pd.DataFrame) -> None:
    assert "No ion with 60 compositions is below 85% under stratified and grouped folds; under loco some are." in _text(
        "docs/decisions/0026-intervals.md"
    )
    assert Intervals().fewest == 60
    ours = targets[targets["model"].isin(["boosting", "ensemble"])].set_index("protocol")["its coverage"]
    assert ours.loc[["stratified", "grouped"]].min() >= 0.85
    assert ours.loc["loco"].min() < 0.85


def test_the_decision_has_the_widths(targets: pd.DataFrame) -> None:
    text = _text("docs/decisions/0026-intervals.md")
    strict = targets["protocol"].isin(["stratified", "grouped"]) & targets["model"].isin(["boosting", "ensemble"])
    width = targets[strict].set_index("target")["width over symmetric"]
    assert "Gravimetric intervals have half the width of symmetric ones at equal coverage." in text
    assert width.loc["gravimetric_capacity"].between(0.4, 0.5).all()
    assert "Volumetric ones are a fifth to a quarter narrower, not 30%" in text
    assert width.loc["volumetric_capacity"].between(0.75, 0.81).all()


def test_the_tables_agree(targets: pd.DataFrame) -> None:
    coverage = pd.read_csv(RESULTS / "coverage.csv")
    keys = ["model", "protocol", "target"]
    every = coverage[(coverage["by"] == "all") & (coverage["level"] == Intervals().level)].set_index(keys)
    shown = targets.set_index(keys)
    assert set(every.index) == set(shown.index)
    pd.testing.assert_series_equal(shown["coverage"], every["coverage"].reindex(shown.index))
    assert set(coverage["level"]) == set(Intervals().levels)
    widths = pd.read_csv(RESULTS / "widths.csv").set_index(keys)["ratio"].reindex(shown.index)
    pd.testing.assert_series_equal(shown["width over symmetric"], widths, check_names=False)
