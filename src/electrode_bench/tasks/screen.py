"""screen: a list of candidates -> the best ones and the Pareto front, the lines that cannot be used, and a record."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from electrode_bench.core.artifacts import plain, replacing, write_csv, write_json, write_table
from electrode_bench.core.documents import parse_json, read_json
from electrode_bench.errors import UserError
from electrode_bench.inference import screening
from electrode_bench.inference.candidates import read_candidates
from electrode_bench.inference.chosen import FittedModel
from electrode_bench.inference.screened import COLUMNS, Options, Screened
from electrode_bench.inference.screening.evaluation import REJECT_COLUMNS
from electrode_bench.tracking.provenance import code_version

#: Called with (bytes or rows done, in total).
Progress = Callable[[int, int], None]

#: The record in the metadata of a parquet file.
METADATA = b"electrode_bench"

#: Parts of the record in which two results must agree for one to replace the other without being asked to.
_SAME = ("candidates", "model", "data", "options")


@dataclass(frozen=True)
class ScreenedFile:
    """What was screened, by which model, and the files that were written."""

    screened: Screened
    model: FittedModel
    out: Path
    #: What the result was made from: model, data release, code version, options and counts.
    record: Mapping[str, Any]
    #: The JSON file with the record; None where it is in the metadata of ``out``.
    record_file: Path | None
    #: None when every line could be used.
    rejects: Path | None


def run(
    candidates: Path,
    load_model: Callable[[], FittedModel],
    options: Options | None = None,
    *,
    out: Path | None = None,
    force: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ScreenedFile:
    """Screen a file; write ``out`` (CSV or parquet), its record, and the lines that cannot be used.

    The record is a JSON file beside a CSV file (``best.json`` for ``best.csv``), and in the metadata of a parquet file.
    Lines that cannot be used are in ``<out>.rejects.csv``.

    Parameters
    ----------
    load_model : called once it is clear that the file can be read, since the model may have to be fitted first.
    out : None writes ``<candidates>.screened.csv``.
    force : replace a file that was made from other candidates, with another model or with other options.
    workers : processes; None uses all cores. The result is the same for any number.

    Raises
    ------
    UserError
        When the file cannot be read, ``out`` is neither CSV nor parquet or would be replaced without ``force``, or no
        candidate remains.
    """
    options = options or Options()
    options.check()
    out = out or candidates.with_name(f"{candidates.stem}.screened.csv")
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise UserError(f"{out} must end in .csv or .parquet")
    if out.resolve() == candidates.resolve():
        raise UserError(f"{out} is the list of candidates itself; name another file with --out")
    chunks = _readable(read_candidates(candidates))
    model = load_model()
    record = _record(candidates, model, options)
    if not force:
        _require_same(out, record)
    rejects = out.with_name(f"{out.stem}.rejects.csv")
    with replacing(rejects) as temporary:
        pd.DataFrame(columns=list(REJECT_COLUMNS)).to_csv(temporary, index=False)

        def reject(rows: pd.DataFrame) -> None:
            rows.to_csv(temporary, index=False, header=False, mode="a")

        screened = screening.screen(
            chunks,
            model.predictor,
            options,
            workers=workers or available_cores(),
            reject=reject,
            progress=None if progress is None else _of_total(candidates, progress),
        )
    if not screened.rejected:
        rejects.unlink()
    if screened.best.empty:
        _raise_empty(candidates, screened, rejects)
    counts = ("read", "rejected", "duplicates", "filtered", "outside_domain", "kept")
    record |= {"lines": {name: getattr(screened, name) for name in counts}}
    record_file = _write(screened.best, out, record)
    return ScreenedFile(screened, model, out, record, record_file, rejects if screened.rejected else None)


def available_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _record(candidates: Path, model: FittedModel, options: Options) -> dict[str, Any]:
    """What a result is made from. It has no time and no path, so that equal results have identical bytes."""
    with candidates.open("rb") as stream:
        content = hashlib.file_digest(stream, "md5").hexdigest()
    return {
        "candidates": candidates.name,
        "candidates_md5": content,
        "model": {"name": model.name, "title": model.title, "intervals_from": model.protocol},
        "data": {"synthetic": model.synthetic, **model.data},
        "code": code_version(),
        "options": {**asdict(options), "ordered_by": options.ordered_by, "front": options.front},
    }


def record_path(out: Path) -> Path:
    """Where the record of a CSV file is."""
    return out.with_suffix(".json")


def _require_same(out: Path, record: Mapping[str, Any]) -> None:
    """Raise a UserError if ``out`` exists and was made from something else."""
    path = out if out.suffix.lower() == ".parquet" else record_path(out)
    if not out.exists() and not path.exists():
        return
    existing = out if out.exists() else path
    made = _recorded(path)
    ask = f"name another file with --out, or replace {existing.name} with --force"
    if made is None:
        raise UserError(f"{existing} exists and is not known to be the result of a screening; {ask}")
    new = plain(record)
    different = list(_differences({k: made.get(k) for k in _SAME}, {k: new[k] for k in _SAME}))
    if different:
        raise UserError(f"{existing} was made differently ({'; '.join(different[:4])}); {ask}")


def _recorded(path: Path) -> dict[str, Any] | None:
    """The record in a JSON file or in the metadata of a parquet file; None if there is none."""
    try:
        if path.suffix.lower() == ".parquet":
            made = parse_json((pq.read_schema(path).metadata or {})[METADATA].decode())
        else:
            made = read_json(path)
    except (OSError, KeyError, ValueError, pa.ArrowException):
        return None
    return made if isinstance(made, dict) and set(_SAME) <= set(made) else None


def _differences(made: Any, new: Any, name: str = "") -> Iterator[str]:
    if isinstance(made, dict) and isinstance(new, dict):
        for key in new:
            if key not in ("ordered_by", "front"):  # they follow from the other options
                yield from _differences(made.get(key), new[key], key)
    elif made != new:
        yield f"{name} was {_shown(made)}, now {_shown(new)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_shown, value))
    return "not given" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _write(best: pd.DataFrame, out: Path, record: Mapping[str, Any]) -> Path | None:
    """Write the result with its record; the path of the record's file if it has one."""
    if out.suffix.lower() == ".parquet":
        text = best.copy()
        for name in text.columns.difference(list(COLUMNS)):
            # A user's column may mix numbers and text, which parquet cannot hold.
            if text[name].dtype == object:
                text[name] = [None if _is_missing(value) else str(value) for value in text[name]]
        with replacing(out) as temporary:
            write_table(text, temporary, COLUMNS)
            table = pq.read_table(temporary)
            written = json.dumps(plain(record), sort_keys=True).encode()
            table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: written})
            pq.write_table(table, temporary, compression="zstd")
        return None
    # The record comes first: a result without its record would not be known for one.
    path = record_path(out)
    write_json(record, path)
    write_csv(best, out)
    return path


def _is_missing(value: Any) -> bool:
    return value is None or bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _readable(chunks: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same chunks, the first of which was read: a file that cannot be read is an error now."""
    first = next(chunks, None)
    return chunks if first is None else chain([first], chunks)


def _of_total(candidates: Path, progress: Progress) -> Callable[[int], None]:
    """Report lines done of all lines, which are counted once; blank lines are counted too."""
    total = 0
    with candidates.open("rb") as stream:
        if stream.read(4) == b"PAR1":
            total = int(pq.read_metadata(candidates).num_rows)
        else:
            total = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    return lambda done: progress(done, max(total, done))


def _raise_empty(candidates: Path, screened: Screened, rejects: Path) -> None:
    if screened.outside_domain:
        raise UserError(f"no formula of {candidates} is in the applicability domain; try without --in-domain")
    if screened.filtered and screened.options.window is not None:
        low, high = screened.options.window
        raise UserError(
            f"no formula of {candidates} has a predicted voltage from {low:g} to {high:g} V; choose another --window"
        )
    reasons = f"; the reasons are in {rejects}" if screened.rejected else ""
    raise UserError(f"no formula of {candidates} can be used{reasons}")
