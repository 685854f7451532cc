"""Percentiles, medians, and ratios within a round."""

import math
from collections.abc import Sequence
from statistics import median


def percentile(values: Sequence[float], share: float) -> float:
    """Returns the smallest value that at least this share of the values does not exceed (nearest rank).

    `share` is in 0..1. Raises ValueError where there are no values.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError("needs values, and a share from 0 to 1")
    ranked = sorted(values)
    # Rounded first: 0.99 * 100 is a little more than 99.
    rank = math.ceil(round(share * len(ranked), 9))
    return ranked[max(rank, 1) - 1]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Returns the median, over the rounds, of our figure divided by theirs of the same round.

    What slows a machine down for a minute slows both, so a ratio is steadier than either figure.
    Raises ValueError where the rounds differ in number.
    """
    return median(one / other for one, other in zip(ours, theirs, strict=True))
