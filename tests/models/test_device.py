"""Which device networks run on."""

from __future__ import annotations

import pytest
import torch

from electrode_bench.errors import UserError
from electrode_bench.models.device import choose_device, device_name, visible_gpus


def test_the_requested_device_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
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
        ("meta", "device 'meta' is not supported; use auto, cpu, cuda or cuda:<number>"),
        ("cuda:99", r"device 'cuda:99' does not exist: \d+ CUDA devices are visible"),
    ],
)
def test_an_unavailable_device_is_a_clear_error(name: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", name)
    with pytest.raises(UserError, match=message):
        choose_device()


def test_gpus_are_shared_out_only_when_no_single_device_was_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    for name, expected in (("auto", everything), ("cuda", everything), ("cpu", []), ("cuda:0", [])):
        monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", name)
        assert visible_gpus() == expected
