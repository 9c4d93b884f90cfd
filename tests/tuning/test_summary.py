"""What a study has found: summary, table and plots."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.studies import RecordingLogger, run_study

from electrode_bench.tuning.plots import plots_page
from electrode_bench.tuning.storage import journal
from electrode_bench.tuning.study import StudySpec
from electrode_bench.tuning.summary import importances, in_words, summarise, trial_table

MakeSpec = Callable[..., StudySpec]


def test_the_summary_has_the_best_and_the_configured_trial(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    study = run_study(make_spec(), journal(tmp_path), logger, trials=6).study
    best, summary = study.best(), summarise(study)
    assert best is not None
    assert summary["configured"] == study.trials()[0].result.values[0]
    assert (summary["trials"], summary["best"], summary["best_trial"]) == (6, best.result.values[0], best.number)
    assert f"best {summary['best']:.4f} (trial {best.number})" in in_words(summary)
    assert trial_table(study)["trial"].tolist() == list(range(6))
    assert "<h2>History</h2>" in plots_page(study)


def test_pruned_trials_save_the_rest_of_a_usual_trial() -> None:
    counts = {"trials": 3, "complete": 2, "pruned": 1, "failed": 0, "saved_seconds": 61.2}
    assert in_words(counts) == "3 trials: 2 complete, 1 pruned; pruning saved about 61 s of fitting."


def test_plots_and_summary_have_the_same_importances(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    study = run_study(make_spec(pruner="none"), journal(tmp_path), logger, trials=10).study
    shares = importances(study)
    assert sum(shares.values()) == pytest.approx(1.0)
    drawn = plots_page(study).partition("Parameter importances")[2].partition("<h2>")[0]
    assert all(repr(share) in drawn for share in shares.values()), shares


def test_two_objectives_are_drawn_as_a_pareto_front(
    make_spec: MakeSpec, logger: RecordingLogger, tmp_path: Path
) -> None:
    study = run_study(make_spec(against_seconds=True), journal(tmp_path), logger, trials=3).study
    assert "Pareto front" in plots_page(study)
