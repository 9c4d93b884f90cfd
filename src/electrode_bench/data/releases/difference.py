"""What changed from one table of electrodes to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from electrode_bench.core.schema import FORMULA, ID, TARGETS, VOLTAGE
from electrode_bench.data import chemistry
from electrode_bench.data.releases.matching import By, Matching, match, sharing_formulas

#: Changes of a target up to these are rounding: V for the voltage, a share of the old value for the capacities.
VOLTAGE_ROUNDING, CAPACITY_ROUNDING = 0.001, 0.001

#: What may become of an electrode.
ADDED, REMOVED, RELABELLED, SAME, UNCLEAR = "added", "removed", "relabelled", "same", "unclear"

#: The name of the row over all working ions.
ALL_IONS = "all"

#: Columns of both tables that are shown for an electrode.
_SHOWN = ("working_ion", "formula_charge", FORMULA, *TARGETS)


@dataclass(frozen=True)
class Difference:
    """The difference between two tables.

    Attributes
    ----------
    matching : which electrodes are the same.
    electrodes : one row for each electrode of either table: ``status`` (same, relabelled, added, removed, unclear),
        ``what`` (which of ion, formulas and targets changed, joined by "; "), ``old_id`` and ``new_id``, and with these
        prefixes the working ion, both formulas and the three targets. Missing where a table lacks the electrode.
    by_ion : counts for all electrodes, then for each working ion, most electrodes first: ion, old, new, in_both, same,
        relabelled, added, removed, unclear_old, unclear_new. An electrode in both belongs to its new ion.
    changes : for each target, then each working ion (first all): target, ion, n (electrodes in both), changed (beyond
        rounding), mean (of new minus old, signed), mae (mean absolute change), median, p95, largest (of the absolute
        changes), all in the target's unit, and scaled: mae over the mean absolute deviation of the old labels of the
        same electrodes, which makes it comparable with an SMAE.
    renamed : how many electrodes were removed although one with the same working ion and formulas was added.
    """

    matching: Matching
    electrodes: pd.DataFrame
    by_ion: pd.DataFrame
    changes: pd.DataFrame
    renamed: int = 0

    @property
    def in_both(self) -> pd.DataFrame:
        """The rows of ``electrodes`` that both tables have."""
        rows: pd.DataFrame = self.electrodes[self.electrodes["status"].isin([SAME, RELABELLED])]
        return rows

    def same_input(self) -> pd.DataFrame:
        """The electrodes in both whose ion and discharged formula, which models read, are the same: ids old and new."""
        rows = self.in_both
        kept = ~rows["what"].str.contains(f"working ion|{_DISCHARGED}", regex=True)
        return rows[kept].rename(columns={"old_id": "old", "new_id": "new"})[["old", "new"]].reset_index(drop=True)

    def notes(self) -> list[str]:
        """What a reader must know about how electrodes were matched."""
        found, matching = [], self.matching
        if matching.by == "formula":
            found.append("Electrodes are matched by working ion and formulas, not by id")
        for name, number in (("old", matching.repeated_old), ("new", matching.repeated_new)):
            if number and matching.by == "id":
                found.append(
                    f"{number:,} battery ids stand for several electrodes of the {name} release; these are matched by "
                    "id and formulas"
                )
        if self.renamed:
            found.append(
                f"{self.renamed:,} of the electrodes that were removed have the working ion and formulas of an added "
                "one: their ids may have changed (--match formula)"
            )
        unclear = len(matching.unclear_old), len(matching.unclear_new)
        if any(unclear):
            what = "battery id" if matching.by == "id" else "formulas"
            found.append(
                f"{unclear[0]:,} old and {unclear[1]:,} new electrodes share their {what} with others, so that it is "
                "unclear which is which; they are not compared"
            )
        rows = self.in_both
        other = int(rows["what"].str.contains(f"working ion|{_DISCHARGED}", regex=True).sum())
        if matching.by == "id" and other > 0.5 * len(rows):
            found.append(
                f"WARNING: {other:,} of {len(rows):,} electrodes with the same id have another composition; if the ids "
                "are row numbers, compare with --match formula"
            )
        return found


_CHARGED, _DISCHARGED = "charged formula", "discharged formula"


def difference(old: pd.DataFrame, new: pd.DataFrame, *, by: By | None = None) -> Difference:
    """Compare two canonical tables.

    Parameters
    ----------
    by : see :func:`~electrode_bench.data.releases.matching.match`.
    """
    matching = match(old, new, by)
    left, right = old.set_index(ID, drop=False), new.set_index(ID, drop=False)
    both = _in_both(left.loc[matching.pairs["old"]], right.loc[matching.pairs["new"]])
    parts = [both]
    for status, table, prefix, known, unclear in (
        (REMOVED, left, "old", matching.pairs["old"], matching.unclear_old),
        (ADDED, right, "new", matching.pairs["new"], matching.unclear_new),
    ):
        only = table[~table[ID].isin(set(known))]
        part = _prefixed(only, prefix).assign(status=status, what="")
        parts.append(part.assign(status=part["status"].where(~only[ID].isin(unclear).to_numpy(), UNCLEAR)))
    columns = ["status", "what", *(f"{prefix}_{name}" for prefix in ("old", "new") for name in ("id", *_SHOWN))]
    electrodes = pd.concat([part.reindex(columns=columns).astype(object) for part in parts], ignore_index=True)
    numbers = [f"{prefix}_{target}" for prefix in ("old", "new") for target in TARGETS]
    electrodes = electrodes.astype(dict.fromkeys(numbers, "float64"))
    renamed = sharing_formulas(
        old[old[ID].isin(_ids(electrodes, REMOVED, "old_id"))], new[new[ID].isin(_ids(electrodes, ADDED, "new_id"))]
    )
    return Difference(matching, electrodes, _by_ion(electrodes), _changes(electrodes), renamed)


def _ids(electrodes: pd.DataFrame, status: str, column: str) -> pd.Series:
    ids: pd.Series = electrodes.loc[electrodes["status"] == status, column]
    return ids


def _prefixed(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    shown = table[[ID, *_SHOWN]].rename(columns={ID: "id"})
    return shown.add_prefix(f"{prefix}_").reset_index(drop=True)


def _in_both(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The rows that both tables have, with what changed."""
    rows = pd.concat([_prefixed(old, "old"), _prefixed(new, "new")], axis=1)
    changed = pd.DataFrame(index=rows.index)
    changed["working ion"] = rows["old_working_ion"] != rows["new_working_ion"]
    for name, column in ((_CHARGED, "formula_charge"), (_DISCHARGED, FORMULA)):
        # Different texts may be the same composition.
        changed[name] = (rows[f"old_{column}"] != rows[f"new_{column}"]) & ~_same(old, new, column)
    for target in TARGETS.values():
        changed[target.label.lower()] = beyond_rounding(
            rows[f"old_{target.key}"], rows[f"new_{target.key}"], target.key
        )
    names = np.array(changed.columns, dtype=object)
    what = ["; ".join(names[row]) for row in changed.to_numpy(dtype=bool)]
    return rows.assign(what=what, status=np.where(changed.any(axis=1), RELABELLED, SAME))


