"""screen."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from electrode_bench.project import Project

FORMULAS = [*(f"Li{metal}PO4" for metal in ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni")), "FePO4", "Li2Fe2P2O8"]


def test_screen_writes_the_best_candidates(run, finished: Project, tmp_path: Path) -> None:
    file = tmp_path / "candidates.txt"
    file.write_text("\n".join(FORMULAS))
    command = ("--project", str(finished.root), "screen", str(file), "--own")
    code, out, _ = run(*command, "--top", "5", "--rank", "value")
    assert code == 0
    assert "Best by Specific energy (Wh/kg), predicted value, predicted by RF@Magpie" in out
    assert "front: the Pareto front, most specific energy (predicted value) at the lowest average voltage" in out
    assert "against the pure metal of the working ion" in out
    assert "9 lines, " in out
    assert "1 lines could not be used" in out
    assert "1 line repeats the composition and ion of an earlier line" in out
    best = pd.read_csv(tmp_path / "candidates.screened.csv")
    assert best["rank"].dropna().tolist() == [1, 2, 3, 4, 5]
    target = tmp_path / "best.parquet"
    code, out, _ = run(*command, "--out", str(target), "--json")
    made = json.loads(out)
    assert set(made) == {
        "model", "pretrained", "read", "rejected", "duplicates", "filtered", "outside_domain", "kept", "out", "record",
        "rejects", "page", "synthetic",
    }  # fmt: skip
    assert (made["read"], made["rejected"], made["duplicates"], made["out"]) == (9, 1, 1, str(target))
    assert (made["model"], made["pretrained"], made["synthetic"], made["page"]) == ("rf_magpie", False, True, [])
    assert len(pd.read_parquet(target)) == made["kept"] + 1


def test_screen_replaces_a_result_only_when_it_is_told_to(run, finished: Project, tmp_path: Path) -> None:
    file = tmp_path / "candidates.txt"
    file.write_text("\n".join(FORMULAS))
    command = ("--project", str(finished.root), "screen", str(file), "--own")
    assert run(*command)[0] == 0
    code, _, err = run(*command, "--rank", "probability", "--goal", "400")
    assert (code, "rank was lower, now probability; goal was not given, now 400" in err) == (2, True)
    code, out, _ = run(*command, "--rank", "probability", "--goal", "400", "--window", "1", "9", "--force")
    assert code == 0
    assert "Best by probability that the specific energy is above 400 Wh/kg" in out


def test_screen_writes_a_page_and_its_figure(run, finished: Project, tmp_path: Path) -> None:
    file, page = tmp_path / "candidates.csv", tmp_path / "page.html"
    file.write_text("formula,name\nLiFePO4,first\nLiCoO2,second\nXyO2,wrong\n")
    code, out, _ = run("--project", str(finished.root), "screen", str(file), "--own", "--page", str(page), "--json")
    assert code == 0
    assert json.loads(out)["page"] == [str(page.with_suffix(suffix)) for suffix in (".html", ".svg", ".pdf")]
    text = page.read_text()
    assert "line 4, XyO2" in text
    assert '"name":"second"' in text
    assert '"map":{' in text
    code, out, _ = run("--project", str(finished.root), "screen", str(file), "--own", "--page", str(page))
    assert f"page: {page}; figure: {page.with_suffix('.svg')}" in out.replace("\n", "")
    code, _, err = run("--project", str(finished.root), "screen", str(file), "--own", "--page", "page.pdf")
    assert code == 2
    assert "page.pdf must end in .html" in err
