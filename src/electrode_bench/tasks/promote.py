"""promote: the best cell's model, fitted on all rows, into MLflow's registry, if it beats the control."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from electrode_bench.core.schema import CONTROL, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.inference.calibration import calibrate
from electrode_bench.project import Layout, read_table
from electrode_bench.report import model_card
from electrode_bench.stages import compare as comparing
from electrode_bench.stages import publish
from electrode_bench.tasks import predict, show
from electrode_bench.tracking import registry as model_registry


@dataclass(frozen=True)
class Promoted:
    """What was promoted: the champion, its cell, and its model card."""

    champion: model_registry.Champion
    model: str
    title: str
    protocol: str
    card: str
    synthetic: bool
    #: Targets for which the careful test of `show` does not tell it apart from the control.
    unsure: tuple[str, ...]


def run(layout: Layout, *, protocol: str = predict.PROTOCOLS[0], model: str | None = None) -> Promoted:
    """Promote ``model``, or the one with the smallest mean SMAE under ``protocol``.

    Raises
    ------
    UserError
        When the cell is missing, or its error is not below the control's with its whole interval, for each target.
    """
    cells = {c.model: c for c in comparing.cells(layout) if c.protocol == protocol}
    if model is None:
        model = predict.best(layout, protocol, cells)
    elif model not in cells:
        raise UserError(f"'{model}' is not fitted under {protocol}; run: dvc repro fit@{model}-{protocol}")
    cell, pairs = cells[model], show.pairs(layout)
    against = _against_control(pairs, model=model, protocol=protocol, where=layout.compare / "pairs.csv")
    published = publish.publish_cell(layout, model=model, protocol=protocol)
    trace = publish.trace(layout)
    card = model_card.markdown(
        title=str(cell.about["title"]),
        about=cell.about,
        rows=len(read_table(layout.table, stage="prepare")),
        headline=show.headline(layout).query("model == @model"),
        against_control=against,
        calibration=calibrate(cell.predictions),
        provenance=trace.provenance,
        commit=trace.commit,
    )
    tags = {
        "model": model,
        "protocol": protocol,
        "synthetic": str(bool(trace.provenance.get("synthetic"))).lower(),
        "cell_digest": str(cell.about["digests"]["cell"]),
        "content_digest": published.content_digest,
    }
    champion = model_registry.promote(
        layout, run_id=published.run_id, card=card, tags=tags, uri=publish.tracking_uri(layout)
    )
    synthetic, unsure = bool(trace.provenance.get("synthetic")), model_card.unsure(against)
    return Promoted(champion, model, str(cell.about["title"]), protocol, card, synthetic, unsure)


def _against_control(pairs: pd.DataFrame, *, model: str, protocol: str, where: Path) -> pd.DataFrame:
    """The model's pairs with the control, a row a target; a UserError unless each interval lies below zero."""
    if model == CONTROL:
        raise UserError("the control is what a champion has to beat; name another model")
    rows = pairs[(pairs["protocol"] == protocol) & (pairs["model"] == model) & (pairs["other"] == CONTROL)]
    rows = rows.set_index("target").reindex(list(TARGETS))
    if rows["difference"].isna().any():
        raise UserError(f"{where} does not have {model} under {protocol}; run: dvc repro compare")
    failed = [
        f"{TARGETS[str(t)].label}, {r['low']:.4g} to {r['high']:.4g} {TARGETS[str(t)].unit}"
        for t, r in rows.iterrows()
        if not r["high"] < 0
    ]
    if failed:
        raise UserError(
            f"{model} is not promoted: under {protocol} the 95% interval of its MAE minus the control's "
            f"is not below 0 for {'; '.join(failed)}"
        )
    return rows.reset_index()
