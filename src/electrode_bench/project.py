"""Where every file of a project lies: the one place that knows their names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """Paths below a project's folder ``root``. File contracts: docs/architecture.md."""

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
        """Fold and feature caches: outside DVC and git, safe to delete."""
        return self.root / ".cache"

    def sweep_record(self, model: str) -> Path:
        """The study that the model's configuration in params.yaml was adopted from; in git."""
        return self.root / "sweeps" / f"{model}.json"

    @property
    def mlruns(self) -> Path:
        return self.root / "mlruns"

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

    def cell(self, model: str, protocol: str) -> Path:
        """What the cell was made from: configuration, seed and digests."""
        return self.results / "fit" / model / protocol / "cell.json"

    @property
    def compare(self) -> Path:
        return self.results / "compare"

    @property
    def scores(self) -> Path:
        return self.compare / "scores.csv"

    @property
    def figures(self) -> Path:
        """The study's figures as SVG and PNG."""
        return self.results / "figures"

    @property
    def report(self) -> Path:
        """The page that shows all results, in one file."""
        return self.results / "report" / "index.html"
