"""Names of feature sets that a model reads together, such as ``modnet+elements``, and their features side by side."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from electrode_bench.errors import UserError


def split(feature_set: str) -> tuple[str, ...]:
    """The feature sets that a name stands for, in its order.

    >>> split("modnet"), split("modnet+elements")
    (('modnet',), ('modnet', 'elements'))

    Raises
    ------
    UserError
        When a name between two plus signs is missing, or a set is named twice.
    """
    names = tuple(feature_set.split("+"))
    if not all(names) or len(set(names)) < len(names):
        raise UserError(f"'{feature_set}' does not name feature sets; write each once, with + between them")
    return names


def side_by_side(blocks: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The features of several sets, by the name of the set, as one table: the columns of the first set come first.

    All tables must have the same index.

    Raises
    ------
    ValueError
        When two sets have a column of the same name.
    """
    owner: dict[str, str] = {}
    for name, block in blocks.items():
        for column in map(str, block.columns):
            if column in owner:
                raise ValueError(f"the feature sets {owner[column]} and {name} both have a column '{column}'")
            owner[column] = name
    return pd.concat(list(blocks.values()), axis=1)
