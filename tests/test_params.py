from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel
from support import ROOT

from electrode_bench import models, params, splits
from electrode_bench.core.config import explain
from electrode_bench.errors import UserError
from electrode_bench.features import FEATURE_SETS


def _keys(values: dict, model: type) -> list[str]:
    """Keys that a nested mapping lacks although the model has them."""
    missing = []
    for name, field in model.model_fields.items():
        if name not in values:
            missing.append(name)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            missing += [f"{name}.{key}" for key in _keys(values[name], field.annotation)]
    return missing


def test_the_committed_file_has_every_key_so_that_dvc_tracks_every_choice() -> None:
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert _keys(values, params.Params) == []
    own = {name: _keys(values["models"][name], spec.config) for name, spec in models.MODELS.items()}
    # The program fills it in, from the members' own values.
    own["ensemble"].remove("configurations")
    own |= {name: _keys(values["split"].get(name, {}), protocol.config) for name, protocol in splits.PROTOCOLS.items()}
    assert {name: missing for name, missing in own.items() if missing} == {}


def _load(tmp_path: Path, text: str) -> params.Params:
    (tmp_path / "params.yaml").write_text(text)
    return params.load(tmp_path / "params.yaml")


def test_the_committed_file_lists_everything_and_spells_out_the_defaults(tmp_path: Path) -> None:
    committed = params.load(ROOT / "params.yaml")
    assert set(committed.split.protocols or ()) == set(splits.PROTOCOLS)
    assert set(committed.featurize.sets or ()) == set(FEATURE_SETS)
    # What the first run leaves out is named next to the list.
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    left_out = set(re.findall(r"\w+", re.findall(r"# The full study adds (.*?)\.", text)[0])) - {"and"}
    everything = {name for name, spec in models.MODELS.items() if not spec.reference}
    assert {*(committed.fit.models or ()), *left_out} == everything
    for name, values in committed.split.options.items():
        assert splits.configure(name, values) == splits.protocol(name).config()
    defaults = _load(tmp_path, f"seed: {committed.seed}\n")
    listed = {"featurize": committed.featurize.model_copy(update={"sets": None})}
    assert (
        committed.model_copy(update={**listed, "models": {}, "split": defaults.split, "fit": defaults.fit}) == defaults
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nmap: {methode: umap}", "unknown key 'map.methode'; did you mean 'method'?"),
        ("seed: 1\nsplits: {}", "unknown key 'splits'; did you mean 'split'?"),
        ("{}", "the key 'seed' is missing"),
        ("seed: -1", "seed: Input should be greater than or equal to 0 (got -1)"),
        ("seed: 1\nmap: {dbscan: {eps: .nan}}", "map.dbscan.eps"),
        ("seed: 1\nprepare: {ranges: {voltage: [0, 5]}}", "unknown target 'voltage'"),
        ("seed: 1\nprepare: {ranges: {average_voltage: [5, 0]}}", "range of average_voltage is empty"),
        ("seed: [1", "line 2: not valid YAML"),
        ("- seed", "must be a mapping of keys to values, but is list"),
        ("", "must be a mapping of keys to values, but is NoneType"),
    ],
)
def test_a_wrong_file_is_one_line_that_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        _load(tmp_path, text + "\n")
    assert message in str(caught.value)
    assert "params.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"params\.yaml is missing"):
        params.load(tmp_path / "params.yaml")


def test_every_key_is_explained() -> None:
    committed = params.load(ROOT / "params.yaml")
    rows = explain(committed)
    for name, values in committed.split.options.items():
        rows += explain(splits.configure(name, values), prefix=f"split.{name}.")
    assert {r["key"] for r in rows} >= {"seed", "map.dbscan.eps", "split.protocols", "split.bootstrap.sizes"}
    assert [r["key"] for r in rows if not r["meaning"]] == []
