"""The command line: one command a stage and a task. The only place that reads params.yaml, paths and the clock."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.exceptions
from typer.core import TyperGroup

from electrode_bench import __version__
from electrode_bench.errors import UserError, nearest
from electrode_bench.project import Layout

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from electrode_bench.fitting.executor import Executor
    from electrode_bench.fitting.runs import Progress
    from electrode_bench.params import Params

HELP = """\
Which composition-only model predicts electrode properties best, by how much, and on what evidence?

The pipeline is run by **dvc repro**; each of its stages is a command here too:

    prepare > featurize > map > split > fit > compare > report, publish

Typical use:

    dvc repro                           run what has changed
    electrode-bench show                print the comparison again
    electrode-bench ui                  open its runs in MLflow
    electrode-bench sweep modnet        tune a model
    electrode-bench data use FILE.csv   your own export, then dvc repro
    electrode-bench params              what params.yaml can choose

Numbers are decided by params.yaml alone; flags and environment variables decide where and how fast they are computed.
A mistake of yours ends with exit code 2 and one line that says what to do.
"""

app = typer.Typer(
    name="electrode-bench",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(
    help="Choose and look at the snapshot of electrodes that the pipeline runs on.", no_args_is_help=True
)
app.add_typer(data_app, name="data", rich_help_panel="Data")

BACKENDS = ("local", "ray")

#: Exit code of a command that was interrupted.
INTERRUPTED = 130

STAGES, TASKS, SWEEPS = "Stages of the pipeline", "Tasks", "Sweeps"


class _RunByDefault(TyperGroup):
    """`sweep MODEL` is `sweep run MODEL`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


sweep_app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="""Tune a model with Optuna, each trial traced in MLflow; then adopt what was found.

    `sweep MODEL` is short for `sweep run MODEL`, whose options `sweep run --help` lists.

    Examples:

    electrode-bench sweep modnet --trials 100 --workers 2

    electrode-bench sweep list

    electrode-bench sweep adopt modnet-grouped-fold-0-1a2b3c4d5e
    """,
)
app.add_typer(sweep_app, name="sweep", rich_help_panel=SWEEPS)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", "-w", min=1, envvar="ELECTRODE_BENCH_WORKERS", show_default="all cores",
        help="Processes of this machine that fit folds side by side, one thread each.",
    ),
]  # fmt: skip

Backend = Annotated[
    str,
    typer.Option(
        envvar="ELECTRODE_BENCH_BACKEND",
        help="Where folds are fitted: local, on this machine; ray, on the Ray cluster that this machine is a node of.",
    ),
]  # fmt: skip

GPUs = Annotated[
    float,
    typer.Option(
        min=0, envvar="ELECTRODE_BENCH_GPUS_PER_FOLD",
        help="GPUs that a fold takes on a Ray cluster; with 0.25, four folds share one. With 0 it sees none.",
    ),
]  # fmt: skip

