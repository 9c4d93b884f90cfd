"""predict, screen, promote and ui."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pandas as pd

from electrode_bench.project import Project


def test_predict_prints_a_table_for_each_formula(run, finished: Project) -> None:
    code, out, err = run("--project", str(finished.root), "predict", "LiFePO4", "NaMnO2", "--ion", "Li")
    assert code == 0
    assert "LiFePO4, Li electrode, predicted by RF@Magpie" in out
    assert "NaMnO2, Na electrode, predicted by RF@Magpie" in out
    assert "under grouped folds" in out
    assert "Synthetic data" in out
    assert "NaMnO2 contains no Li; its working ion is Na" in err


def test_predict_prints_json(run, finished: Project) -> None:
    code, out, _ = run("--project", str(finished.root), "predict", "LiAlSiO4", "--ion", "Li", "--json")
    assert code == 0
    predicted = json.loads(out)
    assert set(predicted) == {"model", "intervals_from", "synthetic", "units", "answers"}
    assert (predicted["model"], predicted["intervals_from"]) == ("rf_magpie", "grouped")
    (answer,) = predicted["answers"]
    assert answer["working_ion"] == "Li"
    assert set(answer) == {
        "formula", "working_ion", "theoretical_capacity", "targets", "neighbours", "outside", "nearest_distance",
        "reach", "above_limit", "undecided", "fitted_on", "share",
    }  # fmt: skip
    assert len(answer["neighbours"]) == 3
    assert set(answer["targets"]["average_voltage"]) == {"value", "low", "high"}


def test_predict_refuses_an_ambiguous_ion(run, finished: Project) -> None:
    code, _, err = run("--project", str(finished.root), "predict", "LiAlSiO4")
    assert (code, "name the working ion, for example: --ion Li" in err) == (2, True)


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


def test_promote_refuses_a_model_that_may_be_no_better_than_the_control(run, finished: Project) -> None:
    code, out, err = run("--project", str(finished.root), "promote", "--protocol", "loco")
    assert (code, out) == (2, "")
    assert "rf_magpie is not promoted: under loco the 95% interval" in err


def test_ui_prints_its_command(run, project: Project) -> None:
    code, out, _ = run("--project", str(project.root), "ui", "--print")
    assert (code, "mlflow ui" in out) == (0, True)


def test_a_port_in_use_is_an_error(run, project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = run("--project", str(project.root), "ui", "--port", str(port))
    assert (code, out) == (2, "")
    assert f"port {port} is in use; choose another" in err
