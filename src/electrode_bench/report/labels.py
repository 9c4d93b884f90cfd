"""Where the name of a point lies, so that it hides few points and no other name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Distances of a label from its point, in font sizes, and directions; the first of equally good places is taken.
_DISTANCES = (1.1, 2.4, 4.0, 6.2)
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1))

#: Left, right, bottom and top.
Box = tuple[float, float, float, float]


def best_place(
    x: float,
    y: float,
    text: str,
    font_size: float,
    points: np.ndarray,
    taken: Sequence[Box],
    bounds: tuple[float, float],
    *,
    hiding: float = 1.0,
) -> tuple[float, float, Box]:
    """Offset and box of the place that hides fewest points (n, 2), of those that are not crowded if there is one.

    Parameters
    ----------
    hiding : how bad it is to hide a point, compared with a label that is five units further away.
    """
    half_width, half_height = 0.29 * font_size * len(text) + 4.5, 0.8 * font_size
    places = []
    for distance in _DISTANCES:
        for right, up in _DIRECTIONS:
            dx, dy = right * (half_width + distance * font_size), up * (half_height + distance * font_size)
            # Near the left or right end, a label moves inwards.
            dx += max(0.0, bounds[0] - (x + dx - half_width)) - max(0.0, x + dx + half_width - bounds[1])
            box = (x + dx - half_width, x + dx + half_width, y + dy - half_height, y + dy + half_height)
            cost = (is_crowded(box, taken, bounds), hiding * _inside(points, box) + 0.2 * float(np.hypot(dx, dy)))
            places.append((cost, dx, dy, box))
    _, dx, dy, box = min(places, key=lambda place: place[0])
    return dx, dy, box


def is_crowded(box: Box, taken: Sequence[Box], bounds: tuple[float, float]) -> bool:
    outside = box[0] < bounds[0] - 1e-6 or box[1] > bounds[1] + 1e-6
    return outside or any(
        box[0] < other[1] and other[0] < box[1] and box[2] < other[3] and other[2] < box[3] for other in taken
    )


def _inside(points: np.ndarray, box: Box) -> int:
    x, y = points.T
    return int(((x > box[0]) & (x < box[1]) & (y > box[2]) & (y < box[3])).sum())
