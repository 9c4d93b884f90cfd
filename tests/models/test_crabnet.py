"""Our CrabNet: how compositions become tokens, what its network does not depend on, and that it learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from support.electrodes import table

from electrode_bench.core.schema import FORMULA, ID, TARGETS
from electrode_bench.errors import UserError
from electrode_bench.features import featurize
from electrode_bench.features.composition import element_table
from electrode_bench.models.crabnet.model import Config, CrabNet, Layout, Tokens, _jittered
from electrode_bench.models.crabnet.network import CrabNetwork

#: A network of ten elements, to be had at once.
SMALL = {"d_model": 16, "layers": 2, "heads": 2, "feed_forward": 32, "hidden": (24, 24, 8)}
TEN = "Li10Na9K8Rb7Cs6Mg5Ca4Zn3FO2"
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELECTRODE_BENCH_DEVICE", "cpu")


def _frame(formulas: list[str] | dict[str, list[str]]) -> pd.DataFrame:
    parts = formulas if isinstance(formulas, dict) else {FORMULA: formulas}
    return featurize(pd.DataFrame(parts), feature_set="elements")


def _targets(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"y": np.array(values, dtype=float)})


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


def test_compositions_become_tokens_the_most_abundant_first() -> None:
    layout = Layout.of(["H", "Li", "O", "Fe"])
    assert (layout.numbers, layout.parts) == ((1, 3, 8, 26), (0, 0, 0, 0))
    values = np.array([[0.0, 0.2, 0.5, 0.3], [0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0]])
    tokens = Tokens.of(values, layout)
    np.testing.assert_array_equal(tokens.token, [[8, 26, 3], [3, 0, 0], [1, 8, 0]])
    np.testing.assert_allclose(tokens.fraction, [[0.5, 0.3, 0.2], [1, 0, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(tokens.length, [3, 1, 2])
    # A batch is padded to its own longest composition.
    token, fraction, part = tokens.batch(np.array([2, 1]), CPU)
    np.testing.assert_array_equal(token, [[1, 8], [3, 0]])
    assert fraction.shape == part.shape == (2, 2)


def test_two_formulas_are_two_parts() -> None:
    frame = _frame({"formula_charge": ["FePO4"], "formula_discharge": ["LiFePO4"]})
    layout = Layout.of(frame.columns)
    tokens = Tokens.of(layout.values(frame), layout)
    found = list(zip(tokens.token[0], tokens.part[0], tokens.fraction[0], strict=True))
    expected = [(8, 0, 4 / 6), (8, 1, 4 / 7), (15, 0, 1 / 6), (26, 0, 1 / 6), (3, 1, 1 / 7), (15, 1, 1 / 7)]
    assert {(z, part) for z, part, _ in found} == {(z, part) for z, part, _ in expected} | {(26, 1)}
    assert [share for *_, share in found] == pytest.approx([4 / 6, 4 / 7, 1 / 6, 1 / 6, 1 / 7, 1 / 7, 1 / 7])


def test_other_features_and_impossible_fractions_are_clear_errors() -> None:
    with pytest.raises(ValueError, match="CrabNet reads the feature set 'elements'; 'mean mass' is not an element's"):
        CrabNet(Config(), 1).fit(pd.DataFrame({"mean mass": [1.0]}), _targets([1]))
    frame = _frame(["LiFeO2", "Fe"])
    with pytest.raises(UserError, match="a composition without elements"):
        CrabNet(Config(), 1).fit(frame.mul([1, 0], axis=0), _targets([1, 2]))
    for bad in (np.nan, np.inf, -0.1):
        with pytest.raises(ValueError, match="must be finite, and fractions not negative"):
            CrabNet(Config(), 1).fit(frame.assign(Fe=bad), _targets([1, 2]))
    with pytest.raises(ValueError, match="must be finite"):
        CrabNet(Config(), 1).fit(frame, _targets([1, np.nan]))
    model = CrabNet(Config(epochs=1, members=1), 1).fit(frame, _targets([1, 2]))
    with pytest.raises(ValueError, match="expected the columns"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.raises(UserError, match="a composition without elements"):
        model.predict(frame * 0)


@pytest.mark.parametrize("by_fraction", [False, True])
def test_neither_the_order_of_elements_nor_padding_matters(by_fraction: bool) -> None:
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


def test_members_do_not_know_of_one_another() -> None:
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


def test_a_spread_apart_leaves_the_layers_below_as_they_are() -> None:
    for apart in (False, True):
        network = _network(spread_apart=apart, dropout=0.0).train()
        network(*_batch())[1].sum().backward()
        assert network.output.fc_out.weight.grad[..., 2:4].abs().min() > 0
        below = [p.grad for name, p in network.named_parameters() if "fc_out" not in name]
        assert all(g is None or not g.any() for g in below) == apart
    # And both train and predict the same numbers.
    evaluated, trained = _apply(network.eval(), *_batch()), _apply(network.train(), *_batch())
    torch.testing.assert_close(evaluated, trained, rtol=0, atol=1e-6)


def test_a_composition_alone_and_beside_longer_ones_gets_one_prediction() -> None:
    frame = _frame(["LiFeO2", "Li", TEN, "O2", "NaCoO2", "C60"])
    model = CrabNet(Config(epochs=2, members=2), 1).fit(frame, _targets([1, 2, 3, 4, 5, 6]))
    together = model.predict(frame)
    assert np.isfinite(together.mean.to_numpy()).all()
    for i in range(len(frame)):
        alone = model.predict(frame.iloc[[i]])
        np.testing.assert_allclose(alone.mean, together.mean.iloc[[i]], atol=1e-5)
        np.testing.assert_allclose(alone.std, together.std.iloc[[i]], atol=1e-5)
    assert len(model.predict(frame.iloc[:0]).mean) == 0


def test_repeated_rows_of_a_composition_tend_to_their_median() -> None:
    frame = _frame(["LiFeO2", "NaCoS2", "LiFeO2", "NaCoS2", "LiFeO2", "NaCoS2"])
    config = Config(epochs=80, members=1, dropout=0, jitter=0, learning_rate=3e-3)
    mean = CrabNet(config, 1).fit(frame, _targets([1, 8, 1, 8, 4, 8])).predict(frame.iloc[:2]).mean["y"]
    # The mean of the first's would be 2.
    assert mean[0] == pytest.approx(1, abs=0.25)
    assert mean[1] == pytest.approx(8, abs=0.25)


@pytest.fixture(scope="module")
def electrodes() -> pd.DataFrame:
    return table(160).set_index(ID)


@pytest.mark.parametrize("loss", ["l1", "robust_l1"])
def test_learns_each_target_and_how_far_off_it_is(loss: str, electrodes: pd.DataFrame) -> None:
    frame, targets = featurize(electrodes[[FORMULA]], feature_set="elements"), electrodes[list(TARGETS)]
    config = Config(epochs=20, members=2, batch_size=16, loss=loss)
    model = CrabNet(config, 1).fit(frame[:120], targets[:120])
    prediction = model.predict(frame[120:])
    assert list(prediction.mean.columns) == list(TARGETS)
    for target in TARGETS:
        error = (prediction.mean[target] - targets[target][120:]).abs()
        control = (targets[target][120:] - targets[target][:120].median()).abs()
        assert error.mean() < 0.85 * control.mean()
        assert 0.3 * error.mean() < prediction.std[target].mean() < 6 * error.mean()
    assert (prediction.std > 0).all().all()
    # Elements never seen are no reason to leave the range of the training rows.
    for target, mean in model.predict(_frame(["Og", TEN, "UH3"])).mean.items():
        assert mean.between(targets[target][:120].min(), targets[target][:120].max()).all()


def test_training_stops_where_validation_gets_no_better(electrodes: pd.DataFrame) -> None:
    frame, targets = featurize(electrodes[[FORMULA]], feature_set="elements"), electrodes[list(TARGETS)]
    config = Config(epochs=40, members=1, validation=0.3, patience=2, learning_rate=1e-2)
    model = CrabNet(config, 1).fit(frame, targets)
    assert 3 <= model.epochs_ < 40
    # Too few compositions to keep any back: the whole length.
    assert CrabNet(Config(epochs=3, members=1, validation=0.3), 1).fit(frame[:15], targets[:15]).epochs_ == 3


def test_noise_leaves_every_element_and_each_parts_sum() -> None:
    fraction = torch.tensor([[0.7, 0.3, 0.9, 0.1], [1.0, 1.0, 0.0, 0.0]]).expand(200, 2, 4)
    part = torch.tensor([[0, 0, 1, 1], [0, 1, 0, 0]])
    torch.manual_seed(0)
    noisy = _jittered(fraction, part, 0.5, parts=2)
    torch.testing.assert_close(noisy[:, 0, :2].sum(-1), torch.ones(200))
    torch.testing.assert_close(noisy[:, 0, 2:].sum(-1), torch.ones(200))
    torch.testing.assert_close(noisy[:, 1], fraction[:, 1])
    assert noisy[:, 0].min() > 0
    assert noisy[:, 0, 0].std() > 0.05
    torch.testing.assert_close(_jittered(fraction, part, 0.0, parts=2), fraction)
    assert (_jittered(fraction, part, 0.01, parts=2) - fraction).abs().max() < 0.05


def test_elements_alone_can_be_trained_on_with_any_noise() -> None:
    elements = ["Li", "Na", "K", "Fe", "O2", "S"]
    for formulas in (elements, {"formula_charge": elements, "formula_discharge": [f"Mg2{e}" for e in elements]}):
        frame = _frame(formulas)
        model = CrabNet(Config(epochs=10, members=3, jitter=0.5), 1).fit(frame, _targets([1, 2, 3, 4, 5, 6]))
        assert np.isfinite(model.predict(frame).mean.to_numpy()).all()


def test_a_pair_of_formulas_works_and_is_saved_whole(tmp_path: Path) -> None:
    charged = ["FePO4", "CoO2", "MnO2", "TiS2", "VS2"]
    frame = _frame({"formula_charge": charged, "formula_discharge": [f"Li{f}" for f in charged]})
    model = CrabNet(Config(epochs=4, members=2), 1).fit(frame, _targets([1, 2, 3, 4, 5]))
    prediction = model.predict(frame)
    model.save(tmp_path)
    again = CrabNet.load(tmp_path).predict(frame)
    pd.testing.assert_frame_equal(again.mean, prediction.mean, check_exact=True)
    pd.testing.assert_frame_equal(again.std, prediction.std, check_exact=True)
    assert CrabNet.load(tmp_path).epochs_ == 4
    # Which of the two is charged is seen.
    half = len(element_table("mat2vec"))
    swapped = pd.DataFrame(np.roll(frame, half, axis=1), frame.index, frame.columns)
    assert (model.predict(swapped).std["y"] - prediction.std["y"]).abs().min() > 1e-6
