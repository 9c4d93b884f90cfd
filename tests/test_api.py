"""The public Python API on a finished project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import electrode_bench as eb
from electrode_bench.core.schema import TARGETS


@pytest.fixture(scope="module")
def model(finished: eb.Project) -> eb.FittedModel:
    return eb.load_model(finished)


def test_the_package_offers_every_name_of_the_api() -> None:
    from electrode_bench import api

    assert set(eb.__all__) == {*api.__all__, "__version__"}
    assert set(eb.__all__) <= set(dir(eb))
    with pytest.raises(AttributeError, match="has no attribute 'predictions'"):
        eb.predictions  # noqa: B018


def test_importing_the_package_loads_no_other_library() -> None:
    code = "import sys, electrode_bench; print(sorted({'numpy', 'pandas', 'typer', 'torch'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_folder_without_params_is_not_a_project(tmp_path: Path) -> None:
    with pytest.raises(eb.UserError, match=r"params.yaml is missing"):
        eb.Project.open(tmp_path)
    with pytest.raises(eb.UserError, match=r"params.yaml is missing"):
        eb.load_model(tmp_path)


def test_the_best_model_is_loaded_unless_one_is_named(finished: eb.Project, model: eb.FittedModel) -> None:
    assert (model.name, model.title, model.protocol, model.synthetic) == ("rf_magpie", "RF@Magpie", "grouped", True)
    assert eb.load_model(finished.root, "control").name == "control"
    with pytest.raises(eb.UserError, match="'rf_magpi' is not fitted under grouped; did you mean 'rf_magpie'"):
        eb.load_model(finished, "rf_magpi")


def test_a_prediction_has_intervals_limits_and_domain(model: eb.FittedModel) -> None:
    table = eb.predict(model, ["LiFePO4", "LiCrPO4", "LiUO2"])
    assert table["formula"].tolist() == ["LiFePO4", "LiCrPO4", "LiUO2"]
    # LiFePO4 is in the sample, so its interval does not apply. No electrode of the sample contains uranium, and so far
    # from all of them there is no interval either.
    assert table["fitted_on"].tolist() == [1, 0, 0]
    assert table["in_domain"].tolist() == [True, True, False]
    ends = table.filter(regex="_low$|_high$").isna()
    assert ends.all(axis=1).tolist() == [True, False, True]
    assert not ends.iloc[1].any()
    assert table["theoretical_capacity"].iloc[0] == pytest.approx(169.9, abs=0.1)
    for target in TARGETS:
        assert table[f"{target}_low"].iloc[1] <= table[target].iloc[1] <= table[f"{target}_high"].iloc[1]
    pd.testing.assert_frame_equal(eb.predict(model, "LiFePO4"), table.iloc[:1])


def test_a_prediction_has_the_reading_energies_and_notes_at_its_end(model: eb.FittedModel) -> None:
    table = eb.predict(model, ["Li2Fe2P2O8", "LiUO2"])
    assert table.columns.tolist()[-4:] == ["reduced_formula", "specific_energy", "energy_density", "notes"]
    assert table["reduced_formula"].iloc[0] == eb.predict(model, "LiFePO4")["reduced_formula"].iloc[0]
    assert table["notes"].iloc[0] == "in the training data (1 electrode): the interval does not apply"
    outside = "outside the applicability domain: no known electrode contains U; "
    assert table["notes"].iloc[1].startswith(outside)
    capacity = table[["gravimetric_capacity", "theoretical_capacity"]].min(axis=1)
    energy = (capacity * table["average_voltage"]).rename("specific_energy")
    pd.testing.assert_series_equal(table["specific_energy"], energy)
    used = capacity / table["gravimetric_capacity"]
    density = (table["volumetric_capacity"] * used * table["average_voltage"]).rename("energy_density")
    pd.testing.assert_series_equal(table["energy_density"], density)


def test_the_pre_trained_model_answers_without_neighbours(model: eb.FittedModel) -> None:
    table = eb.predict(eb.load_pretrained(), ["LiFePO4", "LiUO2"])
    assert table["nearest"].isna().all()
    assert (table["nearest_distance"] >= 0).all()
    assert table["in_domain"].tolist() == [True, False]
    assert table.columns.tolist() == eb.predict(model, "LiFePO4").columns.tolist()


def test_an_interval_ends_at_faradays_limit_even_if_the_prediction_is_above(model: eb.FittedModel) -> None:
    row = eb.predict(model, "NaFePO4").iloc[0]
    assert row["above_limit"]
    assert row["gravimetric_capacity"] > row["theoretical_capacity"] == pytest.approx(row["gravimetric_capacity_high"])
    assert row["notes"] == "the predicted capacity is above the Faraday limit, which is an error of the model"


def test_a_table_of_formulas_keeps_its_index_and_may_name_ions(model: eb.FittedModel) -> None:
    formulas = pd.DataFrame({"formula": ["LiAlO2", "LiAlO2"], "working_ion": ["Al", None]}, index=[7, 7])
    table = eb.predict(model, formulas, ion="Li")
    assert table.index.tolist() == [7, 7]
    assert table["working_ion"].tolist() == ["Al", "Li"]
    with pytest.raises(eb.UserError, match="LiFePO4 does not contain the working ion Na"):
        eb.predict(model, pd.DataFrame({"formula": ["LiFePO4"], "working_ion": ["Na"]}))
    with pytest.raises(eb.UserError, match="the DataFrame has no column of formulas; it has chemistry"):
        eb.predict(model, pd.DataFrame({"chemistry": ["LiFePO4"]}))
    with pytest.raises(eb.UserError, match="contains Li and Al; name the working ion"):
        eb.predict(model, ["LiAlO2"])


def test_screening_agrees_with_predicting(model: eb.FittedModel) -> None:
    formulas = ["LiFePO4", "LiMnPO4", "NaFePO4", "LiCoO2"]
    best = eb.screen(model, formulas, top=4, rank="value")
    assert best["rank"].dropna().tolist() == [1, 2, 3, 4]
    assert best["energy"].is_monotonic_decreasing
    predicted = eb.predict(model, best["formula"])
    # The notes of a screening also say what matters for the ranking.
    shared = [column for column in predicted if column in best and column != "notes"]
    # A ranking by lower bounds needs the intervals of training compositions too.
    pd.testing.assert_frame_equal(predicted[shared], best[shared].where(predicted[shared].notna()))


def test_candidates_that_cannot_be_used_are_skipped_with_a_warning(model: eb.FittedModel) -> None:
    with pytest.warns(UserWarning, match="1 of 2 candidates cannot be used; the first is number 2: .*no working ion"):
        best = eb.screen(model, ["LiFePO4", "FePO4"])
    assert best["formula"].tolist() == ["LiFePO4"]


@pytest.mark.parametrize("name", ["best.csv", "best.parquet"])
def test_a_file_is_screened_like_a_list(model: eb.FittedModel, tmp_path: Path, name: str) -> None:
    formulas = ["LiFePO4", "LiMnPO4", "FePO4"]
    (tmp_path / "candidates.txt").write_text("\n".join(formulas))
    best = eb.screen_file(model, tmp_path / "candidates.txt", top=1, out=tmp_path / name)
    pd.testing.assert_frame_equal(best, eb.screen(model, formulas[:2], top=1))
    written = (pd.read_csv if name.endswith("csv") else pd.read_parquet)(tmp_path / name)
    assert written["formula"].tolist() == best["formula"].tolist()
    rejects = pd.read_csv(tmp_path / "best.rejects.csv")
    assert rejects[["line", "formula"]].to_numpy().tolist() == [[3, "FePO4"]]
