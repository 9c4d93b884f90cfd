"""A session repeats its random numbers and restores everything it changed."""

from __future__ import annotations

import pytest
import torch

from electrode_bench.models.neural.session import session


def _draws(seed: int) -> torch.Tensor:
    with session(seed) as device:
        return torch.rand(5, device=device).cpu()


def test_a_session_repeats_its_random_numbers_and_restores_the_state() -> None:
    assert torch.equal(_draws(3), _draws(3))
    assert not torch.equal(_draws(3), _draws(4))
    # Seeds of 64 bits are more than torch takes.
    assert torch.equal(_draws(2**63 + 3), _draws(3))
    state = torch.random.get_rng_state()
    try:
        torch.manual_seed(11)
        expected = torch.rand(4)
        torch.manual_seed(11)
        _draws(3)
        assert torch.equal(torch.rand(4), expected)
    finally:
        torch.random.set_rng_state(state)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("deterministic", [False, True])
def test_a_session_leaves_threads_and_kernels_as_they_were(threads: int, deterministic: bool) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        with session(1):
            assert torch.get_num_threads() == 1
            assert torch.are_deterministic_algorithms_enabled()
        assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == (threads, deterministic)
        with pytest.raises(KeyError), session(1):
            raise KeyError
        assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == (threads, deterministic)
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