Device = Annotated[
    str | None,
    typer.Option(
        "--device", envvar="ELECTRODE_BENCH_DEVICE", show_default="a GPU where one is visible, else the CPU",
        help="Where networks are trained: auto, cpu, cuda or cuda:N. CUDA_VISIBLE_DEVICES holds as always.",
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The options that stand before the command."""

    root: Path
    debug: bool

    @property
    def layout(self) -> Layout:
        layout = Layout(self.root)
        if not layout.params.exists():
            raise UserError(
                f"{layout.params} is missing; run the command in the project's folder, or name it with --project"
            )
        return layout

    @property
    def params(self) -> Params:
        from electrode_bench import models, params

        values = params.load(self.layout.params)
        for name in values.models:
            models.configure(name, values.models[name], where=str(self.layout.params))
        return values


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"electrode-bench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    project: Annotated[
        Path, typer.Option("--project", "-p", envvar="ELECTRODE_BENCH_PROJECT", help="The project's folder.")
    ] = Path(),
    debug: Annotated[
        bool, typer.Option("--debug", envvar="ELECTRODE_BENCH_DEBUG", help="Show the traceback of an error.")
    ] = False,
    version: Annotated[  # noqa: ARG001 (its callback has printed it)
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
) -> None:
    context.obj = Options(root=project.resolve(), debug=debug)


@app.command(rich_help_panel=STAGES)
def prepare(context: typer.Context, as_json: Json = False) -> None:
    """Read the raw snapshot in data/ into one checked table; rows that cannot be used go to a rejects file.

    Example: electrode-bench prepare
    """
    from electrode_bench.stages import prepare as stage

    given: Options = context.obj
    card = stage.run(given.layout, given.params.prepare)
    _say(card, stage.describe(card, given.layout), as_json=as_json)


@app.command(rich_help_panel=STAGES)
def featurize(
    context: typer.Context,
    feature_set: Annotated[
        str, typer.Argument(help="magpie_mean (21), magpie (132), mat2vec (200), elements (118) or modnet (280).")
    ],
    as_json: Json = False,
) -> None:
    """Turn each electrode's composition into the numbers of one feature set; only new formulas are computed.

    Example: electrode-bench featurize magpie
    """
    from electrode_bench.stages import featurize as stage

    given: Options = context.obj
    made = stage.run(given.layout, given.params.featurize, feature_set=feature_set)
    _say(
        made,
        f"{made['title']}: {made['features']} features of {made['formulas']} compositions, {made['rows']} electrodes",
        as_json=as_json,
    )


@app.command("map", rich_help_panel=STAGES)
def map_(context: typer.Context, as_json: Json = False) -> None:
    """Lay the compositions out on a map (t-SNE or UMAP), cluster it (DBSCAN), and name each cluster's representative.

    Example: electrode-bench map
    """
    from electrode_bench.stages import map as stage

    given: Options = context.obj
    made = stage.run(given.layout, given.params.map, seed=given.params.seed)
    _say(made, stage.describe(made), as_json=as_json)


@app.command(rich_help_panel=STAGES)
def split(context: typer.Context, as_json: Json = False) -> None:
    """Make the folds of every protocol: stratified, grouped, loco (leave one cluster out), bootstrap.

    Example: electrode-bench split
    """
    from electrode_bench.stages import split as stage

    given: Options = context.obj
    made = stage.run(given.layout, given.params.split, seed=given.params.seed)
    lines = [
        f"{of['title']}: {of['folds']} folds, {of['smallest_test']} to {of['largest_test']} test rows, "
        f"digest {of['digest'][:12]}"
        for of in made.values()
    ]
    _say(made, "\n".join(lines), as_json=as_json)


@app.command(rich_help_panel=STAGES)
def fit(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model of `electrode-bench models`.")],
    protocol: Annotated[str, typer.Argument(help="stratified, grouped, loco or bootstrap.")],
    workers: Workers = None,
    device: Device = None,
    backend: Backend = "local",
    gpus_per_fold: GPUs = 0.0,
    publish: Annotated[bool, typer.Option(help="Log the cell to MLflow when it is done.")] = True,
    publish_over: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Leave a cell that took less to `electrode-bench publish`.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Fit one model under one protocol. A run that was killed goes on where it stopped.

    Examples:

    electrode-bench fit rf_magpie loco --workers 4

    electrode-bench fit crabnet stratified --device cuda:1 --workers 2

    electrode-bench fit crabnet loco --backend ray --gpus-per-fold 0.25
    """
    from electrode_bench.models.base import DEVICE_VARIABLE
    from electrode_bench.stages import fit as stage

    given: Options = context.obj
    # Workers are processes of their own; the environment is what they all see.
    os.environ[DEVICE_VARIABLE] = device or "auto"
    began = time.monotonic()
    with (
        _executor(backend, workers=workers, gpus=gpus_per_fold) as executor,
        _progress(f"{model} · {protocol}", unit="folds") as progress,
    ):
        cell = stage.run(
            given.layout,
            given.params,
            model=model,
            protocol=protocol,
            executor=executor,
            progress=progress,
        )
    summary = {
        "model": model, "protocol": protocol, "folds": len(cell.about["folds"]), "rows": len(cell.predictions) // 3,
        "cell": cell.about["digests"]["cell"],
    }  # fmt: skip
    _say(summary, f"{model} under {protocol}: {summary['folds']} folds, {summary['rows']} test rows", as_json=as_json)
    if publish and time.monotonic() - began >= publish_over:
        from electrode_bench.stages import publish as publishing

        try:
            publishing.publish_cell(given.layout, model=model, protocol=protocol)
        except Exception as error:
            if given.debug:
                raise
            # The cell is safe on disk; whatever is wrong with the tracking store must not cost the fit.
            _err().print(f"[yellow]not logged to MLflow:[/yellow] {error}", soft_wrap=True)


@app.command(rich_help_panel=STAGES)
def compare(context: typer.Context, as_json: Json = False) -> None:
    """Score every fitted cell against the control on the same folds; print the study's table.

    Example: electrode-bench compare
    """
    from electrode_bench.stages import compare as stage

    given: Options = context.obj
    made = stage.run(given.layout, seed=given.params.seed)
    _show(given, made.headline, made.pairs, as_json=as_json)


@app.command(rich_help_panel=STAGES)
def report(context: typer.Context, as_json: Json = False) -> None:
    """Write all results as one page, results/report/index.html: tables, plots, the map. It needs no network to read.

    Example: electrode-bench report
    """
    from electrode_bench.stages import report as stage

    given: Options = context.obj
    page = stage.run(given.layout)
    size = page.stat().st_size
    _say({"page": str(page), "bytes": size}, f"{page} ({size / 1e6:.1f} MB): open it in a browser", as_json=as_json)


@app.command(rich_help_panel=STAGES)
def publish(context: typer.Context, as_json: Json = False) -> None:
    """Log every fitted cell to MLflow. What is there already is left alone, so it can be run at any time.

    Example: MLFLOW_TRACKING_URI=http://127.0.0.1:5000 electrode-bench publish
    """
    from electrode_bench.stages import publish as stage

    given: Options = context.obj
    with _progress("publish", unit="cells") as progress:
        made = stage.run(given.layout, progress=progress)
    new = sum(cell["created"] for cell in made["cells"])
    _say(made, f"{len(made['cells'])} cells in {made['tracking_uri']}, {new} of them new", as_json=as_json)


@app.command(rich_help_panel=TASKS)
def show(
    context: typer.Context,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables in Markdown.")] = False,
    as_json: Json = False,
) -> None:
    """Print the comparison table of the last `dvc repro` and where to look further.

    Example: electrode-bench show --markdown > table.md
    """
    from electrode_bench.tasks import show as task

    given: Options = context.obj
    headline = task.headline(given.layout)
    if markdown:
        from electrode_bench.report import tables

        titles = dict(zip(headline["model"], headline["title"], strict=True))
        synthetic = tables.synthetic(given.layout)
        typer.echo(tables.markdown(headline, task.pairs(given.layout), titles=titles, synthetic=synthetic))
        return
    _show(given, headline, task.pairs(given.layout), as_json=as_json)
    if not as_json:
        typer.echo("Map of the compositions: results/map/map.html · all scores: results/compare/scores.csv")
        typer.echo("Runs: make ui   (or: electrode-bench ui)   shows them in MLflow, in a browser")


@app.command(rich_help_panel=TASKS)
def predict(
    context: typer.Context,
    formulas: Annotated[list[str], typer.Argument(metavar="FORMULA...", help="Discharged formulas, as LiFePO4.")],
    ion: Annotated[str | None, typer.Option(help="The working ion, where a formula holds several candidates.")] = None,
    model: Annotated[str | None, typer.Option(show_default="the one with the smallest error")] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="Known electrodes to name.")] = 3,
    as_json: Json = False,
) -> None:
    """Predict electrodes from their discharged formulas, with intervals, limits and the nearest known electrodes.

    Examples:

    electrode-bench predict LiFePO4 NaFePO4

    electrode-bench predict LiAlSiO4 --ion Li --model crabnet --json
    """
    from dataclasses import asdict

    from electrode_bench.core.schema import GRAVIMETRIC, TARGETS
    from electrode_bench.report import answers
    from electrode_bench.tasks import predict as task

    given: Options = context.obj
    chosen = task.choose(given.layout, model=model)
    found = chosen.predictor.predict(formulas, ion=ion, neighbours=neighbours)
    about = {"model": chosen.model, "intervals_from": chosen.protocol, "synthetic": chosen.synthetic}
    if as_json:
        units = {name: column.unit for name, column in TARGETS.items()} | {"theoretical_capacity": GRAVIMETRIC.unit}
        _say({**about, "units": units, "answers": [asdict(a) for a in found]}, "", as_json=True)
        return
    for other in (a for a in found if ion is not None and a.working_ion != ion):
        _err().print(f"{other.formula} holds no {ion}: {other.working_ion} is taken to move", soft_wrap=True)
    for shown in answers.tables(found, title=chosen.title, protocol=chosen.protocol, synthetic=chosen.synthetic):
        _out().print(shown)


