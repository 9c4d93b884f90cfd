"""Every reader of files that people, other programs or accidents write, and how an odd input for it is made."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from chaos.mutations import ODD_TEXT, as_json, odd_bytes, odd_table, odd_text, odd_value
from chaos.template import SETTINGS
from electrode_bench import models, params
from electrode_bench.data import notation, origin, prepare, readers
from electrode_bench.data.readers.columns import DOCUMENT, EXPLORER
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates import read_candidates
from electrode_bench.project import Project
from electrode_bench.report import tuning as tuning_report
from electrode_bench.tracking import provenance
from electrode_bench.tuning import record, storage, summary

Make = Callable[[random.Random, Path], tuple[str, bytes]]


@dataclass(frozen=True)
class Reader:
    """A reader.

    Parameters
    ----------
    make : an odd input and where it lies in the project.
    read : (project, path of the input) -> what was read. A UserError is a good answer, any other error is not.
    must_be_equal : whether a changed file that is read without a complaint must give the same value, because its
        content is protected by a digest.
    """

    name: str
    make: Make
    read: Callable[[Path, Path], Any]
    must_be_equal: bool = False


# --- snapshots and candidates ---


def _rows(root: Path) -> list[list[str]]:
    with (root / "cut.csv").open(newline="", encoding="utf-8") as file:
        return [line for line, _ in zip(csv.reader(file), range(13), strict=False)]


def _csv(rows: list[list[str]], **options: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", **options).writerows(rows)
    return text.getvalue().encode("utf-8", "surrogatepass")


def _documents(rows: list[list[str]]) -> list[dict[str, Any]]:
    """The rows with the names of InsertionElectrodeDoc."""
    header, *lines = rows
    named = [dict(zip(header, line, strict=False)) for line in lines]
    return [{DOCUMENT[key]: _number(row.get(EXPLORER[key])) for key in EXPLORER if key in DOCUMENT} for row in named]


def _number(text: str | None) -> Any:
    try:
        return float(text or "")
    except ValueError:
        return text


def _snapshot(rng: random.Random, root: Path) -> tuple[str, bytes]:
    rows, kind = _rows(root), rng.randrange(7)
    if kind <= 1:
        content = _csv(odd_table(rng, rows), delimiter=rng.choice(",,,;\t"))
        return "odd/snapshot.csv", odd_bytes(rng, content) if rng.random() < 0.4 else content
    documents = _documents(rows)
    if kind == 2:
        header = list(documents[0])
        table = [header, *[[str(row[name]) for name in header] for row in documents]]
        return "odd/snapshot.csv", _csv(odd_table(rng, table))
    odd = [odd_value(rng, row) if rng.random() < 0.3 else row for row in documents]
    if kind == 3:
        whole = rng.choice((odd, {"data": odd, "meta": {}}, odd_value(rng, {"data": odd})))
        return "odd/snapshot.json", as_json(rng, whole)
    if kind == 4:
        return "odd/snapshot.parquet", _parquet(rng, pd.DataFrame(documents))
    lines = b"\n".join(json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") for row in odd)
    content = odd_bytes(rng, lines) if rng.random() < 0.5 else lines
    if kind == 5:
        return "odd/snapshot.jsonl", content
    packed = gzip.compress(content, 1)
    return "odd/snapshot.jsonl.gz", odd_bytes(rng, packed) if rng.random() < 0.5 else packed


def _read_snapshot(root: Path, path: Path) -> Any:  # noqa: ARG001 (the shape of every reader)
    return len(prepare.prepare(readers.read(path), params.Prepare()).table)


def _candidates(rng: random.Random, root: Path) -> tuple[str, bytes]:  # noqa: ARG001
    rows = [["formula", "working_ion", "note"], ["LiFePO4", "Li", "a"], ["NaMnO2", "Na", "b"], ["MgV2O5", "", "c, d"]]
    kind = rng.randrange(6)
    if kind == 0:
        content = "\n".join(["# mine", *(row[0] for row in rows[1:])]).encode()
        return "odd/candidates.txt", odd_bytes(rng, content)
    if kind == 1:
        book = io.BytesIO()
        pd.DataFrame(rows[1:], columns=rows[0]).to_excel(book, index=False)
        return "odd/candidates.xlsx", odd_bytes(rng, book.getvalue())
    if kind == 2:
        return "odd/candidates.parquet", _parquet(rng, pd.DataFrame(rows[1:], columns=rows[0]))
    content = _csv(odd_table(rng, rows), delimiter=rng.choice(",,;\t"))
    return "odd/candidates.csv", odd_bytes(rng, content) if rng.random() < 0.5 else content


def _read_candidates(root: Path, path: Path) -> Any:  # noqa: ARG001
    return sum(len(chunk) for chunk in read_candidates(path))


def _parquet(rng: random.Random, frame: pd.DataFrame) -> bytes:
    """A parquet file with odd bytes, or one of odd values."""
    if rng.random() < 0.6 and len(frame.columns):
        name = rng.choice(list(frame.columns))
        kind = rng.randrange(5)
        if kind == 0:
            frame = frame.drop(columns=name)
        elif kind == 1:
            frame = frame.assign(**{name: rng.choice((1, None, True, "x", float("inf"), 1e300, b"\xff", 10**18))})
        elif kind == 2:
            frame = pd.concat([frame, frame.head(1)], ignore_index=True)
        elif kind == 3:
            frame = frame.head(0)
        else:
            frame = frame.rename(columns={name: rng.choice(ODD_TEXT[:30])})
    made = io.BytesIO()
    frame.to_parquet(made)
    return odd_bytes(rng, made.getvalue()) if rng.random() < 0.5 else made.getvalue()


def _formula(rng: random.Random, root: Path) -> tuple[str, bytes]:  # noqa: ARG001
    known = (
        "LiFePO4",
        "Li0.5Co(PO3)3",
        "Na3V2(PO4)2F3",
        "Ca(OH)2·2H2O",
        "Li1-xNi0.8Mn0.1Co0.1O2",
        "Li[Mn2]O4",
        "Fe₂O₃",
    )
    return "odd/formula", odd_text(rng, rng.choice((*known, *ODD_TEXT[-22:]))).encode("utf-8", "surrogatepass")


def _read_formula(root: Path, path: Path) -> Any:  # noqa: ARG001
    try:
        return str(notation.read(path.read_bytes().decode("utf-8", "surrogatepass")))
    except notation.FormulaError as error:
        raise UserError(str(error)) from None


# --- settings and records ---


def _settings(rng: random.Random, root: Path) -> tuple[str, bytes]:  # noqa: ARG001
    if rng.random() < 0.5:
        return "odd/params.yaml", odd_bytes(rng, yaml.safe_dump(SETTINGS).encode())
    bombs = (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nseed: *c",
        "seed: " + "9" * 5000,
        "? {a: b}\n: c",
        "- " * 3000,
    )
    if rng.random() < 0.1:
        return "odd/params.yaml", rng.choice(bombs).encode()
    text = yaml.dump(odd_value(rng, SETTINGS), allow_unicode=True)
    return "odd/params.yaml", text.encode("utf-8", "surrogatepass")


def _read_settings(root: Path, path: Path) -> Any:  # noqa: ARG001
    values = params.load(path)
    for name in values.fit.models or ():
        models.configured(models.named(name, values), values)
    return values.seed


def _json_of(place: str, pattern: str = "") -> Make:
    """Odd versions of a JSON file of the project; with a pattern, of the first file that it matches."""

    def make(rng: random.Random, root: Path) -> tuple[str, bytes]:
        path = next(iter(sorted(root.glob(pattern)))) if pattern else root / place
        content = path.read_bytes()
        odd = odd_bytes(rng, content) if rng.random() < 0.4 else as_json(rng, odd_value(rng, json.loads(content)))
        return str(path.relative_to(root)), odd

    return make


def _bytes_of(place: str) -> Make:
    return lambda rng, root: (place, odd_bytes(rng, (root / place).read_bytes()))


def _parquet_of(place: str) -> Make:
    return lambda rng, root: (place, _parquet(rng, pd.read_parquet(root / place)))


def _csv_of(place: str) -> Make:
    def make(rng: random.Random, root: Path) -> tuple[str, bytes]:
        content = (root / place).read_bytes()
        if rng.random() < 0.5:
            return place, odd_bytes(rng, content)
        return place, _csv(odd_table(rng, [*csv.reader(io.StringIO(content.decode()))]))

    return make


def _read_record(root: Path, path: Path) -> Any:
    made = record.read_record(path)
    record.adopted_record(Project(root), "rf_magpie")
    return None if made is None else (tuning_report.description(made), tuning_report.plot_data(made))


def _read_journal(root: Path, path: Path) -> Any:  # noqa: ARG001
    url = f"journal:///{path}"
    storage._open.cache_clear()
    for name in storage.study_names(url):
        study = storage.load_study(url, name)
        summary.trial_table(study)
        summary.summarise(study)


def _lock(rng: random.Random, root: Path) -> tuple[str, bytes]:  # noqa: ARG001
    entry = {"cmd": "x", "deps": [{"path": "data", "md5": "0"}], "params": {"params.yaml": {"seed": 1}}}
    lock = {"schema": "2.0", "stages": {"fit@rf_magpie-grouped": entry, "prepare": entry}}
    text = yaml.safe_dump(lock if rng.random() < 0.5 else odd_value(rng, lock)).encode("utf-8", "surrogatepass")
    return "dvc.lock", odd_bytes(rng, text)


def _cell(root: Path, path: Path) -> Any:  # noqa: ARG001
    return repr(Project(root).run("rf_magpie", "grouped").digests)


_FIT, _RESULTS = "results/fit/rf_magpie/grouped", "results"

#: All of them; a case takes the one at its number, modulo their count.
READERS: tuple[Reader, ...] = (
    Reader("snapshot", _snapshot, _read_snapshot),
    Reader("candidates", _candidates, _read_candidates),
    Reader("formula", _formula, _read_formula),
    Reader("params.yaml", _settings, _read_settings),
    Reader("snapshot", _snapshot, _read_snapshot),
    Reader("sweep record", _json_of("sweeps/rf_magpie.json"), _read_record),
    Reader("adoption", _json_of("sweeps/rf_magpie/adopted.json"), lambda r, _: Project(r).adoption("rf_magpie")),
    Reader("studies.journal", _bytes_of("mlruns/studies.journal"), _read_journal),
    Reader("cell.json", _json_of(f"{_FIT}/cell.json"), _cell, must_be_equal=True),
    Reader("predictions", _parquet_of(f"{_FIT}/predictions.parquet"), _cell, must_be_equal=True),
    Reader("folds", _parquet_of(f"{_RESULTS}/split/folds.parquet"), lambda r, _: Project(r).folds()),
    Reader("folds' digests", _json_of(f"{_RESULTS}/split/digest.json"), lambda r, _: Project(r).split_digests()),
    Reader("table", _parquet_of(f"{_RESULTS}/prepare/table.parquet"), lambda r, _: Project(r).targets_digest()),
    Reader("card", _json_of(f"{_RESULTS}/prepare/card.json"), lambda r, _: Project(r).synthetic()),
    Reader(
        "features", _parquet_of(f"{_RESULTS}/featurize/elements.parquet"), lambda r, _: Project(r).features("elements")
    ),
    Reader("map", _parquet_of(f"{_RESULTS}/map/map.parquet"), lambda r, _: Project(r).clusters()),
    Reader("scores", _csv_of(f"{_RESULTS}/compare/table.csv"), lambda r, _: Project(r).comparison("table")),
    Reader(
        "calibration",
        _json_of(f"{_RESULTS}/compare/calibration.json"),
        lambda r, _: Project(r).calibration("rf_magpie"),
    ),
    Reader("compared runs", _json_of(f"{_RESULTS}/compare/inputs.json"), lambda r, _: Project(r).comparison("table")),
    Reader("dvc.lock", _lock, lambda r, _: provenance.lock_entry_digest(r, "fit@rf_magpie-grouped")),
    Reader("data.dvc", _bytes_of("data.dvc"), lambda r, _: origin.provenance(r)),
)
