"""The columns of all tables, with label and unit, and constants that tables share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandera.pandas as pa

ID = "electrode_id"
FORMULA = "formula_discharge"

#: The model that errors are measured against: it predicts the mean of the training rows.
CONTROL = "control"

#: What models of the study read, and what those with physics read; the tables separate the two.
COMPOSITION_ONLY = "composition"
WITH_PHYSICS = "composition and ion, with physics"

#: The label of compositions that belong to no cluster.
NOISE = -1


@dataclass(frozen=True)
class Column:
    """A column of a table: its key in files, and its label and unit for people ("" means no unit)."""

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

#: Thresholds of the extracted share (0..1) at which models predict its cumulative distribution. They lie between the
#: simple fractions (1/4, 1/3, 2/5, 1/2, 2/3, 3/4, 1) that most electrodes have. P(share <= 1) is 1 and is not
#: stored: the probability of full extraction is 1 minus the value at the last threshold.
SHARE_THRESHOLDS: tuple[float, ...] = (0.15, 0.25, 0.3, 0.36, 0.45, 0.52, 0.6, 0.7, 0.8, 0.9, 0.985)

#: Charge of each working ion that the Battery Explorer offers.
ION_CHARGE: Mapping[str, int] = MappingProxyType(
    {"Li": 1, "Na": 1, "K": 1, "Rb": 1, "Cs": 1, "Mg": 2, "Ca": 2, "Zn": 2, "Al": 3, "Y": 3}
)


def table_schema() -> pa.DataFrameSchema:
    """The pandera schema of the canonical table: one row for each electrode, unique ids, finite targets."""
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
            Column("y_std", "Predictive standard deviation", "unit of the target"),
        )
    }
)


def share_column(threshold: float) -> str:
    """The column of tables that holds P(share <= threshold).

    >>> share_column(0.985)
    'share_at_most_0.985'
    """
    return f"share_at_most_{threshold:g}"


#: ``results/fit/<model>/<protocol>/share.parquet``: one row for each test row of each fold, and no rows for a model
#: that does not predict the distribution of the extracted share.
SHARE_COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        c.key: c
        for c in (
            Column(ID, "Electrode"),
            Column("fold", "Fold"),
            *(
                Column(share_column(t), f"Probability that the extracted share is at most {t:g}", "probability")
                for t in SHARE_THRESHOLDS
            ),
        )
    }
)

#: The tables of ``results/compare`` by name, with the columns of those that may have no row.
COMPARISON_TABLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "scores": (),
        "table": (),
        "by_ion": (),
        "by_cluster": (),
        "learning_curve": ("model", "target", "metric", "n_train", "value", "spread", "repeats"),
        "pairs": (
            "protocol", "target", "model", "other", "mae", "other_mae", "difference", "low", "high",
            "resolvable", "different",
        ),
        "ranking": (
            "protocol", "target", "rank", "model", "mae", "mae_low", "mae_high", "beats_control", "like_best", "first",
        ),
        "leakage": ("model", "target"),
        "penalties": ("model", "target"),
        "penalty_against_distance": ("model", "target"),
        "power_laws": ("model", "target"),
        "ceilings": (
            "protocol", "target", "ceiling", "title", "mae", "smae", "n", "share", "best_model", "best_smae",
        ),
        "coverage": (
            "model", "protocol", "target", "level", "by", "group", "n", "share", "coverage", "low", "high", "width",
        ),
        "rejection": ("model", "protocol", "target", "ranked_by", "rejected", "mae", "relative"),
    }
)  # fmt: skip
