"""Fitted scikit-learn objects in files that load without pickle, by skops.

Loading creates objects of known types only: those that skops trusts, which are the public classes of scikit-learn,
numpy and scipy; those of :data:`REVIEWED`; and those that the caller has checked.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import replacing
from electrode_bench.errors import UserError
from electrode_bench.models.base import CannotSave

#: Private types of scikit-learn inside fitted public estimators. Each one restores arrays and numbers and runs no other
#: code: trees, neighbour searches with their distances, kernels, and the optimisers of neural networks.
REVIEWED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.DotProduct",
    "sklearn.gaussian_process.kernels.Matern",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.RationalQuadratic",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "sklearn.metrics._dist_metrics.ChebyshevDistance64",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.metrics._dist_metrics.ManhattanDistance64",
    "sklearn.metrics._dist_metrics.MinkowskiDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
)

_SCHEMA = "schema.json"


def dump(value: Any, file: Path, *, trusted: Iterable[str] = ()) -> None:
    """Write fitted estimators to a file, with the same bytes for the same content.

    Parameters
    ----------
    trusted : names of further types that may be loaded.

    Raises
    ------
    CannotSave
        When the file could not be loaded: an object has no form without pickle, or its type is not trusted.
    """
    import skops.io

    try:
        content = _canonical(skops.io.dumps(value))
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - {*REVIEWED, *trusted})
        if not unknown:
            skops.io.loads(content, trusted=[*REVIEWED, *trusted])
    except Exception as error:
        what = " ".join(str(error).split())
        raise CannotSave(f"the model cannot be saved without pickle: {type(error).__name__}: {what}") from error
    if unknown:
        raise CannotSave(
            f"the model cannot be saved without pickle: it contains {', '.join(unknown)}; "
            "check that loading these types is safe and list them under `trusted`"
        )
    with replacing(file) as temporary:
        temporary.write_bytes(content)


def load(file: Path, *, trusted: Iterable[str] = ()) -> Any:
    """Read what :func:`dump` wrote.

    Raises
    ------
    UserError
        When the file holds an object of a type that is not trusted.
    """
    import skops.io

    unknown = sorted(set(skops.io.get_untrusted_types(file=file)) - {*REVIEWED, *trusted})
    if unknown:
        raise UserError(f"{file} was not loaded: it contains types that are not trusted ({', '.join(unknown)})")
    return skops.io.load(file, trusted=[*REVIEWED, *trusted])


def _canonical(content: bytes) -> bytes:
    """A file of skops with objects numbered in their order, instead of by their address, and without times."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    numbers: dict[str, int] = {}
    renamed: dict[str, str] = {}

    def number(address: str) -> int:
        return numbers.setdefault(address, len(numbers))

    def renumbered(node: Any) -> Any:
        if isinstance(node, list):
            return [renumbered(item) for item in node]
        if not isinstance(node, dict):
            return node
        out: dict[str, Any] = {}
        for key, value in node.items():
            if key == "__id__" and isinstance(value, int):
                out[key] = number(str(value))
            elif key == "file" and isinstance(value, str):
                address, dot, suffix = value.partition(".")
                out[key] = renamed[value] = f"{number(address)}{dot}{suffix}"
            else:
                out[key] = renumbered(value)
        return out

    schema = renumbered(json.loads(files.pop(_SCHEMA)))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        # A ZipInfo without a date has the first one that there is.
        archive.writestr(zipfile.ZipInfo(_SCHEMA), json.dumps(schema, sort_keys=True))
        for name, data in sorted((renamed.get(name, name), data) for name, data in files.items()):
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()
