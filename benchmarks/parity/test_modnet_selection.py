"""Our selection of features is modnet 0.4.5's: the same numbers for the same seed, and the same order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic import electrodes

from electrode_bench.features.modnet import compute
from electrode_bench.models.modnet.feature_selection import CrossNMI, imputed, merged, rank, target_nmi

pytest.importorskip("modnet")
# The package warns of pandas to come; what it computes is the question here.
pytestmark = pytest.mark.filterwarnings("ignore")

SEED = 17


def made_up(rows: int = 300) -> pd.DataFrame:
    """Features of every kind that is awkward: equal, linear in one another, constant, sparse, tied, far out."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(rows, 8))
    frame = pd.DataFrame(normal, columns=[f"normal {i}" for i in range(8)])
    frame["redundant"] = frame["normal 0"] + 0.1 * frame["normal 1"]
    frame["bent"] = np.tanh(frame["normal 2"] * frame["normal 3"])
    frame["equal"] = frame["normal 3"]
    frame["doubled"] = 2 * frame["normal 4"]
    frame["negative"] = -frame["normal 4"]
    frame["constant"] = 7.5
    frame["zero"] = 0.0
    frame["nearly constant"] = 1e6 + 1e-17 * frame["normal 5"]
    for share in (0.02, 0.1, 0.5, 0.9):
        frame[f"sparse {share}"] = np.where(rng.random(rows) < share, rng.random(rows), 0.0)
    frame["sparse again"] = frame["sparse 0.1"]
    frame["classes"] = rng.integers(3, size=rows)
    frame["counts"] = rng.poisson(4, size=rows)
    frame["large"] = 1e7 * np.exp(2 * frame["normal 6"])
    frame["tiny"] = 1e-9 * frame["normal 7"]
    frame["offset"] = 1e5 + frame["normal 7"]
    return frame


def made_up_targets(frame: pd.DataFrame) -> np.ndarray:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(frame), 3))
    first = frame["normal 0"] + frame["sparse 0.5"] + 0.3 * noise[:, 0]
    second = 1e3 + 50 * frame["normal 4"] * frame["classes"] + 10 * noise[:, 1]
    return np.stack([first, second, np.round(2 * frame["normal 2"] + noise[:, 2])], axis=1)


def with_gaps(frame: pd.DataFrame) -> pd.DataFrame:
    """Some values missing; a column whose only gap is its first row, a constant with gaps, a column without values."""
    rng = np.random.default_rng(2)
    frame = frame.copy()
    for name in ("normal 0", "counts", "sparse 0.9", "constant"):
        frame.loc[rng.random(len(frame)) < 0.2, name] = np.nan
    frame.loc[0, "classes"] = np.nan
    frame["same gaps"] = frame["counts"]
    frame["empty"] = np.nan
    return frame


def of_formulas() -> tuple[pd.DataFrame, np.ndarray]:
    """60 features of MODNet's of 200 compositions of the sample, and the three targets."""
    sample = electrodes().drop_duplicates("Formula Discharge")
    sample = sample.iloc[:: len(sample) // 200][:200]
    frame = compute(list(sample["Formula Discharge"]))
    targets = sample[["Gravimetric Capacity", "Volumetric Capacity", "Average Voltage"]]
    return frame.iloc[:, :: frame.shape[1] // 60].iloc[:, :60], targets.to_numpy()


def _case(name: str) -> tuple[pd.DataFrame, np.ndarray]:
    if name == "formulas":
        return of_formulas()
    frame = made_up()
    return with_gaps(frame) if name == "made up, with gaps" else frame, made_up_targets(frame)


@pytest.mark.parametrize("name", ["made up", "made up, with gaps", "formulas"])
def test_the_selection_is_modnets(name: str) -> None:
    from modnet.preprocessing import get_cross_nmi, get_features_dyn, merge_ranked, nmi_target

    frame, targets = _case(name)
    assert len(frame) >= 200
    cross = CrossNMI(imputed(frame), seed=SEED)
    expected, entropy = get_cross_nmi(frame.copy(), return_entropy=True, n_jobs=1, random_state=SEED)
    ours = cross.matrix()
    assert list(ours.columns) == list(expected.columns)
    assert 15 <= len(ours) < frame.shape[1]
    np.testing.assert_allclose(cross.entropy[list(entropy)], list(entropy.values()), rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours, expected.to_numpy(np.float64), rtol=0, atol=1e-9)

    rankings, expected_rankings = [], []
    for i, target in enumerate(targets.T):
        relevance = target_nmi(frame, target, seed=SEED, cross=cross)
        theirs = nmi_target(frame.copy(), pd.DataFrame({"y": target}, frame.index), random_state=SEED)["y"]
        assert list(relevance.index) == list(theirs.index)
        np.testing.assert_allclose(relevance, theirs.to_numpy(np.float64), rtol=0, atol=1e-9)
        rankings.append(rank(relevance, cross, number=100 if i else 12))
        expected_rankings.append(get_features_dyn(100 if i else 12, expected, theirs.astype(float)))
        assert rankings[-1] == expected_rankings[-1]
    assert len(rankings[1]) > len(rankings[0]) == 12
    assert merged(rankings) == merge_ranked(expected_rankings)