@app.command(rich_help_panel=TASKS)
def screen(
    context: typer.Context,
    candidates: Annotated[
        Path,
        typer.Argument(help="CSV or parquet with a column `formula` (and maybe `working_ion`), or a formula a line."),
    ],
    top: Annotated[int, typer.Option(min=1, help="Candidates to keep.")] = 50,
    objective: Annotated[
        str, typer.Option(help="energy (Wh/kg), energy_density (Wh/L), or one of the three targets.")
    ] = "energy",
    window: Annotated[
        tuple[float, float],
        typer.Option(metavar="LOW HIGH", help="Voltages (V) between which the electrolyte is stable."),
    ] = (0.0, 4.3),
    ion: Annotated[str | None, typer.Option(help="The working ion, where a formula holds several candidates.")] = None,
    in_domain: Annotated[
        bool, typer.Option("--in-domain", help="Leave out candidates that are unlike the known electrodes.")
    ] = False,
    model: Annotated[str | None, typer.Option(show_default="the one with the smallest error")] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV or parquet to write.", show_default="<candidates>.screened.csv")
    ] = None,
    as_json: Json = False,
) -> None:
    """Rank many candidates, however long the list, and find the front of energy against voltage.

    Examples:

    electrode-bench screen candidates.csv --top 50 --objective energy

    electrode-bench screen candidates.parquet --ion Li --window 0 4.5 --in-domain --out best.parquet
    """
    from electrode_bench.report import answers
    from electrode_bench.tasks import screen as task

    given: Options = context.obj
    with _progress(candidates.name, unit="formulas") as progress:
        made = task.run(
            given.layout, candidates, objective=objective, top=top, window=window, ion=ion,
            in_domain=in_domain, model=model, out=out, progress=progress,
        )  # fmt: skip
    about = {
        "model": made.model, "read": made.screened.read, "rejected": made.screened.rejected,
        "kept": len(made.screened.best), "out": str(made.out), "rejects": str(made.rejects) if made.rejects else None,
        "synthetic": made.synthetic,
    }  # fmt: skip
    if as_json:
        _say(about, "", as_json=True)
        return
    _out().print(answers.best(made.screened, title=made.title, synthetic=made.synthetic))
    kept = len(made.screened.best)
    first = f"; the first {answers.ROWS} are above" if kept > answers.ROWS else ""
    typer.echo(f"{made.screened.read:,} lines, {kept} distinct candidates kept in {made.out}{first}")
    if made.rejects:
        typer.echo(f"{made.screened.rejected:,} lines could not be used; the reasons are in {made.rejects}")


