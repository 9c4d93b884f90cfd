"""What the page sends, checked: an unknown or wrong value is an error of one line."""

from __future__ import annotations

import base64
import binascii
from pathlib import PurePath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from electrode_bench.core.schema import ION_CHARGE
from electrode_bench.errors import UserError
from electrode_bench.inference.screened import Options

Short = Annotated[str, StringConstraints(max_length=200)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Screening(_Request):
    """Candidates: pasted text, or a file with its name; and how they are ranked.

    ``ions`` names the working ion of formulas with several candidates, by line.
    """

    text: str | None = None
    name: Annotated[str, StringConstraints(max_length=255)] = ""
    content: str | None = Field(None, description="the file's bytes, as base64")
    ions: dict[int, Short] = Field(default_factory=dict, max_length=10_000)
    ion: Short | None = None
    objective: Short = "energy"
    rank: Short = "lower"
    goal: float | None = None
    window: tuple[float, float] | None = None
    in_domain: bool = False

    def file(self) -> tuple[str, bytes]:
        """Name and bytes of the list; pasted text is a list without a name.

        Raises
        ------
        UserError
            When there is neither text nor a file, or both.
        """
        if (self.text is None) == (self.content is None):
            raise UserError("paste formulas, or choose a file")
        if self.text is not None:
            if not self.text.strip():
                raise UserError("there is no formula; paste formulas, one per line, or choose a file")
            return "the pasted list", self.text.encode()
        try:
            content = base64.b64decode(self.content or "", validate=True)
        except binascii.Error as error:
            raise UserError("the file did not arrive whole; choose it again") from error
        return PurePath(self.name.replace("\\", "/")).name or "the file", content

    def options(self, *, top: int) -> Options:
        """How candidates are ranked; all ``top`` of them are kept."""
        options = Options(
            objective=self.objective, rank=self.rank, goal=self.goal, top=top, window=self.window, ion=self.ion or None,
            in_domain=self.in_domain,
        )  # fmt: skip
        options.check()
        return options


class Question(_Request):
    """One composition, to be answered by the best model, or by all models side by side."""

    formula: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    ion: Annotated[str, StringConstraints(pattern=f"^({'|'.join(ION_CHARGE)})$")] | None = None
    all_models: bool = False


class Login(_Request):
    """The token that the terminal shows, or that was set."""

    token: Annotated[str, StringConstraints(max_length=1000)]
