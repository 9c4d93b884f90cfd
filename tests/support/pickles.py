"""Pickles that leave a trace when they are loaded."""

from __future__ import annotations

import os
import pickle
from pathlib import Path


class _Evil:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


def acting(canary: Path) -> object:
    """An object whose pickle makes the folder ``canary`` when it is loaded."""
    return _Evil(canary)


def payload(canary: Path) -> bytes:
    """A pickle that makes the folder ``canary`` when it is loaded."""
    return pickle.dumps(_Evil(canary))