@app.command(rich_help_panel=TASKS)
def promote(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(show_default="the one with the smallest error")] = None,
    protocol: Annotated[str, typer.Option(help="The folds on which it must beat the control.")] = "grouped",
    as_json: Json = False,
) -> None:
    """Register the best model, fitted on all rows, in MLflow as `electrodes` with the alias `champion`.

    It must beat the control: for each target, the whole 95% interval of its MAE minus the control's lies below zero.

    Examples:

    electrode-bench promote

    electrode-bench promote --model crabnet --protocol loco
    """
    from dataclasses import asdict

    from electrode_bench.report import model_card, tables
    from electrode_bench.stages.publish import tracking_uri
    from electrode_bench.tasks import promote as task

    given: Options = context.obj
    made = task.run(given.layout, protocol=protocol, model=model)
    champion = made.champion
    text = f"{made.title} is {champion.uri}, version {champion.version}" + ("" if champion.created else " (as before)")
    about = {"model": made.model, "protocol": made.protocol, **asdict(champion)}
    uri = tracking_uri(given.layout)
    serve = (
        f"MLFLOW_TRACKING_URI={shlex.quote(uri)} mlflow models serve -m {champion.uri} --env-manager local --port 5002"
    )
    lines = [text]
    if made.unsure:
        lines.append(f"{model_card.UNSURE.format(', '.join(made.unsure))} (see: electrode-bench show)")
    if made.synthetic:
        lines.append(tables.SYNTHETIC)
    about |= {"synthetic": made.synthetic, "unsure": list(made.unsure)}
    _say(about, "\n".join([*lines, f"Serve it: {serve}"]), as_json=as_json)


@app.command(rich_help_panel=TASKS)
def ui(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
    print_only: Annotated[bool, typer.Option("--print", help="Print the command instead of running it.")] = False,
) -> None:
    """Open the MLflow UI on this project's runs.

    Example: electrode-bench ui --port 5001
    """
    from electrode_bench.stages.publish import tracking_uri
    from electrode_bench.tracking import runs as tracking

    given: Options = context.obj
    uri = tracking_uri(given.layout)
    command = tracking.ui_command(given.layout, uri=uri, port=port)
    if print_only:
        typer.echo(command)
        return
    _free(port)
    typer.echo(f"Open {tracking.page(given.layout, uri=uri, port=port)}\nStop with Ctrl-C")
    raise typer.Exit(_served(command))


