"""Electrodes become tokens with a marked working ion."""

from __future__ import annotations

import numpy as np
import torch

from electrode_bench.models.crabnet.tokens import ElementColumns
from electrode_bench.models.crabnet_physics.tokens import ElectrodeTokens, ion_columns


def test_the_token_of_the_ion_is_marked() -> None:
    columns = ElementColumns.of(["Li", "O", "Na", "Fe"])
    fractions = np.array([[0.25, 0.5, 0.0, 0.25], [0.25, 0.5, 0.25, 0.0], [0.25, 0.5, 0.25, 0.0]])
    context = np.array([[1.0, 2], [3, 4], [5, 6]])
    tokens = ElectrodeTokens.joined(fractions, columns, np.array([3.0, 3, 11]), context)
    token, fraction, part, is_ion, features = tokens.batch(np.array([2, 0]), torch.device("cpu"))
    np.testing.assert_array_equal(token, [[8, 3, 11], [8, 3, 26]])
    np.testing.assert_array_equal(is_ion, [[False, False, True], [False, True, False]])
    np.testing.assert_array_equal(features, [[5, 6], [1, 2]])
    assert fraction.shape == part.shape == (2, 3)


def test_columns_of_the_ion_are_found_by_name() -> None:
    names = ["redox: full capacity", "redox: ion Li", "redox: ion charge", "redox: ion Zn", "redox: elements"]
    assert ion_columns(names, ["H", "He", "Li", *["?"] * 26, "Zn"]) == {3: 1, 30: 3}
