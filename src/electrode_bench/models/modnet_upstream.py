"""The published modnet package, for comparison. published/modnet_worker.py says what is done around it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from electrode_bench.core.config import Strict
from electrode_bench.models.published.package import Package, PublishedModel

PACKAGE = Package(
    model="modnet_upstream",
    worker="modnet_worker",
    libraries=("modnet", "tensorflow-cpu", "numpy", "pandas", "scikit-learn"),
)

#: Neurons of each layer of a block.
Block = tuple[PositiveInt, ...]


class Config(Strict):
    """modnet's own names. The defaults are its presets for a table of this size, with fewer epochs."""

    select: bool = True
    """Whether features are selected by relevance and redundancy; false takes them in the order of the feature set."""
    n_samples: Annotated[int, Field(ge=10)] = 6000
    """Largest number of rows that the mutual information is estimated on. Its time grows with their number and with
    the square of the number of features: 6 minutes for 227 features of 3,500 rows."""
    n_feat: PositiveInt = 128
    """Best features that the network reads; fewer when fewer are left."""
    num_neurons: tuple[Block, Block, Block, Block] = ((128,), (64,), (16,), (16,))
    """Widths of the layers of the four blocks: of all targets, a group, a property, and a target."""
    lr: PositiveFloat = 0.001
    """Learning rate of Adam."""
    epochs: PositiveInt = 200
    """Passes over the training rows."""
    batch_size: PositiveInt = 64
    """Rows in a batch."""
    xscale: Literal["minmax", "standard"] = "minmax"
    """How features are scaled."""
    loss: Literal["mae", "mse"] = "mae"
    """Loss function of each target."""
    act: Literal["elu", "relu", "selu", "tanh"] = "elu"
    """Activation of the hidden layers."""
    remap_out_of_bounds: bool = True
    """Whether predictions far outside the training range are replaced by random numbers within it, as modnet does."""


class MODNetUpstream(PublishedModel):
    """One network for all targets, without a predictive standard deviation."""

    package = PACKAGE
    config_type = Config


SPEC = PACKAGE.spec(
    title="MODNet, upstream",
    model=MODNetUpstream,
    feature_set="modnet",
    quick={"select": False, "n_feat": 16, "epochs": 3},
)
