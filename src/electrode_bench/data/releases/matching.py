"""Which electrodes of two tables are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from electrode_bench.core.schema import FORMULA, ID
from electrode_bench.data import chemistry

#: What electrodes are matched by.
By = Literal["id", "formula"]


@dataclass(frozen=True)
class Matching:
    """The electrodes of an old table and those of a new one that they are.

    Attributes
    ----------
    by : what they were matched by.
    pairs : the columns ``old`` and ``new``, electrode ids; no id stands twice.
    unclear_old, unclear_new : ids of electrodes that are probably in both tables, but of several with the same id (or
        formulas) it is not known which is which.
    repeated_old, repeated_new : how many battery ids stand for several electrodes of a table.
    """

    by: By
    pairs: pd.DataFrame
    unclear_old: tuple[str, ...]
    unclear_new: tuple[str, ...]
    repeated_old: int
    repeated_new: int


def match(old: pd.DataFrame, new: pd.DataFrame, by: By | None = None) -> Matching:
    """Match the electrodes of two canonical tables.

    By id, electrodes with the same battery id are the same. Where several electrodes of a table have one id (``id``,
    ``id~2``, ... by ``prepare.duplicate_ids``), their numbers say nothing about the other table: they are matched by
    formulas and thermodynamic data, and what is left by the id if one electrode is left on each side. By formula,
    electrodes with the same working ion and the same two formulas are the same if each table has only one such
    electrode, or one with the same thermodynamic data.

    Parameters
    ----------
    by : None takes ids, or formulas where the tables share no id.
    """
    left, right = _keys(old), _keys(new)
    if by is None:
        by = "id" if set(left["id"]) & set(right["id"]) else "formula"
    pair = ["working_ion", "charged", "discharged"]
    if by == "id":
        steps: list[list[str]] = [["id"], ["id", *pair, "thermo_type"], ["id", *pair], ["id"]]
    else:
        steps = [pair, [*pair, "thermo_type"]]
    repeated_old, repeated_new = (int(keys["id"].value_counts().gt(1).sum()) for keys in (left, right))
    found = []
    for step in steps:
        pairs = _once(left, right, step)
        found.append(pairs)
        left, right = left.drop(pairs["old"]), right.drop(pairs["new"])
    unclear = _of_both(left, right, ["id"] if by == "id" else pair)
    return Matching(
        by=by,
        pairs=pd.concat(found).sort_values("old", ignore_index=True),
        unclear_old=tuple(sorted(unclear[0])),
        unclear_new=tuple(sorted(unclear[1])),
        repeated_old=repeated_old,
        repeated_new=repeated_new,
    )


def battery_ids(table: pd.DataFrame) -> pd.Series:
    """The battery id of each row, without the number that a repeated one was given (``id~2``)."""
    ids = table[ID].astype(str)
    plain = ids.str.replace(r"~\d+$", "", regex=True)
    return plain.where(plain.isin(set(ids)), ids).rename("id")


def sharing_formulas(old: pd.DataFrame, new: pd.DataFrame) -> int:
    """How many electrodes of an old table have the working ion and both formulas of one of a new table."""
    pair = ["working_ion", "charged", "discharged"]
    return len(_of_both(_keys(old), _keys(new), pair)[0])


def _keys(table: pd.DataFrame) -> pd.DataFrame:
    """What electrodes may be matched by, indexed by electrode id."""
    return pd.DataFrame(
        {
            "id": battery_ids(table).to_numpy(),
            "working_ion": table["working_ion"].to_numpy(),
            "charged": [chemistry.canonical(formula) for formula in table["formula_charge"]],
            "discharged": [chemistry.canonical(formula) for formula in table[FORMULA]],
            "thermo_type": table["thermo_type"].to_numpy(),
        },
        index=table[ID].to_numpy(),
    )


def _once(left: pd.DataFrame, right: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The electrodes whose key stands once in each table."""
    sides = []
    for name, keys in (("old", left), ("new", right)):
        alone = keys[~keys.duplicated(list(columns), keep=False)]
        sides.append(alone[list(columns)].assign(**{name: alone.index}))
    merged: pd.DataFrame = sides[0].merge(sides[1], on=list(columns))[["old", "new"]]
    return merged


def _of_both(left: pd.DataFrame, right: pd.DataFrame, columns: Sequence[str]) -> tuple[list[str], list[str]]:
    """The electrodes of each table whose key is in the other one, too."""
    in_left, in_right = (pd.MultiIndex.from_frame(keys[list(columns)]) for keys in (left, right))
    return list(left.index[in_left.isin(in_right)]), list(right.index[in_right.isin(in_left)])
