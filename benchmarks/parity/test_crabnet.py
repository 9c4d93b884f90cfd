"""Our CrabNet with the study's widths and crabnet 2.0.8's weights computes what crabnet 2.0.8 computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from synthetic import electrodes

from electrode_bench.features import elements
from electrode_bench.features.composition import element_table
from electrode_bench.models.crabnet.config import PRESETS
from electrode_bench.models.crabnet.network import RESOLUTION, CrabNetwork, encoding_step, fraction_encoding
from electrode_bench.models.crabnet.tokens import ElementColumns, Tokens

pytest.importorskip("crabnet")
# The package warns of pandas and torch to come; what it computes is the question here.
pytestmark = pytest.mark.filterwarnings("ignore")

#: Elements alone, traces, fractions, and as many elements as an electrode may have.
VARIED = [
    *["Li", "O2", "Og", "Al0.01Zn99.99", "FeC0.00001", "Na0.67Ni0.33Mn0.67O2", "Li1.2Mn0.54Ni0.13Co0.13O2"],
    *["LiNaKRbCsMgCaZnFO", "LaCePrNdSmGdTbDyErYb", "Li10Na9K8Rb7Cs6Mg5Ca4Zn3FO2", "Li4Fe4(PO4)4", "KFeMn(CN)6"],
]  # fmt: skip


@pytest.fixture(scope="module")
def formulas() -> list[str]:
    sample = sorted(set(electrodes()["Formula Discharge"]) - set(VARIED))
    chosen = [*VARIED, *sample[:: max(1, len(sample) // (200 - len(VARIED)))]][:200]
    assert len(chosen) == 200
    return chosen


@pytest.fixture(scope="module")
def ours(formulas: list[str]) -> Tokens:
    frame = elements.compute(formulas)
    columns = ElementColumns.of(frame.columns)
    return Tokens.of(columns.values(frame), columns)


@pytest.fixture(scope="module")
def theirs(formulas: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and fractions (n x most elements), as crabnet's loader makes them."""
    from crabnet.utils.utils import get_edm

    data, _, order = get_edm(pd.DataFrame({"formula": formulas, "target": 0.0}), inference=True, verbose=False)
    assert list(order) == formulas
    number, fraction = np.split(data[:, :, 0], 2, axis=1)
    return number.astype(np.int64), fraction


def subcrab(seed: int) -> Any:
    """crabnet's network with random weights, scalers of the encodings and normalisation included."""
    from crabnet.kingcrab import SubCrab

    torch.manual_seed(seed)
    network = SubCrab(compute_device="cpu")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "scaler" in name or parameter.ndim == 1:
                # Ones and zeros would hide an exchange.
                parameter.add_(0.3 * torch.randn_like(parameter))
    return network.eval()


