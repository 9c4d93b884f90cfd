"""The file that people open: safe, small enough to send, and equal to the byte for equal results."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.web import check_files

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.evaluation.metrics import SHOWN
from electrode_bench.report.numbers import unit
from electrode_bench.report.page.build import SCRIPTS, STYLES, html
from electrode_bench.report.page.results import TABLES, Results
from electrode_bench.report.web.files import embedded

EVIL = "</script><script>alert(1)</script><!--&\u2028"


def _html(results: Results) -> str:
    return html(results, plotly="/* plotly */")


def _json(text: str) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    value: dict[str, Any] = json.loads(found[1], parse_constant=refuse)
    return value


def _only(results: Results, protocols: list[str], models: tuple[str, ...] = ("control", "rf_magpie")) -> Results:
    """As if nothing else had been run, with the tables that compare then leaves empty."""
    kept = {}
    for name in ("headline", *TABLES):
        table = getattr(results, name)
        if name in ("headline", "pairs", "ranking", "by_ion", "by_cluster"):
            kept[name] = table[table["protocol"].isin(protocols) & table["model"].isin(models)]
        else:
            kept[name] = table.iloc[:0]
    if models == ("control",):
        kept |= {"pairs": results.pairs.iloc[:0], "ranking": results.ranking.iloc[:0]}
    runs = [run for run in results.runs if run.protocol in protocols and run.model in models]
    return replace(results, runs=runs, **kept)


def test_the_order_of_rows_and_the_date_change_nothing(results: Results) -> None:
    shuffled = replace(results, table=results.table.sample(frac=1, random_state=1), runs=list(results.runs))
    assert _html(shuffled) == _html(results)
    assert not re.search(r"20\d\d-\d\d-\d\d", _html(results))


def test_the_page_loads_nothing_from_elsewhere(results: Results) -> None:
    text = _html(results)
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", text)
    assert "default-src 'none'" in text
    assert "url(" not in text


def test_text_of_the_data_is_escaped(results: Results) -> None:
    table = results.table.assign(**{FORMULA: EVIL}, working_ion=EVIL)
    headline = results.headline.assign(title=EVIL)
    card = {**results.card, "synthetic": False}
    origin = {**results.origin, "source": EVIL, "licence": EVIL, "md5": EVIL}
    runs = [run.model_copy(update={"config": {"a": EVIL}, "versions": {EVIL: EVIL}}) for run in results.runs]
    text = _html(replace(results, table=table, headline=headline, card=card, origin=origin, runs=runs))
    assert "alert(1)</script>" not in text
    assert "<script>alert" not in text
    assert text.count("<script") == text.count("</script>") == 3
    assert _json(text)["electrodes"]["formula"][0] == EVIL
    assert embedded({"a": EVIL}).isascii()
    closing = html(results, plotly='"</script>"')
    assert '"<\\/script>"' in closing


def test_values_that_are_not_finite_are_null(results: Results) -> None:
    holed = results.by_ion.assign(smae=np.nan, bias=np.inf)
    leakage = results.leakage.assign(ratio=np.nan)
    text = _html(replace(results, by_ion=holed, leakage=leakage, map=results.map.assign(x=np.nan)))
    read = _json(text)
    some = next(iter(read["groups"]["working_ion"]["grouped"]["average_voltage"]["rf_magpie"].values()))
    assert some[:2] == [None, None]
    assert set(read["electrodes"]["x"]) == {None}
    assert ">nan<" not in text.lower()


def test_synthetic_data_and_units_are_named(results: Results) -> None:
    text = _html(results)
    assert "Synthetic data" in text
    assert "Synthetic data" not in _html(replace(results, card={**results.card, "synthetic": False}))
    in_target_units = " and ".join(metric.label for metric in SHOWN if metric.unit == "target")
    assert in_target_units.startswith("MAE")
    for column in TARGETS.values():
        assert f"{column.label}, {in_target_units} in {unit(column)}" in text
    assert "mAh/cm3" not in text
    origin = {**results.origin, "source": "/home/me/materials-project", "release": "2025.09.25", "md5": "abc"}
    shown = _html(replace(results, card={**results.card, "synthetic": False}, origin=origin))
    assert "Source: materials-project, release 2025.09.25." in shown
    assert '<code class="all">abc</code>' in shown
    assert "density functional theory" in shown
    assert "density functional theory" not in text


@pytest.mark.parametrize("protocols", [["stratified"], ["loco"], ["grouped", "bootstrap"]], ids="+".join)
def test_protocols_that_were_not_run_are_named(results: Results, protocols: list[str]) -> None:
    text = _html(_only(results, protocols))
    assert "Protocols that were not run:" in text
    assert "Needs the stratified and the grouped protocol, which were not both run." in text
    assert "Needs the stratified protocol and leave one cluster out (loco), which were not both run." in text
    assert ("Needs the bootstrap protocol, which was not run." in text) == ("bootstrap" not in protocols)
    assert sorted(_json(text)["predictions"]) == sorted(protocols)
    assert f"({protocols[0]})" in text


def test_a_control_alone_has_a_page(results: Results) -> None:
    text = _html(_only(results, ["grouped"], ("control",)))
    assert "Only the control was fitted." in text
    assert "No model with predictive uncertainty was fitted under the protocol grouped." in text


def test_every_run_can_be_found_in_mlflow(results: Results) -> None:
    text = _html(results)
    for run in results.runs:
        assert f"tags.run_digest = &#39;{run.digests.run}&#39; and tags.current" in text
    for digest in results.splits.values():
        assert digest in text


def test_the_page_of_4351_electrodes_four_models_and_protocols_is_below_8_megabytes(results: Results) -> None:
    from plotly.offline import get_plotlyjs

    n, rng = 4351, np.random.default_rng(0)
    ids = [f"mp-{1000000 + i}_Li" for i in range(n)]
    table = pd.DataFrame({ID: ids, FORMULA: [f"Li{i}Mn2(PO4)3F" for i in range(n)], "working_ion": "Li"})
    table = table.assign(**{t: rng.normal(300, 100, n) for t in TARGETS})
    place = pd.DataFrame({ID: ids, "x": rng.normal(size=n), "y": rng.normal(size=n), "cluster": 0})
    place["representative"] = place.index == 0
    runs, headline = [], []
    for protocol in ("stratified", "grouped", "loco", "bootstrap"):
        for model in ("control", "rf_magpie", "modnet", "crabnet"):
            fold = next(iter(results.runs[0].folds))
            rows = [
                table[[ID]].assign(target=t, fold=fold, y_true=table[t], y_pred=rng.normal(300, 100, n), y_std=1.0)
                for t in TARGETS
            ]
            frame = pd.concat(rows, ignore_index=True)
            runs.append(results.runs[0].model_copy(update={"model": model, "protocol": protocol, "predictions": frame}))
            headline.append({**results.headline.iloc[0].to_dict(), "protocol": protocol, "model": model})
    large = replace(results, table=table, map=place, runs=runs, headline=pd.DataFrame(headline))
    size = len(html(large, plotly=get_plotlyjs()).encode())
    assert 5e6 < size < 8e6


def test_files_of_the_page_fit_together() -> None:
    check_files("electrode_bench.report.page", styles=STYLES, scripts=SCRIPTS)


def test_intervals_are_shown_for_each_protocol_that_has_them(results: Results) -> None:
    text = _html(results)
    measured = set(results.coverage["protocol"])
    assert {"stratified", "grouped"} <= measured < set(results.protocols)
    pattern = r'<div data-of="intervals" data-protocol="(\w+)"[^>]*>(.*?)(?=<div data-of|</section>)'
    parts = dict(re.findall(pattern, text, re.DOTALL))
    assert list(parts) == list(results.protocols)
    for name, part in parts.items():
        if name not in measured:
            assert "Intervals were not measured under this protocol." in part
            continue
        assert part.count('<img class="figure" src="data:image/svg+xml;base64,') == 2
        assert part.count('<th scope="row">') == len(TARGETS) * len(results.titles)
        assert "mAh/cm³" in part
    assert 'data-of="intervals"' not in _html(replace(results, coverage=results.coverage.iloc[:0]))
