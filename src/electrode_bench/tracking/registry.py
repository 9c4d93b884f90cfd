"""The champion: a model in MLflow's registry. Each version was better than the control when it was registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.batches import TAG_LENGTH
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.store import Store, environment, open_store

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
    """A version of the registered model; ``created`` is False when the same run was promoted before."""

    version: str
    uri: str
    run_id: str
    created: bool


def register(project: Project, *, run_id: str, card: str, tags: Mapping[str, str], uri: str | None = None) -> Champion:
    """Register the model of a published run as a version, and give that version the alias.

    Parameters
    ----------
    run_id : the published run.
    card : the model card in Markdown, which becomes the version's description.
    tags : tags of the version; ``content_digest`` tells whether the run's content was promoted before.
    uri : address of the tracking store; the project's where it is None.

    Raises
    ------
    UserError
        When the store cannot be reached, or the run holds no model.
    """
    from mlflow.exceptions import MlflowException

    uri = tracking_uri(project) if uri is None else uri
    # MLflow marks the logged model as registered through its global tracking URI: without one it would make a database
    # of its own in the current folder.
    with open_store(project, uri=uri) as store, store.lock, environment(MLFLOW_TRACKING_URI=uri):
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
        # MLflow has no room for a longer card; the run and the report hold the same facts.
        text = card[:TAG_LENGTH]
        if same:
            number = str(max(int(version.version) for version in same))
            client.update_model_version(NAME, number, description=text)
        else:
            # The folder, not models:/<id>, which MLflow would look for in the store of its global tracking URI.
            new = client.create_model_version(
                NAME,
                source=logged.artifact_location,
                run_id=run_id,
                model_id=logged.model_id,
                tags=dict(tags),
                description=text,
            )
            number = str(new.version)
        client.set_registered_model_alias(NAME, ALIAS, number)
    return Champion(number, f"models:/{NAME}@{ALIAS}", run_id, created=not same)


def _model_of(store: Store, run_id: str) -> LoggedModel:
    """The logged model of a run."""
    logged = store.client.search_logged_models([store.runs], f"source_run_id = '{run_id}'")
    ready = [model for model in logged if str(model.status) in ("READY", "LoggedModelStatus.READY")]
    if not ready:
        raise UserError(
            f"the run {run_id} holds no model; make it again: mlflow runs delete --run-id {run_id}, then "
            "electrode-bench publish"
        )
    return ready[0]
