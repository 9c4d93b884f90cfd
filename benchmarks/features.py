"""How much faster features and distances are than the reference packages, in one run.

    python benchmarks/features.py                                   # the embedded sample
    python benchmarks/features.py results/prepare/table.parquet     # any prepared table

Prints seconds and their ratio. Both start from formulas, with their tables loaded. matminer and ElMD run on some of the
formulas; their times are scaled up, linearly for features and quadratically for distances.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from electrode_bench.clustering import elmd
from electrode_bench.core.schema import FORMULA
from electrode_bench.features import FEATURE_SETS


def seconds(task: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    start = time.perf_counter()
    task()
    return time.perf_counter() - start


def matminer_magpie(formulas: list[str]) -> Callable[[], object]:
    from matminer.featurizers.composition import ElementProperty
    from pymatgen.core import Composition

    featurizer = ElementProperty.from_preset("magpie", impute_nan=True)
    return lambda: [featurizer.featurize(Composition(f)) for f in formulas]


def matminer_modnet(formulas: list[str]) -> Callable[[], object]:
    """The descriptors of MODNet's preset without atomic packing, as MODNet calls them."""
    from matminer.featurizers import composition
    from matminer.featurizers.base import MultipleFeaturizer
    from pymatgen.core import Composition

    names = "AtomicOrbitals BandCenter ElementFraction IonProperty Miedema Stoichiometry TMetalFraction ValenceOrbital"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        descriptors = [getattr(composition, name)() for name in [*names.split(), "YangSolidSolution"]]
    featurizer = MultipleFeaturizer([*descriptors, composition.ElementProperty.from_preset("magpie")])
    featurizer.set_n_jobs(1)
    return lambda: featurizer.featurize_many([Composition(f) for f in formulas], ignore_errors=True, pbar=False)


def elmd_package(formulas: list[str]) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ElMD import ElMD

        members = [ElMD(f) for f in formulas]
    return lambda: [a.elmd(b) for a in members for b in members]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?", type=Path, help="prepared table (parquet) or CSV of the Battery Explorer")
    parser.add_argument("--part", type=int, default=300, help="formulas given to the reference packages")
    given = parser.parse_args()
    sample = Path(__file__).parents[1] / "sample" / "electrodes.csv"
    column = pd.read_csv(sample)["Formula Discharge"] if given.table is None else pd.read_parquet(given.table)[FORMULA]
    formulas = sorted(set(column))
    part = formulas[:: max(1, len(formulas) // given.part)]

    compute = FEATURE_SETS["magpie"].compute
    compute(formulas[:2])
    ours = seconds(lambda: compute(formulas))
    theirs = seconds(matminer_magpie(part)) * len(formulas) / len(part)
    print(f"Magpie 132 of {len(formulas)} formulas: {ours:.3f} s, matminer {theirs:.2f} s, ratio {theirs / ours:.0f}")

    compute = FEATURE_SETS["modnet"].compute
    compute(formulas[:2])
    ours = seconds(lambda: compute(formulas))
    few = part[:: max(1, len(part) // 60)]
    theirs = seconds(matminer_modnet(few)) * len(formulas) / len(few)
    print(f"MODNet 280 of {len(formulas)} formulas: {ours:.3f} s, matminer {theirs:.2f} s, ratio {theirs / ours:.0f}")

    elmd.distances(formulas[:2])
    ours = seconds(lambda: elmd.distances(formulas))
    theirs = seconds(elmd_package(part)) * (len(formulas) / len(part)) ** 2
    print(f"ElMD of all pairs: {ours:.3f} s, ElMD package {theirs:.2f} s, ratio {theirs / ours:.0f}")


if __name__ == "__main__":
    main()
