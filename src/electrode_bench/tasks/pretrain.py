"""pretrain: a model of the project, fitted on all rows, as the pre-trained model that the package brings along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import CONTROL, FORMULA, ID
from electrode_bench.data import origin
from electrode_bench.data.licences import with_stated
from electrode_bench.errors import UserError
from electrode_bench.evaluation.calibration import calibrate
from electrode_bench.evaluation.coverage import coverage, cross_fitted
from electrode_bench.evaluation.held_out import described, held_out
from electrode_bench.fitting.final import final_model
from electrode_bench.inference import pretrained
from electrode_bench.inference.catalogue import Catalogue
from electrode_bench.inference.compact_domain import CompactDomain
from electrode_bench.project import Project
from electrode_bench.report import model_card, tables
from electrode_bench.splits import all_folds, protocol

#: Largest size of all files, bytes: the package stays small.
LARGEST = 6_000_000


@dataclass(frozen=True)
class Made:
    """What was written."""

    folder: Path
    model: str
    title: str
    rows: int
    #: Bytes of all files.
    size: int


def run(
    project: Project, *, model: str | None = None, licence: str | None = None, out: Path = pretrained.FOLDER
) -> Made:
    """Write ``out`` from a model of the project, the best one unless ``model`` names another.

    Parameters
    ----------
    licence : of the data; None takes what data.dvc says.

    Raises
    ------
    UserError
        When the project has the synthetic sample, the model is not fitted, or its files are too large for the package.
    """
    if project.synthetic():
        raise UserError(
            "a pre-trained model needs real data, and this project has the synthetic sample; "
            "bring data in with: electrode-bench data use SOURCE"
        )
    catalogue = Catalogue(project)
    model = catalogue.ranking[0] if model is None else model
    if model not in catalogue.titles:
        raise UserError(f"'{model}' is not fitted under {catalogue.protocol}; run: dvc repro")
    chosen, table = project.run(model, catalogue.protocol), project.table()
    source = with_stated(origin.provenance(project.root), project.card())
    folder = final_model(project, chosen)
    assert folder is not None
    domain = CompactDomain.of(table[FORMULA].tolist())
    data = {name: source[name] for name in ("release", "md5", "licence", "citation")}
    if licence is not None:
        data["licence"] = licence
    rows = _held_out(project, model)
    settings, reach = project.params().intervals, domain.reach
    calibration = calibrate(rows, settings, inside=chosen.protocol, reach=reach)
    covered = coverage(cross_fitted(rows, settings, inside=chosen.protocol, reach=reach), project.clusters())
    pairs, headline = project.comparison("pairs"), project.comparison("table")
    against = (pairs["protocol"] == chosen.protocol) & (pairs["model"] == model) & (pairs["other"] == CONTROL)
    card = model_card.markdown(
        chosen,
        rows=len(table),
        headline=headline[headline["model"] == model],
        against_control=pairs[against],
        calibration=calibration,
        data=data,
        commit=None,
        coverage=covered,
    )
    about = {"model": model, "title": chosen.title, "protocol": chosen.protocol, "rows": len(table), "data": data}
    card = f"{tables.wrapped(card)}\n"
    pretrained.write(out, model=folder, calibration=calibration, domain=domain, about=about, card=card)
    size = sum(path.stat().st_size for path in out.iterdir())
    if size > LARGEST:
        raise UserError(f"the files of {model} have {size / 1e6:.1f} MB; the package takes {LARGEST / 1e6:.0f} MB")
    return Made(out, model, chosen.title, len(table), size)


def _held_out(project: Project, model: str) -> pd.DataFrame:
    """The held-out rows of a model, with the distances that the compact domain measures.

    These are larger than the distances to the nearest known composition, which the compare stage calibrates for.
    """
    electrodes, folds = described(project.table()), project.folds()
    runs = [run for run in project.runs() if run.model == model and protocol(run.protocol).headline is all_folds]
    parts = [held_out(run, electrodes, _distances(folds[run.protocol], electrodes)) for run in runs]
    return pd.concat(parts, ignore_index=True)


def _distances(folds: Sequence[Fold], electrodes: pd.DataFrame) -> pd.Series:
    """As :func:`electrode_bench.evaluation.held_out.distances`, to the centroids of the training compositions."""
    composition, parts = electrodes["composition"], []
    for fold in folds:
        known = CompactDomain.of(composition[list(fold.train_ids)].tolist())
        tested = composition[list(fold.test_ids)]
        distinct = sorted(set(tested))
        of_distinct = dict(zip(distinct, known.nearest_within(distinct, np.inf), strict=True))
        index = pd.MultiIndex.from_product([[fold.protocol], [fold.key], fold.test_ids], names=["protocol", "fold", ID])
        parts.append(pd.Series([of_distinct[formula] for formula in tested], index=index))
    return pd.concat(parts).rename("distance")