Storage = Annotated[
    str | None,
    typer.Option(
        "--storage", envvar="ELECTRODE_BENCH_STORAGE", show_default="a file under mlruns",
        help="Where studies are kept: postgresql://user@host/database where several hosts share them.",
    ),
]  # fmt: skip


@sweep_app.command("run")
def sweep_run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model of `electrode-bench models`.")],
    trials: Annotated[int, typer.Option("--trials", "-n", min=1, help="Trials that the study is to have.")] = 50,
    timeout: Annotated[
        float | None,
        typer.Option(min=1, metavar="MINUTES", help="Start no trial after this long.", show_default="none"),
    ] = None,
    nested: Annotated[bool, typer.Option("--nested", help="One study for each outer fold.")] = False,
    workers: Workers = None,
    device: Device = None,
    backend: Backend = "local",
    gpus_per_trial: Annotated[
        float,
        typer.Option(min=0, metavar="GPUS", help="What a trial takes on a Ray cluster; a share lets some share one."),
    ] = 0.0,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Tune a model on inner folds of an outer fold's training part. Its test part is not seen.

    Run the same command again to go on; start it on several hosts with one --storage to share the work. What is
    searched, and how, stands in params.yaml under `sweep`.

    Examples:

    electrode-bench sweep modnet --trials 100 --workers 2

    electrode-bench sweep crabnet --storage postgresql://lab@server/studies --timeout 120

    electrode-bench sweep crabnet --storage postgresql://lab@server/studies --backend ray --gpus-per-trial 0.25
    """
    from dataclasses import asdict

    from electrode_bench.models.base import DEVICE_VARIABLE
    from electrode_bench.tasks import tune as task
    from electrode_bench.tuning import summary as studies

    given: Options = context.obj
    os.environ[DEVICE_VARIABLE] = device or "auto"
    with (
        _executor(backend, workers=workers, gpus=gpus_per_trial, option="--gpus-per-trial") as executor,
        _progress(model, unit="trials") as bar,
        _terminated(),
    ):
        made = task.run(
            given.layout,
            given.params,
            model=model,
            trials=trials,
            seconds=None if timeout is None else 60 * timeout,
            nested=nested,
            executor=executor,
            storage=storage,
            devices=task.visible_devices(model) if executor.here else [],
            progress=lambda _, done, wanted: bar(done, wanted),
            told=lambda line: _err().print(line, soft_wrap=True),
        )
    if as_json:
        _say({"studies": [asdict(m) for m in made]}, "", as_json=True)
        return
    for one in made:
        typer.echo(f"{one.study}\n  {studies.sentence(one.summary)}")
        if one.summary["importances"]:
            shares = ", ".join(f"{k} {v:.0%}" for k, v in list(one.summary["importances"].items())[:5])
            typer.echo(f"  what matters: {shares}")
        local = " (served by: electrode-bench ui)" if "://127.0.0.1" in one.url else ""
        typer.echo(f"  in MLflow{local}: {one.url}")
        if one.summary.get("best") is not None and one.summary["best"] == one.summary.get("configured"):
            typer.echo("  nothing better than what is configured was found")
        else:
            typer.echo(
                f"  on rows it has not seen: electrode-bench sweep score {one.study}{' --nested' if nested else ''}\n"
                f"  adopt it: electrode-bench sweep adopt {one.study}"
            )


@sweep_app.command("score")
def sweep_score(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study of `electrode-bench sweep list`.")],
    trial: Annotated[int | None, typer.Option(min=0, show_default="the best one")] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            show_default="the fold that the study has not seen",
            help="Compare on all folds of this protocol: not nested, and flagged so.",
        ),
    ] = None,
    nested: Annotated[
        bool, typer.Option("--nested", help="Compare on every outer fold, each with the best trial of its own study.")
    ] = False,
    workers: Workers = None,
    device: Device = None,
    backend: Backend = "local",
    gpus_per_fold: GPUs = 0.0,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """What tuning brought: the configured and the tuned configuration, fitted and tested on the same folds.

    Without options on the test rows of the outer fold that was tuned on, which no trial has seen. Decide first which
    trial it is to be: to choose among trials by these rows would be tuning on them.

    Examples:

    electrode-bench sweep score modnet-grouped-fold-0-1a2b3c4d5e

    electrode-bench sweep score modnet-grouped-fold-0-1a2b3c4d5e --protocol loco

    electrode-bench sweep score modnet-grouped-fold-0-1a2b3c4d5e --nested    (after sweep modnet --nested)
    """
    from electrode_bench.models.base import DEVICE_VARIABLE
    from electrode_bench.report import tuning
    from electrode_bench.tasks import assess as task

    given: Options = context.obj
    os.environ[DEVICE_VARIABLE] = device or "auto"
    with (
        _executor(backend, workers=workers, gpus=gpus_per_fold) as executor,
        _progress("fits", unit="fits") as bar,
    ):
        made = task.run(
            given.layout, given.params, study=study, storage=storage, trial=trial, protocol=protocol, nested=nested,
            executor=executor, progress=bar,
        )  # fmt: skip
    if made.before:
        _err().print(
            f"[yellow]these rows were looked at before, for trial {', '.join(map(str, made.before))}: "
            "a trial that is chosen by them is tuned on them[/yellow]"
        )
    _say(made.as_json(), tuning.terminal(made.as_json()), as_json=as_json)


@sweep_app.command("adopt")
def sweep_adopt(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study of `electrode-bench sweep list`.")],
    trial: Annotated[int | None, typer.Option(min=0, show_default="the best one")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Evaluate the trial again first; refuse another value.")
    ] = False,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Write a trial's parameters into params.yaml, comments kept; then `dvc repro` runs that model's cells.

    Examples:

    electrode-bench sweep adopt modnet-grouped-fold-0-1a2b3c4d5e

    electrode-bench sweep adopt modnet-grouped-fold-0-1a2b3c4d5e --trial 17 --check
    """
    from dataclasses import asdict

    from electrode_bench.tasks import tune as task

    given: Options = context.obj
    if check:
        with _waiting("evaluating the trial again"):
            stored, again = task.check(given.layout, given.params, study=study, storage=storage, trial=trial)
        if stored != again:
            raise UserError(f"{study}: the trial's value was {stored!r} and is now {again!r}; nothing is adopted")
        _err().print(f"evaluated again: {again!r}, equal to what the study has")
    made = task.adopt(given.layout, given.params, study=study, storage=storage, trial=trial)
    lines = [f"{made.model} takes trial {made.trial} of {made.study} ({made.value:.4f}):"]
    for doubt in made.warnings:
        _err().print(f"[yellow]{doubt}[/yellow]", soft_wrap=True)
    changes = [f"  {name}: {json.dumps(old)} -> {json.dumps(new)}" for name, (old, new) in made.changes.items()]
    lines += changes or ["  nothing changes"]
    _say(asdict(made), "\n".join([*lines, "see it with: dvc params diff; run it with: dvc repro"]), as_json=as_json)


