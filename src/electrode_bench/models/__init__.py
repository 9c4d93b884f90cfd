"""Models: each is one module (or package) that assigns ``SPEC``, found by its name or by the name of its module."""

from electrode_bench.models.base import CannotSave, Model, ModelSpec, Prediction
from electrode_bench.models.members import feature_set_of, members_of, reads_of
from electrode_bench.models.module_path import use_project_modules
from electrode_bench.models.registry import MODELS, configure, configured, from_module, listed, named, spec
from electrode_bench.models.saved import load, save

__all__ = [
    "MODELS",
    "CannotSave",
    "Model",
    "ModelSpec",
    "Prediction",
    "configure",
    "configured",
    "feature_set_of",
    "from_module",
    "listed",
    "load",
    "members_of",
    "named",
    "reads_of",
    "save",
    "spec",
    "use_project_modules",
]
