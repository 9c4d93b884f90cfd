"""Where studies are stored, and how one is created or opened again."""

from __future__ import annotations

import os
import platform
import re
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from electrode_bench.core.addresses import masked, problem
from electrode_bench.core.databases import refusal
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError, brief, nearest
from electrode_bench.params import Sweep
from electrode_bench.project import Project
from electrode_bench.tuning.distributions import encoded
from electrode_bench.tuning.stored_study import StoredStudy
from electrode_bench.tuning.study import StudySpec

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage

#: The median pruner ends no trial before this many have ended, nor at a trial's first so many reports.
_STARTUP_TRIALS, _WARMUP_STEPS = 5, 2

#: Up to this many trials, `auto` takes the Gaussian process, whose cost grows with the cube of their number.
_FEW_TRIALS = 200

_JOURNAL = "journal:///"

#: Seconds in which a database server must answer.
_CONNECT_TIMEOUT = 10

#: Workers that open an empty database at once collide; each tries again this often.
_ATTEMPTS = 8


def journal(folder: Path) -> str:
    """The storage of one host: a journal file in ``folder``."""
    return f"{_JOURNAL}{(folder / 'studies.journal').absolute()}"


def storage_url(project: Project, url: str | None) -> str:
    """Where the studies are: at ``url``, or in a journal beside the project's runs."""
    return url or journal(project.paths.mlruns)


def open_storage(url: str, *, must_exist: bool = False) -> BaseStorage:
    """Optuna's storage: ``journal:///<path>`` on one host, ``postgresql://...`` where several share it.

    Raises
    ------
    UserError
        When it cannot be reached or used, or is a file that ``must_exist`` and does not.
    """
    if must_exist and url.startswith(_JOURNAL) and not os.path.exists(_journal_file(url)):
        raise UserError(f"the study storage {_journal_file(url)} does not exist")
    return _open(url)


def _journal_file(url: str) -> Path:
    name = url.removeprefix(_JOURNAL)
    if not name or "\0" in name:
        raise UserError(f"{url!r} names no file; give journal:/// and the path of a file")
    return Path(name)


@lru_cache(maxsize=4)
def _open(url: str) -> BaseStorage:
    if url.startswith(_JOURNAL):
        return _open_journal(_journal_file(url))
    scheme = url.partition("://")[0]
    if scheme.partition("+")[0] not in ("postgresql", "mysql") or "\0" in url:
        raise UserError(
            f"'{_shown(url)}' is not a study storage; give postgresql://user@host/database, "
            "or leave it out for a file beside the runs"
        )
    wrong = problem(url)
    if wrong is not None:
        raise UserError(f"'{_shown(url)}' is not an address: {wrong}; give postgresql://user@host:port/database")
    return _open_database(url)


def _open_journal(file: Path) -> BaseStorage:
    from optuna.storages import JournalStorage

    from electrode_bench.tuning.journal_file import Journal

    backend = Journal(file)
    try:
        return JournalStorage(backend)
    except UserError:
        raise
    except Exception as error:
        # Every line is an operation, but some have other fields than Optuna writes.
        raise UserError(
            f"{file} is not a journal of Optuna {version('optuna')} ({type(error).__name__}: {brief(error)}); restore "
            "a backup, or move it away to start the studies again"
        ) from error


def _open_database(url: str) -> BaseStorage:
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import IntegrityError, InternalError, SQLAlchemyError

    # Without a limit, a host that does not answer is waited for for minutes.
    limited = url.startswith("postgresql") and "connect_timeout" not in url
    options = {"connect_args": {"connect_timeout": _CONNECT_TIMEOUT}} if limited else {}
    for attempt in range(_ATTEMPTS):
        try:
            return RDBStorage(url, engine_kwargs={"pool_pre_ping": True, **options})
        except ImportError:
            raise UserError(
                f"the driver of {masked(url)} is not installed; for PostgreSQL, install it with: make postgresql"
            ) from None
        except RuntimeError as error:
            # Optuna and MLflow both have a table alembic_version, so neither works in the other's database.
            raise UserError(
                f"{masked(url)} is a database of MLflow or of another version of Optuna: studies need a "
                "database of their own; create one with: createdb studies"
            ) from error
        except SQLAlchemyError as error:
            # Another worker created the tables a moment ago.
            collision = isinstance(error, IntegrityError | InternalError) or "already exists" in str(error)
            if not collision or attempt == _ATTEMPTS - 1:
                raise UserError(
                    f"the study storage {masked(url)} cannot be reached: {masked(_reason(error))}"
                ) from None
            time.sleep(0.1 * 2**attempt)
        except (ValueError, TypeError):
            # A port that is no number, a host that is no name, an option that the driver does not have.
            raise UserError(f"'{_shown(url)}' is not an address; give postgresql://user@host:port/database") from None
    raise AssertionError


def _shown(url: str) -> str:
    """An address that cannot be taken apart: where its password would be is not known."""
    return f"{re.split('[:/@]', url)[0][:20]}..." if "@" in url or url.count(":") > 1 else url[:200]


def _reason(error: BaseException) -> str:
    # SQLAlchemy appends a link to its manual.
    return refusal(str(error)) or brief(str(error).partition("(Background on")[0], 200)


