"""sweep: tune a model on the training part of an outer fold, traced in MLflow; adopt what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from electrode_bench import models, splits
from electrode_bench.core.artifacts import write_text
from electrode_bench.core.config import Strict
from electrode_bench.core.digests import digest
from electrode_bench.core.folds import Fold
from electrode_bench.core.schema import ID
from electrode_bench.core.seeds import derive
from electrode_bench.errors import UserError, nearest
from electrode_bench.fitting import runs as runner
from electrode_bench.fitting.executor import Executor
from electrode_bench.models import search_space
from electrode_bench.models.device import visible_gpus
from electrode_bench.params import Params, Split, Sweep
from electrode_bench.project import Layout, read_table
from electrode_bench.splits.kfold import KFold
from electrode_bench.stages import fit
from electrode_bench.tracking import provenance
from electrode_bench.tracking import studies as sweep_tracking
from electrode_bench.tracking.locations import tracking_uri
from electrode_bench.tracking.store import Store, open_store
from electrode_bench.tuning import driver, record
from electrode_bench.tuning import record_file as sweep_record
from electrode_bench.tuning import summary as studies
from electrode_bench.tuning.storage import journal, kept, masked, open_study
from electrode_bench.tuning.storage import storage as opened_storage
from electrode_bench.tuning.study import Part, Setting
from electrode_bench.tuning.trial import evaluated_again, used

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from ruamel.yaml import YAML


#: What to run when MLflow's store was lost and is back: nothing of a sweep is published otherwise.
AGAIN = "the same command again"


@dataclass(frozen=True)
class Swept:
    """One study after a sweep."""

    study: str
    part: str
    created: bool
    #: In what a new study differs from the model's last one on this part.
    changed: tuple[str, ...]
    summary: dict[str, Any]
    url: str
    #: Seconds that this process spent on MLflow.
    tracking_seconds: float


def storage_url(layout: Layout, given: str | None) -> str:
    """Where studies are: what was given, else a journal beside the runs."""
    return given or journal(layout.mlruns)


def settings(layout: Layout, params: Params, *, model: str, nested: bool, base: Strict | None = None) -> list[Setting]:
    """A setting for each outer fold that is tuned on: one, or all of the protocol where ``nested``.

    ``base`` is the configuration that they begin with; None takes what is configured, but for what was tuned on rows
    that one of these folds tests on.

    Raises
    ------
    UserError
        When the model cannot be tuned, a space in params.yaml is wrong, or a fold is not there.
    """
    spec, how = models.spec(model), params.sweep
    if not spec.space:
        tuned = [name for name, s in models.REGISTRY.items() if s.space]
        raise UserError(f"{model} has nothing to tune; {nearest(model, tuned)}")
    for name in how.spaces:
        models.spec(name)
    space = search_space.narrowed(spec.space, how.spaces.get(model, {}), where=f"params.yaml, sweep.spaces.{model}")
    outer = {fold.key: fold for fold in splits.read_folds(layout.folds)[how.protocol]}
    if how.fold is not None and how.fold not in outer:
        raise UserError(f"params.yaml, sweep.fold: {how.protocol} has no fold '{how.fold}'; {nearest(how.fold, outer)}")
    chosen = list(outer) if nested else [how.fold or next(iter(outer))]
    frame, targets = fit.inputs(layout, spec)
    whole = runner.data_digests(frame, targets)["table"]
    if base is None:
        base = _clean_base(layout, params, model, parts=[f"{how.protocol}/{key}" for key in chosen], table=whole)
    table = read_table(layout.table, stage="prepare").set_index(ID, drop=False)
    clusters = read_table(layout.map, stage="map").set_index(ID)["cluster"]
    made = []
    for key in chosen:
        ids = sorted(set(outer[key].train_ids))
        if set(ids) - set(targets.index):
            raise UserError(f"{layout.folds} is of other data than {layout.table}; run: dvc repro split")
        name = f"{how.protocol}/{key}"
        inner = _inner(params, table.loc[ids], clusters.loc[ids], name=name)
        part = Part(name, frame.loc[ids], targets.loc[ids], inner)
        made.append(Setting(spec, base, space, how, part, params.seed, whole))
    return made


def _clean_base(layout: Layout, params: Params, model: str, *, parts: Sequence[str], table: str) -> Strict:
    """What is configured, or was before a sweep's trial was adopted that has seen rows which one of ``parts`` tests on.

    A study's first trial is the configuration that it begins with: one that was tuned on its test rows would make its
    claim to have not seen them false.
    """
    adopted = models.adopted(model, params.models.get(model, {}))
    if adopted is None or adopted.table != table or set(parts) == {adopted.part}:
        return fit.configured(params, model)
    path = layout.sweep_record(model)
    known = sweep_record.read(path)
    if known is None or known["study"] != adopted.study:
        raise UserError(
            f"models.{model} was tuned on {adopted.part}, with rows that {', '.join(parts)} would test on; what was "
            f"configured before stands in {path} of {adopted.study}, which is not there: restore it from git"
        )
    return models.configure(model, known["base"], where=str(path))


def _inner(params: Params, table: pd.DataFrame, clusters: pd.Series, *, name: str) -> tuple[Fold, ...]:
    """The inner folds of the part called ``name``, whose rows and clusters these are."""
    how = params.sweep
    kfold = KFold(folds=how.folds, by=params.split.grouped.by, quantiles=params.split.grouped.quantiles)
    seed = derive(params.seed, "inner folds", name)
    make = splits.PROTOCOLS[how.inner]
    return tuple(make(table.reset_index(drop=True), clusters, Split(stratified=kfold, grouped=kfold), seed))


def run(
    layout: Layout,
    params: Params,
    *,
    model: str,
    trials: int,
    executor: Executor,
    seconds: float | None = None,
    nested: bool = False,
    storage: str | None = None,
    devices: Sequence[str] = (),
    progress: Callable[[str, int, int], None] | None = None,
    told: Callable[[str], None] | None = None,
) -> list[Swept]:
    """Tune ``model`` until each study has ``trials`` trials, or ``seconds`` have passed on it.

    Parameters
    ----------
    storage : of the studies; None takes a journal file under ``mlruns``.
    progress : called with (part, trials ended, trials wanted).
    told : gets lines about what is going on.

    Raises
    ------
    UserError
        When an input is missing or wrong, or a store cannot be reached.
    """
    reason = models.spec(model).available()
    if reason:
        raise UserError(reason)
    url, uri = storage_url(layout, storage), tracking_uri(layout)
    if url.startswith("journal:") and executor.hosts > 1:
        raise UserError(
            f"the Ray cluster has {executor.hosts} hosts, which cannot share a file; give --storage postgresql://..."
        )
    wanted = settings(layout, params, model=model, nested=nested)
    if told and wanted[0].base != fit.configured(params, model):
        told(
            f"begins with what was configured before {params.models[model][models.ADOPTED]['study']} was adopted: "
            "that study saw rows that this one must not"
        )
    with open_store(layout, uri=uri, again=AGAIN) as store, kept(url):
        sweep_tracking.reap(store, url=url)
        return [
            _one(
                setting,
                store,
                source=provenance.of(layout),
                url=url,
                trials=trials,
                seconds=seconds,
                executor=executor,
                devices=devices,
                progress=progress,
                told=told,
            )
            for setting in wanted
        ]


def _one(
    setting: Setting,
    store: Store,
    *,
    source: provenance.Provenance,
    url: str,
    trials: int,
    seconds: float | None,
    executor: Executor,
    devices: Sequence[str],
    progress: Callable[[str, int, int], None] | None,
    told: Callable[[str], None] | None,
) -> Swept:
    opened = open_study(setting, url=url, trials=trials)
    if opened.created:
        opened.study.set_user_attr("snapshot", {k: source.data.get(k) for k in ("release", "md5")})
        opened.study.set_user_attr("commit", f"{source.commit or ''}{' (changed since)' if source.dirty else ''}")
    if told and opened.changed:
        told(f"a new study, since these changed: {', '.join(opened.changed)}")
    elif told and not opened.created:
        told(f"going on with {setting.name}: {driver.counted(opened.study)} trials are there")
    beyond = search_space.outside(setting.space, setting.base.model_dump(mode="json"))
    if told and opened.created and beyond:
        told(f"no trial tries what is configured: outside the search space is {', '.join(beyond)}")
    ledger = sweep_tracking.Ledger(store, setting, opened, provenance=source, url=url)
    status = "KILLED"
    try:
        driver.run(
            setting, opened, url=url, trials=trials, seconds=seconds, executor=executor, book=ledger, devices=devices,
            progress=None if progress is None else lambda done, wanted: progress(setting.part.name, done, wanted),
        )  # fmt: skip
        status = "FINISHED"
    finally:
        with driver.undisturbed():
            summary = ledger.finished(status=status)
    return Swept(setting.name, setting.part.name, opened.created, opened.changed, summary, ledger.url, ledger.seconds)


@dataclass(frozen=True)
class Adopted:
    """What was written to params.yaml."""

    model: str
    study: str
    trial: int
    value: float
    #: Parameter: (before, after), of those that changed.
    changes: dict[str, tuple[Any, Any]]
    #: What whoever adopts it should know.
    warnings: tuple[str, ...] = ()


def adopt(
    layout: Layout, params: Params, *, study: str, storage: str | None = None, trial: int | None = None
) -> Adopted:
    """Write the values of a study's best trial (or of ``trial``) into params.yaml, comments kept.

    Raises
    ------
    UserError
        When there is no such study or trial, or it was made for another model or search space than this project's.
    """
    loaded, chosen = found(layout, study=study, storage=storage, trial=trial)
    identity = loaded.user_attrs["identity"]
    model = str(identity["model"])
    before = fit.configured(params, model).model_dump(mode="json")
    new = configuration_of(loaded, chosen).model_dump(mode="json")
    changes = {k: (before[k], new[k]) for k in new if before[k] != new[k]}
    tag = {"study": study, "trial": chosen.number, "part": identity["part"], "config": digest(new)}
    tag["table"] = str(loaded.user_attrs.get("table", ""))
    path = layout.sweep_record(model)
    known = sweep_record.read(path)
    now = record.of(loaded, adopted=chosen.number, data=loaded.user_attrs.get("snapshot", {}))
    # The record first: it says where the values come from, and is no harm alone.
    sweep_record.write(now, path)
    _write(layout.params, model, {k: v for k, (_, v) in changes.items()}, tag)
    return Adopted(model, study, chosen.number, float(chosen.values[0]), changes, _doubts(known, now))


def _doubts(known: Mapping[str, Any] | None, now: Mapping[str, Any]) -> tuple[str, ...]:
    """Reasons to think again about the adoption that a record was written for, in place of the record ``known``."""
    doubts = []
    (value,) = (t["values"][0] for t in now["trials"] if t["number"] == now["adopted"])
    before = now["summary"].get("configured")
    if before is not None and value > before:
        doubts.append(f"worse than what was configured ({before:.4f})")
    for score in now["scores"]:
        worse = [row["target"] for row in score["rows"] if row["verdict"] == "worse"]
        if score["trial"] == now["adopted"] and worse:
            doubts.append(f"`sweep score` found it worse ({score['claim']}, {score['protocol']}): {', '.join(worse)}")
    if known is not None and known["study"] != now["study"]:
        data = "" if known.get("data", {}).get("md5") == now["data"]["md5"] else ", of other data"
        doubts.append(f"the record of {known['study']}{data} was replaced; git has it if it was committed")
    return tuple(doubts)


def found(layout: Layout, *, study: str, storage: str | None, trial: int | None) -> tuple[Study, FrozenTrial]:
    """The study, and its complete trial of this number (None: the best)."""
    import optuna
    from optuna.trial import TrialState

    url = storage_url(layout, storage)
    store = opened_storage(url, there=storage is not None)
    known = optuna.get_all_study_names(store)
    if study not in known:
        raise UserError(f"no study '{study}' in {masked(url)}; {nearest(study, known)}")
    loaded = optuna.load_study(study_name=study, storage=store)
    chosen = studies.best(loaded) if trial is None else next((t for t in loaded.trials if t.number == trial), None)
    # A trial that was pruned has a value too, the last that it reported: of a part of the folds.
    if chosen is None or chosen.state != TrialState.COMPLETE:
        what = "no trial that is complete" if trial is None else f"no complete trial {trial}"
        raise UserError(f"{study} has {what}")
    return loaded, chosen


def configuration_of(study: Study, trial: FrozenTrial) -> Strict:
    """The configuration that a trial's value belongs to; what the study held fixed is part of it."""
    values = {**study.user_attrs["base"], **used(trial, studies.space(study))}
    return models.configure(str(study.user_attrs["identity"]["model"]), values, where=study.study_name)


