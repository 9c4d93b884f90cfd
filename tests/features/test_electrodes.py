"""Feature sets that read the working ion, and several sets under one name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.own_feature_sets import registered

from electrode_bench.data.chemistry import FormulaError
from electrode_bench.errors import UserError
from electrode_bench.features import FEATURE_SETS, columns_read, featurize
from electrode_bench.features.electrodes import Electrode, key, split


@pytest.fixture(autouse=True)
def _sets() -> Iterator[None]:
    with registered():
        yield


TABLE = pd.DataFrame(
    {
        "formula_discharge": ["LiFePO4", "NaLiMnO4", "NaLiMnO4", "Li2Fe2P2O8"],
        "working_ion": ["Li", "Na", "Li", "Li"],
        "formula_charge": ["FePO4", "LiMnO4", "Na2Li(MnO4)2", "LiFe2P2O8"],
        "framework_formula": ["FePO4", "LiMnO4", "NaMnO4", "FePO4"],
    },
    index=pd.Index(["d", "a", "c", "b"], name="electrode_id"),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("LiFePO4", "Li"), Electrode("LiFePO4", "Li")),
        (("Fe2Li2(PO4)2", "Li", "Fe0.5P0.5O2"), Electrode("LiFePO4", "Li", "FePO4")),
    ],
)
def test_a_key_keeps_the_reduced_formulas_and_the_ion(given: tuple[str, ...], expected: Electrode) -> None:
    assert split(key(*given)) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [(("LiFePO4", "Fe"), "unknown working ion 'Fe'"), (("LiXx", "Li"), "unknown element"), (("Li", ""), "is missing")],
)
def test_a_key_of_an_unknown_ion_or_formula_is_an_error(given: tuple[str, ...], message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        key(*given)


def test_a_set_that_reads_the_ion_has_other_features_for_another_ion() -> None:
    frame = featurize(TABLE, feature_set="ion_share")
    assert frame.index.equals(TABLE.index)
    assert frame["ion: share"].tolist() == pytest.approx([1 / 7, 1 / 7, 1 / 7, 1 / 7])
    three = pd.DataFrame({"formula_discharge": ["Na3LiMnO5"] * 2, "working_ion": ["Na", "Li"]})
    assert featurize(three, feature_set="ion_share")["ion: share"].tolist() == pytest.approx([0.3, 0.1])


def test_with_the_charged_formula_it_may_have_more_features() -> None:
    frame = featurize(TABLE, feature_set="ion_share", composition="pair")
    assert list(frame.columns) == ["ion: share", "ion: leaving"]
    assert frame["ion: leaving"].tolist() == pytest.approx([1, 1, 0.5, 0.5])


@pytest.mark.parametrize(("composition", "distinct"), [("discharged", 3), ("pair", 4)])
def test_the_features_of_an_electrode_are_cached(tmp_path: Path, composition: str, distinct: int) -> None:
    # Two of the four electrodes differ in their charged formulas only.
    said: list[tuple[int, int]] = []

    def features(cache: Path | None) -> pd.DataFrame:
        return featurize(
            TABLE,
            feature_set="ion_share",
            composition=composition,
            cache=cache,
            report=lambda *counts: said.append(counts),
        )

    # The other setting has a cache of its own.
    for other in {"discharged", "pair"} - {composition}:
        featurize(TABLE, feature_set="ion_share", composition=other, cache=tmp_path)
    first, again, plain = features(tmp_path), features(tmp_path), features(None)
    pd.testing.assert_frame_equal(first, again, check_exact=True)
    pd.testing.assert_frame_equal(first, plain, check_exact=True)
    assert said == [(distinct, distinct), (0, distinct), (distinct, distinct)]
    assert len(list(tmp_path.glob("ion_share*.sealed"))) == 2


@pytest.mark.parametrize(
    ("feature_set", "composition", "columns"),
    [
        (None, "discharged", ("formula_discharge",)),
        ("elements", "pair", ("formula_charge", "formula_discharge")),
        ("elements+ion_share", "discharged", ("formula_discharge", "working_ion")),
        ("ion_share", "framework_ion", ("framework_formula", "working_ion", "formula_discharge")),
        ("ion_share+elements", "pair", ("formula_charge", "formula_discharge", "working_ion")),
    ],
)
def test_only_a_set_that_reads_the_ion_needs_its_column(
    feature_set: str | None, composition: str, columns: tuple[str, ...]
) -> None:
    assert columns_read(feature_set, composition=composition) == columns
    if feature_set is not None:
        assert len(featurize(TABLE[list(columns)], feature_set=feature_set, composition=composition)) == 4


@pytest.mark.parametrize("composition", ["discharged", "framework_ion", "pair"])
def test_several_sets_stand_side_by_side(composition: str) -> None:
    names = ["elements", "ion_share", "magpie_mean"]
    together = featurize(TABLE, feature_set="+".join(names), composition=composition)
    alone = [featurize(TABLE, feature_set=name, composition=composition) for name in names]
    pd.testing.assert_frame_equal(together, pd.concat(alone, axis=1), check_exact=True)
    assert "ion: share" in together


def test_two_sets_with_a_feature_of_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="the feature sets elements and clash both have a column 'Li'"):
        featurize(TABLE, feature_set="elements+clash")


def test_an_unknown_set_among_several_is_named() -> None:
    with pytest.raises(UserError, match="unknown feature set 'magpi'"):
        featurize(TABLE, feature_set="elements+magpi")
    with pytest.raises(UserError, match=r"the working ion is missing; known are: Li, .*correct it in the snapshot"):
        featurize(TABLE.assign(working_ion=[None, "Li", "Li", "Li"]), feature_set="ion_share")


def test_the_cache_follows_the_code_of_a_set_that_reads_the_ion() -> None:
    assert len(FEATURE_SETS["ion_share"].closure().digest) == 64
    assert np.isfinite(FEATURE_SETS["ion_share"].compute([key("LiFePO4", "Li")]).to_numpy()).all()
