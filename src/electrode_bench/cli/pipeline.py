"""Commands for the stages of dvc.yaml."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli.console import say
from electrode_bench.cli.execution import Backend, Device, GPUsPerFold, Workers, executor, use_device
from electrode_bench.cli.options import Json, Options
from electrode_bench.cli.output import print_comparison, print_result, progress_bar, warn

if TYPE_CHECKING:
    from electrode_bench.core.results import Run
    from electrode_bench.tracking.publish import PublishedRun

app = typer.Typer()

_PANEL = "Pipeline stages"


@app.command(rich_help_panel=_PANEL)
def prepare(context: typer.Context, as_json: Json = False) -> None:
    """Turn the raw snapshot in data/ into one checked table. Rows that cannot be used go to a file of rejects.

    Example: electrode-bench prepare
    """
    from electrode_bench.stages import prepare as stage

    given: Options = context.obj
    card = stage.run(given.project, given.params.prepare, warn=warn)
    print_result(card, stage.describe(card, given.project), as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def featurize(
    context: typer.Context,
    feature_set: Annotated[
        str | None,
        typer.Argument(
            help="A feature set; `electrode-bench params` lists them under featurize.sets.", show_default="all of them"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute features of each electrode: one feature set or all. Only formulas that are not cached are computed.

    Examples:

    electrode-bench featurize

    electrode-bench featurize magpie
    """
    from electrode_bench.stages import featurize as stage

    given: Options = context.obj
    if feature_set is None:
        made = stage.run_all(given.project, given.params.featurize)
    else:
        made = [stage.run(given.project, given.params.featurize, feature_set=feature_set)]
    lines = [
        f"{of['title']}: {of['features']} features of {of['formulas']} compositions, {of['rows']} electrodes"
        for of in made
    ]
    print_result(made if feature_set is None else made[0], "\n".join(lines), as_json=as_json)


