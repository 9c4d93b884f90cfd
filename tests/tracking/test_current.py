"""Which published runs are current, and which control they may be compared with."""

from __future__ import annotations

import dataclasses

import pytest
from support import tracked_runs
from support.tracked_runs import Made, publish

from electrode_bench.errors import UserError
from electrode_bench.project import Project
from electrode_bench.tracking.current import current_runs
from electrode_bench.tracking.store import Store

pytestmark = pytest.mark.xdist_group("tracking")


def state(store: Store, run_id: str) -> list[tuple[str, str | None]]:
    """The tags ``current`` and ``superseded_by`` of a run and its folds."""
    folds = store.client.search_runs([store.folds], f"tags.mlflow.parentRunId = '{run_id}'")
    tags = [run.data.tags for run in (store.client.get_run(run_id), *folds)]
    return [(tag["current"], tag.get("superseded_by")) for tag in tags]


def test_changed_content_supersedes_the_old_run_which_stays(
    project: Project, store: Store, made: dict[str, Made]
) -> None:
    old, new = publish(project, made["rf_magpie stratified"], made["rf_magpie other"])
    assert new.created
    assert state(store, old.run_id) == [("false", new.run_id)] * 4
    assert state(store, new.run_id) == [("true", None)] * 4
    assert current_runs(project)["run_id"].tolist() == [new.run_id]
    named = made["rf_magpie stratified"][0].run_name
    assert store.client.get_run(old.run_id).info.run_name == f"superseded · {named}"
    assert store.client.get_run(new.run_id).info.run_name == made["rf_magpie other"][0].run_name != named
    # Back to the old results: the old run is the current one again.
    (back,) = publish(project, made["rf_magpie stratified"])
    assert (back.run_id, back.created) == (old.run_id, False)
    assert state(store, old.run_id) == [("true", None)] * 4
    assert state(store, new.run_id) == [("false", old.run_id)] * 4
    assert store.client.get_run(old.run_id).info.run_name == named


def test_runs_of_an_earlier_version_are_superseded(project: Project, store: Store, made: dict[str, Made]) -> None:
    """Earlier versions gave runs the kind ``cell`` and another digest."""
    former, other = publish(project, made["rf_magpie stratified"], made["control stratified"])
    for run in (former, other):
        digest = store.client.get_run(run.run_id).data.tags["run_digest"]
        for key, value in (("kind", "cell"), ("cell_digest", digest), ("content_digest", "of the earlier format")):
            store.client.set_tag(run.run_id, key, value)
        store.client.delete_tag(run.run_id, "run_digest")
    assert current_runs(project).empty
    (new,) = publish(project, made["rf_magpie stratified"])
    assert new.created
    assert state(store, former.run_id) == [("false", new.run_id)] * 4
    assert state(store, new.run_id) == [("true", None)] * 4
    # Nothing has replaced the other one yet.
    assert state(store, other.run_id) == [("true", None)] * 4
    assert current_runs(project)["run_id"].tolist() == [new.run_id]


def test_a_run_names_its_control_whichever_came_first(project: Project, store: Store, made: dict[str, Made]) -> None:
    (first,) = publish(project, made["rf_magpie stratified"])
    assert "not published" in store.client.get_run(first.run_id).data.tags["mlflow.note.content"]
    control, other, bootstrap = publish(
        project, made["control stratified"], made["rf_magpie other"], made["rf_magpie bootstrap"]
    )
    for run_id in (first.run_id, control.run_id, other.run_id):
        run = store.client.get_run(run_id)
        folds = store.client.search_runs([store.folds], f"tags.mlflow.parentRunId = '{run_id}'")
        assert {tagged.data.tags["control_run_id"] for tagged in (run, *folds)} == {control.run_id}
    for published in (first, other):
        text = store.client.get_run(published.run_id).data.tags["mlflow.note.content"]
        assert f"/runs/{control.run_id}" in text
    # Another protocol is another split.
    assert "control_run_id" not in store.client.get_run(bootstrap.run_id).data.tags


@pytest.mark.parametrize("what", ["split", "table", "md5"])
def test_no_control_on_other_data_or_another_split(
    project: Project, store: Store, made: dict[str, Made], what: str
) -> None:
    record, source = made["rf_magpie stratified"]
    if what == "md5":
        source = dataclasses.replace(source, data=tracked_runs.data(md5="0" * 32))
    else:
        digests = record.run.digests.model_copy(update={what: "other"})
        record = dataclasses.replace(record, run=record.run.model_copy(update={"digests": digests}))
    _, candidate = publish(project, made["control stratified"], (dataclasses.replace(record, model=None), source))
    run = store.client.get_run(candidate.run_id)
    assert "control_run_id" not in run.data.tags
    assert "do not compare" in run.data.tags["mlflow.note.content"]


def test_nothing_is_published_yet(project: Project) -> None:
    with pytest.raises(UserError, match=r"no runs are published in .*; run: electrode-bench publish"):
        current_runs(project)
    assert not project.paths.mlruns.exists()