@sweep_app.command("list")
def sweep_list(context: typer.Context, storage: Storage = None, as_json: Json = False) -> None:
    """List the studies and what they have come to.

    Example: electrode-bench sweep list
    """
    from rich.table import Table

    from electrode_bench.tasks import tune as task

    given: Options = context.obj
    rows = task.listed(given.layout, storage=storage)
    if as_json:
        _say({"studies": json.loads(rows.to_json(orient="records"))}, "", as_json=True)
        return
    if rows.empty:
        typer.echo("no studies yet; make one with: electrode-bench sweep MODEL")
        return
    table = Table("study", "part", "trials", "complete", "pruned", "failed", "best", "configured")
    for row in rows.to_dict("records"):
        errors = ["" if row[k] is None or row[k] != row[k] else f"{row[k]:.4f}" for k in ("best", "configured")]
        counts = [f"{row[k]:.0f}" for k in ("trials", "complete", "pruned", "failed")]
        table.add_row(row["study"], row["part"], *counts, *errors)
    _out().print(table)


@app.command(rich_help_panel=SWEEPS)
def reap(
    context: typer.Context,
    silent_for: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="MINUTES", help="Also trials of other hosts that began this long ago.", show_default="none"
        ),
    ] = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Close what killed sweeps left open: their trials are tried again, their runs in MLflow end as KILLED.

    Example: electrode-bench reap --silent-for 120
    """
    from electrode_bench.tasks import tune as task

    given: Options = context.obj
    seconds = None if silent_for is None else 60 * silent_for
    given_up, closed = task.reap(given.layout, storage=storage, silent_for=seconds)
    about = {"trials_given_up": given_up, "runs_closed": closed}
    text = f"{given_up} trials given up, to be tried again; {closed} runs closed in MLflow"
    _say(about, text if given_up or closed else "nothing was left open", as_json=as_json)


@app.command(rich_help_panel=TASKS)
def models(
    name: Annotated[str | None, typer.Argument(show_default=False, help="Explain this model's parameters.")] = None,
    as_json: Json = False,
) -> None:
    """List the models of the registry, or explain one's parameters.

    Examples:

    electrode-bench models

    electrode-bench models crabnet
    """
    from rich.table import Table

    from electrode_bench.core.config import explain
    from electrode_bench.models import REGISTRY, spec
    from electrode_bench.models.search_space import in_words

    if name is not None:
        space = spec(name).space
        rows = [
            {"key": key, "value": row["value"], "searched": in_words(space[key]) if key in space else "",
             "meaning": row["meaning"]}
            for row in explain(spec(name).config())
            for key in [row["key"]]
        ]  # fmt: skip
        table = Table(
            "key", "default", "what a sweep tries", "meaning", title=f"params.yaml, models.{name}", title_justify="left"
        )
        _explain(rows, table, as_json=as_json)
        return

    values: dict[str, dict[str, Any]] = {
        s.name: {
            "title": s.title,
            "feature_set": s.feature_set,
            "defaults": s.config().model_dump(mode="json"),
            "unavailable": s.available(),
        }
        for s in REGISTRY.values()
    }
    table = Table("model", "title", "features", "defaults (params.yaml, models.<model>)")
    for key, of in values.items():
        shown = ", ".join(f"{k}={json.dumps(v)}" for k, v in of["defaults"].items()) or "none"
        table.add_row(key, of["title"], of["feature_set"] or "none", shown)
    _say(values, table, as_json=as_json)
    for of in values.values():
        if of["unavailable"] and not as_json:
            typer.echo(of["unavailable"])


@app.command(rich_help_panel=TASKS)
def params(context: typer.Context, as_json: Json = False) -> None:
    """Check params.yaml and list every key with its value and what it means.

    Example: electrode-bench params
    """
    from rich.table import Table

    from electrode_bench.core.config import explain

    given: Options = context.obj
    _explain(explain(given.params), Table("key", "value", "meaning"), as_json=as_json)


@data_app.command("use")
def data_use(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(help="sample | a CSV, parquet or folder of *.jsonl.gz | a URL | materials-project[@YYYY-MM-DD]"),
    ],
    as_json: Json = False,
) -> None:
    """Switch the snapshot; then run: dvc repro. The old snapshot stays in place when this fails.

    Examples:

    electrode-bench data use sample

    electrode-bench data use ~/mp_batteries.csv

    electrode-bench data use materials-project@2025-09-25
    """
    from electrode_bench.data import sources

    given: Options = context.obj
    with _waiting(f"Importing {source}"):
        provenance = sources.use(given.root, source)
    _say(
        provenance,
        f"data/ now holds {provenance['source']} (md5 {provenance['md5']}). Next: dvc repro",
        as_json=as_json,
    )


@data_app.command("show")
def data_show(context: typer.Context, as_json: Json = False) -> None:
    """Print the data card: source, release, md5, rows, ions, target ranges, duplicates, licence.

    Example: electrode-bench data show
    """
    from electrode_bench.data import card, sources
    from electrode_bench.project import read_json

    given: Options = context.obj
    numbers = read_json(given.layout.card, stage="prepare")
    provenance = sources.provenance(given.root)
    if given.layout.data_dvc.stat().st_mtime > given.layout.card.stat().st_mtime:
        _err().print("[yellow]data.dvc is newer than the prepared table, whose numbers follow; run: dvc repro[/yellow]")
    _say({"provenance": provenance, "card": numbers}, card.describe(numbers, provenance), as_json=as_json)


def main() -> None:
    """Entry point: a user's error is one line and exit code 2; anything else keeps its traceback for --debug."""
    debug = "--debug" in sys.argv or os.environ.get("ELECTRODE_BENCH_DEBUG", "") not in ("", "0")
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            # typer swallows Ctrl-C and gives this instead.
            raise KeyboardInterrupt
        sys.exit(code)
    except typer.exceptions.TyperException as error:
        if not error.format_message():
            # Called without a command: the help is on the screen.
            sys.exit(error.exit_code)
        command = getattr(getattr(error, "ctx", None), "command_path", "electrode-bench")
        _fail(f"{error.format_message().rstrip('.')}; see: {command} --help", code=2)
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except UserError as error:
        if debug:
            raise
        _fail(str(error), code=2)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; what was finished is kept, run the command again to go on", code=INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        _fail(f"{type(error).__name__}: {error} (a fault of the program; --debug shows where)", code=1)


