"""Trees that were saved as text, read by LightGBM's library without its Python package.

Importing the package also imports scikit-learn and scipy.stats, which takes a third of the time of a short answer. The
functions of the library that are called here are its documented C interface
(https://lightgbm.readthedocs.io/en/stable/C-API.html).
"""

from __future__ import annotations

import ctypes
import importlib.util
import weakref
from functools import lru_cache
from pathlib import Path

import numpy as np

_FLOAT64, _ROW_MAJOR, _NORMAL = 1, 1, 0
#: All trees.
_FIRST, _ALL = 0, -1


class SavedTrees:
    """Trees in LightGBM's own text form.

    Raises
    ------
    ValueError
        When the text is not that of a model.
    OSError
        When the library is not installed, or cannot be loaded.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._handle, read = ctypes.c_void_p(), ctypes.c_int()
        _call("LGBM_BoosterLoadModelFromString", text.encode(), ctypes.byref(read), ctypes.byref(self._handle))
        weakref.finalize(self, library().LGBM_BoosterFree, self._handle)

    def __reduce__(self) -> tuple[type[SavedTrees], tuple[str]]:
        return SavedTrees, (self.text,)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predictions (n,) for features (n x features), n > 0; with one thread."""
        values = np.ascontiguousarray(x, dtype=np.float64)
        found, written = np.empty(len(values)), ctypes.c_int64()
        _call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            values.ctypes.data_as(ctypes.c_void_p),
            _FLOAT64,
            *map(ctypes.c_int32, values.shape),
            _ROW_MAJOR,
            _NORMAL,
            _FIRST,
            _ALL,
            b"num_threads=1",
            ctypes.byref(written),
            found.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
        )
        return found


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL:
    """LightGBM's library, which lies in the package's folder.

    Raises
    ------
    OSError
        When it is not installed, or cannot be loaded.
    """
    spec = importlib.util.find_spec("lightgbm")
    found = sorted(Path(spec.origin).parent.glob("lib/lib_lightgbm.*")) if spec and spec.origin else []
    if not found:
        raise OSError("the package lightgbm has no library")
    loaded = ctypes.CDLL(str(found[0]))
    loaded.LGBM_GetLastError.restype = ctypes.c_char_p
    return loaded


def _call(name: str, *arguments: object) -> None:
    if getattr(library(), name)(*arguments):
        raise ValueError(f"LightGBM: {library().LGBM_GetLastError().decode(errors='replace')}")
