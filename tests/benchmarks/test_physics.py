"""docs/physics.md: its tables are what the code says, and its figures can be made from a project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import physics
from electrode_bench.features import redox
from electrode_bench.project import Project

#: One process makes what these tests share.
pytestmark = pytest.mark.xdist_group("models with physics")


def test_the_tables_of_the_page_are_those_of_the_code() -> None:
    page = physics.PAGE.read_text(encoding="utf-8")
    assert physics.filled(page) == page, "run: python benchmarks/physics.py"


def test_the_table_of_features_has_every_feature_with_a_source() -> None:
    table = physics.features_table()
    for name, (unit, meaning) in redox.MEANING.items():
        if name.removeprefix("ion ") not in physics.ION_CHARGE:
            assert f"| {name} | {unit} | {meaning} | " in table
    assert "| ion Li, Na, K, Rb, Cs, Mg, Ca, Zn, Al, Y |" in table
    assert not table.replace("\n", "").count("|  |\n")


def test_the_worked_examples_are_those_of_a_chemist() -> None:
    values = physics.example_values()
    # n z F / (3.6 M), with M = 157.757 g/mol.
    assert values.loc["LiFePO4", "full capacity"] == pytest.approx(96485.33 / 3.6 / 157.757, rel=1e-4)
    states = {"LiFePO4": (2, 3), "LiCoO2": (3, 4), "Li2MnO3": (4, 6), "LiNi0.8Mn0.1Co0.1O2": (3, 4)}
    for formula, (discharged, charged) in states.items():
        assert values.loc[formula, "state discharged"] == pytest.approx(discharged)
        assert values.loc[formula, "state charged"] == pytest.approx(charged)


def test_shares_are_grouped_at_thresholds_that_models_predict() -> None:
    shares = pd.Series([0.0, 0.2, 1 / 3, 0.5, 2 / 3, 0.75, 0.99, 1.0])
    assert physics.share_groups(shares).tolist() == [
        "< 0.3", "< 0.3", "1/3", "1/2", "2/3", "0.7–0.98", "all", "all",
    ]  # fmt: skip
    assert {up for *_, up in physics.GROUPS} <= {*physics.SHARE_THRESHOLDS, 1.0}


def test_the_figures_show_aggregated_results(with_physics: Project, tmp_path: Path) -> None:
    numbers = physics.numbers(with_physics)
    assert numbers["electrodes"].sum() == len(with_physics.table())
    assert (numbers["monovalent"] + numbers["multivalent"] == numbers["electrodes"]).all()
    known = numbers[numbers["electrodes"] > 0]
    probabilities = known[[f"boosting {label}" for label, *_ in physics.GROUPS]].to_numpy()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert "mae faraday" in numbers
    # Faraday predicts full extraction, which is right where all of the ion is extracted.
    assert numbers.set_index("share").loc["all", "mae faraday"] < 1.0

    physics.write_figures(with_physics, tmp_path / "figures", tmp_path / "share.csv")
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        "distribution.svg", "share.svg", "states.svg",
    }  # fmt: skip
    assert len(pd.read_csv(tmp_path / "share.csv")) == len(physics.GROUPS)


def test_the_page_says_what_the_committed_numbers_say() -> None:
    text = " ".join(physics.PAGE.read_text(encoding="utf-8").split())
    numbers = pd.read_csv(physics.NUMBERS).set_index("share")
    full = numbers.loc["all", "electrodes"] / numbers["electrodes"].sum()
    assert f"{full:.0%} of the electrodes in the data of 2023.11.1 give up all of their ion" in text
    error = numbers["mae boosting"]
    others = error.drop("all")
    assert f"{error['all']:.0f} mAh/g where all of the ion is extracted" in text
    assert f"{others.min():.0f} to {others.max():.0f} mAh/g in the other groups" in text
    assert error.idxmax() == "< 0.3"


def test_the_page_says_what_the_committed_ablation_says() -> None:
    text = " ".join(physics.PAGE.read_text(encoding="utf-8").split())
    table = pd.read_csv(physics.NUMBERS.with_name("ablation.csv")).set_index(["target", "step"])
    steps = list(table.index.get_level_values("step").unique())
    for step, target, words in (
        ("heads", "gravimetric_capacity", "lowers the gravimetric error from"),
        ("redox", "average_voltage", "the voltage's from"),
        ("distribution", "gravimetric_capacity", "lowers the gravimetric error from"),
        ("boosting", "average_voltage", "lowers the voltage error from"),
    ):
        smae = table.loc[target, "smae"]
        before = smae[steps[steps.index(step) - 1]]
        assert f"{words} {before:.3f} to {smae[step]:.3f}" in text
    # "Oxidation states lower all three errors", and the ion alone none significantly.
    assert (table.xs("redox", level="step")["high"] < 0).all()
    assert (table.xs("ion", level="step")["verdict"] == "tied").all()
