"""Our tree of layers with modnet 0.4.5's weights computes what modnet 0.4.5 computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from electrode_bench.models.modnet.network import TreeNetwork

pytest.importorskip("modnet")
# The package warns of pandas and TensorFlow to come; what it computes is the question here.
pytestmark = pytest.mark.filterwarnings("ignore")

FEATURES = 40
GROUPS = [[["gravimetric_capacity"], ["volumetric_capacity"]], [["average_voltage"]]]


def upstream(widths: tuple[list[int], ...], seed: int) -> Any:
    """modnet's Keras model with every weight and running statistic drawn anew."""
    from modnet.models import MODNetModel

    model = MODNetModel(GROUPS, {}, num_neurons=widths, n_feat=FEATURES, act="elu").model
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        # Variances, and whatever stands with them, must be positive; ones and zeros would hide an exchange.
        drawn = [rng.normal(0, 0.3, w.shape) for w in layer.get_weights()]
        layer.set_weights([np.exp(w) if i in (0, 3) and w.ndim == 1 else w for i, w in enumerate(drawn)])
    return model


def tree_of(models: list[Any], widths: tuple[list[int], ...]) -> TreeNetwork:
    """Ours, each member with the weights of one of modnet's."""
    shared, grouped, separate, _ = widths
    network = TreeNetwork(
        FEATURES,
        members=len(models),
        groups=[[0, 1], [2]],
        shared=shared,
        grouped=grouped,
        separate=separate,
        batch_norm=True,
    )
    state = network.state_dict()

    def fill(prefix: str, sequences: list[list[Any]]) -> None:
        """A block from the layers of each model: Dense and BatchNormalization by turns."""
        for i in range(0, len(sequences[0]), 2):
            dense = [sequence[i].get_weights() for sequence in sequences]
            # Dense, ELU and batch normalisation are three layers of ours.
            at = f"{prefix}.{3 * (i // 2)}"
            state[f"{at}.weight"] = torch.stack([torch.as_tensor(w) for w, _ in dense])
            state[f"{at}.bias"] = torch.stack([torch.as_tensor(b)[None] for _, b in dense])
            norm = [sequence[i + 1].get_weights() for sequence in sequences]
            at = f"{prefix}.{3 * (i // 2) + 2}.norm"
            for k, name in enumerate(("weight", "bias", "running_mean", "running_var")):
                state[f"{at}.{name}"] = torch.cat([torch.as_tensor(weights[k]) for weights in norm])

    def path(model: Any, target: str) -> list[Any]:
        """The layers from the input to a target's output, but for both."""
        layer, layers = model.get_layer(target), []
        while True:
            layer = layer.input._keras_history.layer
            if type(layer).__name__ == "InputLayer":
                return layers[::-1]
            layers.append(layer)

    first, second = 2 * len(shared), 2 * (len(shared) + len(grouped))
    targets = [name for group in GROUPS for (name,) in group]
    paths = [[path(model, target) for model in models] for target in targets]
    fill("shared", [of[:first] for of in paths[0]])
    for i, target in enumerate((0, 2)):
        fill(f"grouped.{i}", [of[first:second] for of in paths[target]])
    for i, target in enumerate(targets):
        fill(f"separate.{i}", [of[second:] for of in paths[i]])
        last = [model.get_layer(target).get_weights() for model in models]
        state[f"out.{i}.weight"] = torch.stack([torch.as_tensor(w) for w, _ in last])
        state[f"out.{i}.bias"] = torch.stack([torch.as_tensor(b)[None] for _, b in last])
    network.load_state_dict(state)
    return network.eval()


@pytest.mark.parametrize("widths", [([64], [32], [16], [16]), ([32, 24], [], [8, 8], [])], ids=["one each", "uneven"])
@pytest.mark.parametrize("members", [1, 2])
def test_a_row_gets_the_same_prediction(widths: tuple[list[int], ...], members: int) -> None:
    models = [upstream(widths, seed) for seed in range(members)]
    x = np.random.default_rng(9).normal(size=(150, FEATURES)).astype(np.float32)
    expected = np.stack([np.concatenate([np.asarray(o) for o in m(x, training=False)], axis=1) for m in models])
    assert expected.shape == (members, 150, 3)
    with torch.no_grad():
        ours = tree_of(models, widths)(torch.as_tensor(x).expand(members, *x.shape)).numpy()
    # Different for every target, member and row.
    assert expected.std(axis=1).min() > 0.1
    assert np.abs(np.diff(expected, axis=2)).mean() > 0.1
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
