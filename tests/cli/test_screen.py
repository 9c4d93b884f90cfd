"""screen."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from electrode_bench.project import Project


def test_screen_writes_the_best_candidates(run, finished: Project, tmp_path: Path) -> None:
    file = tmp_path / "candidates.txt"
    file.write_text("\n".join([f"Li{metal}PO4" for metal in ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni")] + ["FePO4"]))
    code, out, _ = run("--project", str(finished.root), "screen", str(file), "--top", "5")
    assert code == 0
    assert "Best by Specific energy (Wh/kg), predicted by RF@Magpie" in out
    assert "8 lines, " in out
    assert "1 lines could not be used" in out
    best = pd.read_csv(tmp_path / "candidates.screened.csv")
    assert best["rank"].dropna().tolist() == [1, 2, 3, 4, 5]
    target = tmp_path / "best.parquet"
    code, out, _ = run("--project", str(finished.root), "screen", str(file), "--out", str(target), "--json")
    made = json.loads(out)
    assert set(made) == {"model", "read", "rejected", "kept", "out", "rejects", "synthetic"}
    assert (made["read"], made["rejected"], made["out"]) == (8, 1, str(target))
    assert len(pd.read_parquet(target)) == made["kept"]
