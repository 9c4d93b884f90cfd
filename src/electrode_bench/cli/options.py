"""The options that come before the command, and option types that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from electrode_bench.inference.chosen import FittedModel
    from electrode_bench.params import Params
    from electrode_bench.project import Project

#: The panel of the help that lists commands that use fitted models.
USE_PANEL = "Use the models"

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text.")]

Model = Annotated[str | None, typer.Option(show_default="the one with the smallest error")]

Own = Annotated[
    bool,
    typer.Option("--own", help="Use the models of this project, even if they were fitted on the synthetic sample."),
]

Ion = Annotated[str | None, typer.Option(help="The working ion, for formulas that contain several candidates.")]

Storage = Annotated[
    str | None,
    typer.Option(
        "--storage", envvar="ELECTRODE_BENCH_STORAGE", show_default="a file under mlruns",
        help="Where studies are kept: postgresql://user@host/database to share them between hosts.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The options that come before the command."""

    root: Path
    debug: bool

    @property
    def project_exists(self) -> bool:
        """Whether the folder is that of a project."""
        return (self.root / "params.yaml").exists()

    @cached_property
    def project(self) -> Project:
        """The project in the folder, whose own models can be imported."""
        from electrode_bench.models import use_project_modules
        from electrode_bench.project import Project

        project = Project.open(self.root)
        use_project_modules(project.root)
        return project

    def answering(self, *, model: str | None, own: bool) -> FittedModel:
        """The model that answers: of the project, or the pre-trained one."""
        from electrode_bench.inference.answering import answering

        return answering(self.project if self.project_exists else None, model=model, own=own)

    def project_of(self, chosen: FittedModel) -> Project | None:
        """The project that a model was fitted in; None for the pre-trained model."""
        return None if chosen.pretrained else self.project

    @cached_property
    def params(self) -> Params:
        """params.yaml, with the configurations of all models, protocols and feature sets checked."""
        from electrode_bench import features, models, splits

        params = self.project.params()
        for name in dict.fromkeys([*params.models, *models.listed(params)]):
            models.configured(models.named(name, params), params)
        splits.used(params.split)
        for key in ("protocol", "inner"):
            splits.for_sweep(getattr(params.sweep, key), where=f"params.yaml, sweep.{key}")
        features.listed(params.featurize)
        return params
