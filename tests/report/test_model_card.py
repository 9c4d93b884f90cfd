"""The card of a promoted model tells its data, errors, limits and provenance."""

from __future__ import annotations

from pathlib import Path

from support import tracked_runs
from support.comparisons import pairs_with_control
from support.intervals import made_up_calibration
from support.own_feature_sets import registered

from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.evaluation.scores import headline
from electrode_bench.report import model_card


def test_a_card_tells_data_errors_limits_and_provenance(tmp_path: Path) -> None:
    record, _ = tracked_runs.make(tmp_path, "rf_magpie", "grouped")
    calibration = made_up_calibration()

    def card(calibration: Calibration, *, synthetic: bool, commit: str | None) -> str:
        return model_card.markdown(
            record.run,
            rows=40,
            headline=headline(record.scores, titles={"rf_magpie": "RF@Magpie"}),
            against_control=pairs_with_control(-0.1),
            calibration=calibration,
            data=tracked_runs.data(synthetic=synthetic),
            commit=commit,
        )

    text = card(calibration, synthetic=True, commit="0" * 40)
    for part in ("Synthetic", "Fitted on all 40 electrodes", "not meant for very different chemistries",
                 "Average voltage -1 (-2 to -0.1) V",
                 "The difference from the control is not statistically significant for: Average voltage.",
                 "50%, 80%, 90%, 95%; 90% is shown", "rest (100)", "Further than 5.00", "beyond 15.00", "polymorphs",
                 record.run.digests.split, record.run.digests.run, "release made up, 1", "0" * 40):  # fmt: skip
        assert part in text, text
    assert "from the composition (discharged) alone" in text
    real = card(calibration, synthetic=False, commit=None)
    assert "ynthetic" not in real
    assert "commit" not in real
    assert "DFT" in real
    assert "DFT" not in text


def test_a_card_says_that_a_model_reads_the_working_ion(tmp_path: Path) -> None:
    record, _ = tracked_runs.make(tmp_path, "rf_magpie", "grouped")
    with registered():
        text = model_card.markdown(
            record.run.model_copy(update={"feature_set": "magpie_mean+ion_share"}),
            rows=40,
            headline=headline(record.scores, titles={"rf_magpie": "RF@Magpie"}),
            against_control=pairs_with_control(-0.1),
            calibration=made_up_calibration(),
            data=tracked_runs.data(),
            commit=None,
        )
    assert "from the composition (discharged) and the working ion" in text