@app.command("map", rich_help_panel=_PANEL)
def map_(context: typer.Context, as_json: Json = False) -> None:
    """Embed the compositions in two dimensions, cluster them, and find each cluster's representative.

    Example: electrode-bench map
    """
    from electrode_bench.stages import map as stage

    given: Options = context.obj
    summary = stage.run(given.project, given.params.map, seed=given.params.seed)
    print_result(summary, stage.describe(summary), as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def split(context: typer.Context, as_json: Json = False) -> None:
    """Make the folds of every protocol in params.yaml (split.protocols).

    Example: electrode-bench split
    """
    from electrode_bench.stages import split as stage

    given: Options = context.obj
    protocols = stage.run(given.project, given.params.split, seed=given.params.seed)
    lines = [
        f"{made['title']}: left out: {made['left_out']}"
        if "left_out" in made
        else f"{made['title']}: {made['folds']} folds, {made['smallest_test']} to {made['largest_test']} test rows, "
        f"digest {made['digest'][:12]}"
        for made in protocols.values()
    ]
    print_result(protocols, "\n".join(lines), as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def fit(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model; `electrode-bench models` lists them.")],
    protocol: Annotated[
        str | None,
        typer.Argument(
            help="A protocol; `electrode-bench params` lists them under split.protocols.", show_default="all of them"
        ),
    ] = None,
    workers: Workers = None,
    device: Device = None,
    backend: Backend = "local",
    gpus_per_fold: GPUsPerFold = 0.0,
    publish: Annotated[bool, typer.Option(help="Log the runs to MLflow when they are done.")] = True,
    publish_over: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Leave the runs to `electrode-bench publish` when fitting took less time than this.",
        ),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Fit one model under one protocol or under all of them. The folds of all protocols are fitted in parallel.

    After an interruption, the same command continues where it stopped.

    Examples:

    electrode-bench fit rf_magpie

    electrode-bench fit rf_magpie loco --workers 4

    electrode-bench fit crabnet stratified --device cuda:1 --workers 2

    electrode-bench fit crabnet loco --backend ray --gpus-per-fold 0.25
    """
    from electrode_bench.core.schema import TARGETS
    from electrode_bench.errors import LeftOut
    from electrode_bench.stages import fit as stage

    given: Options = context.obj
    use_device(device)
    start = time.monotonic()
    made: list[dict[str, Any]] = []
    lines: list[str] = []
    runs: list[Run] = []
    with (
        executor(backend, workers=workers, gpus=gpus_per_fold) as workers_of_fit,
        progress_bar(f"{model} · {protocol or 'all protocols'}", unit="folds") as progress,
        closing(
            stage.run_all(
                given.project,
                given.params,
                model=model,
                protocols=None if protocol is None else [protocol],
                executor=workers_of_fit,
                progress=progress,
            )
        ) as results,
    ):
        for result in results:
            if isinstance(result, LeftOut):
                # Not an error: `dvc repro` goes on without the protocol.
                nothing = {"model": model, "protocol": result.protocol, "folds": 0, "rows": 0}
                made.append({**nothing, "left_out": result.reason})
                lines.append(f"{model}: {result}")
                continue
            runs.append(result)
            folds, rows = len(result.folds), len(result.predictions) // len(TARGETS)
            counts = {"model": model, "protocol": result.protocol, "folds": folds, "rows": rows}
            made.append({**counts, "cell": result.digests.run})
            lines.append(f"{result.name}: {folds} folds, {rows} test rows")
    print_result(made if protocol is None else made[0], "\n".join(lines), as_json=as_json)
    if runs and publish and time.monotonic() - start >= publish_over:
        _publish(given, runs)


def _publish(given: Options, runs: list[Run]) -> None:
    """Log fitted runs to MLflow. They are safe on disk: a problem with the tracking store is a warning."""
    from electrode_bench.tracking.publish import publish_runs

    try:
        published = publish_runs(given.project, runs)
    except Exception as error:
        if given.debug:
            raise
        warn(f"not logged to MLflow: {error}")
    else:
        _warn_of_missing_models(published)


def _warn_of_missing_models(published: list[PublishedRun]) -> None:
    for run in published:
        if run.no_model:
            warn(f"{run.model} under {run.protocol} is logged without its model: {run.no_model}")


@app.command(rich_help_panel=_PANEL)
def compare(context: typer.Context, as_json: Json = False) -> None:
    """Score every run against the control on the same folds; `electrode-bench show` prints the result.

    Example: electrode-bench compare
    """
    from electrode_bench.fitting.costs import fold_costs
    from electrode_bench.stages import compare as stage

    given: Options = context.obj
    tables = stage.run(given.project, seed=given.params.seed, intervals=given.params.intervals).tables
    if as_json:
        print_comparison(given.project, tables, costs=fold_costs(given.project), as_json=True)
        return
    models, protocols = (tables["table"][name].nunique() for name in ("model", "protocol"))
    say(f"{models} models compared under {protocols} protocol{'s' * (protocols != 1)}; see: electrode-bench show")


@app.command(rich_help_panel=_PANEL)
def report(context: typer.Context, as_json: Json = False) -> None:
    """Write all results as one page, results/report/index.html, that can be read without a network.

    Where it is known what the fits took, results/report/with_costs.html shows it, with everything else on that page.

    Example: electrode-bench report
    """
    from electrode_bench.fitting.costs import fold_costs
    from electrode_bench.stages import report as stage

    given: Options = context.obj
    page = stage.run(given.project, fold_costs(given.project))
    size, with_costs = page.stat().st_size, given.project.paths.report_with_costs
    text = f"{page} ({size / 1e6:.1f} MB): open it in a browser"
    beside = str(with_costs) if with_costs.exists() else None
    if beside is not None:
        text += f"\nWith what the fits took: {beside}"
    print_result({"page": str(page), "bytes": size, "with_costs": beside}, text, as_json=as_json)


@app.command(rich_help_panel=_PANEL)
def publish(context: typer.Context, as_json: Json = False) -> None:
    """Log every run to MLflow. Runs that are already there stay as they are, so the command can be repeated.

    Example: MLFLOW_TRACKING_URI=http://127.0.0.1:5000 electrode-bench publish
    """
    from electrode_bench.core.addresses import masked
    from electrode_bench.stages import publish as stage
    from electrode_bench.tracking.locations import tracking_uri

    given: Options = context.obj
    with progress_bar("publish", unit="runs") as progress:
        published = stage.run(given.project, progress=progress)
    uri = masked(tracking_uri(given.project))
    runs = [
        {"model": run.model, "protocol": run.protocol, "run_id": run.run_id, "url": run.url, "created": run.created}
        for run in published
    ]
    _warn_of_missing_models(published)
    new = sum(run.created for run in published)
    print_result({"tracking_uri": uri, "cells": runs}, f"{len(runs)} runs in {uri}, {new} of them new", as_json=as_json)
