"""fit: one model under one protocol -> its predictions on every fold, and the record of what made them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.artifacts import digest, read_json, read_table, write_json, write_table
from electrode_bench.core.schema import ID, PREDICTION_COLUMNS, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import has_atomic_packing
from electrode_bench.fitting import runs as runner
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.models.base import named_device
from electrode_bench.params import Params, Strict
from electrode_bench.project import Layout
from electrode_bench.stages import featurize


def run(
    layout: Layout,
    params: Params,
    *,
    model: str,
    protocol: str,
    executor: Executor = IN_PROCESS,
    progress: runner.Progress | None = None,
) -> runner.Cell:
    """Write ``results/fit/<model>/<protocol>``.

    Raises
    ------
    UserError
        When the model cannot run here, or an input is missing or of other data.
    """
    spec, config, protocol = models.spec(model), configured(params, model), splits.known(protocol)
    reason = spec.available()
    if reason:
        raise UserError(reason)
    if executor.here and named_device() is not None:
        # A device that is not there is told before anything is computed. To ask takes the seconds that torch loads.
        spec.device()
    folds = splits.read_folds(layout.folds)[protocol]
    frame, targets = inputs(layout, spec)
    if {*folds[0].train_ids, *folds[0].test_ids} - set(targets.index):
        raise UserError(f"{layout.folds} is of other data than {layout.table}; run: dvc repro split")
    cell = runner.fit_cell(
        spec,
        config,
        folds,
        split_digest=splits.digests(folds)[protocol],
        frame=frame,
        targets=targets,
        composition=params.featurize.composition,
        seed=params.seed,
        tuning=tuning(params, model, table=runner.data_digests(frame, targets)["table"]),
        cache=layout.cache,
        executor=executor,
        progress=progress,
    )
    # cell.json comes last: it holds the predictions' digest, so a write that fails between the two shows.
    write_table(cell.predictions, layout.predictions(model, protocol), PREDICTION_COLUMNS)
    write_json(cell.about, layout.cell(model, protocol))
    return cell


def final_model(layout: Layout, cell: Mapping[str, Any]) -> Path | None:
    """Folder of the model of a cell (cell.json) fitted on all rows, with what it was made from in its model.json.

    None for a reference model: another fit would take hours, and it loads only where its environment is.

    Raises
    ------
    UserError
        When the features or the table are no longer those that the cell was fitted on.
    """
    spec = models.spec(cell["model"])
    if spec.reference:
        return None
    config = models.configure(spec.name, cell["config"], where="cell.json")
    frame, targets = inputs(layout, spec)
    digests = runner.data_digests(frame, targets)
    if any(cell["digests"][key] != value for key, value in digests.items()):
        stage = f"fit@{spec.name}-{cell['protocol']}"
        raise UserError(f"{spec.name} under {cell['protocol']} was fitted on other data; run: dvc repro {stage}")
    about = {
        "title": spec.title,
        "composition": cell["composition"],
        "feature_set": spec.feature_set,
        # With what the features were made: a served model makes its own.
        "atomic_packing": has_atomic_packing(frame),
        "config": cell["config"],
        "seed": cell["seed"],
        "rows": len(frame),
        "digests": digests,
        "synthetic": bool(read_json(layout.card, made_by="prepare")["synthetic"]),
    }
    return runner.final_model(
        spec, config, frame=frame, targets=targets, seed=cell["seed"], cache=layout.cache, about=about
    )


def configured(params: Params, model: str) -> Strict:
    """The model's configuration; a model that params.yaml does not name has its defaults."""
    return models.configure(model, params.models.get(model, {}))


def tuning(params: Params, model: str, *, table: str) -> dict[str, Any] | None:
    """What a cell says about a configuration that a sweep found; None for one that none did.

    ``state``: "not_nested", since the sweep saw rows that the cell's folds test on (all but those of the test part of
    ``part``); "other_data" where it saw another table than this one, whose digest is ``table``; "edited" where the
    configuration was changed after it was adopted.
    """
    found = models.adopted(model, params.models.get(model, {}))
    if found is None:
        return None
    state = "not_nested" if found.table == table else "other_data"
    if digest(configured(params, model).model_dump(mode="json")) != found.config:
        state = "edited"
    return {**found.model_dump(exclude={"config", "table"}), "state": state}


def inputs(layout: Layout, spec: models.ModelSpec) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features (no columns for a model without a feature set) and targets, both indexed by electrode id."""
    table = read_table(layout.table, made_by="prepare").set_index(ID)
    targets = table[list(TARGETS)]
    if spec.feature_set is None:
        return pd.DataFrame(index=targets.index), targets
    return featurize.read(layout, feature_set=spec.feature_set, ids=targets.index), targets
