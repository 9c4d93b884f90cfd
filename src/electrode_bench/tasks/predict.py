"""predict: a fitted model's answers about candidate compositions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from electrode_bench import models
from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.errors import UserError, nearest
from electrode_bench.evaluation.metrics import ALL
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor, calibrate
from electrode_bench.project import Layout, read_json, read_table
from electrode_bench.stages import compare as comparing
from electrode_bench.stages import fit

#: Protocols whose errors tell what to expect of a new composition, best first: a known formula must not stand in
#: training and test alike.
PROTOCOLS = ("grouped", "stratified")


@dataclass(frozen=True)
class Chosen:
    """A predictor and where it comes from."""

    predictor: Predictor
    model: str
    title: str
    protocol: str
    synthetic: bool


def choose(layout: Layout, *, model: str | None = None) -> Chosen:
    """The model ``model``, or the one with the smallest mean SMAE, fitted on all rows (once; then found in the cache).

    Raises
    ------
    UserError
        When the model was not fitted under a protocol that its intervals can be taken from.
    """
    cells = {(c.protocol, c.model): c for c in comparing.cells(layout) if not models.spec(c.model).reference}
    protocol = next((p for p in PROTOCOLS if any(key[0] == p for key in cells)), None)
    if protocol is None:
        raise UserError("no model is fitted under grouped or stratified folds; run: dvc repro")
    fitted = [m for p, m in cells if p == protocol]
    if model is None:
        model = best(layout, protocol, fitted)
    elif model not in fitted:
        raise UserError(f"'{model}' is not fitted under {protocol}; {nearest(model, fitted)}")
    cell = cells[protocol, model]
    folder = fit.final_model(layout, cell.about)
    assert folder is not None
    table = read_table(layout.table, stage="prepare")
    predictor = Predictor(FormulaModel(folder), table=table, calibration=calibrate(cell.predictions))
    synthetic = bool(read_json(layout.card, stage="prepare")["synthetic"])
    return Chosen(predictor, model, str(cell.about["title"]), protocol, synthetic)


def best(layout: Layout, protocol: str, fitted: Iterable[str]) -> str:
    """The model with the smallest SMAE, a mean over targets."""
    if not layout.scores.exists():
        raise UserError(f"{layout.scores} is missing; make it with: dvc repro compare, or name a --model")
    scores = pd.read_csv(layout.scores)
    rows = scores[(scores["protocol"] == protocol) & (scores["fold"] == ALL) & (scores["metric"] == "smae")]
    mean = rows[rows["target"].isin(list(TARGETS))].groupby("model")["value"].mean()
    known = [m for m in fitted if m in mean.index and m != CONTROL]
    if not known:
        raise UserError(f"no model but the control is compared under {protocol}; run: dvc repro")
    return min(known, key=lambda m: (mean[m], m))
