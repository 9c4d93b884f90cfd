"""Cells: one model under one protocol, its folds run side by side and kept where a kill cannot lose them.

The fold cache is content-addressed: a fold's key is a digest of everything its numbers depend on.
A fold is written to a temporary folder and renamed into place, so it is there whole or not at all.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from electrode_bench import models
from electrode_bench.core.artifacts import (
    digest,
    digest_files,
    digest_frame,
    round_significant,
    write_json,
    write_table,
)
from electrode_bench.core.schema import ID, PREDICTION_COLUMNS, Fold, FoldResult
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.fitting.executor import IN_PROCESS, Executor
from electrode_bench.fitting.resources import measured
from electrode_bench.models import spaces
from electrode_bench.models.base import ModelSpec, fit_predict
from electrode_bench.params import Strict
from electrode_bench.splits import fold_digest

#: Called with (folds done, folds in all) as folds finish, cached ones included.
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Task:
    """One fit: everything that its numbers depend on, and nothing else.

    ``key`` is the digest of (model, configuration, fold, features and targets, code, versions, seed).
    """

    key: str
    model: str
    config: Strict
    seed: int
    train_ids: tuple[str, ...]
    test_ids: tuple[str, ...]


@dataclass(frozen=True)
class Cell:
    """A fitted cell: its predictions (schema.PREDICTION_COLUMNS) and what it was made from (cell.json)."""

    predictions: pd.DataFrame
    about: dict[str, Any]


def plan(
    spec: ModelSpec, config: Strict, folds: Iterable[Fold], *, frame: pd.DataFrame, targets: pd.DataFrame, seed: int
) -> dict[str, Task]:
    """The task of each fold, by the fold's key.

    Parameters
    ----------
    frame : features, indexed by electrode id (no columns for a model without features).
    targets : the three targets on the same index, in their units.
    seed : root seed of params.yaml; each fit derives its own from model, protocol and fold.
    """
    shared = _identity(spec, config, frame=frame, targets=targets)
    tasks = {}
    for fold in folds:
        own = derive(seed, spec.name, fold.protocol, fold.key)
        key = digest([*shared, fold_digest(fold), own])
        tasks[fold.key] = Task(key, spec.name, config, own, fold.train_ids, fold.test_ids)
    return tasks


def _identity(spec: ModelSpec, config: Strict, *, frame: pd.DataFrame, targets: pd.DataFrame) -> list[Any]:
    """What every fit of one configuration on one table depends on."""
    return [spec.name, config.model_dump(mode="json"), data_digests(frame, targets), code_digest(spec), versions(spec)]


def data_digests(frame: pd.DataFrame, targets: pd.DataFrame) -> dict[str, str]:
    """Digests of the features and of the targets, rows in the order of their ids."""
    return {"features": digest_frame(frame.sort_index()), "table": digest_frame(targets.sort_index())}


def code_digest(spec: ModelSpec) -> str:
    """Digest of the files that decide a fit: the model's own, what it imports from ``models`` or names, and base."""
    own = Path(inspect.getfile(spec.config))
    found, todo = {Path(inspect.getfile(ModelSpec)), *spec.sources}, [own]
    while todo:
        file = todo.pop()
        found.add(file)
        todo += [other for other in _siblings(file) if other not in found]
    return digest_files(found)


def _siblings(file: Path) -> list[Path]:
    """The modules of ``models`` that a module imports, in functions too; not what only a sweep reads."""
    package, folder = models.__name__, Path(inspect.getfile(models)).parent
    names = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    inside = [n.removeprefix(f"{package}.").split(".") for n in names if n.startswith(f"{package}.")]
    paths = [folder.joinpath(*parts).with_suffix(".py") for parts in inside]
    return [path for path in paths if path.is_file() and path != Path(inspect.getfile(spaces))]


def versions(spec: ModelSpec) -> dict[str, str]:
    """Installed versions of the libraries that the model's numbers depend on."""
    return {name: spec.version_of(name) for name in spec.libraries}


