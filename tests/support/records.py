"""Records of runs that no model was fitted for: made-up predictions with consistent digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from electrode_bench.core.digests import digest, digest_frame
from electrode_bench.core.folds import Fold
from electrode_bench.core.results import FoldRecord, Run, RunDigests
from electrode_bench.fitting.protocols import long_share


def make_run(predictions: pd.DataFrame, folds: Sequence[Fold], *, title: str | None = None, **changes: Any) -> Run:
    """The record of these predictions (one model under one protocol); ``changes`` replace fields of the record."""
    share = long_share(None, folds[0])
    model, protocol = (str(predictions[column].iloc[0]) for column in ("model", "protocol"))
    values: dict[str, Any] = {
        "model": model,
        "title": title or model.upper(),
        "module": f"electrode_bench.models.{model}",
        "protocol": protocol,
        "feature_set": None,
        "composition": "discharged",
        "config": {},
        "seed": 0,
        "versions": {},
        "digests": RunDigests(
            split="split", features="features", table="table", code="code", config=digest({}),
            predictions=digest_frame(predictions), share=digest_frame(share),
        ),
        "folds": {
            fold.key: FoldRecord(cache_key=fold.key, seed=0, n_train=len(fold.train_ids), n_test=len(fold.test_ids))
            for fold in folds
        },
        "predictions": predictions,
        "share": share,
    }  # fmt: skip
    return Run(**{**values, **changes}).sealed()
