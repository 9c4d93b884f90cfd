"""What the app does: read a list, predict and rank it, and answer questions about one composition."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from electrode_bench.app.jobs import Job, Jobs, Progress
from electrode_bench.app.limits import Limits
from electrode_bench.app.requests import Question, Screening
from electrode_bench.core.artifacts import plain
from electrode_bench.data import chemistry
from electrode_bench.errors import UserError
from electrode_bench.inference.candidates import read_candidates
from electrode_bench.inference.chosen import FittedModel
from electrode_bench.inference.ions import candidate_ions
from electrode_bench.inference.screened import Options
from electrode_bench.inference.screening import screen
from electrode_bench.inference.side_by_side import side_by_side
from electrode_bench.report.candidates.shown import Reject, Shown
from electrode_bench.report.composition_map import CompositionMap

#: Candidates that are predicted at a time: small, so that progress is seen.
CHUNK = 250

#: Suffixes that say what a file is; the name of a file says nothing else.
_SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".xlsx", ".parquet", ".pq")


@dataclass(frozen=True)
class Loaded:
    """The model that answers, and the map of known electrodes if there is one.

    ``others`` loads the models that are shown beside it.
    """

    model: FittedModel
    known: CompositionMap | None = None
    others: Callable[[], Sequence[FittedModel]] = tuple


@dataclass(frozen=True)
class Undecided:
    """A line whose formula has several candidate ions, of which none was named."""

    line: int
    formula: str
    ions: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What came of a list. ``shown`` is None when no line can be used."""

    shown: Shown | None
    rejects: tuple[Reject, ...]
    undecided: tuple[Undecided, ...]
    name: str


class Service:
    """The model with what was asked of it.

    Parameters
    ----------
    load : loads the model; it is called once, in the thread that does all the work.
    about : says where the numbers of a model come from, by heading.
    """

    def __init__(
        self, load: Callable[[], Loaded], *, limits: Limits, about: Callable[[FittedModel, Options], Mapping[str, str]]
    ) -> None:
        self.limits = limits
        self.jobs: Jobs[Result] = Jobs(most_waiting=limits.waiting, most_kept=limits.results)
        self._about = about
        self.loading: Future[Loaded] = self.jobs.call(load)
        self._loaded_others: Sequence[FittedModel] | None = None

    def screen(self, request: Screening) -> Job[Result]:
        """Begin to predict and rank a list.

        Raises
        ------
        UserError
            When the request cannot be used, or too many wait.
        """
        name, content = request.file()
        options = request.options(top=self.limits.formulas)

        def work(progress: Progress) -> Result:
            candidates = _named_ions(_read(name, content, self.limits), request.ions)
            loaded = self.loading.result()
            rejected: list[pd.DataFrame] = []
            progress(0, len(candidates))
            screened = screen(
                _chunks(candidates), loaded.model.predictor, options, reject=rejected.append,
                progress=lambda done: progress(done, len(candidates)),
            )  # fmt: skip
            rejects = tuple(
                Reject(int(line), str(text), str(reason))
                for rows in rejected
                for line, text, reason in rows[["line", "formula", "reason"]].itertuples(index=False)
            )
            undecided = tuple(_undecided(rejects, candidates, default=options.ion))
            open_lines = {each.line for each in undecided}
            rejects = tuple(reject for reject in rejects if reject.line not in open_lines)
            if screened.best.empty:
                return Result(None, rejects, undecided, name)
            model, screened = loaded.model, replace(screened, rejected=len(rejects))
            shown = Shown(
                screened, model.title, loaded.known, rejects, dict(self._about(model, options)), model.synthetic
            )
            return Result(shown, rejects, undecided, name)

        return self.jobs.add(work)

    def answer(self, question: Question) -> Future[dict[str, Any]]:
        """All that is known about one composition, in JSON's own types (see ``inference.answer.Answer``).

        The other models are loaded when they are first asked for, which may take a while.
        """

        def work() -> dict[str, Any]:
            model, formulas = self.loading.result().model, [question.formula]
            answers = model.predictor.predict(formulas, ion=question.ion)
            if question.all_models:
                said = [(model, answers)]
                said.extend(
                    (other, other.predictor.predict(formulas, ion=question.ion, neighbours=0))
                    for other in self._others()
                )
                answers = side_by_side(answers, said)
            return dict(plain(asdict(answers[0])))

        return self.jobs.call(work)

    def _others(self) -> Sequence[FittedModel]:
        if self._loaded_others is None:
            self._loaded_others = self.loading.result().others()
        return self._loaded_others


def _read(name: str, content: bytes, limits: Limits) -> pd.DataFrame:
    """All candidates of a list, as ``read_candidates`` gives them.

    Raises
    ------
    UserError
        When the list cannot be read or is too long.
    """
    suffix = Path(name).suffix.lower()
    with TemporaryDirectory(prefix="electrode-bench-") as folder:
        # The user's own name of the file never becomes a path.
        path = Path(folder) / f"list{suffix if suffix in _SUFFIXES else '.txt'}"
        path.write_bytes(content)
        _check_unpacked(path, limits.unpacked)
        parts, count = [], 0
        try:
            for part in read_candidates(path, chunk=CHUNK):
                count += len(part)
                if count > limits.formulas:
                    raise UserError(
                        f"{path} has more than {limits.formulas:,} formulas; screen longer lists in a terminal: "
                        "electrode-bench screen FILE"
                    )
                parts.append(part)
        except UserError as error:
            raise UserError(str(error).replace(str(path), name)) from error
    if not parts:
        raise UserError(f"{name} has no formula")
    return pd.concat(parts, ignore_index=True)


def _check_unpacked(path: Path, most: int) -> None:
    """Refuse a zip file (Excel) that is small but unpacks to more than ``most`` bytes."""
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > most:
            raise UserError(f"the file unpacks to more than {most / 1e6:g} MB; save its table as CSV")


def _named_ions(candidates: pd.DataFrame, ions: Mapping[int, str]) -> pd.DataFrame:
    """The candidates with the working ions that were chosen on the page."""
    chosen = candidates["line"].map(ions).astype(object)
    return candidates.assign(working_ion=candidates["working_ion"].where(chosen.isna(), chosen))


def _chunks(candidates: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for start in range(0, len(candidates), CHUNK):
        yield candidates.iloc[start : start + CHUNK].reset_index(drop=True)


def _undecided(rejects: tuple[Reject, ...], candidates: pd.DataFrame, *, default: str | None) -> Iterator[Undecided]:
    """The lines that can be used once an ion is named."""
    given = dict(zip(candidates["line"], candidates["working_ion"], strict=True))
    for reject in rejects:
        if default is not None or not chemistry.is_missing(given[reject.line]):
            continue
        try:
            ions = candidate_ions(reject.text)
        except chemistry.FormulaError:
            continue
        if len(ions) > 1:
            yield Undecided(reject.line, reject.text, tuple(ions))
