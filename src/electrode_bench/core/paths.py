"""Where every file of a project lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Paths:
    """The files of a project, by what they hold. File contracts: docs/architecture.md."""

    root: Path

    @property
    def params(self) -> Path:
        return self.root / "params.yaml"

    @property
    def data_dvc(self) -> Path:
        return self.root / "data.dvc"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def cache(self) -> Path:
        """Caches of folds, features and models: outside DVC and git, safe to delete."""
        return self.root / ".cache"

    @property
    def mlruns(self) -> Path:
        return self.root / "mlruns"

    def study_record(self, model: str) -> Path:
        """Every trial of the study that the model's configuration was adopted from; in git."""
        return self.root / "sweeps" / f"{model}.json"

    def adoption(self, model: str) -> Path:
        """Which trial of which study the model's configuration comes from; in git."""
        return self.root / "sweeps" / model / "adopted.json"

    @property
    def table(self) -> Path:
        return self.results / "prepare" / "table.parquet"

    @property
    def rejects(self) -> Path:
        return self.results / "prepare" / "rejects.csv"

    @property
    def card(self) -> Path:
        """Counts and ranges of the prepared table: the data card's numbers."""
        return self.results / "prepare" / "card.json"

    def features(self, name: str) -> Path:
        return self.results / "featurize" / f"{name}.parquet"

    @property
    def map(self) -> Path:
        return self.results / "map" / "map.parquet"

    @property
    def map_summary(self) -> Path:
        return self.results / "map" / "summary.json"

    @property
    def map_figure(self) -> Path:
        return self.results / "map" / "map.html"

    @property
    def ions_figure(self) -> Path:
        return self.results / "map" / "working_ions.html"

    @property
    def folds(self) -> Path:
        return self.results / "split" / "folds.parquet"

    @property
    def split_digest(self) -> Path:
        return self.results / "split" / "digest.json"

    def predictions(self, model: str, protocol: str) -> Path:
        return self.results / "fit" / model / protocol / "predictions.parquet"

    def share(self, model: str, protocol: str) -> Path:
        """The predicted distributions of the extracted share."""
        return self.results / "fit" / model / protocol / "share.parquet"

    def run(self, model: str, protocol: str) -> Path:
        """What the run was made from: configuration, seeds and digests."""
        return self.results / "fit" / model / protocol / "cell.json"

    def runs(self) -> list[Path]:
        """The folders ``<model>/<protocol>`` that hold a run, sorted: its record, its predictions, or both."""
        names = ("cell.json", "predictions.parquet")
        return sorted({path.parent for name in names for path in self.results.glob(f"fit/*/*/{name}")})

    @property
    def compare(self) -> Path:
        return self.results / "compare"

    def comparison(self, name: str) -> Path:
        return self.compare / f"{name}.csv"

    @property
    def metrics(self) -> Path:
        """One number for each model, which DVC shows for commits and experiments."""
        return self.compare / "metrics.json"

    @property
    def calibrations(self) -> Path:
        """How wide the prediction intervals of each model are."""
        return self.compare / "calibration.json"

    @property
    def comparison_inputs(self) -> Path:
        """Digests of the runs that ``results/compare`` was made from."""
        return self.compare / "inputs.json"

    @property
    def figures(self) -> Path:
        """The study's figures as SVG and PNG."""
        return self.results / "figures"

    @property
    def report(self) -> Path:
        """The report: all results in one HTML file."""
        return self.results / "report" / "index.html"

    @property
    def report_with_costs(self) -> Path:
        """The report with what the fits took, which differs from machine to machine; no output of a stage."""
        return self.results / "report" / "with_costs.html"

    @property
    def published(self) -> Path:
        """Digests of the runs that were published to MLflow."""
        return self.results / "publish" / "cells.json"
