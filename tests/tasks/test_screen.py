"""The files that a screening reads and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from electrode_bench.errors import UserError
from electrode_bench.inference.chosen import FittedModel, choose
from electrode_bench.inference.screened import Options
from electrode_bench.project import Project
from electrode_bench.tasks import screen


@pytest.fixture(scope="module")
def model(finished: Project) -> FittedModel:
    return choose(finished)


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    file = tmp_path / "candidates.csv"
    file.write_text("formula,name\nLiFePO4,a\nLiMnPO4,b\nNaFePO4,c\n")
    return file


def test_the_result_is_written_beside_the_candidates(model: FittedModel, candidates: Path) -> None:
    calls: list[tuple[int, int]] = []
    made = screen.run(candidates, lambda: model, progress=lambda *call: calls.append(call))
    assert made.out == candidates.with_name("candidates.screened.csv")
    assert made.rejects is None
    names = {"candidates.csv", "candidates.screened.csv", "candidates.screened.json"}
    assert {file.name for file in candidates.parent.iterdir()} == names
    assert calls == [(3, 4)]
    written = pd.read_csv(made.out)
    assert sorted(written["name"]) == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["best.csv", "best.parquet"])
def test_the_record_says_what_the_result_was_made_from(model: FittedModel, candidates: Path, name: str) -> None:
    options = Options(objective="energy_density", window=(1.0, 5.0))
    made = screen.run(candidates, lambda: model, options, out=candidates.with_name(name))
    if name.endswith("csv"):
        record = json.loads(candidates.with_name("best.json").read_text())
    else:
        record = json.loads(pq.read_schema(made.out).metadata[b"electrode_bench"])
        field = pq.read_schema(made.out).field("energy_low")
        assert field.metadata[b"unit"] == b"Wh/kg"
    assert record["model"] == {"name": "rf_magpie", "title": "RF@Magpie", "intervals_from": "grouped"}
    assert record["data"] == {"synthetic": True, **model.data}
    assert (
        record["options"] | {"objective": "energy_density", "rank": "lower", "window": [1.0, 5.0]} == record["options"]
    )
    assert record["lines"]["read"] == 3
    assert set(record["code"]) == {"version", "commit", "modified"}
    assert record["candidates"] == "candidates.csv"


@pytest.mark.parametrize("name", ["best.csv", "best.parquet"])
def test_a_result_that_was_made_differently_is_not_replaced(model: FittedModel, candidates: Path, name: str) -> None:
    out = candidates.with_name(name)

    def run(options: Options | None = None, **more: bool) -> bytes:
        screen.run(candidates, lambda: model, options, out=out, **more)  # type: ignore[arg-type]
        return out.read_bytes()

    first = run()
    assert run() == first
    with pytest.raises(
        UserError, match=r"rank was lower, now value; window was not given, now 1 4\); name another file"
    ):
        run(Options(rank="value", window=(1.0, 4.0)))
    assert out.read_bytes() == first
    assert run(Options(rank="value"), force=True) != first
    other = candidates.with_name("others.csv")
    other.write_text("formula\nLiFePO4\n")
    with pytest.raises(UserError, match=r"candidates was candidates.csv, now others.csv"):
        screen.run(other, lambda: model, Options(rank="value"), out=out)


def test_a_file_that_is_not_the_result_of_a_screening_is_not_replaced(model: FittedModel, candidates: Path) -> None:
    for name in ("best.csv", "best.json"):
        file = candidates.with_name(name)
        file.write_text("{}")
        with pytest.raises(UserError, match=f"{name} exists and is not known to be the result of a screening"):
            screen.run(candidates, lambda: model, out=candidates.with_name("best.csv"))
        assert file.read_text() == "{}"
        file.unlink()


def test_a_column_of_numbers_and_text_fits_into_parquet(model: FittedModel, tmp_path: Path) -> None:
    pd.DataFrame({"formula": ["LiFePO4", "LiMnPO4"], "x": ["1", None]}).to_parquet(tmp_path / "a.parquet")
    made = screen.run(tmp_path / "a.parquet", lambda: model, out=tmp_path / "b.parquet")
    assert pd.read_parquet(made.out).set_index("formula")["x"].to_dict() == {"LiFePO4": "1", "LiMnPO4": None}


def test_a_file_that_cannot_be_read_is_an_error_before_a_model_is_loaded(tmp_path: Path) -> None:
    def load() -> FittedModel:
        raise AssertionError("the model was loaded")

    with pytest.raises(UserError, match="is missing"):
        screen.run(tmp_path / "candidates.csv", load)
    (tmp_path / "candidates.csv").write_text("formula\nLiFePO4\n")
    with pytest.raises(UserError, match=r"must end in .csv or .parquet"):
        screen.run(tmp_path / "candidates.csv", load, out=tmp_path / "best.xlsx")
    with pytest.raises(UserError, match="is the list of candidates itself"):
        screen.run(tmp_path / "candidates.csv", load, out=tmp_path / "candidates.csv")
    with pytest.raises(UserError, match="needs a goal"):
        screen.run(tmp_path / "candidates.csv", load, Options(rank="probability"))


def test_a_list_of_which_nothing_remains_is_an_error(model: FittedModel, tmp_path: Path) -> None:
    file = tmp_path / "candidates.txt"
    file.write_text("FePO4\n")
    with pytest.raises(UserError, match=r"no formula of .* can be used; the reasons are in"):
        screen.run(file, lambda: model)
    assert "FePO4" in (tmp_path / "candidates.screened.rejects.csv").read_text()
    file.write_text("LiUO2\n")
    with pytest.raises(UserError, match="is in the applicability domain; try without --in-domain"):
        screen.run(file, lambda: model, Options(in_domain=True))
    with pytest.raises(UserError, match="has a predicted voltage from 90 to 91 V; choose another --window"):
        screen.run(file, lambda: model, Options(window=(90.0, 91.0)))
