"""The published crabnet 2.0.8: one network for each target, with the package's architecture and optimiser.

A. Y.-T. Wang et al., npj Comput. Mater. 7, 77 (2021), doi:10.1038/s41524-021-00545-1.

What is done around it:

- The targets of rows with the same composition are averaged before training; a row that a bootstrap repeats counts
  as often as it is drawn. The package's own grouping is off by default and reorders the rows.
- A random part of the training compositions is held out for its weight averaging and early stopping.
- A target with a single value, or with fewer than three training compositions, is predicted as its mean.

Not changed: a composition with more elements than any training composition loses its least abundant ones.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def fit(frame: pd.DataFrame, targets: pd.DataFrame, config: dict[str, Any], seed: int, state: Path) -> None:
    """Write a network for each target to ``state``. ``frame`` holds atomic fractions, one column for each element."""
    formulas = _formulas(frame)
    about = {}
    for name in targets.columns:
        rows = pd.DataFrame({"formula": formulas, "target": targets[name].to_numpy(dtype=float)})
        # Sorted by content, so that neither the average nor the split depends on the order of the rows.
        rows = rows.sort_values(["formula", "target"])
        means = rows.groupby("formula", sort=True)["target"].mean().reset_index()
        order = np.random.default_rng(seed).permutation(len(means))
        held_out = max(1, round(config["validation"] * len(means)))
        validation, train = means.iloc[np.sort(order[:held_out])], means.iloc[np.sort(order[held_out:])]
        if len(train) < 2 or train["target"].nunique() == 1:
            about[name] = {"mean": float(rows["target"].mean())}
        else:
            _readable(formulas)
            about[name] = _train(train, validation, config, seed, state / f"{name}.safetensors")
    (state / "networks.json").write_text(json.dumps(about), encoding="utf-8")


def predict(frame: pd.DataFrame, config: dict[str, Any], seed: int, state: Path) -> pd.DataFrame:
    """Means and standard deviations (CrabNet's own estimate of the noise), in the targets' units, for each row."""
    about = json.loads((state / "networks.json").read_text(encoding="utf-8"))
    out = {}
    for name, fitted in about.items():
        if "mean" in fitted:
            mean, std = np.full(len(frame), fitted["mean"]), np.zeros(len(frame))
        else:
            mean, std = _evaluate(frame, config, seed, fitted, state / f"{name}.safetensors")
        out[f"mean {name}"], out[f"std {name}"] = mean, std
    return pd.DataFrame(out)


def _formulas(frame: pd.DataFrame) -> list[str]:
    """Formulas in the plain decimals that CrabNet's parser reads, elements in the order of the columns.

    A row without elements gives an empty formula, which no network can read.
    """
    return [
        "".join(f"{e}{x:.12f}" for e, x in zip(frame.columns, row, strict=True) if x > 0)
        for row in frame.to_numpy(dtype=float)
    ]


def _readable(formulas: list[str]) -> None:
    if "" in formulas:
        raise ValueError("a row has no element")


def _crabnet(config: dict[str, Any], seed: int, **given: Any) -> Any:
    import torch
    from crabnet.crabnet_ import CrabNet

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    return CrabNet(
        epochs=config["epochs"],
        epochs_step=config["epochs_step"],
        compute_device="cpu",
        verbose=False,
        losscurve=False,
        learningcurve=False,
        save=False,
        random_state=seed,
        **given,
    )


def _train(
    train: pd.DataFrame, validation: pd.DataFrame, config: dict[str, Any], seed: int, file: Path
) -> dict[str, Any]:
    from crabnet.utils.optim import SWA
    from safetensors.torch import save_file

    # At the first zero_grad, torch wraps the step method of an optimiser's class. This class does not set up what the
    # wrapper reads, so that a second fit in the same process would end with an AttributeError.
    SWA.step = getattr(SWA.step, "__wrapped__", SWA.step)
    model = _crabnet(config, seed, batch_size=config["batch_size"])
    model.fit(train_df=train.reset_index(drop=True), val_df=validation.reset_index(drop=True))
    save_file({k: v.contiguous() for k, v in model.model.state_dict().items()}, file)
    return {
        "scaler": {k: float(v) for k, v in model.scaler.state_dict().items()},
        "n_elements": int(model.n_elements),
        "batch_size": int(model.batch_size),
    }


def _evaluate(
    frame: pd.DataFrame, config: dict[str, Any], seed: int, about: dict[str, Any], file: Path
) -> tuple[np.ndarray, np.ndarray]:
    import torch
    from crabnet.kingcrab import SubCrab
    from crabnet.utils.utils import Scaler
    from safetensors.torch import load_file

    formulas = _formulas(frame)
    _readable(formulas)
    model = _crabnet(config, seed, n_elements=about["n_elements"], batch_size=about["batch_size"])
    shape = ("out_dims", "d_model", "N", "heads", "pe_resolution", "ple_resolution", "dim_feedforward", "dropout")
    model.model = SubCrab(compute_device=model.compute_device, **{k: getattr(model, k) for k in shape})
    model.model.load_state_dict(load_file(file))
    model.scaler = Scaler(torch.zeros(3))
    model.scaler.load_state_dict({k: torch.tensor(v) for k, v in about["scaler"].items()})
    # The number of each row is passed as its target, and returned with the prediction.
    numbers = np.arange(len(frame))
    mean, std, back = model.predict(
        test_df=pd.DataFrame({"formula": formulas, "target": numbers}), return_uncertainty=True, return_true=True
    )
    assert np.array_equal(back, numbers)
    return mean, std
