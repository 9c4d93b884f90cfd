"""Composition-only models of battery electrodes, compared on evidence that can be traced.

The public Python API (see :mod:`electrode_bench.api`) is available here:

>>> import electrode_bench as eb
>>> eb.__version__
'0.2.0'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from electrode_bench.api import (
        Exported,
        FittedModel,
        Project,
        UserError,
        load_model,
        load_pretrained,
        predict,
        screen,
        screen_file,
    )

__all__ = [
    "Exported", "FittedModel", "Project", "UserError", "__version__", "load_model", "load_pretrained", "predict",
    "screen", "screen_file",
]  # fmt: skip

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    # Imported when it is first used, so that the command line starts quickly.
    if name in __all__:
        from electrode_bench import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