def network_of(upstream: list[Any]) -> CrabNetwork:
    """Ours, each member with the weights of one of crabnet's."""
    vectors = element_table("mat2vec").to_numpy()
    network = CrabNetwork(
        np.concatenate([np.zeros((1, vectors.shape[1])), vectors]),
        members=len(upstream),
        targets=1,
        dropout=0.1,
        **PRESETS["study"],
    )
    weights: dict[str, list[torch.Tensor]] = {name: [] for name in network.state_dict()}

    def dense(ours: str, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        weights[f"{ours}.weight"].append(weight.T)
        if bias is not None:
            weights[f"{ours}.bias"].append(bias[None])

    for one in upstream:
        encoder = one.encoder
        dense("embed", encoder.embed.fc_mat2vec.weight, encoder.embed.fc_mat2vec.bias)
        weights["scalers"].append(torch.cat([encoder.emb_scaler, encoder.pos_scaler, encoder.pos_scaler_log]))
        for i, layer in enumerate(encoder.transformer_encoder.layers):
            attention = layer.self_attn
            dense(f"layers.{i}.query_key_value", attention.in_proj_weight, attention.in_proj_bias)
            dense(f"layers.{i}.out", attention.out_proj.weight, attention.out_proj.bias)
            dense(f"layers.{i}.up", layer.linear1.weight, layer.linear1.bias)
            dense(f"layers.{i}.down", layer.linear2.weight, layer.linear2.bias)
            for norm in ("norm1", "norm2"):
                weights[f"layers.{i}.{norm}.weight"].append(getattr(layer, norm).weight[None])
                weights[f"layers.{i}.{norm}.bias"].append(getattr(layer, norm).bias[None])
        for i, layer in enumerate(one.output_nn.fcs):
            dense(f"output.fcs.{i}", layer.weight, layer.bias)
            dense(f"output.res_fcs.{i}", one.output_nn.res_fcs[i].weight, None)
        dense("output.fc_out", one.output_nn.fc_out.weight, one.output_nn.fc_out.bias)
    network.load_state_dict({name: torch.stack(of).detach() for name, of in weights.items()})
    return network.eval()


def test_the_elements_are_described_by_the_same_numbers() -> None:
    vectors = subcrab(0).encoder.embed.cbfv.weight.numpy()
    np.testing.assert_array_equal(vectors[0], 0)
    np.testing.assert_array_equal(vectors[1:], element_table("mat2vec").to_numpy().astype(np.float32))


def test_a_formula_is_the_same_tokens(ours: Tokens, theirs: tuple[np.ndarray, np.ndarray]) -> None:
    number, fraction = theirs
    assert ours.token.shape == number.shape == (200, 10)
    assert (ours.part == 0).all()
    for i, length in enumerate(ours.length):
        mine = dict(zip(ours.token[i, :length], ours.fraction[i, :length], strict=True))
        other = dict(zip(number[i, :length], fraction[i, :length], strict=True))
        assert mine.keys() == other.keys()
        assert 0 not in mine
        np.testing.assert_allclose([mine[k] for k in other], list(other.values()), atol=1e-6)
    for of in (ours.fraction, fraction):
        assert (np.diff(of, axis=1) <= 1e-7).all()
    np.testing.assert_array_equal(ours.token == 0, number == 0)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_a_fraction_is_encoded_alike(logarithmic: bool) -> None:
    from crabnet.kingcrab import FractionalEncoder

    encoder = FractionalEncoder(512, resolution=RESOLUTION, log10=logarithmic)
    torch.testing.assert_close(fraction_encoding(256), encoder.pe, rtol=0, atol=1e-6)
    rng = np.random.default_rng(0)
    steps = np.arange(1, RESOLUTION + 1) / RESOLUTION
    halves = (np.arange(RESOLUTION) + 0.5) / RESOLUTION
    values = np.concatenate([steps, halves, rng.random(5000), 10 ** rng.uniform(-12, 0, 2000), [1e-30, 1.0]])
    fraction = torch.as_tensor(values, dtype=torch.float32)[None]
    encoded = fraction_encoding(256)[encoding_step(fraction, logarithmic=logarithmic)]
    torch.testing.assert_close(encoded, encoder(fraction), rtol=0, atol=1e-6)


@pytest.mark.parametrize("seeds", [[1], [2, 3]], ids=["one member", "two members"])
def test_a_formula_gets_the_same_prediction(
    seeds: list[int], ours: Tokens, theirs: tuple[np.ndarray, np.ndarray]
) -> None:
    upstream = [subcrab(seed) for seed in seeds]
    number, fraction = (torch.as_tensor(a) for a in theirs)
    token, share, part = ours.batch(np.arange(len(ours)), torch.device("cpu"))
    with torch.no_grad():
        expected = torch.stack([one(number, fraction) for one in upstream])
        mean, log_std = network_of(upstream)(token, share, part)
    # Not the same number for every formula, and within the range that log_std is clipped to.
    assert expected.std(dim=1).min() > 1e-3
    assert expected[..., 1].abs().max() < 6
    torch.testing.assert_close(mean[..., 0], expected[..., 0], rtol=0, atol=1e-5)
    torch.testing.assert_close(log_std[..., 0], expected[..., 1], rtol=0, atol=1e-5)