def run_folds(
    tasks: Mapping[str, Task],
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    cache: Path,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
) -> dict[str, FoldResult]:
    """Fit what the cache lacks, side by side where ``executor`` has places, and give every fold's result.

    A fold is in the cache as soon as it is fitted, so a run that is killed at any time has kept all finished folds,
    and the next one fits only the others. A worker that sees this machine's files puts it there itself; what another
    machine has fitted is put there when it arrives.
    """
    _sweep(cache / "folds")
    results = {fold: _cached(cache, fold, task) for fold, task in tasks.items()}
    pending = [task for fold, task in tasks.items() if results[fold] is None]
    done = len(tasks) - len(pending)
    if progress:
        progress(done, len(tasks))
    with closing(_fitted(pending, frame=frame, targets=targets, cache=cache, executor=executor)) as fitted:
        for _ in fitted:
            done += 1
            if progress:
                progress(done, len(tasks))
    found = {fold: results[fold] or _cached(cache, fold, task) for fold, task in tasks.items()}
    return {fold: _present(result, cache=cache, fold=fold) for fold, result in found.items()}


def fit_cell(
    spec: ModelSpec,
    config: Strict,
    folds: Iterable[Fold],
    *,
    split_digest: str,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    composition: str,
    seed: int,
    cache: Path,
    tuning: Mapping[str, Any] | None = None,
    executor: Executor = IN_PROCESS,
    progress: Progress | None = None,
) -> Cell:
    """One model under one protocol: predictions of all its folds, and the record of what made them."""
    folds = tuple(folds)
    tasks = plan(spec, config, folds, frame=frame, targets=targets, seed=seed)
    results = run_folds(
        tasks,
        frame=frame,
        targets=targets,
        cache=cache,
        executor=IN_PROCESS if spec.light else executor,
        progress=progress,
    )
    predictions = pd.concat(
        [long(results[fold.key].predictions, fold, model=spec.name, targets=targets) for fold in folds],
        ignore_index=True,
    )
    about: dict[str, Any] = {
        "model": spec.name,
        "title": spec.title,
        "protocol": folds[0].protocol,
        "feature_set": spec.feature_set,
        "composition": composition,
        "config": config.model_dump(mode="json"),
        "seed": seed,
        "versions": versions(spec),
        "digests": {
            "split": split_digest,
            **data_digests(frame, targets),
            "code": code_digest(spec),
            "config": digest(config.model_dump(mode="json")),
        },
        "folds": {
            fold.key: {
                "cache_key": tasks[fold.key].key,
                "seed": tasks[fold.key].seed,
                "n_train": len(fold.train_ids),
                "n_test": len(fold.test_ids),
            }
            for fold in folds
        },
    }
    if tuning is not None:
        about["tuning"] = dict(tuning)
    about["digests"]["predictions"] = digest_frame(predictions)
    about["digests"]["cell"] = digest(about)
    return Cell(predictions, about)


def final_model(
    spec: ModelSpec,
    config: Strict,
    *,
    frame: pd.DataFrame,
    targets: pd.DataFrame,
    seed: int,
    cache: Path,
    about: Mapping[str, Any],
) -> Path:
    """Folder of the model fitted on all rows with this configuration; fitted once, then found in the cache.

    It belongs to no protocol: its seed derives from the model's name alone.
    """
    own = derive(seed, spec.name, "all rows")
    identity = _identity(spec, config, frame=frame, targets=targets)
    folder = cache / "models" / digest([*identity, own, dict(about)])
    _sweep(cache / "models")
    if not (folder / "model.json").exists():
        frame = frame.sort_index()
        model = spec.build(config, own).fit(frame, targets.loc[frame.index])
        with _new_folder(folder) as temporary:
            models.save(model, temporary, name=spec.name, about=about)
    return folder


