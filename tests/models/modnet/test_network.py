"""MODNet's network: the members of an ensemble are independent."""

from __future__ import annotations

import pytest
import torch

from electrode_bench.models.modnet.network import TreeNetwork


@pytest.mark.parametrize("training", [False, True])
def test_members_are_independent(training: bool) -> None:
    shape = {"groups": [[2, 0], [1]], "shared": [6], "grouped": [], "separate": [4, 3], "batch_norm": True}
    torch.manual_seed(0)
    network = TreeNetwork(5, members=3, **shape)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor))
    x = torch.randn(3, 7, 5)
    alone = []
    for member in range(3):
        one = TreeNetwork(5, members=1, **shape).train(training)
        # Statistics of batches stand side by side, all else member by member.
        one.load_state_dict(
            {
                k: v if v.ndim == 0 else (v.reshape(3, -1)[member] if v.ndim == 1 else v[member : member + 1])
                for k, v in network.state_dict().items()
            }
        )
        alone.append(one(x[member : member + 1]))
    whole = network.train(training)(x)
    assert whole.shape == (3, 7, 3)
    torch.testing.assert_close(torch.cat(alone), whole, rtol=1e-5, atol=1e-5)
