"""The public Python API: results of a project as tables, and predictions from its models.

All names are available from the package itself:

>>> import electrode_bench as eb
>>> project = eb.Project.open(folder)
>>> project.comparison("table")["model"].unique().tolist()
['control', 'rf_magpie']
>>> model = eb.load_model(project)
>>> eb.predict(model, ["LiFePO4", "NaMnO2"])["working_ion"].tolist()
['Li', 'Na']

Other modules of the package may change without notice; these names stay.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from electrode_bench.core.schema import TARGETS
from electrode_bench.errors import UserError
from electrode_bench.exported import Exported
from electrode_bench.inference import pretrained
from electrode_bench.inference.candidates import as_candidates
from electrode_bench.inference.chosen import FittedModel, choose
from electrode_bench.inference.predictor import Answer
from electrode_bench.inference.screened import Options
from electrode_bench.inference.screening import screen as screen_chunks
from electrode_bench.models import use_project_modules
from electrode_bench.project import Project
from electrode_bench.tasks import screen as screen_task

__all__ = [
    "Exported", "FittedModel", "Project", "UserError", "load_model", "load_pretrained", "predict", "screen",
    "screen_file",
]  # fmt: skip


def load_model(project: Project | str | Path = ".", name: str | None = None) -> FittedModel:
    """Load a model of a project, fitted on all rows.

    The model is fitted on the first call and then loaded from the project's cache.

    Parameters
    ----------
    project : a project, or its folder.
    name : the model's name in params.yaml; None takes the model with the smallest error.

    Raises
    ------
    UserError
        When the model is not fitted, or the project's results do not belong together.

    Examples
    --------
    >>> model = load_model(folder, "rf_magpie")
    >>> model.title, model.protocol, model.synthetic
    ('RF@Magpie', 'grouped', True)
    """
    if not isinstance(project, Project):
        project = Project.open(project)
    use_project_modules(project.root)
    return choose(project, model=name)


def load_pretrained() -> FittedModel:
    """Load the pre-trained model that the package brings along; it needs no project and no data.

    Its answers have no neighbours, because it holds none of the electrodes that it was fitted on.

    Examples
    --------
    >>> model = load_pretrained()
    >>> model.pretrained, model.data["release"]
    (True, '2023.11.1')
    """
    return pretrained.load()


def predict(
    model: FittedModel, formulas: str | Iterable[str] | pd.DataFrame, *, ion: str | None = None
) -> pd.DataFrame:
    """Predict electrodes from the formulas of their discharged state.

    Parameters
    ----------
    model : see :func:`load_model`.
    formulas : one formula or several, or a DataFrame with a column ``formula`` and optionally ``working_ion``.
    ion : the working ion of formulas that contain several candidates.

    Returns
    -------
    DataFrame with one row for each formula, in order, and for a DataFrame with its index. Columns: formula,
    working_ion; the targets with ``<target>_low`` and ``<target>_high`` (90% prediction interval; NaN where no interval
    is justified); theoretical_capacity (mAh/g, Faraday's law), above_limit (the predicted capacity is above it, an
    error of the model); nearest, nearest_distance (the nearest known composition and its ElMD; the pre-trained model
    holds no known compositions, so that nearest is None); in_domain (whether the composition is within the
    applicability domain); fitted_on (training electrodes of the same composition; if there are any, the interval does
    not apply; 0 for the pre-trained model); extracted_share and full_extraction (the predicted share of the working
    ion that is extracted, and the probability that it is all; NaN for a model that does not predict its distribution);
    reduced_formula (how the formula was read, the same for every spelling of the composition); specific_energy (Wh/kg)
    and energy_density (Wh/L), those of a cathode against the pure metal of the working ion, from at most the
    theoretical capacity; notes (what else to know, in sentences joined by "; ").

    Raises
    ------
    UserError
        For the first formula that cannot be used.

    Examples
    --------
    >>> table = predict(model, ["LiFePO4", "LiCrPO4", "LiUO2"])
    >>> table[["formula", "working_ion", "in_domain"]]
       formula working_ion  in_domain
    0  LiFePO4          Li       True
    1  LiCrPO4          Li       True
    2    LiUO2          Li      False

    The first is in the training data and the last is unlike all of them, so that only the second has an interval:

    >>> (table["average_voltage_low"] <= table["average_voltage"]).tolist()
    [False, True, False]
    >>> table["notes"][0]
    'in the training data (1 electrode): the interval does not apply'
    """
    candidates = _table(formulas)
    own_ions = [own if isinstance(own, str) and own else None for own in candidates["working_ion"]]
    answers = model.predictor.predict(
        candidates["formula"].tolist(), ion=[own or ion for own in own_ions], neighbours=1
    )
    for answer, own in zip(answers, own_ions, strict=True):
        if own and own != answer.working_ion:
            raise UserError(f"{answer.formula} does not contain the working ion {own}")
    index = formulas.index if isinstance(formulas, pd.DataFrame) else None
    return pd.DataFrame([_row(answer) for answer in answers], index=index)


def screen(
    model: FittedModel,
    candidates: Iterable[str] | pd.DataFrame,
    *,
    objective: str = "energy",
    rank: str = "lower",
    goal: float | None = None,
    top: int = 50,
    window: tuple[float, float] | None = None,
    ion: str | None = None,
    in_domain: bool = False,
) -> pd.DataFrame:
    """Rank candidates, and find the Pareto front of energy and voltage.

    Candidates that cannot be used are skipped with a warning. For lists that do not fit into memory see
    :func:`screen_file`.

    Parameters
    ----------
    model : see :func:`load_model`.
    candidates : formulas, or a DataFrame with a column ``formula`` and optionally ``working_ion``.
    objective : ``energy`` (Wh/kg), ``energy_density`` (Wh/L), or a target. Energies are those of a cathode against the
        pure metal of the working ion.
    rank : ``lower`` orders by the lower end of the 90% interval, ``value`` by the predicted value, and ``probability``
        by the probability of exceeding ``goal``.
    goal : in the unit of the objective.
    top : how many candidates to keep, besides those on the Pareto front.
    window : keep only candidates whose predicted voltage (V) is within it.
    ion : the working ion of formulas that contain several candidates.
    in_domain : keep only candidates within the applicability domain.

    Returns
    -------
    DataFrame with one row for each candidate kept, best first, followed by the lines that repeat it. Columns as for
    :func:`predict` without fitted_on, the extracted share and reduced_formula, with: rank (missing for candidates that
    are only on the front, and for repeated ones), line (row number in ``candidates``, from 1), duplicate_of (the line
    that this one repeats); energy (the specific energy) and energy_density with their intervals; probability (of
    exceeding the goal); on_front (no other candidate has more energy at no higher voltage); notes (what to know about
    the candidate, in words). All other columns of ``candidates`` follow, with the prefix ``input_`` where a name is
    taken.

    Raises
    ------
    UserError
        When an option is wrong, or ``candidates`` has no column of formulas.

    Examples
    --------
    >>> best = screen(model, ["LiFePO4", "LiMnPO4", "LiCoPO4", "NaFePO4"], top=2)
    >>> best["rank"].dropna().tolist()
    [1, 2]
    >>> bool(best["on_front"].any())
    True
    """
    rejected: list[pd.DataFrame] = []
    options = Options(objective, rank, goal, top, window, ion, in_domain)
    screened = screen_chunks([_table(candidates)], model.predictor, options, reject=rejected.append)
    if rejected:
        first = rejected[0].iloc[0]
        warnings.warn(
            f"{screened.rejected} of {screened.read} candidates cannot be used; the first is number {first['line']}: "
            f"{first['reason']}",
            stacklevel=2,
        )
    return screened.best


def screen_file(
    model: FittedModel,
    candidates: str | Path,
    *,
    objective: str = "energy",
    rank: str = "lower",
    goal: float | None = None,
    top: int = 50,
    window: tuple[float, float] | None = None,
    ion: str | None = None,
    in_domain: bool = False,
    out: str | Path | None = None,
    force: bool = False,
    workers: int = 1,
) -> pd.DataFrame:
    """Screen a file of any length, as :func:`screen`, and write the result to a file.

    Lines that cannot be used are written to ``<out>.rejects.csv`` with the reason. What the result was made from
    (model, data release, code version, options) is in ``<out>.json``, or in the metadata of a parquet file.

    Parameters
    ----------
    candidates : a CSV, TSV, Excel or parquet file with a column ``formula`` (and optionally ``working_ion``), or a text
        file with one formula per line.
    out : CSV or parquet file to write; None writes ``<candidates>.screened.csv``.
    force : replace a file that was made from other candidates, with another model or with other options.
    workers : processes that share the work. The result is the same for any number. A script that uses several must
        have its own code under ``if __name__ == "__main__":``.

    The other parameters, and the DataFrame that is returned, are those of :func:`screen`.

    Raises
    ------
    UserError
        When the file cannot be read, ``out`` was made differently, or no candidate remains.

    Examples
    --------
    >>> file = folder / "candidates.txt"
    >>> _ = file.write_text("LiFePO4\\nLiMnPO4\\nFePO4\\n")
    >>> screen_file(model, file)["line"].sort_values().tolist()
    [1, 2]
    >>> (folder / "candidates.screened.rejects.csv").read_text().splitlines()[1].startswith("3,FePO4,")
    True
    """
    made = screen_task.run(
        Path(candidates),
        lambda: model,
        Options(objective, rank, goal, top, window, ion, in_domain),
        out=None if out is None else Path(out),
        force=force,
        workers=workers,
    )
    return made.screened.best


def _table(formulas: str | Iterable[str] | pd.DataFrame) -> pd.DataFrame:
    """The formulas as candidates: line (from 1), formula, working_ion."""
    if isinstance(formulas, str):
        formulas = [formulas]
    frame = formulas if isinstance(formulas, pd.DataFrame) else pd.DataFrame({"formula": list(formulas)})
    return as_candidates(frame, first_line=1, where="the DataFrame")


def _row(answer: Answer) -> dict[str, object]:
    row: dict[str, object] = {"formula": answer.formula, "working_ion": answer.working_ion}
    for target in TARGETS:
        estimate = answer.targets[target]
        low, high = (math.nan if end is None else end for end in (estimate.low, estimate.high))
        row |= {target: estimate.value, f"{target}_low": low, f"{target}_high": high}
    return row | {
        "theoretical_capacity": answer.theoretical_capacity,
        "above_limit": answer.above_limit,
        # A model without its training data, such as the pre-trained one, knows no neighbours.
        "nearest": answer.neighbours[0].formula if answer.neighbours else None,
        "nearest_distance": answer.nearest_distance,
        "in_domain": answer.outside is None,
        "fitted_on": answer.fitted_on,
        "extracted_share": answer.share.value if answer.share else math.nan,
        "full_extraction": answer.share.full_extraction if answer.share else math.nan,
        "reduced_formula": answer.reading.reduced_formula if answer.reading else None,
        "specific_energy": answer.specific_energy,
        "energy_density": answer.energy_density,
        "notes": "; ".join(answer.notes),
    }
