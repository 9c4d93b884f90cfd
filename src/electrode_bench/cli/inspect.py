"""Commands that show results, models, settings and the data card, and the one that switches the data."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli import releases
from electrode_bench.cli.console import say
from electrode_bench.cli.options import Json, Options
from electrode_bench.cli.output import (
    print_comparison,
    print_leaderboard,
    print_result,
    print_settings,
    progress_bar,
    spinner,
    warn,
)

if TYPE_CHECKING:
    import pandas as pd

    from electrode_bench.exported import Exported
    from electrode_bench.models import ModelSpec
    from electrode_bench.params import Params
    from electrode_bench.project import Project

app = typer.Typer()

_PANEL = "Results, settings and data"

data_app = typer.Typer(help="Show, switch or compare the snapshots that the pipeline runs on.", no_args_is_help=True)
data_app.add_typer(releases.app)
app.add_typer(data_app, name="data", rich_help_panel=_PANEL)


@app.command(rich_help_panel=_PANEL)
def show(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="All tables, also with --markdown.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="In Markdown.")] = False,
    latex: Annotated[bool, typer.Option("--latex", help="As a table for LaTeX (booktabs).")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, one row for each protocol and model.")] = False,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="The references: the study and the data.")] = False,
    results: Annotated[
        Path | None, typer.Option(help="Exported results to show, instead of the project's.", metavar="FOLDER")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print which model has the smallest error, under each protocol and for each target.

    Examples:

    electrode-bench show

    electrode-bench show --full --markdown > tables.md

    electrode-bench show --latex > table.tex

    electrode-bench show --results docs/results/2023.11.1
    """
    from electrode_bench.errors import UserError
    from electrode_bench.exported import Exported
    from electrode_bench.fitting.costs import fold_costs
    from electrode_bench.report import leaderboard

    given: Options = context.obj
    forms = {"--markdown": markdown, "--latex": latex, "--csv": csv, "--bibtex": bibtex, "--json": as_json}
    chosen = [name for name, wanted in forms.items() if wanted]
    if len(chosen) > 1:
        raise UserError(f"{' and '.join(chosen)} exclude each other")
    if bibtex:
        say(leaderboard.BIBTEX.rstrip())
        return
    source: Project | Exported
    if results is None:
        source, costs = given.project, fold_costs(given.project)
    else:
        source = Exported.open(results)
        costs = source.costs()
    if full or as_json:
        _show_all(source, costs, markdown=markdown, as_json=as_json)
        return
    board = leaderboard.Leaderboard.read(source, taken=costs)
    if markdown or latex:
        say(leaderboard.markdown(board) if markdown else leaderboard.latex(board))
    elif csv:
        say(leaderboard.frame(board).to_csv(index=False, float_format="%.6g").rstrip())
    else:
        own = "electrode-bench show --full · the report: results/report/index.html · runs: electrode-bench ui"
        exported = f"electrode-bench show --full --results {results} · figures: {results}/results/figures"
        print_leaderboard(board, left_out=source.left_out(), more=f"All tables: {own if results is None else exported}")


def _show_all(results: Project | Exported, costs: pd.DataFrame, *, markdown: bool, as_json: bool) -> None:
    """Every table of the comparison."""
    made = {name: results.comparison(name) for name in ("table", "pairs", "ceilings", "coverage")}
    if not markdown:
        print_comparison(results, made, costs=costs, as_json=as_json)
        return
    from electrode_bench.report import tables
    from electrode_bench.report.costs import error_and_cost

    say(
        tables.markdown(
            made["table"],
            made["pairs"],
            titles=dict(zip(made["table"]["model"], made["table"]["title"], strict=True)),
            ceilings=made["ceilings"],
            costs=error_and_cost(made["table"], costs),
            synthetic=results.synthetic(),
            left_out=results.left_out(),
        )
    )


@app.command(rich_help_panel=_PANEL)
def models(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(show_default=False, help="Explain this model's parameters.")] = None,
    as_json: Json = False,
) -> None:
    """List the models, or explain the parameters of one.

    Examples:

    electrode-bench models

    electrode-bench models crabnet
    """
    specs = _specs(context.obj)
    if name is not None:
        _explain_model(name, specs, as_json=as_json)
        return
    _list_models(specs, as_json=as_json)


def _specs(given: Options) -> dict[str, ModelSpec]:
    """The models of this package and, within a project, those of its params.yaml."""
    from electrode_bench import models

    specs = dict(models.MODELS)
    if given.project_exists:
        params = given.project.params()
        specs |= {name: models.named(name, params) for name in params.models}
    return specs