def _free(port: int) -> None:
    """Refuse a port on which another program listens: the address printed would be that program's."""
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(f"port {port} is in use; choose another: electrode-bench ui --port {port + 1}") from None


def _fail(message: str, *, code: int) -> None:
    print("error:", " ".join(message.split()), file=sys.stderr)
    sys.exit(code)


def _say(value: Any, text: Any, *, as_json: bool) -> None:
    from electrode_bench.core.artifacts import plain

    if as_json:
        typer.echo(json.dumps(plain(value), indent=2))
    else:
        _out().print(text, soft_wrap=True, highlight=False)


def _show(given: Options, headline: Any, pairs: Any, *, as_json: bool) -> None:
    from electrode_bench.report import tables

    synthetic = tables.synthetic(given.layout)
    if as_json:
        rows, tests = headline.to_dict("records"), pairs.to_dict("records")
        _say({"synthetic": synthetic, "rows": rows, "pairs": tests}, "", as_json=True)
        return
    for table in tables.headline(headline, synthetic=synthetic):
        _out().print(table)
    titles = dict(zip(headline["model"], headline["title"], strict=True))
    for table in tables.order(pairs, titles=titles):
        _out().print(table)


def _explain(rows: list[dict[str, Any]], table: Table, *, as_json: bool) -> None:
    """Rows whose keys are the table's columns, in its order; values as they stand in params.yaml."""
    for row in rows:
        table.add_row(*(json.dumps(shown) if key == "value" else shown for key, shown in row.items()))
    _say(rows, table, as_json=as_json)