def round_trip() -> YAML:
    """A reader and writer of params.yaml that keeps comments, and writes values as people do there."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def _write(path: Path, model: str, values: dict[str, Any], tag: dict[str, Any]) -> None:
    """Change ``models.<model>`` in params.yaml; the rest stays as it is, comments too."""
    import io

    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    yaml = round_trip()
    text = path.read_text(encoding="utf-8")
    document = yaml.load(text)

    def flowing(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        row = CommentedSeq(value)
        # [256, 128] on one line, as people write it.
        row.fa.set_flow_style()
        return row

    of = document.setdefault("models", CommentedMap())
    if not of.get(model):
        of[model] = CommentedMap()
    for key, value in {**values, models.ADOPTED: CommentedMap(tag)}.items():
        if key in of[model]:
            of[model][key] = flowing(value)
        else:
            # First, not last: a comment above the next model hangs on the last key, and would come before a new one.
            of[model].insert(0, key, flowing(value))
    out = io.StringIO()
    yaml.dump(document, out)
    write_text(out.getvalue(), path)


def check(
    layout: Layout, params: Params, *, study: str, storage: str | None = None, trial: int | None = None
) -> tuple[float, float]:
    """(stored, new) value of a trial, the new one from fits made again; needs the project as it was for the study."""
    loaded, chosen = found(layout, study=study, storage=storage, trial=trial)
    same = next(s for s in settings_like(layout, params, loaded) if s.name == study)
    return float(chosen.values[0]), evaluated_again(same, chosen)


def settings_like(layout: Layout, params: Params, study: Study) -> list[Setting]:
    """The study's own setting, and those that differ from it in the outer fold alone.

    Raises
    ------
    UserError
        When the study's own is not among them: it was made with other data, folds or code than are here.
    """
    known = study.user_attrs
    model = str(known["identity"]["model"])
    # params.yaml may say otherwise by now (the configuration may have been adopted): what the study says decides.
    how = Sweep(**known["how"])
    base, space = models.configure(model, known["base"], where=study.study_name), studies.space(study)
    alike = [
        replace(setting, space=space)
        for setting in settings(layout, params.model_copy(update={"sweep": how}), model=model, nested=True, base=base)
    ]
    if study.study_name not in {setting.name for setting in alike}:
        raise UserError(
            f"{study.study_name} was made with other data, folds or code than are here; its values cannot be made again"
        )
    return alike


def reap(layout: Layout, *, storage: str | None = None, silent_for: float | None = None) -> tuple[int, int]:
    """Close what dead drivers left open, in the studies and in MLflow: (trials given up, runs closed)."""
    uri = tracking_uri(layout)
    with open_store(layout, uri=uri, again=AGAIN) as store:
        return sweep_tracking.reap(store, url=storage_url(layout, storage), silent_for=silent_for)


def listed(layout: Layout, *, storage: str | None = None) -> pd.DataFrame:
    """One row a study: name, model, part, trials, complete, pruned, failed, best, configured."""
    import optuna

    store = opened_storage(storage_url(layout, storage), there=storage is not None)
    rows = []
    for name in optuna.get_all_study_names(store):
        study = optuna.load_study(study_name=name, storage=store)
        identity = study.user_attrs.get("identity")
        if identity is None:
            continue
        summary = studies.summary(study, space=studies.space(study))
        kept = ("trials", "complete", "pruned", "failed", "best", "configured", "best_trial")
        rows.append(
            {"study": name, "model": identity["model"], "part": identity["part"], **{k: summary.get(k) for k in kept}}
        )
    return pd.DataFrame(rows)


def visible_devices(model: str) -> list[str]:
    """The GPUs that trials of a model are handed to in turn: those that CUDA_VISIBLE_DEVICES leaves visible."""
    # A model without networks answers at once; one with them loads torch.
    return [] if models.spec(model).device() == "cpu" else visible_gpus()