def _list_models(specs: dict[str, ModelSpec], *, as_json: bool) -> None:
    from rich.table import Table

    from electrode_bench.core.config import explain

    rows: dict[str, dict[str, Any]] = {
        name: {
            "title": spec.title,
            "feature_set": spec.feature_set,
            "defaults": {row["key"]: row["value"] for row in explain(spec.config())},
            "unavailable": spec.available(),
        }
        for name, spec in specs.items()
    }
    table = Table("model", "title", "features", "defaults (params.yaml, models.<model>)")
    for name, row in rows.items():
        defaults = ", ".join(f"{key}={json.dumps(value)}" for key, value in row["defaults"].items()) or "none"
        none = "those of its members" if specs[name].is_ensemble else "none"
        table.add_row(name, row["title"], row["feature_set"] or none, defaults)
    print_result(rows, table, as_json=as_json)
    if not as_json:
        for reason in filter(None, (row["unavailable"] for row in rows.values())):
            say(reason)


def _explain_model(name: str, specs: dict[str, ModelSpec], *, as_json: bool) -> None:
    from rich.table import Table

    from electrode_bench.core.config import explain
    from electrode_bench.errors import UserError, nearest
    from electrode_bench.models.search_space import in_words

    if name not in specs:
        raise UserError(f"unknown model '{name}'; {nearest(name, specs)}")
    spec = specs[name]
    rows = [
        {
            "key": row["key"],
            "value": row["value"],
            "searched": in_words(spec.space[row["key"]]) if row["key"] in spec.space else "",
            "meaning": row["meaning"],
        }
        for row in explain(spec.config())
    ]
    title = f"params.yaml, models.{name}"
    table = Table("key", "default", "search space of a sweep", "meaning", title=title, title_justify="left")
    print_settings(rows, table, as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def params(context: typer.Context, as_json: Json = False) -> None:
    """Check params.yaml and list every key with its value and meaning.

    Example: electrode-bench params
    """
    from rich.table import Table

    given: Options = context.obj
    print_settings(list(_settings(given.params)), Table("key", "value", "meaning"), as_json=as_json)


def _settings(params: Params) -> Iterator[dict[str, Any]]:
    """Every key of params.yaml, with null lists written out and the options of the protocols after the protocols."""
    from electrode_bench import features, models, splits
    from electrode_bench.core.config import explain

    chosen = {
        "featurize.sets": list(features.listed(params.featurize)),
        "split.protocols": list(splits.used(params.split)),
        "fit.models": models.listed(params),
    }
    for row in explain(params):
        yield {**row, "value": chosen.get(row["key"], row["value"])}
        if row["key"] == "split.protocols":
            for name in chosen["split.protocols"]:
                options = splits.configure(name, params.split.options.get(name, {}))
                yield from explain(options, prefix=f"split.{name}.")


@data_app.command("use")
def data_use(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="sample | a CSV, JSON or parquet file, or a folder of *.jsonl.gz | a URL | "
                            "materials-project[@YYYY-MM-DD] | mp-api"),
    ],
    as_json: Json = False,
) -> None:  # fmt: skip
    """Switch to another snapshot; then run: dvc repro. If this fails, the current snapshot stays in place.

    Examples:

    electrode-bench data use sample

    electrode-bench data use ~/mp_batteries.csv

    electrode-bench data use materials-project@2025-09-25

    electrode-bench data use mp-api (with your key in the environment variable MP_API_KEY)
    """
    from electrode_bench.data import importing, materials_api

    given: Options = context.obj
    if source == materials_api.MP_API:
        # The names of both variables are the client's own.
        access = materials_api.Access(
            os.environ.get(materials_api.KEY, "").strip(),
            os.environ.get("MP_API_ENDPOINT") or materials_api.ENDPOINT,
        )
        with progress_bar(f"Importing {source}", unit="documents") as progress:
            provenance = importing.use(given.root, source, access=access, progress=progress)
    else:
        with spinner(f"Importing {source}"):
            provenance = importing.use(given.root, source)
    for line in provenance["warnings"]:
        warn(line)
    usable = f"{provenance['rows']:,} of {provenance['rows'] + provenance['rejects']:,} rows can be used"
    text = f"data/ now contains {provenance['source']} (md5 {provenance['md5']}); {usable}. Next: dvc repro"
    print_result(provenance, text, as_json=as_json)


@data_app.command("show")
def data_show(context: typer.Context, as_json: Json = False) -> None:
    """Print the data card: source, release, md5, rows, ions, target ranges, duplicates, licence.

    Example: electrode-bench data show
    """
    from electrode_bench.data import card, licences, origin

    given: Options = context.obj
    paths, numbers = given.project.paths, given.project.card()
    provenance = licences.with_stated(origin.provenance(given.root), numbers)
    if paths.data_dvc.stat().st_mtime > paths.card.stat().st_mtime:
        warn("data.dvc is newer than the prepared table, which the numbers below describe; run: dvc repro")
    print_result({"provenance": provenance, "card": numbers}, card.describe(numbers, provenance), as_json=as_json)