def _served(command: str) -> int:
    """Run a server until it ends or this process is told to; its exit status, 0 when it was told to.

    The server starts processes of its own: all are told to end, however this one is.
    """
    import signal
    import subprocess

    told: list[int] = []
    server = subprocess.Popen(command, shell=True, start_new_session=True)

    def stop(number: int, _: object) -> None:
        told.append(number)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    code = server.wait()
    return 0 if told else code


def _out() -> Console:
    from rich.console import Console

    # A pipe has no width: a table must not be cut at 80 columns there.
    return Console(width=None if sys.stdout.isatty() else 160)


@lru_cache(maxsize=1)
def _err() -> Console:
    """The same each time: what is printed beside a progress bar must not tear it."""
    from rich.console import Console

    return Console(stderr=True)


@contextmanager
def _progress(title: str, *, unit: str) -> Iterator[Progress]:
    """A bar on the terminal with what is done and the time left; silent where there is no terminal."""
    from rich import progress

    console = _err()
    columns = (
        progress.TextColumn("{task.description}"), progress.BarColumn(), progress.MofNCompleteColumn(),
        progress.TextColumn(unit), progress.TimeElapsedColumn(), progress.TextColumn("left:"),
        progress.TimeRemainingColumn(),
    )  # fmt: skip
    with progress.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _terminated() -> Iterator[None]:
    """SIGTERM as Ctrl-C for the time of the block: what is open is closed before the process ends."""
    import signal

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _waiting(title: str) -> Iterator[None]:
    console = _err()
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield


@contextmanager
def _executor(backend: str, *, workers: int | None, gpus: float, option: str = "--gpus-per-fold") -> Iterator[Executor]:
    from electrode_bench.fitting import executor

    if backend not in BACKENDS:
        raise UserError(f"unknown backend '{backend}'; {nearest(backend, BACKENDS)}")
    if backend == "local":
        if gpus:
            raise UserError(
                f"{option} is for --backend ray; local workers share the GPUs that are visible, as many as --workers"
            )
        yield executor.Local(workers or _cores())
        return
    if workers is not None:
        raise UserError(
            "--workers (ELECTRODE_BENCH_WORKERS) is for --backend local; "
            f"a Ray cluster works on as many side by side as it has CPUs, and GPUs for {option}"
        )
    with executor.cluster(gpus=gpus) as joined:
        yield joined


def _cores() -> int:
    import joblib

    return int(joblib.cpu_count())
