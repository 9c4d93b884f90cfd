"""MODNet's network: the members of an ensemble are independent."""

from __future__ import annotations

import torch

from electrode_bench.models.modnet.network import TreeNetwork


def test_members_are_independent() -> None:
    shape = {"groups": [[2, 0], [1]], "shared": [6], "grouped": [], "separate": [4, 3]}
    torch.manual_seed(0)
    network = TreeNetwork(5, members=3, **shape)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            tensor.add_(torch.rand_like(tensor))
    x = torch.randn(3, 7, 5)
    alone = []
    for member in range(3):
        one = TreeNetwork(5, members=1, **shape)
        one.load_state_dict({name: value[member : member + 1] for name, value in network.state_dict().items()})
        alone.append(one(x[member : member + 1]))
    whole = network(x)
    assert whole.shape == (3, 7, 3)
    torch.testing.assert_close(torch.cat(alone), whole, rtol=1e-5, atol=1e-5)
