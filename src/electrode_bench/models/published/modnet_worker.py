"""The published modnet 0.4.5: feature selection, and one joint network for all targets.

P.-P. De Breuck et al., npj Comput. Mater. 7, 83 (2021), doi:10.1038/s41524-021-00552-2.

What is done around it:

- Features are selected on the training rows; the worker gets no others.
- Each target's loss is divided by the target's mean absolute deviation in training. The package adds up the losses in
  the targets' units, in which the volumetric capacity would count a hundred times as much as the voltage.
- When nothing can be learnt (fewer rows than the package's mutual information needs, or constant features or
  targets), each target is predicted as its mean.

Not changed: a prediction that lies outside the training range by more than a quarter of it is replaced by a random
number within the range (``remap_out_of_bounds``). The numbers are drawn for each predicted table, from the seed of the
fit, so the prediction of such a row depends on the other rows of the table.
"""

from __future__ import annotations

import json
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

#: Fewest rows for the package's estimate of mutual information, which uses three neighbours.
FEWEST_ROWS = 5


def fit(frame: pd.DataFrame, targets: pd.DataFrame, config: dict[str, Any], seed: int, state: Path) -> None:
    """Write the network to ``state``: its weights, the features it reads and how they are scaled."""
    names = [str(t) for t in targets.columns]
    varies = (frame.nunique(dropna=False) > 1).any() and (targets.nunique() > 1).any()
    if len(frame.drop_duplicates()) < FEWEST_ROWS or not varies:
        _write({"targets": names, "mean": targets.mean().tolist()}, state)
        return

    # Before TensorFlow is loaded: its threads do not work with a forked pool.
    data = _data(frame, targets)
    if config["select"]:
        _select(data, config, seed)
    else:
        data.optimal_features = list(frame.columns)

    from safetensors.numpy import save_file

    deviation = np.abs(targets - targets.mean()).mean()
    weights = {name: 1 / deviation[name] if deviation[name] > 0 else 1.0 for name in names}
    n_feat = min(config["n_feat"], len(data.get_optimal_descriptors()))
    model = _network(config, names, weights, n_feat, seed)
    model.fit(
        data,
        lr=config["lr"],
        epochs=config["epochs"],
        batch_size=config["batch_size"],
        xscale=config["xscale"],
        loss=config["loss"],
        verbose=0,
    )
    arrays = {str(i): np.ascontiguousarray(array) for i, array in enumerate(model.model.get_weights())}
    save_file(arrays, state / "network.safetensors")
    _write(
        {
            "targets": names,
            "weights": weights,
            "features": model.optimal_descriptors[:n_feat],
            "scaler": {k: _plain(v) for k, v in vars(model._scaler).items() if k.endswith("_")},
            "impute": float(model.impute_missing),
            "min_y": [v.tolist() for v in model.min_y],
            "max_y": [v.tolist() for v in model.max_y],
        },
        state,
    )


def predict(frame: pd.DataFrame, config: dict[str, Any], seed: int, state: Path) -> pd.DataFrame:
    """Means in the targets' units, one row per row of ``frame``."""
    about = json.loads((state / "network.json").read_text(encoding="utf-8"))
    names = about["targets"]
    if "mean" in about:
        values = np.tile(about["mean"], (len(frame), 1))
        return pd.DataFrame(values, columns=[f"mean {name}" for name in names])

    from safetensors.numpy import load_file

    n_feat = len(about["features"])
    model = _network(config, names, about["weights"], n_feat, seed)
    arrays = load_file(state / "network.safetensors")
    model.model.set_weights([arrays[str(i)] for i in range(len(arrays))])
    model.optimal_descriptors, model.xscale = about["features"], config["xscale"]
    model._set_scale_impute(impute_missing=about["impute"], xscale_before_impute=True)
    for attribute, value in about["scaler"].items():
        setattr(model._scaler, attribute, np.array(value) if isinstance(value, list) else value)
    # A constant imputer does not depend on the data.
    model._imputer.fit(np.zeros((1, n_feat)))
    model.min_y, model.max_y = ([np.array(v) for v in about[k]] for k in ("min_y", "max_y"))
    data = _data(frame, None)
    np.random.seed(seed)  # noqa: NPY002 (what remap_out_of_bounds draws from)
    predicted = model.predict(data, remap_out_of_bounds=config["remap_out_of_bounds"])
    assert list(predicted.index) == list(data.df_featurized.index)
    return pd.DataFrame({f"mean {name}": predicted[name].to_numpy() for name in names})


def _data(frame: pd.DataFrame, targets: pd.DataFrame | None) -> Any:
    """The rows as MODNet's own table, with unique names, since a bootstrap repeats rows."""
    from modnet.preprocessing import MODData

    rows = [f"row {i}" for i in range(len(frame))]
    given = (
        {} if targets is None else {"targets": targets.to_numpy(), "target_names": [str(t) for t in targets.columns]}
    )
    return MODData(df_featurized=frame.set_axis(rows, axis=0), structure_ids=rows, **given)


def _select(data: Any, config: dict[str, Any], seed: int) -> None:
    from modnet import preprocessing

    # The package's pool of one process, as a thread: nothing keeps running when this process is stopped.
    preprocessing.Pool = ThreadPool
    data.feature_selection(n=-1, n_samples=config["n_samples"], random_state=seed)


def _network(config: dict[str, Any], names: list[str], weights: dict[str, float], n_feat: int, seed: int) -> Any:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    from modnet.models import MODNetModel

    # The capacities share a block of layers; every target has an output of its own.
    groups = [[[n] for n in names if "capacity" in n], [[n] for n in names if "capacity" not in n]]
    return MODNetModel(
        targets=[group for group in groups if group],
        weights=weights,
        n_feat=n_feat,
        num_neurons=config["num_neurons"],
        act=config["act"],
    )


def _write(about: dict[str, Any], state: Path) -> None:
    (state / "network.json").write_text(json.dumps(about), encoding="utf-8")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
