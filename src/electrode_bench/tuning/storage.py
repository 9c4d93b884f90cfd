"""Where studies are kept, and how one is made or found again."""

from __future__ import annotations

import os
import platform
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from electrode_bench.core.addresses import masked
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError
from electrode_bench.models import search_space
from electrode_bench.params import Sweep
from electrode_bench.tuning.study import Setting

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.storages import BaseStorage


#: Trials before the median pruner ends any, and points of a trial before it looks at it.
_STARTUP_TRIALS, _WARMUP = 5, 2


#: Trials up to which `auto` takes the Gaussian process, whose cost grows with the cube of their number.
_FEW = 200


#: Workers that open an empty database at once collide; this often each of them tries again.
_TRIES = 8


def journal(folder: Path) -> str:
    """The storage of one host: a journal file in ``folder``."""
    return f"journal:///{(folder / 'studies.journal').absolute()}"


def storage(url: str, *, there: bool = False) -> BaseStorage:
    """Optuna's storage: ``journal:///<path>`` on one host, ``postgresql://...`` where several share it.

    Raises
    ------
    UserError
        When it cannot be reached or used, or is a file that must be ``there`` and is not.
    """
    scheme, _, rest = url.partition("://")
    if there and scheme == "journal" and not Path(rest[1:]).exists():
        raise UserError(f"no studies are kept in {Path(rest[1:])}: it is not there")
    return _storage(url)


@lru_cache(maxsize=4)
def _storage(url: str) -> BaseStorage:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    scheme, _, rest = url.partition("://")
    if scheme == "journal":
        file = Path(rest[1:])
        file.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(file)))
    if scheme.partition("+")[0] not in ("postgresql", "mysql"):
        raise UserError(
            f"'{masked(url)}' is no storage of studies; give postgresql://user@host/database, "
            "or leave it out for a file beside the runs"
        )
    from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError

    for attempt in range(_TRIES):
        try:
            return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
        except ImportError:
            raise UserError(
                f"the driver of {masked(url)} is not installed; for PostgreSQL, install it with: make postgresql"
            ) from None
        except (OperationalError, ArgumentError) as error:
            # SQLAlchemy adds where its manual explains the error.
            reason = " ".join(str(error).partition("(Background on")[0].split())[:200]
            raise UserError(f"the storage {masked(url)} cannot be reached: {reason}") from None
        except RuntimeError as error:
            # Optuna's and MLflow's tables share a name (alembic_version), so neither works in the other's database.
            raise UserError(
                f"{masked(url)} is a database of another Optuna or of MLflow: studies need one of their own; "
                "make it with: createdb studies"
            ) from error
        except SQLAlchemyError:
            # Another worker made the tables a moment ago.
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.1 * 2**attempt)
    raise AssertionError


@contextmanager
def kept(url: str) -> Iterator[None]:
    """Tell in one line when the storage is lost in the block: its server was ended, or the network."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        # Optuna speaks of invalid data; what the database said is the cause.
        reason = " ".join(str(error.__cause__ or error).split())[:200]
        raise UserError(
            f"the storage {masked(url)} was lost: {reason}; when it is there again, run the command again to go on"
        ) from error


def sampler(how: Sweep, *, trials: int, seed: int) -> BaseSampler:
    """Optuna's sampler; ``trials`` is what the sweep aims at."""
    from optuna import samplers

    kind = how.sampler
    if kind == "auto":
        kind = "gp" if trials <= _FEW and not how.against_seconds else "tpe"
    if kind == "gp":
        return samplers.GPSampler(seed=seed)
    if kind == "random":
        return samplers.RandomSampler(seed=seed)
    return samplers.TPESampler(seed=seed)


def pruner(how: Sweep) -> BasePruner:
    """Optuna's pruner; two objectives are not pruned."""
    from optuna import pruners
    from optuna.exceptions import ExperimentalWarning

    if how.pruner == "median" and not how.against_seconds:
        return pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARMUP)
    if how.pruner == "wilcoxon" and not how.against_seconds:
        with warnings.catch_warnings():
            # Optuna may yet change its interface; the version is pinned.
            warnings.simplefilter("ignore", ExperimentalWarning)
            return pruners.WilcoxonPruner(p_threshold=0.1)
    return pruners.NopPruner()


@dataclass(frozen=True)
class Opened:
    """A study; ``created`` by this process, and what changed since the model's last one on this part."""

    study: Study
    created: bool
    changed: tuple[str, ...] = ()


def open_study(setting: Setting, *, url: str, trials: int) -> Opened:
    """The study of this setting, made when it is not there; the first trial tries what is configured now."""
    import optuna
    from optuna.exceptions import DuplicatedStudyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    store, name = storage(url), setting.name
    directions: list[Literal["minimize", "maximize"]] = ["minimize"] * (2 if setting.how.against_seconds else 1)
    try:
        study = optuna.create_study(
            study_name=name,
            storage=store,
            directions=directions,
            sampler=sampler(setting.how, trials=trials, seed=derive(setting.seed, "sampler", name)),
            pruner=pruner(setting.how),
        )
    except DuplicatedStudyError:
        # Workers that start together must not draw the same values: each has a seed of its own.
        own = derive(setting.seed, "sampler", name, platform.node(), os.getpid(), time.time_ns())
        study = optuna.load_study(
            study_name=name,
            storage=store,
            sampler=sampler(setting.how, trials=trials, seed=own),
            pruner=pruner(setting.how),
        )
        return Opened(study, created=False)
    changed = _changed(setting, store, name)
    study.set_user_attr("identity", setting.identity)
    study.set_user_attr("space", search_space.as_json(setting.space))
    study.set_user_attr("base", setting.base.model_dump(mode="json"))
    study.set_user_attr("how", setting.how.model_dump(mode="json"))
    study.set_user_attr("optuna", optuna.__version__)
    study.set_user_attr("table", setting.table)
    start = search_space.stored(setting.space, setting.base.model_dump(mode="json"))
    if start is not None:
        study.enqueue_trial(start, user_attrs={"configured": True})
    return Opened(study, created=True, changed=changed)


def _changed(setting: Setting, store: BaseStorage, name: str) -> tuple[str, ...]:
    """In what the study differs from the newest other one of this model and part."""
    others = [
        s.user_attrs["identity"]
        for s in sorted(store.get_all_studies(), key=lambda s: s._study_id)
        if s.study_name != name and s.user_attrs.get("identity", {}).get("part") == setting.part.name
        and s.user_attrs["identity"].get("model") == setting.spec.name
    ]  # fmt: skip
    if not others:
        return ()
    return tuple(key for key, value in setting.identity.items() if others[-1].get(key) != value)
