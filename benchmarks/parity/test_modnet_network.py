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


def path(model: Any, target: str) -> list[Any]:
    """The layers from the input to a target's output, without both: Dense and BatchNormalization alternate."""
    layers: list[Any] = []
    layer = model.get_layer(target)
    while True:
        layer = layer.input._keras_history.layer
        if type(layer).__name__ == "InputLayer":
            return layers[::-1]
        layers.append(layer)


def folded(model: Any, target: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Weights (inputs x outputs) and biases (1 x outputs) of the dense layers up to a target's output, that included.

    Each batch normalisation, which follows an activation, is folded into the dense layer after it: ours has none.
    """
    layers = path(model, target)
    scale, shift, dense = np.ones(FEATURES), np.zeros(FEATURES), []
    for i in range(0, len(layers) + 1, 2):
        layer = layers[i] if i < len(layers) else model.get_layer(target)
        weight, bias = (w.astype(np.float64) for w in layer.get_weights())
        dense.append((torch.as_tensor(scale[:, None] * weight), torch.as_tensor((bias + shift @ weight)[None])))
        if i < len(layers):
            gain, offset, mean, variance = (w.astype(np.float64) for w in layers[i + 1].get_weights())
            scale = gain / np.sqrt(variance + layers[i + 1].epsilon)
            shift = offset - mean * scale
    return dense


def tree_of(models: list[Any], widths: tuple[list[int], ...]) -> TreeNetwork:
    """Ours, each member with the weights of one of modnet's."""
    shared, grouped, separate, _ = widths
    network = TreeNetwork(
        FEATURES, members=len(models), groups=[[0, 1], [2]], shared=shared, grouped=grouped, separate=separate
    )
    state = network.state_dict()
    first, second = len(shared), len(shared) + len(grouped)

    def fill(prefix: str, members: list[list[tuple[torch.Tensor, torch.Tensor]]]) -> None:
        """A block from the dense layers of each member."""
        for i, layer in enumerate(zip(*members, strict=True)):
            # Dense and ELU are two layers of ours.
            state[f"{prefix}.{2 * i}.weight"] = torch.stack([weight for weight, _ in layer])
            state[f"{prefix}.{2 * i}.bias"] = torch.stack([bias for _, bias in layer])

    targets = [name for group in GROUPS for (name,) in group]
    paths = [[folded(model, target) for model in models] for target in targets]
    fill("shared", [dense[:first] for dense in paths[0]])
    for i, target in enumerate((0, 2)):
        fill(f"grouped.{i}", [dense[first:second] for dense in paths[target]])
    for i in range(len(targets)):
        fill(f"separate.{i}", [dense[second:-1] for dense in paths[i]])
        state[f"out.{i}.weight"] = torch.stack([dense[-1][0] for dense in paths[i]])
        state[f"out.{i}.bias"] = torch.stack([dense[-1][1] for dense in paths[i]])
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
