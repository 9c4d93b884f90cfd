"""The published crabnet package, for comparison. published/crabnet_worker.py says what is done around it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from electrode_bench.core.config import Strict
from electrode_bench.errors import UserError
from electrode_bench.models.published.package import Package, PublishedModel

PACKAGE = Package(
    model="crabnet_upstream",
    worker="crabnet_worker",
    libraries=("crabnet", "torch", "numpy", "pandas", "scikit-learn"),
)


class Config(Strict):
    """crabnet's own names and defaults; its architecture and optimiser are unchanged."""

    epochs: PositiveInt = 300
    """Largest number of passes over the training rows; crabnet rounds up to a multiple of twice epochs_step."""
    epochs_step: PositiveInt = 10
    """Passes in which the learning rate rises; it falls in the same number."""
    batch_size: PositiveInt | None = None
    """Compositions in a batch; null takes crabnet's choice (128 for up to 2,900 compositions, then more)."""
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the training compositions held out for weight averaging and early stopping."""


class CrabNetUpstream(PublishedModel):
    """One network for each target. The predictive standard deviation is CrabNet's own estimate of the noise."""

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
