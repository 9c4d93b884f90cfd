"""Compositions become tokens."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.electrodes import element_frame

from electrode_bench.models.crabnet.tokens import ElementColumns, Tokens

CPU = torch.device("cpu")


def test_tokens_start_with_the_most_abundant_element() -> None:
    columns = ElementColumns.of(["H", "Li", "O", "Fe"])
    assert (columns.numbers, columns.parts) == ((1, 3, 8, 26), (0, 0, 0, 0))
    values = np.array([[0.0, 0.2, 0.5, 0.3], [0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0]])
    tokens = Tokens.of(values, columns)
    np.testing.assert_array_equal(tokens.token, [[8, 26, 3], [3, 0, 0], [1, 8, 0]])
    np.testing.assert_allclose(tokens.fraction, [[0.5, 0.3, 0.2], [1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(tokens.length, [3, 1, 2])
    # A batch is padded to its own longest composition.
    token, fraction, part = tokens.batch(np.array([2, 1]), CPU)
    np.testing.assert_array_equal(token, [[1, 8], [3, 0]])
    assert fraction.shape == part.shape == (2, 2)


def test_two_formulas_are_two_parts() -> None:
    frame = element_frame({"formula_charge": ["FePO4"], "formula_discharge": ["LiFePO4"]})
    columns = ElementColumns.of(frame.columns)
    tokens = Tokens.of(columns.values(frame), columns)
    found = list(zip(tokens.token[0], tokens.part[0], tokens.fraction[0], strict=True))
    expected = [(8, 0, 4 / 6), (8, 1, 4 / 7), (15, 0, 1 / 6), (26, 0, 1 / 6), (3, 1, 1 / 7), (15, 1, 1 / 7)]
    assert {(z, part) for z, part, _ in found} == {(z, part) for z, part, _ in expected} | {(26, 1)}
    assert [share for *_, share in found] == pytest.approx([4 / 6, 4 / 7, 1 / 6, 1 / 6, 1 / 7, 1 / 7, 1 / 7])
