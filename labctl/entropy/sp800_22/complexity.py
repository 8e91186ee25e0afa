"""The linear complexity of blocks (SP 800-22 rev. 1a, 2.10)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from labctl.entropy.sp800_22.classes import chi_squared
from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence

_EXACT = (1 / 96, 1 / 32, 1 / 8, 1 / 2, 1 / 4, 1 / 16, 1 / 48)
_STS = (0.01047, 0.03125, 0.125, 0.5, 0.25, 0.0625, 0.020833)
"""As linearComplexity.c has them; the first is a slip for 1/96 = 0.0104167."""


def linear_complexity(sequence: Sequence, parameters: Parameters) -> Outcome:
    """How long a shift register does it take to make each block?"""
    length = parameters.linear_complexity_length
    blocks = sequence.n // length
    if not blocks:
        return NotApplicable(f"{sequence.n} bits make no block of {length}")
    found = complexities(sequence.bits[: blocks * length].reshape(blocks, length))
    sign = -1 if length % 2 else 1
    # The standard's mean has -sign here and the C has sign; the classes come out the same.
    mean = length / 2 + (9 + sign) / 36 - (length / 3 + 2 / 9) * 0.5**length
    t = sign * (found - mean) + 2 / 9
    counts = np.bincount(np.digitize(t, (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5), right=True), minlength=7)
    return (float(gammaincc(3, chi_squared(counts, _EXACT if parameters.exact else _STS) / 2)),)


def complexities(blocks: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Linear complexity of each block, by Berlekamp and Massey: bits uint8 (blocks, length) -> int64 (blocks,)."""
    # All blocks step together, each a bit in a row of words. Only how long the registers get matters, not what they
    # are, so in place of the two connection polynomials of each block we keep their products with the block's own
    # series: the discrepancy is the coefficient due, and the older product, which is shifted by one at each step,
    # stands still while the newer one is read from one row further on.
    count, length = blocks.shape
    packed = np.packbits(blocks.T, axis=1)
    newer = np.zeros((length, -(-count // 64)), np.uint64)
    newer.view(np.uint8)[:, : packed.shape[1]] = packed
    older, mixed = newer.copy(), np.empty_like(newer)
    size = np.zeros(64 * newer.shape[1], np.int16)
    for step in range(length):
        miss, ahead, back = newer[step], newer[step + 1 :], older[: length - 1 - step]
        grows = np.unpackbits(miss.view(np.uint8)).view(bool) & (2 * size <= step)
        size = np.where(grows, step + 1 - size, size)
        swap = np.bitwise_xor(ahead, back, out=mixed[: length - 1 - step])
        swap &= np.packbits(grows).view(np.uint64)
        ahead ^= back & miss
        back ^= swap
    return size[:count].astype(np.int64)
