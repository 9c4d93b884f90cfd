"""Every kind of fault, and how many cases of each a version of the harness makes."""

from __future__ import annotations

from collections.abc import Sequence

from chaos import NAMES, damage, disk, fuzz, kills, servers, together
from chaos.cases import Kind

KINDS: tuple[Kind, ...] = (kills.KIND, servers.KIND, together.KIND, *disk.KINDS, *damage.KINDS, fuzz.KIND)


assert tuple(kind.name for kind in KINDS) == NAMES


def plan(kinds: Sequence[Kind], *, long: bool, cases: Sequence[int] | None) -> list[tuple[Kind, Sequence[int]]]:
    """What is done in one process each: a kind and the numbers of its cases, the slow kinds first.

    ``cases`` chooses the numbers; None takes all that the version has.
    """
    tasks: list[tuple[Kind, Sequence[int]]] = []
    for kind in kinds:
        numbers = range(kind.long if long else kind.short) if cases is None else cases
        tasks += [(kind, numbers[first : first + kind.batch]) for first in range(0, len(numbers), kind.batch)]
    return tasks
