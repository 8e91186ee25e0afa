"""The effective conductance alone, row by row: quicker than a reduction to all line ends where lines are short.

The word nodes of a row are eliminated by hand, which couples all its bit nodes; below each row one dense inverse then
stands for all rows above. With n bit lines this takes about 4 n^3 operations per row, all in three calls of LAPACK.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import blas, lapack

from labctl.crossbar.reduction import Floats
from labctl.crossbar.sides import by_side

LEAST_HELD = 1e-4
"""What holds a bit line, as a share of its segments' conductance: with less, the sums from above lose digits."""
MOST_COUPLED = 1e3
"""Siemens of a cell in units of a bit line's segment: with more, what holds the line is lost beside it."""
LEAST_PASSED = 1e-150
"""Volts at the last cell of a word line per volt at its first one: with less, their ratios overflow."""


def effective(siemens: Floats, word_ohms: float, bit_ohms: float, end_ohms: Floats) -> Floats | None:
    """Amperes out of the bottom ends per volt at the left ends, (n, m) for cells (m, n).

    Both kinds of wire have resistance; ``end_ohms``: (2m+2n,), left, right, top, bottom. None for lines that are held
    so weakly, conduct so much worse than cells or attenuate so much that this way would lose digits.
    """
    rows, cols = siemens.shape
    left, right, top, bottom = (ends[0] for ends in by_side(end_ohms[None], rows, cols))
    with np.errstate(over="ignore"):
        at_words, at_bits = 1 / (word_ohms + np.array([left, right])), bit_ohms / (bit_ohms + np.array([top, bottom]))
    if rows < cols:  # by reciprocity: drive the bottom, sense the left, and turn the array so that words are bits
        at_words, at_bits = at_bits[::-1, ::-1] / bit_ohms, at_words[::-1, ::-1] * word_ohms
        found = _swept(siemens.T[::-1, ::-1], 1 / bit_ohms, 1 / word_ohms, at_words, at_bits)
        return None if found is None else found[::-1, ::-1].T
    return _swept(siemens, 1 / word_ohms, 1 / bit_ohms, at_words, at_bits)


def _swept(siemens: Floats, word: float, bit: float, at_words: Floats, at_bits: Floats) -> Floats | None:
    """``word``, ``bit``: siemens of a segment; ``at_words``: (2, m) of the left and right ends, ``at_bits`` (2, n), of
    the top and bottom ends, in units of ``bit``.

    Below row i its bit nodes see the matrix S_i = D_i + 1 - 1 / S_(i-1), in units of ``bit``: D_i by row i itself.
    """
    rows, cols = siemens.shape
    if at_bits.max(axis=0).min() < LEAST_HELD or siemens.max() > MOST_COUPLED * bit:
        return None
    own_rows = _rows(siemens, word, bit, at_words)
    if own_rows is None:
        return None
    coupled, drive = own_rows
    spots = np.arange(cols)
    coupled[:, spots, spots] += 2.0
    coupled[0, spots, spots] += at_bits[0] - 1
    coupled[-1, spots, spots] += at_bits[1] - 1
    # amps down each bit line per volt at each word line so far; as LAPACK has matrices, columns first
    down, next_down = np.empty((2, rows, cols)).transpose(0, 2, 1)
    above: Floats = np.zeros((cols, cols), order="F")
    for row in range(rows):
        own = coupled[row].T
        own -= above
        down[:, row] = drive[row]
        factor, failed = lapack.dpotrf(own, lower=False, clean=False, overwrite_a=True)
        if failed:
            return None
        above, _ = lapack.dpotri(factor, lower=False, overwrite_c=True)
        driven = row + 1
        blas.dsymm(1.0, above, down[:, :driven], c=next_down[:, :driven], overwrite_c=True)
        down, next_down = next_down, down
    result: Floats = (bit * at_bits[1])[:, None] * down
    return result


def _rows(siemens: Floats, word: float, bit: float, ends: Floats) -> tuple[Floats, Floats] | None:
    """What each row does to its bit nodes, in units of ``bit``: the lower triangles of float64 (m, n, n), and (m, n),
    amperes into each per volt at the left end, with all bit nodes at 0 V.

    Written without a subtraction, so that a row of 1e-12 S between wires of 1 ohm keeps its digits.
    """
    rows, cols = siemens.shape
    onward = np.empty((cols, 2, rows))  # from each node to ground by the wire before it, and, mirrored, behind it
    onward[0] = ends
    cells = np.stack([siemens.T, siemens.T[::-1]], axis=1)
    for col in range(cols - 1):
        ground = onward[col] + cells[col]
        np.divide(word * ground, word + ground, out=onward[col + 1])
    behind = onward[::-1, 1].T
    wire = onward[:, 0].T + behind
    own_share = siemens / (wire + siemens)
    passed = np.ones((rows, cols))  # volts of each node per volt of the one before it
    passed[:, 1:] = word / (word + siemens[:, 1:] + behind[:, 1:])
    first = ends[0] / (wire[:, 0] + siemens[:, 0])
    far = np.cumprod(passed, axis=1)
    if not far.min() > LEAST_PASSED:
        return None
    drive = siemens * (first[:, None] * far) / bit
    coupled: Floats = (siemens / -bit * far)[:, :, None] * (own_share / far)[:, None]
    spots = np.arange(cols)
    coupled[:, spots, spots] = own_share * wire / bit
    return coupled, drive
