"""What a stored study and its record in ``sweeps/<model>.json`` must be, so that all that reads one can rely on it.

Keys that are not listed here are allowed: a later version may have added them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from electrode_bench import splits

#: A step of a training and the value that was reported there.
_Step = Annotated[list[float], Field(min_length=2, max_length=2)]

_Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True, allow_inf_nan=False)


class _Range(_Part):
    kind: Literal["int", "float"]
    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError("low is above high")
        if self.log and self.low <= 0:
            raise ValueError("a logarithmic range must begin above 0")
        return self


class _Choice(_Part):
    kind: Literal["choice"]
    values: Annotated[list[Any], Field(min_length=1)]


def _kind(dimension: Any) -> str:
    is_choice = isinstance(dimension, dict) and dimension.get("kind") == "choice"
    return "choice" if is_choice else "range"


DimensionRecord = Annotated[
    Annotated[_Range, Tag("range")] | Annotated[_Choice, Tag("choice")], Discriminator(_kind)
]  # fmt: skip


class _How(_Part):
    objective: Literal["smae", "gravimetric_capacity", "volumetric_capacity", "average_voltage"]
    against_seconds: bool
    sampler: str
    pruner: str
    inner: str
    folds: _Count


class _Data(_Part):
    release: str | None = None
    md5: str | None = None
    table: str | None = None


class _Identity(_Part):
    model: str
    part: str
    seed: int


class _Summary(_Part):
    trials: _Count
    complete: _Count
    pruned: _Count
    failed: _Count
    saved_seconds: float
    importances: dict[str, float]
    best: float
    best_trial: _Count
    configured: float = 0.0


class _Row(_Part):
    """A target of a comparison (``tuning.assess.ROW_COLUMNS``)."""

    target: str
    n: _Count
    configured_mae: float
    configured_smae: float
    configured_spread: float | None
    tuned_smae: float
    tuned_spread: float | None
    relative: float | None
    low: float | None
    high: float | None
    p: Annotated[float, Field(ge=0, le=1)] | None


class _Score(_Part):
    study: str
    trial: _Count
    claim: Literal["held_out", "nested", "not_nested"]
    protocol: str
    folds: list[str]
    before: list[_Count] = []
    rows: Annotated[list[_Row], Field(min_length=1)]

    @field_validator("protocol")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in splits.PROTOCOLS:
            raise ValueError("an unknown protocol")
        return name


class _Trial(_Part):
    number: _Count
    state: Literal["complete", "pruned", "fail", "running", "waiting", "given up"]
    values: list[float]
    seconds: Annotated[float, Field(ge=0)]
    steps: list[_Step]
    params: dict[str, Any]
    folds: dict[str, dict[str, float]] = {}
    reason: str = ""

    @model_validator(mode="after")
    def _has_value(self) -> Self:
        if self.state == "complete" and not self.values:
            raise ValueError("a complete trial without a value")
        return self


class StudyRecord(_Part):
    """The record of a study."""

    study: str
    model: str
    part: str
    adopted: _Count
    data: _Data | None = None
    identity: _Identity
    how: _How
    space: dict[str, DimensionRecord]
    base: dict[str, Any]
    summary: _Summary
    scores: list[_Score]
    trials: list[_Trial]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        states = {trial.number: trial.state for trial in self.trials}
        if len(states) < len(self.trials):
            raise ValueError("two trials have the same number")
        if states.get(self.adopted) != "complete":
            raise ValueError(f"the adopted trial {self.adopted} is not among the complete trials")
        return self


class StudyDescription(_Part):
    """What is stored with a study (``StoredStudy.describe``)."""

    identity: _Identity
    how: dict[str, Any]
    base: dict[str, Any]
    space: dict[str, DimensionRecord]
    module: str | None = None
    clean_base: dict[str, Any] | None = None
    scores: dict[str, dict[str, Any]] = {}
