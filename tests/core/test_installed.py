"""core.installed: the same answer as the standard library, without parsing the metadata of everything."""

from __future__ import annotations

import importlib.metadata
import sys

from electrode_bench.core.installed import distributions_of, version


def test_modules_belong_to_the_distributions_that_the_standard_library_names() -> None:
    expected = importlib.metadata.packages_distributions()
    for module in ("numpy", "sklearn", "yaml", "pymatgen", "typer", "mlflow"):
        assert module not in sys.stdlib_module_names
        assert distributions_of(module) == tuple(sorted(set(expected[module])))


def test_the_standard_library_and_unknown_modules_belong_to_none() -> None:
    assert distributions_of("json") == ()
    assert distributions_of("no_such_module") == ()


def test_versions_are_those_that_are_installed() -> None:
    assert version("numpy") == importlib.metadata.version("numpy")
