"""CrabNet as its makers publish it, for comparison: see reference/crabnet_worker.py for what is done around it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from electrode_bench.core.config import Strict
from electrode_bench.errors import UserError
from electrode_bench.models.published.package import Package, Upstream

PACKAGE = Package(
    model="crabnet_upstream",
    worker="crabnet_worker",
    libraries=("crabnet", "torch", "numpy", "pandas", "scikit-learn"),
)


class Config(Strict):
    """crabnet's own names and defaults; its architecture and optimiser stay as they are."""

    epochs: PositiveInt = 300
    """Passes through the training rows at most; crabnet rounds up to a multiple of twice epochs_step."""
    epochs_step: PositiveInt = 10
    """Passes in which the learning rate rises; it falls in as many."""
    batch_size: PositiveInt | None = None
    """Compositions of a step; null takes crabnet's choice (128 for up to 2,900 compositions, then more)."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the training compositions that drives weight averaging and early stopping."""


class CrabNetUpstream(Upstream):
    """One network a target. The spread is CrabNet's own estimate of the noise."""

    package = PACKAGE
    config_type = Config

    def _check(self) -> None:
        if any(":" in name for name in self.features_):
            raise UserError(
                f"{PACKAGE.model} reads one composition; in params.yaml set featurize.composition: discharged"
            )


SPEC = PACKAGE.spec(
    title="CrabNet, upstream", model=CrabNetUpstream, feature_set="elements", quick={"epochs": 2, "epochs_step": 1}
)
