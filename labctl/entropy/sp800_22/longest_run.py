"""The longest run of ones in a block (SP 800-22 rev. 1a, 2.4)."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from labctl.entropy.sp800_22.classes import chi_squared
from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence

_STS = {
    # block length: (the shortest class, probabilities as longestRunOfOnes.c has them)
    8: (1, (0.21484375, 0.3671875, 0.23046875, 0.1875)),
    128: (4, (0.1174035788, 0.242955959, 0.249363483, 0.17517706, 0.102701071, 0.112398847)),
    10_000: (10, (0.0882, 0.2092, 0.2483, 0.1933, 0.1208, 0.0675, 0.0727)),
}


def longest_run(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Are the longest runs of ones in blocks as long as they should be?"""
    n = sequence.n
    if n < 128:
        return NotApplicable(f"{n} bits are fewer than 128, the shortest sequence that the standard has a table for")
    length = 8 if n < 6272 else 128 if n < 750_000 else 10_000
    first, rounded = _STS[length]
    longest = _longest(sequence, length)
    last = first + len(rounded) - 1
    counts = np.bincount(np.clip(longest, first, last) - first, minlength=len(rounded))
    expected = class_probabilities(length, first, last) if parameters.exact else rounded
    chi2 = chi_squared(counts, expected)
    return (float(gammaincc((len(rounded) - 1) / 2, chi2 / 2)),)


def _longest(sequence: Sequence, length: int) -> NDArray[np.int64]:
    """The longest run of each block, counted no further than 16: int64 (blocks,)."""
    # The longest run is that of the window with most ones in front, which is the greatest number; windows that reach
    # over the end of their block are cut there first.
    blocks = sequence.n // length
    windows = sequence.windows[: blocks * length].reshape(blocks, length)
    inside = max(length - 15, 0)
    left = np.arange(length - inside, 0, -1)
    masks = (0xFFFF0000 >> np.minimum(left, 16) & 0xFFFF).astype(np.uint16)
    greatest = (windows[:, inside:] & masks).max(axis=1)
    if inside:
        greatest = np.maximum(greatest, windows[:, :inside].max(axis=1))
    heads = (0xFFFF0000 >> np.arange(1, 17) & 0xFFFF).astype(np.uint16)
    longest: NDArray[np.int64] = np.searchsorted(heads, greatest, side="right")
    return longest


@cache
def class_probabilities(length: int, first: int, last: int) -> tuple[float, ...]:
    """Chances that the longest run of ``length`` bits is ``first`` or less, then each length, then ``last`` or more."""
    at_most = [_at_most(run, length) for run in range(first, last)]
    return tuple(above - below for below, above in zip([0.0, *at_most], [*at_most, 1.0], strict=True))


def _at_most(run: int, length: int) -> float:
    """Chance of no run of ones longer than ``run`` in ``length`` bits."""
    # A first run too long ends at bit k when bits k - run .. k are ones, the bit before is zero, and nothing before it
    # was too long. Feller, An Introduction to Probability Theory, vol. 1, XIII.7.
    chances = [1.0] * (run + 1) + [1 - 0.5 ** (run + 1)]
    for k in range(run + 2, length + 1):
        chances.append(chances[k - 1] - 0.5 ** (run + 2) * chances[k - run - 2])
    return chances[length]
