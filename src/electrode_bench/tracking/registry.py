"""The champion: a model of MLflow's registry, each version of which was better than the control when it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from electrode_bench.errors import UserError
from electrode_bench.project import Layout
from electrode_bench.tracking.runs import TAG_LENGTH, Store, environment, opened

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel

#: The registered model, and the alias of the version to use: ``models:/electrodes@champion``.
NAME, ALIAS = "electrodes", "champion"

_ABOUT = (
    "Electrode properties from composition: gravimetric capacity (mAh/g), volumetric capacity (mAh/cm3) and average "
    f"voltage (V). The alias `{ALIAS}` is the version to use; each version's description is its model card."
)


@dataclass(frozen=True)
class Champion:
    """A version of the registered model; ``created`` is False when the same cell was promoted before."""

    version: str
    uri: str
    run_id: str
    created: bool


def promote(layout: Layout, *, run_id: str, card: str, tags: Mapping[str, str], uri: str) -> Champion:
    """Make the model that a published cell's run holds a version, and give it the alias.

    Parameters
    ----------
    run_id : the cell's run.
    card : the model card in Markdown, the version's description.
    tags : of the version; ``content_digest`` tells whether the run's content was promoted before.

    Raises
    ------
    UserError
        When the store cannot be reached, or the run holds no model.
    """
    from mlflow.exceptions import MlflowException

    # MLflow marks the logged model as registered through its global tracking URI: without one it would make a database
    # of its own in the current folder.
    with opened(layout, uri=uri) as store, store.lock, environment(MLFLOW_TRACKING_URI=uri):
        client = store.client
        logged = _model_of(store, run_id)
        try:
            client.get_registered_model(NAME)
        except MlflowException:
            client.create_registered_model(NAME, description=_ABOUT)
        same = [
            version
            for version in client.search_model_versions(f"name = '{NAME}'")
            if version.tags.get("content_digest") == tags["content_digest"]
        ]
        # A card may be long: the part that MLflow has no room for is in the run and the report.
        text = card[:TAG_LENGTH]
        if same:
            number = str(max(int(version.version) for version in same))
            client.update_model_version(NAME, number, description=text)
        else:
            # By its folder: MLflow would look for models:/<id> in the store of its global tracking URI.
            made = client.create_model_version(
                NAME,
                source=logged.artifact_location,
                run_id=run_id,
                model_id=logged.model_id,
                tags=dict(tags),
                description=text,
            )
            number = str(made.version)
        client.set_registered_model_alias(NAME, ALIAS, number)
    return Champion(number, f"models:/{NAME}@{ALIAS}", run_id, created=not same)


def _model_of(store: Store, run_id: str) -> LoggedModel:
    logged = store.client.search_logged_models([store.cells], f"source_run_id = '{run_id}'")
    ready = [model for model in logged if str(model.status) in ("READY", "LoggedModelStatus.READY")]
    if not ready:
        raise UserError(f"the run {run_id} holds no model; delete mlruns and run: electrode-bench publish")
    return ready[0]
