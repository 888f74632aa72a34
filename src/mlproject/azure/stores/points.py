"""Values of metrics, in notes, as MLflow's own servers keep them."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")
_LARGEST = sys.float_info.max


def number(value: float) -> float:
    """Return a value as it is kept: the largest number for infinity."""
    return value if math.isnan(value) else max(-_LARGEST, min(_LARGEST, value))


def once(points: Iterable[T]) -> list[T]:
    """Return points without those that are there already.

    Whoever was killed midway logs again what was kept. NaN is not equal to itself, but its text is.
    """
    return list({repr(point): point for point in points}.values())