@contextmanager
def lost_storage_is_an_error(url: str) -> Iterator[None]:
    """Turn the loss of the storage in the block into one UserError: its server ended or refuses, or the network did."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        # Optuna speaks of invalid data; what the database said is the cause.
        cause = error.__cause__ or error
        if refused := refusal(str(cause)):
            raise UserError(f"the study storage {masked(url)} cannot be used: {refused}") from error
        reason = masked(_reason(cause))
        raise UserError(
            f"the study storage {masked(url)} was lost: {reason}; when it is back, run the command again to continue"
        ) from error


def study_names(url: str, *, must_exist: bool = False) -> list[str]:
    """Names of all studies in a storage; errors as :func:`open_storage`."""
    import optuna

    return optuna.get_all_study_names(open_storage(url, must_exist=must_exist))


def load_study(url: str, name: str, *, must_exist: bool = False) -> StoredStudy:
    """The study of this name.

    Raises
    ------
    UserError
        When the storage cannot be used, or has no such study, or one that was not made by a sweep.
    """
    import optuna

    names = study_names(url, must_exist=must_exist)
    if name not in names:
        raise UserError(f"there is no study '{name}' in {masked(url)}; {nearest(name, names)}")
    study = StoredStudy(optuna.load_study(study_name=name, storage=open_storage(url)))
    study.require_description()
    return study


def all_studies(url: str, *, must_exist: bool = False) -> list[StoredStudy]:
    """Every study that was made by a sweep of this version; errors as :func:`open_storage`.

    A database may have studies of other programs and versions, which are left alone. A study that is being created just
    now is not among them yet.
    """
    import optuna

    names = study_names(url, must_exist=must_exist)
    studies = [StoredStudy(optuna.load_study(study_name=name, storage=open_storage(url))) for name in names]
    return [study for study in studies if study.is_described]


def make_sampler(options: Sweep, *, trials: int, seed: int) -> BaseSampler:
    """Optuna's sampler; ``trials`` is how many the study is to have."""
    from optuna import samplers

    kind = options.sampler
    if kind == "auto":
        kind = "gp" if trials <= _FEW_TRIALS and not options.against_seconds else "tpe"
    if kind == "gp":
        return samplers.GPSampler(seed=seed)
    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(seed=seed)


def make_pruner(options: Sweep) -> BasePruner:
    """Optuna's pruner; studies with two objectives are not pruned."""
    from optuna import pruners
    from optuna.exceptions import ExperimentalWarning

    if options.pruner == "median" and not options.against_seconds:
        return pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARMUP_STEPS)
    if options.pruner == "wilcoxon" and not options.against_seconds:
        with warnings.catch_warnings():
            # Optuna may still change its interface; the version is pinned.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return pruners.WilcoxonPruner(p_threshold=0.1)
    return pruners.NopPruner()


@dataclass(frozen=True)
class OpenedStudy:
    """A study; whether this process created it; and in what it differs from the model's last one on these rows."""

    study: StoredStudy
    created: bool
    changed: tuple[str, ...] = ()


#: Seconds after which a study that nobody has described counts as left by a process that was killed.
_PATIENCE = 10.0


def open_study(spec: StudySpec, *, url: str, trials: int) -> OpenedStudy:
    """The study of this specification, created when it does not exist; its first trial tries the base configuration."""
    import optuna
    from optuna.exceptions import DuplicatedStudyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store, name = open_storage(url), spec.name
    directions: list[Literal["minimize", "maximize"]] = ["minimize"] * (2 if spec.options.against_seconds else 1)
    try:
        study = optuna.create_study(
            study_name=name,
            storage=store,
            directions=directions,
            sampler=make_sampler(spec.options, trials=trials, seed=derive(spec.seed, "sampler", name)),
            pruner=make_pruner(spec.options),
        )
    except DuplicatedStudyError:
        # Drivers that start together must not draw the same values: each has a seed of its own.
        own = derive(spec.seed, "sampler", name, platform.node(), os.getpid(), time.time_ns())
        study = optuna.load_study(
            study_name=name,
            storage=store,
            sampler=make_sampler(spec.options, trials=trials, seed=own),
            pruner=make_pruner(spec.options),
        )
        stored, began = StoredStudy(study, spec.space), time.monotonic()
        while not stored.is_described and time.monotonic() - began < _PATIENCE:
            time.sleep(0.1)
        if stored.is_described:
            return OpenedStudy(stored, created=False)
    # It is new, or the process that created it was killed before it could describe it.
    stored = StoredStudy(study, spec.space)
    changed = _changes(spec, store)
    start = encoded(spec.base.model_dump(mode="json"), spec.space)
    if start is not None and not study.get_trials(deepcopy=False):
        study.enqueue_trial(start, user_attrs={"configured": True})
    stored.describe(spec, version=optuna.__version__)
    return OpenedStudy(stored, created=True, changed=changed)


def _changes(spec: StudySpec, store: BaseStorage) -> tuple[str, ...]:
    """In what the study differs from the newest other one of this model on the same outer training set."""
    others = [
        study.user_attrs["identity"]
        for study in sorted(store.get_all_studies(), key=lambda study: study._study_id)
        if study.study_name != spec.name
        and study.user_attrs.get("identity", {}).get("part") == spec.outer.name
        and study.user_attrs["identity"].get("model") == spec.model.name
    ]
    if not others:
        return ()
    return tuple(key for key, value in spec.identity.items() if others[-1].get(key) != value)
