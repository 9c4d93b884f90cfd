"""The command trace: from a number back to what it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from electrode_bench.cli.console import say
from electrode_bench.cli.execution import Workers, executor
from electrode_bench.cli.options import Json, Options
from electrode_bench.cli.output import print_json, progress_bar

if TYPE_CHECKING:
    from electrode_bench.tasks.trace import Check, Trace

app = typer.Typer()

#: Folds whose seeds are listed; more are counted.
_LISTED = 5


@app.command(rich_help_panel="Results, settings and data")
def trace(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model of the comparison.")],
    protocol: Annotated[str, typer.Argument(help="The protocol.")],
    target: Annotated[
        str, typer.Argument(help="gravimetric_capacity | volumetric_capacity | average_voltage", metavar="TARGET")
    ],
    metric: Annotated[str, typer.Option(help="mae | smae | r2 | rmse, and each with _2sigma.")] = "smae",
    fold: Annotated[
        str, typer.Option(help="One fold, such as fold-0 or 0.", show_default="the value over folds")
    ] = "all",
    verify: Annotated[bool, typer.Option("--verify", help="Compute the number again from the predictions.")] = False,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit its folds again from the data, without caches, and compare.")
    ] = False,
    results: Annotated[
        Path | None, typer.Option(help="A folder of exported results that has the number.", metavar="FOLDER")
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Show what a number of the comparison was made from: predictions, folds, seeds, configuration, code and data.

    With --verify or --refit the number is computed again. The exit code is 1 when it differs. With --results the
    number is that of exported results, and the project is only needed to fit it again: it must have the same data.

    Examples:

    electrode-bench trace boosting grouped average_voltage

    electrode-bench trace crabnet loco gravimetric_capacity --metric mae --verify

    electrode-bench trace boosting grouped average_voltage --fold fold-0 --refit

    electrode-bench trace boosting grouped average_voltage --results docs/results/2023.11.1 --refit
    """
    from electrode_bench.exported import Exported
    from electrode_bench.tasks import trace as task

    given: Options = context.obj
    source = given.project if results is None else Exported.open(results)
    found = task.trace(source, model=model, protocol=protocol, target=target, metric=metric, fold=fold)
    checks: list[Check] = task.verify(given.project, found) if verify else []
    if refit:
        with executor("local", workers=workers, gpus=0.0) as own, progress_bar(f"{model}, again", unit="folds") as bar:
            checks += task.refit(given.project, found, executor=own, progress=bar)
    if as_json:
        print_json({**found.to_json(), "checks": [vars(check) for check in checks]})
    else:
        for line in (*_number(found), *_sources(found), *_checks(checks)):
            say(line)
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _number(found: Trace) -> list[str]:
    number = found.number
    spread = "" if number.spread != number.spread else f" (standard deviation over folds {number.spread:.3g})"
    place = "over folds" if number.fold == "all" else number.fold
    return [
        f"{number.label}: {number.value:.4g}{spread}, {place}",
        f"  {found.run.title} ({number.model}) under {number.protocol}; {number.n:,} test rows",
        f"  definition: {number.meaning}",
        f"  exact value: {number.value:.12g}, in results/compare/scores.csv",
    ]


def _sources(found: Trace) -> list[str]:
    lines = []
    for section, facts in found.sources.items():
        lines.append(section)
        lines += [f"  {name.replace('_', ' ')}: {_shown(value)}" for name, value in facts.items() if value is not None]
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, dict):
        return str(value)
    shown = [f"{key}={one}" for key, one in value.items()]
    fold_by_fold = all(isinstance(one, int) and not isinstance(one, bool) for one in value.values())
    if fold_by_fold and len(shown) > _LISTED:
        return f"{', '.join(shown[:_LISTED])}, and {len(shown) - _LISTED} more (--json lists them)"
    return ", ".join(shown) or "none"


def _checks(checks: list[Check]) -> list[str]:
    return [f"{'passed' if check.passed else 'FAILED'}: {check.what}: {check.found}" for check in checks]
