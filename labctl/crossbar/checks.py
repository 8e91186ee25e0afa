"""What an array is refused for, in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse import csgraph

from labctl.core.errors import ParameterError
from labctl.crossbar.reduction import Floats, Indices
from labctl.crossbar.sides import SIDES

LEAST_OHMS, MOST_OHMS, MOST_SIEMENS = 1e-15, 1e30, 1e30
"""Beyond any part of a bench, and such that their products and quotients stay numbers."""


def conductances(values: ArrayLike) -> Floats:
    """``values`` as float64 (rows, cols), siemens; read-only."""
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"conductances must be real numbers in a table of (rows, cols): {error}") from error
    if array.ndim != 2 or array.size == 0:
        raise ParameterError(f"conductances have shape {array.shape}; a crossbar needs (rows, cols), each at least 1")
    bad = ~((array >= 0) & (array <= MOST_SIEMENS))
    if bad.any():
        i, j = (int(k) for k in np.argwhere(bad)[0])
        raise ParameterError(
            f"the conductance of cell ({i}, {j}) is {array[i, j]} S; it must be finite and at least 0. "
            f"An open cell is 0, a short is a large number of up to {MOST_SIEMENS:g}"
        )
    array.flags.writeable = False
    return array


def segment(name: str, ohms: float) -> float:
    """The resistance of one wire segment."""
    value = float(ohms)
    if value and not LEAST_OHMS <= value <= MOST_OHMS:
        raise ParameterError(
            f"{name} is {value}; a wire has 0 ohm or more, and not infinitely many: give 0, or {LEAST_OHMS:g} to "
            f"{MOST_OHMS:g}"
        )
    return value


def ends(
    rows: int,
    cols: int,
    *,
    left_ohms: ArrayLike = np.inf,
    right_ohms: ArrayLike = np.inf,
    top_ohms: ArrayLike = np.inf,
    bottom_ohms: ArrayLike = np.inf,
) -> Floats:
    """The resistances of all line ends, left, right, top, bottom: float64 (2 rows + 2 cols,); inf = floating."""
    found = []
    ohms = (left_ohms, right_ohms, top_ohms, bottom_ohms)
    for side, given, count in zip(SIDES, ohms, (rows, rows, cols, cols), strict=True):
        name, values = f"{side}_ohms", np.asarray(given, np.float64)
        if values.shape not in ((), (1,), (count,)):
            raise ParameterError(f"{name} has shape {values.shape}; give one number, or one per line ({count})")
        refuse_impossible_ohms(name, values)
        found.append(np.broadcast_to(values, (count,)))
    result = np.concatenate(found)
    result.flags.writeable = False
    return result


def refuse_impossible_ohms(name: str, ohms: Floats) -> None:
    """Raise for what no line end has."""
    possible = (ohms == 0) | (ohms == np.inf) | ((ohms >= LEAST_OHMS) & (ohms <= MOST_OHMS))
    if not possible.all():
        raise ParameterError(
            f"{name} holds {ohms[~possible].flat[0]}; it must be 0, from {LEAST_OHMS:g} to {MOST_OHMS:g} ohm, or "
            "inf = floating"
        )


def vectors(
    rows: int,
    cols: int,
    *,
    left: ArrayLike = 0.0,
    right: ArrayLike = 0.0,
    top: ArrayLike = 0.0,
    bottom: ArrayLike = 0.0,
) -> Floats:
    """Source volts of all line ends: float64 (P, 2 rows + 2 cols)."""
    blocks = []
    for name, side, count in zip(SIDES, (left, right, top, bottom), (rows, rows, cols, cols), strict=True):
        block = np.atleast_2d(np.asarray(side, np.float64))
        if block.ndim != 2 or block.shape[1] not in (1, count):
            raise ParameterError(f"{name} has shape {block.shape}; this array needs (P, {count}), or a single number")
        if not np.isfinite(block).all():
            raise ParameterError(f"{name} holds a voltage that is not finite; leave an end floating by its ohms")
        blocks.append(np.broadcast_to(block, (block.shape[0], count)))
    counts = {block.shape[0] for block in blocks} - {1}
    if len(counts) > 1:
        raise ParameterError(f"the sides hold {sorted(counts)} vectors; give as many for each side, or just one")
    height = counts.pop() if counts else 1
    return np.concatenate([np.broadcast_to(block, (height, block.shape[1])) for block in blocks], axis=1)


def one_source_per_node(end_ohms: Floats, rows: int, cols: int, *, word_ohms: float, bit_ohms: float) -> None:
    """Refuse two ideal sources on one line without resistance."""
    left, right, top, bottom = np.split(end_ohms == 0, np.cumsum([rows, rows, cols]))
    if (word_ohms == 0 and (left & right).any()) or (bit_ohms == 0 and (top & bottom).any()):
        raise ParameterError(
            "both ends of a line without resistance are tied to sources without resistance, so how they share its "
            "current has no answer; give that wire or one of its ends some resistance, or leave one end floating (inf)"
        )


def unreached(siemens: Floats, end_ohms: Floats) -> Indices:
    """Which lines have no way to a source: int (rows + cols,), 0 = has one, k = of the k-th part without.

    Raises ParameterError if no line has one.
    """
    m, n = siemens.shape
    held = np.isfinite(end_ohms)
    if not held.any():
        raise ParameterError(
            f"no line end of this {m} x {n} array is connected, so nothing drives it; give at least one end a "
            "resistance that is not inf"
        )
    tied = np.concatenate([held[:m] | held[m : 2 * m], held[2 * m : 2 * m + n] | held[2 * m + n :]])
    joined = siemens > 0
    near = np.concatenate([joined[:, tied[m:]].any(axis=1), joined[tied[:m]].any(axis=0)])
    result = np.zeros(m + n, np.intp)
    if (tied | near).all():
        return result  # every line is tied or has a cell to one that is: the usual case, without a search
    row, col = np.nonzero(joined)
    _, label = csgraph.connected_components(
        sparse.coo_matrix((np.ones(row.size), (row, m + col)), shape=(m + n, m + n)), directed=False
    )
    lost = ~np.isin(label, label[tied])
    result[lost] = 1 + np.unique(label[lost], return_inverse=True)[1]
    return result