def cost(cache: Path, key: str) -> dict[str, Any]:
    """What the fold took (see cost.measured; and its device), or {} where it is not known."""
    try:
        value: dict[str, Any] = json.loads((cache / "folds" / key / "cost.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        return {}
    return value


def _fitted(
    pending: list[Task], *, frame: pd.DataFrame, targets: pd.DataFrame, cache: Path, executor: Executor
) -> Generator[None, None, None]:
    """Nothing, each time that another fold is in the cache."""
    if executor.here:
        yield from executor.run(_fit_into_cache, ((task, frame, targets, cache) for task in pending))
        return
    wanted = {model: made_by(model) for model in {task.model for task in pending}}
    calls = ((task, frame, targets, wanted[task.model]) for task in pending)
    with closing(executor.run(_fit_elsewhere, calls)) as arriving:
        for key, predictions, spent in arriving:
            _keep(cache, key, predictions, spent)
            yield


def _fit(task: Task, frame: pd.DataFrame, targets: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A fold's predictions, and what they took."""
    from threadpoolctl import threadpool_limits

    spec = models.spec(task.model)
    with threadpool_limits(1), measured() as spent:
        predictions = fit_predict(
            spec,
            task.config,
            task.seed,
            frame=frame,
            targets=targets,
            train_ids=task.train_ids,
            test_ids=task.test_ids,
        )
    spent["device"] = spec.device()
    return predictions, spent


def _fit_into_cache(task: Task, frame: pd.DataFrame, targets: pd.DataFrame, cache: Path) -> None:
    _keep(cache, task.key, *_fit(task, frame, targets))


def _fit_elsewhere(
    task: Task, frame: pd.DataFrame, targets: pd.DataFrame, wanted: str
) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    # The key names the driver's code and versions: what others have made must not be kept under it.
    refuse_others(task.model, wanted)
    return (task.key, *_fit(task, frame, targets))


def made_by(model: str) -> str:
    """Digest of the code and the library versions that a model's numbers are made by here."""
    spec = models.spec(model)
    return digest([code_digest(spec), versions(spec)])


def refuse_others(model: str, wanted: str) -> None:
    """A UserError on a machine whose code or versions (:func:`made_by`) are not the ``wanted`` ones."""
    if made_by(model) != wanted:
        raise UserError(
            f"{platform.node()} has another version of electrode-bench, or of a library that {model} needs; "
            "install the same (constraints.txt) on all nodes"
        )


def _keep(cache: Path, key: str, predictions: pd.DataFrame, spent: dict[str, Any]) -> None:
    with _new_folder(cache / "folds" / key) as temporary:
        write_table(predictions, temporary / "predictions.parquet")
        write_json(spent, temporary / "cost.json")


def long(predictions: pd.DataFrame, fold: Fold, *, model: str, targets: pd.DataFrame) -> pd.DataFrame:
    """A fold's predictions with their true values, as schema.PREDICTION_COLUMNS."""
    truth = targets.stack()
    index = pd.MultiIndex.from_arrays([predictions[ID], predictions["target"]])
    frame = predictions.assign(
        protocol=fold.protocol, fold=fold.key, model=model, y_true=round_significant(truth.loc[index].to_numpy())
    )
    return frame[list(PREDICTION_COLUMNS)].sort_values(["target", ID], ignore_index=True)


def _cached(cache: Path, fold: str, task: Task) -> FoldResult | None:
    folder = cache / "folds" / task.key
    try:
        predictions = pd.read_parquet(folder / "predictions.parquet")
    except FileNotFoundError:
        # Another run may be about to put it there.
        return None
    except (OSError, ValueError):
        # Spoilt, say by a full disk: fitted again.
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return FoldResult(fold, predictions, cost(cache, task.key))


def _sweep(folder: Path) -> None:
    """Remove what killed runs left half-written; a day old, since a live run may still be writing."""
    for part in folder.glob(".part-*"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > 86400:
                shutil.rmtree(part)


def _present(result: FoldResult | None, *, cache: Path, fold: str) -> FoldResult:
    if result is None:
        raise UserError(f"{cache} lost the result of {fold} while it was being used; run the command again")
    return result


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``folder`` by a rename when the block ends well, and vanishes when not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        yield temporary
        # mkdtemp makes a private folder; the cache is for the group, as the umask has it.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        try:
            os.replace(temporary, folder)
        except OSError:
            # Another run of the same task was first; its content is the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
