"""core.installed: the same answer as the standard library, without parsing the metadata of everything."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

from electrode_bench.core.installed import distributions_of, version


def test_modules_belong_to_the_distributions_that_the_standard_library_names() -> None:
    expected = importlib.metadata.packages_distributions()
    for module in ("numpy", "sklearn", "yaml", "typer", "mlflow"):
        assert module not in sys.stdlib_module_names
        assert distributions_of(module) == tuple(sorted(set(expected[module])))


def test_what_an_extra_adds_to_a_namespace_does_not_count(tmp_path: Path) -> None:
    """Else installing an extra would change the digest of every fit that uses the namespace."""
    added = tmp_path / "pymatgen_added-1.0.dist-info"
    added.mkdir()
    (added / "METADATA").write_text("Metadata-Version: 2.1\nName: pymatgen-added\nVersion: 1.0\n")
    (added / "RECORD").write_text("pymatgen/added.py,,\n")
    code = "import importlib.metadata as m; from electrode_bench.core.installed import distributions_of as d\n"
    code += "print('pymatgen-added' in m.packages_distributions()['pymatgen'], *d('pymatgen'))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "pymatgen", "pymatgen-core"]


def test_the_standard_library_and_unknown_modules_belong_to_none() -> None:
    assert distributions_of("json") == ()
    assert distributions_of("no_such_module") == ()


def test_versions_are_those_that_are_installed() -> None:
    assert version("numpy") == importlib.metadata.version("numpy")
