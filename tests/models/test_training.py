"""What trainings share: where they run, what they restore, how targets are scaled and weights averaged."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from electrode_bench.errors import UserError
from electrode_bench.models.neural.training import (
    TargetScale,
    WeightAverage,
    choose_device,
    device_name,
    session,
    set_weights,
)


def test_targets_are_scaled_by_median_and_median_deviation() -> None:
    targets = np.array([[1.0, 10], [2, 10], [3, 10], [4, 10], [100, 50]])
    scale = TargetScale.of(targets)
    np.testing.assert_array_equal(scale.centre, [3, 10])
    # Deviations 2 1 0 1 97; and 0 0 0 0 40, whose median is 0 and whose mean is 8.
    np.testing.assert_allclose(scale.scale, [1.4826, 8.0])
    np.testing.assert_allclose(scale.scaled(targets)[:, 0], (targets[:, 0] - 3) / 1.4826, rtol=1e-6)
    assert scale.scaled(targets).dtype == np.float32
    np.testing.assert_allclose(scale.restored(scale.scaled(targets)), targets, rtol=1e-6)


def test_an_outlier_moves_nothing_but_the_bound() -> None:
    values = np.arange(20.0)[:, None]
    far = np.where(values == 19, 1e9, values)
    one, other = TargetScale.of(values), TargetScale.of(far)
    assert (one.centre, one.scale, one.low, one.high) == (9.5, 1.4826 * 5, 0, 19)
    assert (other.centre, other.scale, other.low, other.high) == (9.5, 1.4826 * 5, 0, 1e9)


def test_a_constant_target_comes_back_and_predictions_are_bounded() -> None:
    scale = TargetScale.of(np.array([[5.0, 1], [5, 2], [5, 3]]))
    assert scale.scale[0] == 1
    restored = scale.restored(np.array([[7.0, 1e6], [-7, -1e6], [0, 0], [np.nan, 0]]))
    np.testing.assert_array_equal(restored, [[5, 3], [5, 1], [5, 2], [np.nan, 2]])
    again = TargetScale.from_json(json.loads(json.dumps(scale.to_json())))
    np.testing.assert_array_equal(again.restored(restored), scale.restored(restored))


def _averaged(values: list[float], *, share: float, steps: int | None = None) -> float:
    """The average after steps that leave a network's only weight at these values."""
    network = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, steps=steps or len(values), share=share)
    for value in values:
        set_weights(network, [torch.full((1, 1), value)])
        average.update()
    return float(average.weights()[0])


def test_weights_are_averaged_over_the_second_half() -> None:
    values = [float(i * i) for i in range(1, 21)]
    decay, expected = math.exp(-1 / (0.1 * 20)), values[9]
    for value in values[10:]:
        expected = decay * expected + (1 - decay) * value
    assert _averaged(values, share=0.1) == pytest.approx(expected, rel=1e-6)
    assert _averaged([1e9] * 9 + values[9:], share=0.1) == pytest.approx(expected, rel=1e-6)
    assert _averaged([*values[:9], 1e9, *values[10:]], share=0.1) > 2 * expected


def test_no_share_or_no_second_half_yet_gives_the_last_weights() -> None:
    assert _averaged([1.0, 2, 3, 4], share=0) == 4
    assert _averaged([1.0, 2], share=0.5, steps=10) == 2


def test_averaged_weights_are_never_the_live_ones() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    for share in (0.0, 0.5):
        average = WeightAverage(network, steps=1, share=share)
        set_weights(network, [torch.ones(1, 1)])
        average.update()
        held = average.weights()
        set_weights(network, [torch.zeros(1, 1)])
        average.update()
        assert float(held[0]) == 1


def test_the_device_is_the_named_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")
    assert choose_device() == torch.device("cpu")
    assert device_name(choose_device()) == "cpu"
    for name in ("auto", ""):
        monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", name)
        assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    monkeypatch.delenv("ELECTRODE_BENCH_DEVICE")
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", "unknown device 'gpu'; use auto, cpu, cuda or cuda:<number>"),
        ("meta", "device 'meta' is not offered; use auto, cpu, cuda or cuda:<number>"),
        ("cuda:99", r"device 'cuda:99' is not there: \d+ CUDA devices are visible"),
    ],
)
def test_a_device_that_cannot_be_had_is_a_clear_error(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", name)
    with pytest.raises(UserError, match=message):
        choose_device()


def _draws(seed: int) -> torch.Tensor:
    with session(seed) as device:
        return torch.rand(5, device=device).cpu()


def test_a_session_repeats_its_draws_and_disturbs_none() -> None:
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
