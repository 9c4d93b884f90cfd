"""Any model in its quick configuration, with the features that it reads; an ensemble with quick members."""

from __future__ import annotations

import pandas as pd

from electrode_bench import models
from electrode_bench.core.config import Strict
from electrode_bench.features import featurize
from electrode_bench.models.base import Model
from electrode_bench.params import Params
from support.electrodes import table
from support.ensembles import FittedTogether

#: How params.yaml names the members of ensembles that are not models of this package.
MODULE_OF = {"sharing_model": {"module": "support.sharing_model"}}
PARAMS = Params(seed=0, models=MODULE_OF)


def quick_config(spec: models.ModelSpec) -> Strict:
    """The quick configuration; that of an ensemble has quick members."""
    values = {spec.name: dict(spec.quick)}
    if spec.is_ensemble:
        members = models.configure(spec, spec.quick).members  # type: ignore[attr-defined]
        values |= {name: {**MODULE_OF.get(name, {}), **models.named(name, PARAMS).quick} for name in members}
    return models.configured(spec, Params(seed=0, models=values))


def quick_model(spec: models.ModelSpec, seed: int = 1) -> Model:
    """A model that is not fitted yet."""
    config = quick_config(spec)
    if not spec.is_ensemble:
        return spec.build(config, seed)
    frames = {name: features_of(member.spec, table(2)) for name, member in models.members_of(config).items()}
    return FittedTogether(spec, config, seed, frames=frames)


def features_of(spec: models.ModelSpec, electrodes: pd.DataFrame) -> pd.DataFrame:
    """The features of electrodes that a model reads."""
    feature_set = models.feature_set_of(spec, quick_config(spec))
    if feature_set is None:
        return pd.DataFrame(index=electrodes.index)
    return featurize(electrodes, feature_set=feature_set)
