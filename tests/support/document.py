"""Running the commands of a document."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest


def blocks(text: str) -> list[str]:
    """The blocks that are marked ``sh``, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """The environment with these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        yield


def run(block: str, *, folder: Path, variables: dict[str, str]) -> None:
    """Run a block line by line; what it exports is added to ``variables``.

    Commands of this project and of MLflow's database run in this process: each would import for seconds otherwise.
    """
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        with environment(variables):
            if words[:1] == ["export"]:
                shown = subprocess.run(
                    ["bash", "-euc", f"{line}\nenv -0"], check=True, capture_output=True, text=True, cwd=folder
                )
                pairs = (pair.partition("=") for pair in shown.stdout.split("\0") if pair)
                variables |= {name: value for name, _, value in pairs if os.environ.get(name) != value and name != "_"}
            elif words[:1] == ["electrode-bench"]:
                command(*words[1:])
            elif words[:2] == ["mlflow", "db"]:
                with warnings.catch_warnings():
                    # MLflow's about its own use of other libraries.
                    warnings.simplefilter("ignore")
                    from mlflow.db import commands

                    commands.main(words[2:], standalone_mode=False)
            elif words:
                subprocess.run(["bash", "-euc", line], check=True, cwd=folder)


def command(*arguments: str) -> None:
    """A command of this project; its usage error is raised."""
    from electrode_bench.cli import app

    app(list(arguments), standalone_mode=False)
