"""Several feature sets under one name."""

from __future__ import annotations

import pandas as pd
import pytest

from electrode_bench.core.feature_names import side_by_side, split
from electrode_bench.errors import UserError


def test_a_name_stands_for_one_set_or_for_several_in_its_order() -> None:
    assert split("modnet") == ("modnet",)
    assert split("modnet+elements+magpie") == ("modnet", "elements", "magpie")


@pytest.mark.parametrize("name", ["", "+modnet", "modnet+", "modnet++magpie", "modnet+modnet"])
def test_a_name_with_a_gap_or_a_repeat_is_an_error(name: str) -> None:
    with pytest.raises(UserError, match=r"does not name feature sets; write each once, with \+ between them"):
        split(name)


def test_features_stand_side_by_side_in_the_order_of_their_sets() -> None:
    index = pd.Index(["x", "y"], name="electrode_id")
    first, second = pd.DataFrame({"b": [1.0, 2.0]}, index), pd.DataFrame({"a": [3.0, 4.0], "c": 5.0}, index)
    frame = side_by_side({"one": first, "two": second})
    assert list(frame.columns) == ["b", "a", "c"]
    assert frame.index.equals(index)
    pd.testing.assert_frame_equal(side_by_side({"one": first}), first)


def test_two_sets_with_a_column_of_one_name_are_an_error() -> None:
    one = pd.DataFrame({"a": [1.0]})
    with pytest.raises(ValueError, match="the feature sets first and second both have a column 'a'"):
        side_by_side({"first": one, "second": one})
