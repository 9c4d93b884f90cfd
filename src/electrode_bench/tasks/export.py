"""Exporting results: a folder that a reader can check, cite and trace, and that holds no row of the data.

Electrodes, their formulas and their predictions stay in the project, unless they are asked for: the licence of the data
may forbid passing them on.
"""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import psutil

from electrode_bench.core.artifacts import write_csv, write_text
from electrode_bench.core.outputs import write_record
from electrode_bench.core.schema import CONTROL
from electrode_bench.data import licences, origin
from electrode_bench.data.card import SYNTHETIC_NOTICE
from electrode_bench.errors import UserError
from electrode_bench.exported import ABOUT, COSTS, SUMS, sha256
from electrode_bench.fitting.costs import fold_costs
from electrode_bench.project import Project
from electrode_bench.report import leaderboard, tables
from electrode_bench.report.costs import error_and_cost
from electrode_bench.report.leaderboard import Leaderboard
from electrode_bench.tracking import provenance

#: Figures with a mark for each electrode, whose exact positions an SVG would hold.
_OF_ROWS = ("map", "parity")
#: Files of results with a row for each electrode, or the report, which has them inside.
_ROWS = (
    "prepare/table.parquet",
    "map/map.parquet",
    "split/folds.parquet",
    "fit/*/*/predictions.parquet",
    "fit/*/*/share.parquet",
    "report/index.html",
)
#: Files of results without any.
_WITHOUT_ROWS = (
    "prepare/card.json",
    "map/summary.json",
    "split/digest.json",
    "fit/*/*/cell.json",
    "compare/**/*",
    "figures/*.png",
    "figures/*.svg",
)


@dataclass(frozen=True)
class Export:
    """What was written: the folder, the number of its files and their size in bytes."""

    folder: Path
    files: int
    size: int


def export(project: Project, folder: Path, *, rows: bool = False, force: bool = False) -> Export:
    """Write the comparison, the records of all runs, figures, parameters and provenance to a folder.

    Parameters
    ----------
    folder : is made. One that exists must be empty, or hold an earlier export where ``force`` is given.
    rows : also export electrodes, folds and predictions, and the report, which has them inside.

    Raises
    ------
    UserError
        When the results are missing or do not belong together, or the folder holds something else.
    """
    _require_free(folder, force=force)
    # Everything is read and checked before the first file is written.
    runs, table, pairs = project.runs(), project.comparison("table"), project.comparison("pairs")
    ceilings, costs = project.comparison("ceilings"), fold_costs(project)
    about = _about(project, versions={name: value for run in runs for name, value in run.versions.items()}, costs=costs)
    parent = folder.absolute().parent
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=parent) as name:
        made = Path(name) / "export"
        for source in _chosen(project, rows=rows):
            place = made / source.relative_to(project.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place)
        write_csv(costs, made / COSTS)
        shown = tables.markdown(
            table,
            pairs,
            titles=dict(zip(table["model"], table["title"], strict=True)),
            ceilings=ceilings,
            synthetic=about["data"]["synthetic"],
            left_out=project.left_out(),
            costs=error_and_cost(table, costs) if len(costs) else None,
        )
        board = leaderboard.markdown(Leaderboard.read(project, taken=costs))
        write_text(_page(about, board, shown, best=_best(table)), made / "README.md")
        write_record(about, made / ABOUT)
        sums = [f"{sha256(path)}  {path.relative_to(made).as_posix()}" for path in _files(made)]
        write_text("\n".join(sums) + "\n", made / SUMS)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(made, folder)
    written = _files(folder)
    return Export(folder, len(written), sum(path.stat().st_size for path in written))


def _require_free(folder: Path, *, force: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / ABOUT).is_file():
        raise UserError(f"{folder} holds something else than exported results; name another folder")
    if not force:
        raise UserError(f"{folder} holds exported results; replace them with --force, or name another folder")


