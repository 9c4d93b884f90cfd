"""predict."""

from __future__ import annotations

import json
from pathlib import Path

from electrode_bench.project import Project


def test_predict_prints_a_table_for_each_formula(run, finished: Project) -> None:
    code, out, _ = run("--project", str(finished.root), "predict", "LiFePO4", "NaMnO2", "--ion", "Li", "--own")
    assert code == 0
    assert "LiFePO4, Li electrode, predicted by RF@Magpie" in out
    assert "NaMnO2, Na electrode, predicted by RF@Magpie" in out
    assert "under grouped folds" in out
    assert "Synthetic data" in out
    assert "NaMnO2 contains no Li; its working ion is Na" in out


def test_predict_prints_json(run, finished: Project) -> None:
    code, out, _ = run("--project", str(finished.root), "predict", "LiAlSiO4", "--ion", "Li", "--own", "--json")
    assert code == 0
    predicted = json.loads(out)
    assert set(predicted) == {"model", "pretrained", "data", "intervals_from", "synthetic", "units", "answers"}
    assert (predicted["model"], predicted["intervals_from"]) == ("rf_magpie", "grouped")
    assert (predicted["pretrained"], predicted["synthetic"]) == (False, True)
    (answer,) = predicted["answers"]
    assert answer["working_ion"] == "Li"
    assert set(answer) == {
        "formula", "working_ion", "theoretical_capacity", "targets", "neighbours", "outside", "nearest_distance",
        "reach", "above_limit", "undecided", "fitted_on", "share", "reading", "specific_energy", "energy_density",
        "no_interval", "notes", "models", "pair", "level",
    }  # fmt: skip
    assert len(answer["neighbours"]) == 3
    assert set(answer["targets"]["average_voltage"]) == {"value", "low", "high"}


def test_models_of_the_synthetic_sample_answer_only_when_they_are_asked_for(run, finished: Project) -> None:
    def answered(*options: str) -> tuple[str, bool, bool]:
        code, out, _ = run("--project", str(finished.root), "predict", "LiFePO4", "--json", *options)
        assert code == 0
        predicted = json.loads(out)
        return predicted["model"], predicted["pretrained"], predicted["synthetic"]

    _, pretrained, synthetic = answered()
    assert (pretrained, synthetic) == (True, False)
    assert answered("--own") == answered("--all") == ("rf_magpie", False, True)
    assert answered("--model", "control") == ("control", False, True)
    code, out, _ = run("--project", str(finished.root), "predict", "LiFePO4")
    assert code == 0
    assert "(pre-trained)" in out
    assert "Synthetic data" not in out


def test_predict_refuses_an_ambiguous_ion(run, finished: Project) -> None:
    code, _, err = run("--project", str(finished.root), "predict", "LiAlSiO4")
    assert (code, "name the working ion, for example: --ion Li" in err) == (2, True)


def test_predict_writes_a_page_of_several_formulas(run, finished: Project, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    formulas = ("LiFePO4", "LiNaFePO4F", "--ion", "Na", "--own")
    code, out, _ = run("--project", str(finished.root), "predict", *formulas, "--page", str(page))
    assert code == 0
    assert f"page: {page}" in out
    text = page.read_text()
    assert "2 candidate electrodes" in text
    assert '"formula":"LiNaFePO4F","front":' in text
    assert page.with_suffix(".pdf").exists()


def test_a_formula_that_cannot_be_read_does_not_hide_the_other_answers(run, tmp_path: Path) -> None:
    command = ("--project", str(tmp_path), "predict", "LiFePO4", "LiFeP04", "NaMnO2")
    code, out, err = run(*command)
    assert code == 2
    assert "LiFePO4, Li electrode" in out
    assert "NaMnO2, Na electrode" in out
    assert "did you write zero instead of O?" in err
    code, out, _ = run(*command, "--json")
    assert code == 2
    answered = json.loads(out)
    assert [answer["formula"] for answer in answered["answers"]] == ["LiFePO4", "NaMnO2"]
    assert len(answered["errors"]) == 1
