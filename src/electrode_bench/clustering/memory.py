"""How much memory a map takes, and how much there is: refused before it runs out, not killed when it has."""

from __future__ import annotations

import resource
from contextlib import suppress
from pathlib import Path

from electrode_bench.errors import UserError

#: Numbers of eight bytes that an embedding keeps for each composition: measured on maps of up to 20,000 compositions.
#: Copies of the features while they are sorted and scaled, and what t-SNE and UMAP keep for each neighbour.
_COPIES, _PER_NEIGHBOUR = 6, 8

#: Bytes that are needed for any map: the libraries, and a block of distances while it is sorted.
_LEAST = 400_000_000

#: Pairs of neighbours that DBSCAN may keep: 1.6 GB.
MOST_PAIRS = 100_000_000


def require_memory(compositions: int, *, features: int, neighbours: int, placed: int = 0) -> None:
    """Refuse a map that does not fit into memory.

    Parameters
    ----------
    compositions, neighbours : that are embedded, and how many neighbours of each are kept.
    features : of each composition.
    placed : compositions that are only placed beside embedded ones.

    Raises
    ------
    UserError
        When it needs more memory than there is.
    """
    needed = _LEAST + 8 * compositions * (_COPIES * features + _PER_NEIGHBOUR * neighbours)
    needed += 8 * placed * _COPIES * features
    free = available()
    if needed > free:
        raise UserError(
            f"the map of {compositions + placed:,} compositions needs about {needed / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free; use a machine with more memory, a smaller snapshot, or a feature set with "
            "fewer columns (params.yaml, map.features)"
        )


def available() -> int:
    """Bytes of memory that this process can still use: the machine's, its container's or its account's limit."""
    import psutil

    limits = [int(psutil.virtual_memory().available)]
    # The limit of a container; "max" where there is none. What files are cached there is given back when it is needed.
    with suppress(OSError, ValueError, KeyError):
        group = Path("/sys/fs/cgroup")
        most = int((group / "memory.max").read_text(encoding="ascii"))
        used = int((group / "memory.current").read_text(encoding="ascii"))
        counts = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
        limits.append(most - used + int(counts["inactive_file"]) + int(counts["active_file"]))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        limits.append(soft - int(psutil.Process().memory_info().vms))
    return max(min(limits), 0)
