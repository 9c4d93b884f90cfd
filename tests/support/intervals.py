"""A made-up calibration of prediction intervals."""

from __future__ import annotations

from electrode_bench.core.schema import SHARE_THRESHOLDS, TARGETS
from electrode_bench.evaluation.calibration import OUTSIDE, REST, Calibration
from electrode_bench.evaluation.share_sets import ShareSets

_INTERVALS = len(SHARE_THRESHOLDS) + 1


def made_up_calibration(
    *, cutoff: float = 0.5, learned: bool = True, has_std: bool = True, reach: float = 5.0
) -> Calibration:
    """The same cut-off for all targets and groups, doubled outside the domain.

    Parameters
    ----------
    learned : for a model that predicts no distribution of the share: all shares are equally probable.
    has_std : for a model that predicts standard deviations.
    """
    levels = (0.5, 0.8, 0.9, 0.95)
    inside = tuple(cutoff * step for step in (0.5, 0.8, 1.0, 1.2))
    even = tuple([1 / _INTERVALS] * _INTERVALS)
    return Calibration(
        levels=levels,
        level=0.9,
        reach=reach,
        far=3 * reach,
        shares=ShareSets(
            low=(0.0, *SHARE_THRESHOLDS[:-1], 1.0),
            high=(*SHARE_THRESHOLDS, 1.0),
            distribution=tuple([even] * _INTERVALS) if learned else None,
        ),
        density_error=0.1,
        smallest_std=0.1,
        has_std=has_std,
        cutoffs={target: {REST: inside, OUTSIDE: tuple(2 * c for c in inside)} for target in TARGETS},
        compositions={REST: 100, OUTSIDE: 100},
    )
