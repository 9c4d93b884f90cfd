"""Files of a run: each is replaced as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mlflow.utils.file_utils import local_file_uri_to_path

from electrode_bench.tracking.batches import log_files
from electrode_bench.tracking.store import Store

pytestmark = pytest.mark.xdist_group("tracking")


def test_a_file_of_a_run_is_replaced_and_never_written_into(store: Store, tmp_path: Path) -> None:
    run = store.client.create_run(store.runs)
    old, source = tmp_path / "old", tmp_path / "new"
    (old / "score").mkdir(parents=True)
    (old / "table.csv").write_text("old")
    (old / "score" / "rows.csv").write_text("rows")
    log_files(store.client, run.info.run_id, old)
    place = Path(local_file_uri_to_path(run.info.artifact_uri))
    # Whoever reads the old file, or has a link to it, keeps all of it.
    os.link(place / "table.csv", tmp_path / "kept.csv")
    source.mkdir()
    (source / "table.csv").write_text("new")
    log_files(store.client, run.info.run_id, source)
    log_files(store.client, run.info.run_id, source, "score")
    assert (tmp_path / "kept.csv").read_text() == "old"
    contents = {str(f.relative_to(place)): f.read_text() for f in place.rglob("*") if f.is_file()}
    assert contents == {"table.csv": "new", "score/rows.csv": "rows", "score/table.csv": "new"}
