"""publish: every run into MLflow, with what it was made from."""

from __future__ import annotations

from collections.abc import Callable

from electrode_bench.core.artifacts import write_json
from electrode_bench.core.schema import CONTROL
from electrode_bench.project import Project
from electrode_bench.tracking.publish import PublishedRun, publish_runs


def run(project: Project, *, progress: Callable[[int, int], None] | None = None) -> list[PublishedRun]:
    """Publish all runs, the control first. Writes ``results/publish/cells.json``.

    The file names the runs by their digests alone, so that it is the same wherever they were published.

    Parameters
    ----------
    progress : called with (runs published, runs in all).
    """
    runs = sorted(project.runs(), key=lambda run: (run.model != CONTROL, run.model, run.protocol))
    done = 0

    def notify(_: PublishedRun) -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, len(runs))

    if progress:
        progress(0, len(runs))
    published = publish_runs(project, runs, notify=notify)
    write_json({f"{run.model}/{run.protocol}": run.digests.run for run in runs}, project.paths.published)
    return published
