"""Element mover's distance between compositions on the modified Pettifor scale.

The distance is the least work that turns one composition's atoms into the other's, where moving a share
of atoms between two elements costs the elements' distance on a scale. On a one-dimensional scale that is
the area between the two cumulative distributions, so a whole matrix of distances is a matrix of city-block
distances between cumulative sums.

Sources: C. J. Hargreaves et al., Chem. Mater. 32, 10610 (2020), doi:10.1021/acs.chemmater.0c03381 (the
distance); H. Glawe et al., New J. Phys. 18, 093011 (2016), doi:10.1088/1367-2630/18/9/093011 (the scale,
with its numbers from the ElementEmbeddings package).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from electrode_bench.data import chemistry
from electrode_bench.errors import UserError

#: Sums of distances that differ by less than this fraction are a tie: they are sums in another order.
TIE = 1e-9

#: Share of known compositions that lie within :func:`reach` of another known one.
REACH = 0.95

#: Rows of a matrix of distances that are computed at a time, to limit memory.
_BLOCK = 500

#: Pairs of compositions of which all are measured, in ten seconds. Of more, a tree finds the nearest ones; its
#: distances are the same up to rounding.
MOST_PAIRS = 100_000_000


@functools.cache
def scale() -> dict[str, int]:
    """Place of each element on the modified Pettifor scale: He 0 to H 102 (D and T share H's).

    Elements after Lr have no place: the table's 0 for them is a filler that would make them helium.
    """
    text = (files("elementembeddings") / "data" / "element_representations" / "mod_petti.json").read_text("utf-8")
    places: dict[str, int] = json.loads(text)
    return {element: place for element, place in places.items() if place > 0 or element == "He"}


def cumulative(formulas: Sequence[str]) -> np.ndarray:
    """Share of atoms at or below each place of the scale, shape (n_formulas x 103), each row rising to 1.

    Raises
    ------
    UserError
        When a formula cannot be read or holds an element after Lr.
    """
    places = scale()
    out = np.zeros((len(formulas), max(places.values()) + 1))
    for i, formula in enumerate(formulas):
        try:
            composition = chemistry.parse(formula)
        except ValueError as error:
            raise UserError(f"{error}; correct it in the snapshot") from error
        for element, amount in composition.items():
            if element not in places:
                raise UserError(
                    f"the element {element} of '{formula}' has no place on the modified Pettifor scale; "
                    "leave this electrode out of the snapshot"
                )
            out[i, places[element]] += amount
    out /= out.sum(axis=1, keepdims=True)
    return np.cumsum(out, axis=1)


def distances(formulas: Sequence[str], others: Sequence[str] | None = None) -> np.ndarray:
    """Element mover's distances, shape (n_formulas x n_others), in steps of the scale; no larger array is made.

    ``others`` defaults to ``formulas``. Errors as :func:`cumulative`.
    """
    rows = cumulative(formulas)
    return between(rows, rows if others is None else cumulative(others))


def between(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Distances, shape (n_rows x n_columns), between compositions as :func:`cumulative` gives them."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(rows, columns, metric="cityblock"))


def nearest(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Distance of each row to its nearest column, both as :func:`cumulative` gives them, shape (n_rows,).

    No array larger than 500 x n_columns is made.
    """
    if len(rows) * len(columns) > MOST_PAIRS:
        return _by_tree(rows, columns, place=1)
    blocks = [between(rows[start : start + _BLOCK], columns).min(axis=1) for start in range(0, len(rows), _BLOCK)]
    return np.concatenate([np.empty(0), *blocks])


def nearest_among(rows: np.ndarray, choices: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """Distances of some compositions to the nearest of others, for several choices of both.

    The distance of two compositions is computed once, however many choices hold them, up to :data:`MOST_PAIRS` pairs.
    No array larger than 500 x n is made.

    Parameters
    ----------
    rows : n compositions as :func:`cumulative` gives them.
    choices : positions of the compositions whose distance is wanted (m,), ascending, and of those that it is to.

    Returns
    -------
    For each choice its distances (m,).
    """
    if len(rows) ** 2 > MOST_PAIRS:
        return [nearest(rows[wanted], rows[others]) for wanted, others in choices]
    found = [np.empty(len(wanted)) for wanted, _ in choices]
    for start in range(0, len(rows), _BLOCK):
        block = between(rows[start : start + _BLOCK], rows)
        for (wanted, others), out in zip(choices, found, strict=True):
            first, last = np.searchsorted(wanted, [start, start + _BLOCK])
            if last > first:
                out[first:last] = block[np.ix_(wanted[first:last] - start, others)].min(axis=1)
    return found


def nearest_other(rows: np.ndarray) -> np.ndarray:
    """Distance of each composition, as :func:`cumulative` gives them, to the nearest other one; shape (n_rows,).

    Raises
    ------
    ValueError
        When there are fewer than two.
    """
    if len(rows) < 2:
        raise ValueError("there is no other composition")
    if len(rows) ** 2 > MOST_PAIRS:
        return _by_tree(rows, rows, place=2)
    found = []
    for start in range(0, len(rows), _BLOCK):
        block = between(rows[start : start + _BLOCK], rows)
        block[np.arange(len(block)), start + np.arange(len(block))] = np.inf
        found.append(block.min(axis=1))
    return np.concatenate(found)


def _by_tree(rows: np.ndarray, columns: np.ndarray, *, place: int) -> np.ndarray:
    """Distance of each row to its ``place``-th nearest column, shape (n_rows,)."""
    from scipy.spatial import cKDTree

    # Places of the scale at which all compositions are equal only cost time.
    differ = (rows != rows[0]).any(axis=0) | (columns != rows[0]).any(axis=0)
    distance, _ = cKDTree(columns[:, differ], leafsize=32).query(rows[:, differ], k=[place], p=1)
    return np.asarray(distance[:, 0])


def reach(rows: np.ndarray) -> float:
    """The distance within which :data:`REACH` of some compositions have another one; 0 for fewer than two."""
    return float(np.quantile(nearest_other(rows), REACH)) if len(rows) > 1 else 0.0


def distance_sums(formulas: Sequence[str]) -> np.ndarray:
    """Sum of each formula's distances to all of ``formulas``, shape (n_formulas,).

    Takes n log n time and no n x n matrix: at one place of the scale, the sum of a value's differences to
    all others follows from the sorted values' running sum.
    """
    values = cumulative(formulas)
    n = len(formulas)
    out = np.zeros(n)
    for column in values.T:
        order = np.argsort(column, kind="stable")
        ranked = column[order]
        below = np.concatenate([[0.0], np.cumsum(ranked)[:-1]])
        rank = np.arange(n)
        # rank values lie below (sum `below`), n - rank - 1 above (sum total - below - own).
        out[order] += ranked * rank - below + (ranked.sum() - below - ranked) - ranked * (n - rank - 1)
    return out


def mean_representative(formulas: Sequence[str]) -> str:
    """The formula whose mean distance to the others is smallest; of several, the first by name.

    Raises
    ------
    ValueError
        When there is no formula. Other errors as :func:`cumulative`.
    """
    if not formulas:
        raise ValueError("there is no formula to choose from")
    sums = distance_sums(formulas)
    limit = sums.min() * (1 + TIE) + TIE
    return min(formula for formula, total in zip(formulas, sums, strict=True) if total <= limit)
