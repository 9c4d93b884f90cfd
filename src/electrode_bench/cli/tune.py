"""Commands of hyperparameter tuning: sweeps, and cleaning up after sweeps that were killed."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from electrode_bench.cli.console import out, say
from electrode_bench.cli.execution import (
    Backend,
    Device,
    GPUsPerFold,
    Workers,
    executor,
    sigterm_as_interrupt,
    use_device,
)
from electrode_bench.cli.options import Json, Options, Storage
from electrode_bench.cli.output import note, print_json, print_result, progress_bar, spinner, warn
from electrode_bench.errors import UserError

if TYPE_CHECKING:
    from electrode_bench.tasks.tune import TunedStudy

app = typer.Typer()

_PANEL = "Hyperparameter tuning"


class _RunByDefault(TyperGroup):
    """A group of commands in which `sweep MODEL` is short for `sweep run MODEL`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


sweep_app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="""Tune a model with Optuna, with every trial in MLflow; then adopt a trial's parameters.

    `sweep MODEL` is short for `sweep run MODEL`; `sweep run --help` lists its options.

    Examples:

    electrode-bench sweep modnet --trials 100 --workers 2

    electrode-bench sweep list

    electrode-bench sweep adopt modnet-grouped-fold-0-1a2b3c4d5e
    """,
)
app.add_typer(sweep_app, name="sweep", rich_help_panel=_PANEL)

Study = Annotated[str, typer.Argument(help="A study; `electrode-bench sweep list` lists them.")]
Trial = Annotated[int | None, typer.Option(min=0, show_default="the best one")]


