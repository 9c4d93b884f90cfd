"""Where the data comes from, as data.dvc says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from support import ROOT

from electrode_bench.data import origin as origins
from electrode_bench.errors import UserError


def test_the_committed_import_is_the_sample() -> None:
    assert origins.provenance(ROOT)["source"] == "sample"
    stage = yaml.safe_load((ROOT / "data.dvc").read_text())
    assert not stage.get("frozen", False)
    digest = hashlib.md5((ROOT / "sample" / "electrodes.csv").read_bytes(), usedforsecurity=False).hexdigest()
    assert stage["deps"][0]["md5"] == stage["outs"][0]["md5"] == digest


def test_provenance_of_an_import_made_by_hand_and_of_none(root: Path, tmp_path: Path) -> None:
    origin = origins.provenance(root)
    assert (origin["source"], origin["release"], origin["licence"]) == (
        str(tmp_path / "mine.csv"),
        "unknown",
        "unknown",
    )
    (root / "data.dvc").write_text("outs: []\n")
    with pytest.raises(UserError, match=r"data\.dvc is not a DVC import; make it again with"):
        origins.provenance(root)
    whole = (ROOT / "data.dvc").read_text()
    for end in range(len(whole) - 2):
        (root / "data.dvc").write_text(whole[:end])
        with pytest.raises(UserError, match=r"data\.dvc is not a DVC import"):
            origins.provenance(root)
    (root / "data.dvc").unlink()
    with pytest.raises(UserError, match=r"data\.dvc is missing; bring data in with: electrode-bench data use"):
        origins.provenance(root)
