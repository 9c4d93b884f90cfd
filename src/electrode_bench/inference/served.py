"""What a published model answers: a table with the content of ``predict``, for one formula or many."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench.core.artifacts import write_text
from electrode_bench.core.rows import records
from electrode_bench.core.schema import FORMULA, TARGETS
from electrode_bench.core.sealed import SUMS, Damaged, check_folder, seal_folder
from electrode_bench.errors import UserError
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.inference.domain import Domain
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.known import Known
from electrode_bench.inference.notes import notes
from electrode_bench.inference.predictor import Predictor

_MODEL, _CALIBRATION, _DOMAIN, _KNOWN = "model", "calibration.json", "domain.npz", "known.parquet"

#: What is said where a model was published before its intervals were calibrated.
NOT_CALIBRATED = "no interval: the model was published before its intervals were calibrated"


def write(
    folder: Path, *, model: Path, domain: Domain, known: Known, calibration: Mapping[str, Any] | None = None
) -> None:
    """Write all that :class:`ServedAnswers` needs into an empty folder.

    Parameters
    ----------
    model : folder of the model fitted on all rows.
    calibration : of its intervals (``Calibration.to_json``); None where there is none yet.
    """
    shutil.copytree(model, folder / _MODEL, ignore=shutil.ignore_patterns(SUMS))
    domain.save(folder / _DOMAIN)
    known.save(folder / _KNOWN)
    if calibration is not None:
        write_text(json.dumps(calibration, sort_keys=True), folder / _CALIBRATION)
    seal_folder(folder)


class ServedAnswers:
    """A published model with its intervals and its applicability domain.

    Parameters
    ----------
    folder : what :func:`write` made.

    Raises
    ------
    UserError
        When a file is not as it was written.
    """

    def __init__(self, folder: Path) -> None:
        # Models that an earlier version has published have no checksums.
        if (folder / SUMS).exists():
            try:
                check_folder(folder)
            except Damaged as damage:
                raise UserError(f"the model in {folder} is damaged ({damage}); fetch or publish it again") from damage
        self.model = FormulaModel(folder / _MODEL)
        stored = folder / _CALIBRATION
        self.is_calibrated = stored.exists()
        calibration = Calibration.from_json(json.loads(stored.read_text("utf-8"))) if self.is_calibrated else None
        self.predictor = Predictor(
            self.model,
            calibration=calibration,
            domain=Domain.load(folder / _DOMAIN),
            known=Known.load(folder / _KNOWN),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the input that are read."""
        return self.model.columns_for_answers

    @property
    def required(self) -> tuple[str, ...]:
        """The columns of :attr:`columns` that an input must have."""
        return self.model.required

    def predict(self, model_input: Any) -> pd.DataFrame:
        """An answer for each row of the input, in order and on its index.

        Parameters
        ----------
        model_input : as for :meth:`~electrode_bench.inference.formula_model.FormulaModel.predict`. A column working_ion
            names the ion of formulas with several candidates.

        Returns
        -------
        DataFrame with reduced_formula, working_ion, states (oxidation states in words), electrons (per formula unit);
        the targets with ``<target>_low`` and ``<target>_high`` (prediction interval; None where it is not justified);
        theoretical_capacity (mAh/g, Faraday's law), extracted_share, full_extraction (its probability; None for a model
        that does not predict it), specific_energy (Wh/kg), energy_density (Wh/L), in_domain, nearest_distance (ElMD)
        and notes (sentences, joined by "; "). A model that reads the framework instead of the discharged formula
        answers with the targets alone.

        Raises
        ------
        UserError
            When a column is missing or a row cannot be used; the message names the first such row.
        """
        given = self.model.checked(model_input, columns=self.columns)
        if FORMULA not in given:
            return self.model.evaluate(model_input).targets[list(TARGETS)]
        charged = given["formula_charge"].tolist() if "formula_charge" in given else None
        rows = self.predictor.evaluate(given[FORMULA].tolist(), given["working_ion"].tolist(), charged=charged)
        readings = rows["reading"]
        ends = [f"{target}_{end}" for target in TARGETS for end in ("low", "high")]
        made = {
            "reduced_formula": [reading.reduced_formula for reading in readings],
            "working_ion": rows["working_ion"],
            "states": [reading.states for reading in readings],
            "electrons": [reading.electrons for reading in readings],
            **{column: rows[column] for target in TARGETS for column in (target, f"{target}_low", f"{target}_high")},
            **{column: rows[column] for column in ("theoretical_capacity", "extracted_share", "full_extraction")},
            **{column: rows[column] for column in ("specific_energy", "energy_density")},
            "in_domain": [reason is None for reason in rows["outside"]],
            "nearest_distance": rows["nearest_distance"],
            "notes": [self._notes(row) for row in records(rows)],
        }
        table = pd.DataFrame(made)
        # JSON has no NaN.
        for column in (*ends, "full_extraction"):
            values = [None if pd.isna(value) else float(value) for value in table[column]]
            table[column] = pd.Series(values, index=table.index, dtype=object)
        return table.set_axis(given.index, axis=0)

    def _notes(self, row: Mapping[str, Any]) -> str:
        said = list(notes(row, reads_ion=self.predictor.reads_ion))
        if not self.is_calibrated and not row["fitted_on"]:
            said = [note for note in said if note != row["no_interval"]] + [NOT_CALIBRATED]
        return "; ".join(said)
