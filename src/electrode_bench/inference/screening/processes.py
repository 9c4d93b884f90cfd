"""Chunks of candidates evaluated by several processes, in order."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

import cloudpickle
import pandas as pd

from electrode_bench.fitting.executor import Local
from electrode_bench.inference.predictor import Predictor
from electrode_bench.inference.screened import Options
from electrode_bench.inference.screening.evaluation import Evaluated, evaluate

#: What a chunk needs to be evaluated.
_READ = ["line", "formula", "working_ion"]


def evaluated_chunks(
    chunks: Iterable[pd.DataFrame], predictor: Predictor, options: Options, *, workers: int
) -> Iterator[tuple[pd.DataFrame, Evaluated]]:
    """Each chunk with its candidates evaluated, in the order of the chunks."""
    if workers <= 1:
        for chunk in chunks:
            yield chunk, evaluate(predictor, chunk[_READ], options)
        return
    waiting: dict[int, pd.DataFrame] = {}
    with tempfile.TemporaryDirectory(prefix="electrode-bench-") as folder:
        file = Path(folder) / "predictor.pickle"
        # A process reads the model once, not with every chunk.
        # An ensemble knows how its members are built, partly in functions without a name, which pickle refuses.
        file.write_bytes(cloudpickle.dumps(predictor))

        def calls() -> Iterator[tuple[str, int, pd.DataFrame, Options]]:
            for number, chunk in enumerate(chunks):
                waiting[number] = chunk
                yield str(file), number, chunk[_READ], options

        done: dict[int, Evaluated] = {}
        following = 0
        for number, evaluated in Local(workers).run(_evaluate_in_process, calls()):
            done[number] = evaluated
            while following in done:
                yield waiting.pop(following), done.pop(following)
                following += 1


def _evaluate_in_process(file: str, number: int, chunk: pd.DataFrame, options: Options) -> tuple[int, Evaluated]:
    return number, evaluate(_predictor(file), chunk, options)


@lru_cache(maxsize=1)
def _predictor(file: str) -> Predictor:
    """The predictor that the calling process wrote; files have unique names, so a cached one is never stale."""
    predictor: Predictor = pickle.loads(Path(file).read_bytes())
    return predictor
