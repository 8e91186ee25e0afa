"""The four sides of an array, in the order in which all its line ends are counted."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike

from labctl.crossbar.reduction import Floats

SIDES = ("left", "right", "top", "bottom")


class Volts(TypedDict, total=False):
    """Source volts per side: a number, one per line, or (P, lines) for P vectors at once. A side left out is at 0 V."""

    left: ArrayLike
    right: ArrayLike
    top: ArrayLike
    bottom: ArrayLike


class Ohms(TypedDict, total=False):
    """Resistance of the line ends per side: a number, or one per line; inf = floating, as is a side left out."""

    left_ohms: ArrayLike
    right_ohms: ArrayLike
    top_ohms: ArrayLike
    bottom_ohms: ArrayLike


def by_side(values: Floats, rows: int, cols: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Values of all ends (P, 2m+2n) as left (P, m), right (P, m), top (P, n), bottom (P, n)."""
    left, right, top, bottom = np.split(values, np.cumsum([rows, rows, cols]), axis=1)
    return left, right, top, bottom


def volts(sources: Floats, rows: int, cols: int) -> Volts:
    """Source volts of all ends (P, 2m+2n), as ``Network.solve`` takes them."""
    left, right, top, bottom = by_side(sources, rows, cols)
    return {"left": left, "right": right, "top": top, "bottom": bottom}
