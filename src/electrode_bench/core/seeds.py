"""Seeds derived from names, so that no run depends on the order of runs."""

from __future__ import annotations

import hashlib


def derive(root: int, *names: str | int) -> int:
    """A seed in [0, 2**32) that depends only on ``root`` and ``names``.

    Python's ``hash`` changes from process to process; this does not.

    >>> derive(0, "rf_magpie", "stratified", "fold-0") == derive(0, "rf_magpie", "stratified", "fold-0")
    True
    """
    # repr distinguishes 1 from "1", and the separator ("ab", "c") from ("a", "bc").
    text = "\x1f".join([repr(root), *map(repr, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
