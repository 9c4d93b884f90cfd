"""What the tables hold: columns with label and unit, table schemas, and the records passed between stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

ID = "electrode_id"
FORMULA = "formula_discharge"


@dataclass(frozen=True)
class Column:
    """A column of a table: the key in files, the label and unit for people ('' means no unit)."""

    key: str
    label: str
    unit: str = ""

    @property
    def title(self) -> str:
        """Label and unit, as an axis or a table header shows them."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


GRAVIMETRIC = Column("gravimetric_capacity", "Gravimetric capacity", "mAh/g")
VOLUMETRIC = Column("volumetric_capacity", "Volumetric capacity", "mAh/cm3")
VOLTAGE = Column("average_voltage", "Average voltage", "V")

TARGETS: Mapping[str, Column] = MappingProxyType({c.key: c for c in (GRAVIMETRIC, VOLUMETRIC, VOLTAGE)})

#: The canonical table (``results/prepare/table.parquet``), in its order.
TABLE_COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        c.key: c
        for c in (
            Column(ID, "Electrode"),
            Column("battery_formula", "Battery formula"),
            Column("working_ion", "Working ion"),
            Column("formula_charge", "Charged formula"),
            Column(FORMULA, "Discharged formula"),
            Column("framework_formula", "Framework formula"),
            GRAVIMETRIC,
            VOLUMETRIC,
            VOLTAGE,
            Column("max_delta_volume", "Largest volume change", "fraction"),
            Column("stability_charge", "Energy above hull, charged", "eV/atom"),
            Column("stability_discharge", "Energy above hull, discharged", "eV/atom"),
            Column("theoretical_capacity_pair", "Faraday capacity of the charged-discharged pair", "mAh/g"),
            Column("theoretical_capacity_full", "Faraday capacity of full extraction", "mAh/g"),
            Column("thermo_type", "Thermodynamic data"),
            Column("steps", "Voltage steps"),
        )
    }
)

#: Charge of each working ion that the Battery Explorer offers.
ION_CHARGE: Mapping[str, int] = MappingProxyType(
    {"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Mg": 2, "Ca": 2, "Zn": 2, "Al": 3, "Y": 3}
)


@dataclass(frozen=True)
class Fold:
    """One training set and the rows it is scored on, as electrode ids, never positions.

    ``train_ids`` may repeat an id (bootstrap); ``test_ids`` may not; the two share none.

    Raises
    ------
    ValueError
        When a part is empty, a test id repeats, or an id stands on both sides.
    """

    protocol: str
    key: str
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        where = f"fold {self.key} of {self.protocol}"
        if not self.train_ids or not self.test_ids:
            raise ValueError(f"{where} has {len(self.train_ids)} training and {len(self.test_ids)} test rows")
        if len(set(self.test_ids)) != len(self.test_ids):
            raise ValueError(f"{where} repeats a test id")
        shared = set(self.train_ids) & set(self.test_ids)
        if shared:
            raise ValueError(f"{where} has {len(shared)} ids on both sides, {min(shared)} first")


@dataclass(frozen=True)
class FoldResult:
    """What one fold left behind.

    ``predictions`` has the columns electrode_id, target, y_pred, y_std (in the target's unit);
    ``cost`` is what it took (seconds, peak memory, device): it never enters a DVC output.
    """

    key: str
    predictions: pd.DataFrame
    cost: Mapping[str, float | str]


def table_schema() -> pa.DataFrameSchema:
    """The pandera schema of the canonical table: one row an electrode, ids unique, targets finite."""
    import numpy as np
    import pandera.pandas as pa

    finite = pa.Check(lambda s: np.isfinite(s), name="finite")
    text = pa.Column(str, pa.Check.str_length(min_value=1))
    number = pa.Column(float, nullable=True)
    positive = pa.Column(float, [finite, pa.Check.gt(0)])
    return pa.DataFrameSchema(
        {
            ID: pa.Column(str, pa.Check.str_length(min_value=1), unique=True),
            "battery_formula": text,
            "working_ion": pa.Column(str, pa.Check.isin(sorted(ION_CHARGE))),
            "formula_charge": text,
            FORMULA: text,
            "framework_formula": text,
            GRAVIMETRIC.key: positive,
            VOLUMETRIC.key: positive,
            VOLTAGE.key: pa.Column(float, finite),
            "max_delta_volume": number,
            "stability_charge": number,
            "stability_discharge": number,
            "theoretical_capacity_pair": number,
            "theoretical_capacity_full": positive,
            "thermo_type": pa.Column(str),
            "steps": pa.Column("Int64", nullable=True),
        },
        strict=True,
        ordered=True,
    )


#: ``results/fit/<model>/<protocol>/predictions.parquet``, long.
PREDICTION_COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        c.key: c
        for c in (
            Column(ID, "Electrode"),
            Column("protocol", "Protocol"),
            Column("fold", "Fold"),
            Column("model", "Model"),
            Column("target", "Target"),
            Column("y_true", "Reference value", "unit of the target"),
            Column("y_pred", "Predicted value", "unit of the target"),
            Column("y_std", "Predicted spread", "unit of the target"),
        )
    }
)