def _chosen(project: Project, *, rows: bool) -> Iterator[Path]:
    """The files that are copied, in a fixed order."""
    for pattern in (*_WITHOUT_ROWS, *(_ROWS if rows else ())):
        for path in sorted(project.paths.results.glob(pattern)):
            if path.is_file() and (rows or path.suffix != ".svg" or path.stem not in _OF_ROWS):
                yield path
    # Not dvc.yaml, although dvc.lock belongs to it: DVC takes any folder that has one for a pipeline of its own.
    for path in (project.paths.params, project.root / "dvc.lock"):
        if path.is_file():
            yield path
    for model in project.params().fit.models or ():
        if project.paths.adoption(model).is_file():
            yield project.paths.adoption(model)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _about(project: Project, *, versions: Mapping[str, str], costs: pd.DataFrame) -> dict[str, Any]:
    """Data, code, libraries and machine, in a form that names neither hosts nor folders."""
    card = project.card()
    data = licences.with_stated(origin.provenance(project.root), card)
    kept = ("md5", "size", "release", "licence", "citation")
    return {
        "data": {
            # The name of the file, not its place on someone's machine.
            "source": PurePath(str(data["source"])).name,
            **{key: data[key] for key in kept if key in data},
            **({"licences": card["licences"]} if "licences" in card else {}),
            "synthetic": project.synthetic(),
            "targets_sha256": project.targets_digest(),
        },
        "code": provenance.code_version(),
        "libraries": dict(sorted(versions.items())),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "cores": len(psutil.Process().cpu_affinity())
            if hasattr(psutil.Process, "cpu_affinity")
            else os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30),
        },
        # Medians per fold times folds: what the fits took.
        "fit_cpu_seconds": float((costs["cpu_seconds"] * costs["folds"]).sum()) if len(costs) else None,
    }


def _best(table: pd.DataFrame) -> tuple[str, str]:
    """A model and a protocol for the example: the first that is not the control."""
    row = table[table["model"] != CONTROL].iloc[0]
    return str(row["model"]), str(row["protocol"])


def _page(about: Mapping[str, Any], board: str, shown: str, *, best: tuple[str, str]) -> str:
    data, code = about["data"], about["code"]
    commit = code["commit"] or "unknown"
    changed = " with changes" if code["modified"] else ""
    model, protocol = best
    notices = [SYNTHETIC_NOTICE] if data["synthetic"] else []
    restricted = [licence for licence in data.get("licences", {}) if licences.restricts(licence)]
    if restricted:
        notices.append(f"Part of the data must not be used commercially: {', '.join(restricted)}")
    marked = "".join(f"\n**{notice}**\n" for notice in notices)
    return tables.wrapped(f"""# Exported results: release {data.get("release", "unknown")}
{marked}
Written by `electrode-bench results export` (version {code["version"]}, commit `{commit}`{changed}). The data are the \
file `{data["source"]}` with the md5 `{data.get("md5", "unknown")}`. Licence: {data.get("licence", "unknown")}. \
They are not in this folder.

{board}

## Files

| what | where |
|---|---|
| tables of the comparison | `results/compare` |
| configuration, seeds and digests of each run | `results/fit/<model>/<protocol>/cell.json` |
| processor seconds and memory per fold | `{COSTS}` |
| figures | `results/figures` |
| data, code, libraries and machine | `{ABOUT}` |
| every setting, and what DVC has recorded | `params.yaml`, `dvc.lock` |
| SHA-256 of each file (`sha256sum --check {SUMS}`) | `{SUMS}` |

`electrode-bench show --results FOLDER` shows which model is best, and \
`electrode-bench trace {model} {protocol} average_voltage --results FOLDER` what a number was made from.

## Computing a number again

In a new clone of electrode-bench, at the commit above, with its environment (`make install`, then \
`source .venv/bin/activate`):

```
cp FOLDER/params.yaml .
electrode-bench data use {data["source"]}
dvc repro split
electrode-bench trace {model} {protocol} average_voltage --results FOLDER --refit
```

`dvc repro split` prepares the data and draws the folds; it fits no model. `--refit` then fits the folds of that \
number, without any cache, and compares.

## All tables

{shown}
""")