@sweep_app.command("run")
def sweep_run(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model; `electrode-bench models` lists them.")],
    trials: Annotated[int, typer.Option("--trials", "-n", min=1, help="Number of trials of the study.")] = 50,
    timeout: Annotated[
        float | None,
        typer.Option(min=1, metavar="MINUTES", help="Start no trial after this time.", show_default="none"),
    ] = None,
    nested: Annotated[bool, typer.Option("--nested", help="One study for each outer fold.")] = False,
    workers: Workers = None,
    device: Device = None,
    backend: Backend = "local",
    gpus_per_trial: Annotated[
        float,
        typer.Option(min=0, metavar="GPUS", help="GPUs for each trial on a Ray cluster; a fraction shares a GPU."),
    ] = 0.0,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Tune a model on inner folds of an outer fold's training set. The outer test set is not used.

    Run the same command again to continue. Run it on several hosts with the same --storage to share the work.
    The search is configured in params.yaml under `sweep`.

    Examples:

    electrode-bench sweep modnet --trials 100 --workers 2

    electrode-bench sweep crabnet --storage postgresql://lab@server/studies --timeout 120

    electrode-bench sweep crabnet --storage postgresql://lab@server/studies --backend ray --gpus-per-trial 0.25
    """
    from electrode_bench.tasks import tune as task

    given: Options = context.obj
    use_device(device)
    with (
        executor(backend, workers=workers, gpus=gpus_per_trial, gpus_option="--gpus-per-trial") as workers_of_sweep,
        progress_bar(model, unit="trials") as progress,
        sigterm_as_interrupt(),
    ):
        made = task.run(
            given.project,
            given.params,
            model=model,
            trials=trials,
            seconds=None if timeout is None else 60 * timeout,
            nested=nested,
            executor=workers_of_sweep,
            storage=storage,
            progress=lambda _, done, total: progress(done, total),
            notify=note,
        )
    if as_json:
        print_json({"studies": [asdict(study) for study in made]})
    else:
        for study in made:
            _print_study(study, nested=nested)
    failures = [study.failure for study in made if study.failure is not None]
    if failures:
        raise UserError(f"{'; '.join(failures)}; remove the cause, then run the command again with a larger --trials")


def _print_study(study: TunedStudy, *, nested: bool) -> None:
    from electrode_bench.tuning.summary import in_words

    say(f"{study.study}\n  {in_words(study.summary)}")
    if study.summary["importances"]:
        shares = ", ".join(f"{key} {share:.0%}" for key, share in list(study.summary["importances"].items())[:5])
        say(f"  most important parameters: {shares}")
    local = " (served by: electrode-bench ui)" if "://127.0.0.1" in study.url else ""
    say(f"  in MLflow{local}: {study.url}")
    if study.summary.get("best") is None:
        return
    if study.summary["best"] == study.summary.get("configured"):
        say("  no trial was better than the starting configuration")
        return
    say(
        f"  test it on rows that the study has not seen: electrode-bench sweep score {study.study}"
        f"{' --nested' if nested else ''}\n"
        f"  adopt it: electrode-bench sweep adopt {study.study}"
    )


@sweep_app.command("score")
def sweep_score(
    context: typer.Context,
    study: Study,
    trial: Trial = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            "--protocol",
            show_default="the fold that the study has not seen",
            help="Compare on all folds of this protocol. The result is marked as not nested.",
        ),
    ] = None,
    nested: Annotated[
        bool, typer.Option("--nested", help="Compare on every outer fold, each with the best trial of its own study.")
    ] = False,
    workers: Workers = None,
    device: Device = None,
    backend: Backend = "local",
    gpus_per_fold: GPUsPerFold = 0.0,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Compare the tuned with the starting configuration: both are fitted and tested on the same folds.

    Without options, the test rows are those of the study's outer fold, which no trial has seen. Choose the trial
    first: choosing among trials by their score on these rows would be tuning on them.

    Examples:

    electrode-bench sweep score modnet-grouped-fold-0-1a2b3c4d5e

    electrode-bench sweep score modnet-grouped-fold-0-1a2b3c4d5e --protocol loco

    electrode-bench sweep score modnet-grouped-fold-0-1a2b3c4d5e --nested    (after sweep modnet --nested)
    """
    from electrode_bench.report import tuning
    from electrode_bench.tasks import assess as task
    from electrode_bench.tuning import looks

    given: Options = context.obj
    use_device(device)
    with (
        executor(backend, workers=workers, gpus=gpus_per_fold) as workers_of_fits,
        progress_bar("fits", unit="fits") as progress,
    ):
        made = task.run(
            given.project,
            given.params,
            study=study,
            storage=storage,
            trial=trial,
            protocol=protocol,
            nested=nested,
            executor=workers_of_fits,
            progress=progress,
        )
    looked = looks.warning(made.before)
    if looked is not None:
        warn(looked)
    print_result(made.as_json(), tuning.terminal(made.as_json()), as_json=as_json)


@sweep_app.command("adopt")
def sweep_adopt(
    context: typer.Context,
    study: Study,
    trial: Trial = None,
    check: Annotated[
        bool, typer.Option("--check", help="Evaluate the trial again first, and refuse it if its value differs.")
    ] = False,
    anyway: Annotated[
        bool,
        typer.Option(
            "--anyway",
            help="Adopt even if `sweep score` found the trial significantly worse, or a record of other data is "
            "replaced.",
        ),
    ] = False,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Write a trial's parameters into params.yaml, keeping its comments. Then `dvc repro` fits the model again.

    Examples:

    electrode-bench sweep adopt modnet-grouped-fold-0-1a2b3c4d5e

    electrode-bench sweep adopt modnet-grouped-fold-0-1a2b3c4d5e --trial 17 --check
    """
    from electrode_bench.tasks import adopt as task

    given: Options = context.obj
    if check:
        with spinner("evaluating the trial again"):
            stored, again = task.check(given.project, given.params, study=study, storage=storage, trial=trial)
        if stored != again:
            raise UserError(f"{study}: the trial's value was {stored!r} and is now {again!r}; nothing was adopted")
        note(f"evaluated again: {again!r}, the same value as in the study")
    made = task.run(given.project, given.params, study=study, storage=storage, trial=trial, anyway=anyway)
    for warning in made.warnings:
        warn(warning)
    lines = [f"{made.model} now uses trial {made.trial} of {made.study} ({made.value:.4f}):"]
    lines += [f"  {name}: {json.dumps(old)} -> {json.dumps(new)}" for name, (old, new) in made.changes.items()] or [
        "  nothing changes"
    ]
    lines.append("see the change: dvc params diff; apply it: dvc repro")
    print_result(asdict(made), "\n".join(lines), as_json=as_json)


@sweep_app.command("list")
def sweep_list(context: typer.Context, storage: Storage = None, as_json: Json = False) -> None:
    """List the studies with their best values.

    Example: electrode-bench sweep list
    """
    import pandas as pd
    from rich.table import Table

    from electrode_bench.tasks import tune as task

    given: Options = context.obj
    rows = task.list_studies(given.project, storage=storage)
    if as_json:
        print_json({"studies": json.loads(rows.to_json(orient="records"))})
        return
    if rows.empty:
        say("there are no studies yet; start one with: electrode-bench sweep MODEL")
        return
    table = Table("study", "outer fold", "trials", "complete", "pruned", "failed", "best", "starting configuration")
    for row in rows.to_dict("records"):
        counts = [f"{row[key]:.0f}" for key in ("trials", "complete", "pruned", "failed")]
        values = ["" if pd.isna(row[key]) else f"{row[key]:.4f}" for key in ("best", "configured")]
        table.add_row(row["study"], row["part"], *counts, *values)
    out().print(table)


@app.command(rich_help_panel=_PANEL)
def reap(
    context: typer.Context,
    silent_for: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="MINUTES",
            help="Also close trials and runs of other hosts that started this long ago.",
            show_default="none",
        ),
    ] = None,
    storage: Storage = None,
    as_json: Json = False,
) -> None:
    """Close what killed commands left open: trials are tried again, and runs in MLflow end as KILLED.

    Example: electrode-bench reap --silent-for 120
    """  # fmt: skip
    from electrode_bench.tasks import tune as task

    given: Options = context.obj
    seconds = None if silent_for is None else 60 * silent_for
    trials, runs = task.reap(given.project, storage=storage, silent_for=seconds)
    text = f"{trials} trials closed, to be tried again; {runs} runs closed in MLflow"
    value = {"trials_given_up": trials, "runs_closed": runs}
    print_result(value, text if trials or runs else "there was nothing to close", as_json=as_json)
