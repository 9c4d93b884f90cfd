"""What the output of CrabNet's network depends on, and what it does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from electrode_bench.models.crabnet.network import CrabNetwork

#: A network of ten elements, to be had at once.
SMALL = {"d_model": 16, "layers": 2, "heads": 2, "feed_forward": 32, "hidden": (24, 24, 8)}


def _network(seed: int = 0, **other: Any) -> CrabNetwork:
    torch.manual_seed(seed)
    vectors = np.random.default_rng(0).normal(size=(11, 5))
    vectors[0] = 0
    network = CrabNetwork(vectors, **{"members": 1, "targets": 2, "dropout": 0.1, **SMALL, **other})
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def _batch(n: int = 6, length: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Tokens without padding, fractions that add up to 1, and two parts."""
    rng = np.random.default_rng(1)
    token = np.stack([rng.permutation(10)[:length] + 1 for _ in range(n)])
    fraction = rng.dirichlet(np.ones(length), n).astype(np.float32)
    return torch.as_tensor(token), torch.as_tensor(fraction), torch.as_tensor(rng.integers(2, size=(n, length)))


def _apply(network: CrabNetwork, *batch: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack(network(*batch))


@pytest.mark.parametrize("by_fraction", [False, True])
def test_predictions_do_not_depend_on_element_order_or_padding(by_fraction: bool) -> None:
    network, batch = _network(parts=2, by_fraction=by_fraction), _batch()
    out = _apply(network, *batch)
    assert out.std(dim=2).min() > 1e-3
    order = torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(_apply(network, *(b[:, order] for b in batch)), out, rtol=0, atol=1e-5)
    padded = [torch.nn.functional.pad(b, (0, 3)) for b in batch]
    torch.testing.assert_close(_apply(network, *padded), out, rtol=0, atol=1e-5)
    # What does matter: the elements, their fractions, their formula.
    for i, other in enumerate((batch[0] % 10 + 1, batch[1].flip(1), 1 - batch[2])):
        changed = _apply(network, *batch[:i], other, *batch[i + 1 :])
        assert (changed - out).abs().amax(dim=(0, 1, 3)).min() > 1e-3


def test_members_are_independent() -> None:
    network, batch = _network(members=3, parts=2), _batch()
    whole = _apply(network, *batch)
    for member in range(3):
        alone = _network(members=1, parts=2)
        alone.load_state_dict({k: v[member : member + 1] for k, v in network.state_dict().items()})
        torch.testing.assert_close(_apply(alone, *batch), whole[:, member : member + 1], rtol=0, atol=1e-5)
    assert (whole[:, 0] - whole[:, 1]).abs().max() > 1e-2
    # Each may see fractions of its own.
    fractions = torch.stack([batch[1], batch[1].flip(1), batch[1]])
    apart = _apply(network, batch[0], fractions, batch[2])
    torch.testing.assert_close(apart[:, [0, 2]], whole[:, [0, 2]], rtol=0, atol=1e-5)
    assert (apart[:, 1] - whole[:, 1]).abs().max() > 1e-3


def test_a_detach_std_leaves_the_layers_below_as_they_are() -> None:
    for apart in (False, True):
        network = _network(detach_std=apart, dropout=0.0).train()
        network(*_batch())[1].sum().backward()
        assert network.output.fc_out.weight.grad[..., 2:4].abs().min() > 0
        below = [p.grad for name, p in network.named_parameters() if "fc_out" not in name]
        assert all(g is None or not g.any() for g in below) == apart
    # And both train and predict the same numbers.
    evaluated, trained = _apply(network.eval(), *_batch()), _apply(network.train(), *_batch())
    torch.testing.assert_close(evaluated, trained, rtol=0, atol=1e-6)
