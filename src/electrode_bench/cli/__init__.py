"""The command line: one command for each stage and task. Only here are arguments, environment and the clock read."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn, TextIO, cast

import typer
import typer.exceptions

from electrode_bench import __version__
from electrode_bench.cli import app as web_app
from electrode_bench.cli import inspect, pipeline, predict, pretrain, results, screen, serve, tracking, tune
from electrode_bench.cli import trace as tracing
from electrode_bench.cli.console import escape_what_cannot_be_encoded, printable, say
from electrode_bench.cli.failures import explained
from electrode_bench.cli.options import Options
from electrode_bench.cli.output import show_log
from electrode_bench.core.addresses import MaskedStream
from electrode_bench.errors import UserError, brief

#: Characters of an error message. A name in it may be as long as a file.
_LONGEST = 2000

#: Exit codes.
FAILED, USAGE_ERROR, INTERRUPTED = 1, 2, 130

HELP = """\
Which composition-only model predicts electrode properties best, by how much, and on what evidence?

The pipeline is run by **dvc repro**; each of its stages is a command here too:

    prepare > featurize > map > split > fit > compare > report, publish

Typical use:

    dvc repro                           run what has changed
    electrode-bench show                print the comparison
    electrode-bench ui                  open the runs in MLflow
    electrode-bench app                 predict electrodes on a local web page
    electrode-bench sweep modnet        tune a model
    electrode-bench data use FILE.csv   use your own data, then run dvc repro
    electrode-bench params              list every setting in params.yaml

Results depend on params.yaml alone; options and environment variables decide where and how fast they are computed.
Usage errors exit with code 2 and say how to fix them.
"""

app = typer.Typer(
    name="electrode-bench",
    help=HELP,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for panel in (pipeline, inspect, results, tracing, predict, screen, web_app, pretrain, tracking, serve, tune):
    app.add_typer(panel.app)


#: The folder of the command that runs, for messages.
_project = Path()


def _print_version(requested: bool) -> None:
    if requested:
        say(f"electrode-bench {__version__}")
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
    version: Annotated[  # noqa: ARG001 (printed by its callback)
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    global _project
    _project = project.resolve()
    context.obj = Options(root=_project, debug=debug)
    show_log()


def main() -> None:
    """Entry point: a usage error is one line and exit code 2; any other error shows its traceback with --debug."""
    with _without_passwords():
        _main()


def _main() -> None:
    debug = "--debug" in sys.argv or os.environ.get("ELECTRODE_BENCH_DEBUG", "") not in ("", "0")
    escape_what_cannot_be_encoded(sys.stdout, sys.stderr)
    try:
        code = app(standalone_mode=False)
        if code == INTERRUPTED:
            # typer catches Ctrl-C and returns this code instead.
            raise KeyboardInterrupt
        sys.exit(code)
    except typer.exceptions.TyperException as error:
        if not error.format_message():
            # Called without a command, which prints the help.
            sys.exit(error.exit_code)
        command = getattr(getattr(error, "ctx", None), "command_path", "electrode-bench")
        _fail(f"{error.format_message().rstrip('.')}; see: {command} --help", code=USAGE_ERROR)
    except BrokenPipeError:
        # The reader (head, less) has closed the pipe. Python would report it again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except UserError as error:
        if debug:
            raise
        _fail(str(error), code=USAGE_ERROR)
    except (KeyboardInterrupt, typer.Abort):
        _fail("interrupted; finished work is kept, run the command again to continue", code=INTERRUPTED)
    except Exception as error:
        if debug:
            raise
        machine = explained(error, root=_project)
        if machine is not None:
            _fail(machine, code=FAILED)
        text = brief(f"{type(error).__name__}: {error}", _LONGEST - 100)
        _fail(f"{text} (a bug in electrode-bench; --debug shows where)", code=FAILED)


@contextmanager
def _without_passwords() -> Iterator[None]:
    """Hide passwords in all that libraries and tracebacks write to stderr within the block."""
    stream = sys.stderr
    sys.stderr = cast("TextIO", MaskedStream(stream))
    try:
        yield
    except Exception:
        # The interpreter writes the traceback after the block.
        traceback.print_exc()
        sys.exit(FAILED)
    finally:
        sys.stderr = stream


def _fail(message: str, *, code: int) -> NoReturn:
    print("error:", printable(brief(message, _LONGEST)), file=sys.stderr)
    sys.exit(code)
