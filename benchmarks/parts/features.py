"""Features and distances of compositions against the reference packages.

Both start from formulas, with their tables loaded, and use one thread. Formulas are read anew in each run: every run
gets formulas of its own. matminer is not run on so many formulas that it would take minutes; its cost is then
extrapolated, linearly for features and quadratically for distances between all pairs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from benchmarks.measuring import RUNS, Cost, repeated
from benchmarks.parts import Options
from benchmarks.projects import distinct_formulas
from electrode_bench.clustering import elmd
from electrode_bench.features import FEATURE_SETS, atomic_packing

#: Names of matminer's featurizers in MODNet's preset, but for atomic packing.
_MODNET = "AtomicOrbitals BandCenter ElementFraction IonProperty Miedema Stoichiometry TMetalFraction ValenceOrbital"

#: More formulas than this are computed once.
_MANY = 10_000

#: Formulas in, and what is made of them out.
Task = Callable[[Sequence[str]], object]


def run(options: Options) -> Iterator[dict[str, Any]]:
    """One row for each feature set and number of formulas: our cost, matminer's, and the ratio."""
    sizes = (50, 100) if options.quick else (100, 1000, 3173, 100_000)
    needed = 3 * RUNS * sum(size for size in sizes if size <= _MANY) + 3 * max(sizes)
    formulas = iter(distinct_formulas(needed, options.workspace.folder))
    for name, ours, theirs, largest in (
        ("magpie", FEATURE_SETS["magpie"].compute, matminer_magpie(), 50 if options.quick else 3173),
        ("modnet", FEATURE_SETS["modnet"].compute, matminer_modnet(), 10 if options.quick else 100),
        # Formulas with many elements take matminer minutes each.
        ("packing", atomic_packing.compute, matminer_packing(), 3),
    ):
        for size in sizes if name != "packing" else sizes[:-1]:
            yield {"set": name, **compared(ours, theirs, formulas, size, largest, power=1)}
    size, largest = (100, 10) if options.quick else (1000, 300)
    yield {"set": "elmd", **compared(elmd.distances, elmd_package, formulas, size, largest, power=2)}


def compared(
    ours: Task, theirs: Task, formulas: Iterator[str], size: int, largest: int, *, power: int
) -> dict[str, Any]:
    """The costs for ``size`` formulas; theirs is extrapolated from the ``largest`` number that it is run on."""
    mine, other = _cost(ours, formulas, size), _cost(theirs, formulas, min(size, largest))
    factor = (size / min(size, largest)) ** power
    return {
        "formulas": size,
        **mine.as_dict(),
        "reference_seconds": other.seconds * factor,
        "reference_cpu_seconds": other.cpu_seconds * factor,
        "reference_runs": other.runs,
        "extrapolated_from": largest if size > largest else None,
        "ratio": other.cpu_seconds * factor / mine.cpu_seconds,
    }


def _cost(task: Task, formulas: Iterator[str], size: int) -> Cost:
    task(list(islice(formulas, 2)))
    runs = RUNS if size <= _MANY else 1
    given = iter([list(islice(formulas, size)) for _ in range(runs)])
    return repeated(lambda: task(next(given)), runs=runs)


def matminer_magpie() -> Task:
    """The 132 Magpie features as matminer computes them."""
    from matminer.featurizers.composition import ElementProperty
    from pymatgen.core import Composition

    featurizer = ElementProperty.from_preset("magpie", impute_nan=True)
    return lambda formulas: [featurizer.featurize(Composition(formula)) for formula in formulas]


def matminer_modnet() -> Task:
    """The descriptors of MODNet's preset without atomic packing, as MODNet calls them."""
    from matminer.featurizers import composition
    from matminer.featurizers.base import MultipleFeaturizer
    from pymatgen.core import Composition

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        descriptors = [getattr(composition, name)() for name in [*_MODNET.split(), "YangSolidSolution"]]
    featurizer = MultipleFeaturizer([*descriptors, composition.ElementProperty.from_preset("magpie")])
    featurizer.set_n_jobs(1)

    def compute(formulas: Sequence[str]) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return featurizer.featurize_many([Composition(f) for f in formulas], ignore_errors=True, pbar=False)

    return compute


def matminer_packing() -> Task:
    """The five columns of atomic packing as matminer computes them."""
    from matminer.featurizers.composition import AtomicPackingEfficiency
    from pymatgen.core import Composition

    featurizer = AtomicPackingEfficiency()
    return lambda formulas: [featurizer.featurize(Composition(formula)) for formula in formulas]


def elmd_package(formulas: Sequence[str]) -> object:
    """Distances of all pairs by the ElMD package."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ElMD import ElMD

        members = [ElMD(formula) for formula in formulas]
        return [a.elmd(b) for a in members for b in members]