def _same(old: pd.DataFrame, new: pd.DataFrame, column: str) -> pd.Series:
    pairs = zip(old[column], new[column], strict=True)
    return pd.Series([chemistry.canonical(before) == chemistry.canonical(after) for before, after in pairs])


def beyond_rounding(old: pd.Series, new: pd.Series, target: str) -> pd.Series:
    """Whether values of a target differ by more than rounding: 1 mV, or 0.1% of a capacity."""
    change = (new - old).abs()
    if target == VOLTAGE.key:
        return change > VOLTAGE_ROUNDING
    return change > CAPACITY_ROUNDING * old.abs()


def _by_ion(electrodes: pd.DataFrame) -> pd.DataFrame:
    status = electrodes["status"]
    ion = electrodes["new_working_ion"].where(electrodes["new_working_ion"].notna(), electrodes["old_working_ion"])
    unclear_old = (status == UNCLEAR) & electrodes["old_id"].notna()
    counts = pd.DataFrame(
        {
            "ion": ion,
            "in_both": status.isin([SAME, RELABELLED]),
            **{name: status == name for name in (SAME, RELABELLED, ADDED, REMOVED)},
            "unclear_old": unclear_old,
            "unclear_new": (status == UNCLEAR) & ~unclear_old,
        }
    )
    by = counts.groupby("ion").sum().astype("int64")
    by.insert(0, "old", by["in_both"] + by["removed"] + by["unclear_old"])
    by.insert(1, "new", by["in_both"] + by["added"] + by["unclear_new"])
    order = by.assign(most=by[["old", "new"]].max(axis=1)).sort_values("most", ascending=False, kind="stable").index
    total = by.sum().to_frame(ALL_IONS).T.rename_axis("ion")
    return pd.concat([total, by.loc[order]]).rename_axis("ion").reset_index()


def _changes(electrodes: pd.DataFrame) -> pd.DataFrame:
    rows = electrodes[electrodes["status"].isin([SAME, RELABELLED])]
    groups = [(ALL_IONS, rows), *((str(ion), of) for ion, of in rows.groupby("new_working_ion"))]
    return pd.DataFrame(
        [_change(of, target, ion) for target in TARGETS for ion, of in groups if len(of)],
        columns=["target", "ion", "n", "changed", "mean", "mae", "median", "p95", "largest", "scaled"],
    )


def _change(rows: pd.DataFrame, target: str, ion: str) -> tuple[object, ...]:
    old, new = rows[f"old_{target}"], rows[f"new_{target}"]
    change = (new - old).abs()
    deviation = float((old - old.mean()).abs().mean())
    mae = float(change.mean())
    return (
        target,
        ion,
        len(rows),
        int(beyond_rounding(old, new, target).sum()),
        float((new - old).mean()),
        mae,
        float(change.median()),
        float(change.quantile(0.95)),
        float(change.max()),
        mae / deviation if deviation > 0 else float("nan"),
    )
