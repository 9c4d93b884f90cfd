"""The pre-trained model that the package brings along: fitted on all rows of a release, without any of them.

Its folder has the fitted model (compressed), the calibration of its intervals, its applicability domain, a record of
what it was made from, and a model card. None of them has a formula or a target value of the release.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from electrode_bench.core.artifacts import plain, replacing, write_text
from electrode_bench.errors import UserError
from electrode_bench.evaluation.calibration import Calibration
from electrode_bench.inference.chosen import FittedModel
from electrode_bench.inference.compact_domain import CompactDomain
from electrode_bench.inference.formula_model import FormulaModel
from electrode_bench.inference.predictor import Predictor
from electrode_bench.models import archive

#: Where the package keeps it.
FOLDER = Path(__file__).resolve().parent.parent / "pretrained"

_MODEL, _CALIBRATION, _DOMAIN, _ABOUT, _CARD = (
    "model.tar.xz", "calibration.json", "domain.json", "about.json", "README.md",
)  # fmt: skip


def write(
    folder: Path,
    *,
    model: Path,
    calibration: Calibration,
    domain: CompactDomain,
    about: Mapping[str, Any],
    card: str,
) -> None:
    """Write a pre-trained model; the same content gives the same bytes.

    Parameters
    ----------
    model : folder of the model fitted on all rows.
    calibration : of its intervals, made with the distances of ``domain``.
    about : name, title and protocol of the model, and what is known of its data (``FittedModel.data``).
    card : the model card, in Markdown.
    """
    with replacing(folder / _MODEL) as temporary:
        temporary.write_bytes(archive.pack(model))
    _write_json(calibration.to_json(), folder / _CALIBRATION)
    _write_json(domain.to_json(), folder / _DOMAIN)
    write_text(json.dumps(plain(about), indent=2, sort_keys=True, allow_nan=False) + "\n", folder / _ABOUT)
    write_text(card, folder / _CARD)


def load(folder: Path = FOLDER) -> FittedModel:
    """Read what :func:`write` wrote.

    Raises
    ------
    UserError
        When it is not there or damaged.
    """
    about, calibration, domain = (_read_json(folder / name) for name in (_ABOUT, _CALIBRATION, _DOMAIN))
    with tempfile.TemporaryDirectory(prefix="electrode-bench-") as unpacked:
        archive.unpack(folder / _MODEL, Path(unpacked))
        model = FormulaModel(Path(unpacked))
    predictor = Predictor(model, calibration=Calibration.from_json(calibration), domain=CompactDomain.from_json(domain))
    names = (about["model"], f"{about['title']} (pre-trained)", about["protocol"])
    return FittedModel(predictor, *names, synthetic=False, data=about["data"], pretrained=True)


def _write_json(value: Any, path: Path) -> None:
    # In one line: nobody reads hundreds of centroids.
    write_text(json.dumps(plain(value), sort_keys=True, allow_nan=False) + "\n", path)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); install electrode-bench again") from error
