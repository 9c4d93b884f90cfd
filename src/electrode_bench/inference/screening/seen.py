"""Which candidates came before, in little memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


class Seen:
    """The candidates that came before, as 64-bit digests with their lines: 16 bytes for each distinct candidate.

    Two of a million candidates have the same digest with a probability of 3e-8.
    """

    def __init__(self) -> None:
        self._digests = np.empty(0, dtype=np.uint64)
        self._lines = np.empty(0, dtype=np.int64)

    def first_lines(self, keys: Sequence[tuple[str, str]], lines: np.ndarray) -> np.ndarray:
        """For each of some distinct keys, the line where it came first, or -1 where it is new; new ones are added.

        Parameters
        ----------
        lines : (n,) where the keys are now.
        """
        texts = np.array([" | ".join(key) for key in keys], dtype=object)
        digests = np.asarray(pd.util.hash_array(texts, categorize=False), dtype=np.uint64)
        at = np.searchsorted(self._digests, digests)
        inside = at < len(self._digests)
        known = np.zeros(len(digests), dtype=bool)
        known[inside] = self._digests[at[inside]] == digests[inside]
        first = np.full(len(digests), -1, dtype=np.int64)
        first[known] = self._lines[at[known]]
        order = np.argsort(digests[~known], kind="stable")
        places = at[~known][order]
        self._digests = np.insert(self._digests, places, digests[~known][order])
        self._lines = np.insert(self._lines, places, lines[~known][order])
        return first
