"""MODNet as its makers publish it, for comparison: see reference/modnet_worker.py for what is done around it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from electrode_bench.core.config import Strict
from electrode_bench.models.published.package import Package, Upstream

PACKAGE = Package(
    model="modnet_upstream",
    worker="modnet_worker",
    libraries=("modnet", "tensorflow-cpu", "numpy", "pandas", "scikit-learn"),
)

#: Neurons of each layer of a block.
Block = tuple[PositiveInt, ...]


class Config(Strict):
    """modnet's own names; the values are those of its presets for a table of this size, with fewer epochs."""

    select: bool = True
    """Choose features by relevance and redundancy; false takes them in the feature set's order."""
    n_samples: Annotated[int, Field(ge=10)] = 6000
    """Rows that the mutual information is estimated on at most. Its time grows with them and with the square
    of the number of features: 6 minutes for 227 features of 3,500 rows."""
    n_feat: PositiveInt = 128
    """Best features that the network reads; fewer where fewer are left."""
    num_neurons: tuple[Block, Block, Block, Block] = ((128,), (64,), (16,), (16,))
    """Layers of the four blocks: shared by all targets, by a group, by a property, and by a target."""
    lr: PositiveFloat = 0.001
    """Learning rate of Adam."""
    epochs: PositiveInt = 200
    """Passes through the training rows."""
    batch_size: PositiveInt = 64
    """Rows of a step."""
    xscale: Literal["minmax", "standard"] = "minmax"
    """How features are scaled."""
    loss: Literal["mae", "mse"] = "mae"
    """Loss of each target."""
    act: Literal["elu", "relu", "selu", "tanh"] = "elu"
    """Activation of the hidden layers."""
    remap_out_of_bounds: bool = True
    """Replace predictions far outside the training range by random numbers within it, as modnet does."""


class MODNetUpstream(Upstream):
    """One network of all targets, without a spread."""

    package = PACKAGE
    config_type = Config


SPEC = PACKAGE.spec(
    title="MODNet, upstream",
    model=MODNetUpstream,
    feature_set="modnet",
    quick={"select": False, "n_feat": 16, "epochs": 3},
)
