"""What to know about a candidate, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from electrode_bench.core.schema import GRAVIMETRIC, VOLTAGE
from electrode_bench.inference.notes import notes
from electrode_bench.inference.screened import ANODE_VOLTAGE

#: How the note on a compound begins in which only an anion could give electrons (see ``inference.reading``).
_NO_REDOX = "no redox-active element"


def remarks(row: Mapping[str, Any], *, reads_ion: bool) -> Iterator[str]:
    """What to know about a candidate, most serious first.

    Parameters
    ----------
    row : a row of a screening, with reading, outside and no_interval as in Predictor.evaluate.
    reads_ion : whether the model reads the working ion.
    """
    # Here, the note on the limit says what it means for the ranking.
    others = list(notes({**row, "above_limit": False}, reads_ion=reads_ion))
    yield from (f"doubtful: {note}" for note in others if note.startswith(_NO_REDOX))
    if row["above_limit"]:
        yield (
            f"impossible: the predicted capacity is above the Faraday limit of {row['theoretical_capacity']:.0f} "
            f"{GRAVIMETRIC.unit}; the energies use the limit"
        )
    if row[VOLTAGE.key] < ANODE_VOLTAGE:
        ion = row["working_ion"]
        yield f"an anode rather than a cathode: the energies are those of a cathode against {ion} metal"
    yield from (note for note in others if not note.startswith(_NO_REDOX))
