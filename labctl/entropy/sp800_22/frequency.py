"""Counting ones and changes: the frequency, block frequency and runs tests (SP 800-22 rev. 1a, 2.1 to 2.3)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, gammaincc

from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence


def frequency(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Are there as many ones as zeros?"""
    total = abs(2 * sequence.ones - sequence.n)
    return (float(erfc(total / math.sqrt(sequence.n) / math.sqrt(2))),)


def block_frequency(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Are there in each block?"""
    length = parameters.block_frequency_length
    blocks = sequence.n // length
    if not blocks:
        return NotApplicable(f"{sequence.n} bits make no block of {length}")
    if length % 8:
        ones = sequence.bits[: blocks * length].reshape(blocks, length).sum(axis=1, dtype=np.int64)
    else:
        data = sequence.packed[: blocks * length // 8].reshape(blocks, length // 8)
        ones = np.bitwise_count(data).sum(axis=1, dtype=np.int64)
    chi2 = float(((2 * ones - length) ** 2).sum()) / length
    return (float(gammaincc(blocks / 2, chi2 / 2)),)


def runs(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Do the bits change as often as they should?"""
    n = sequence.n
    share = sequence.ones / n
    if abs(share - 0.5) > 2 / math.sqrt(n):
        return NotApplicable(
            f"{sequence.ones} of {n} bits are one: too unequal to count runs (2.3.4), as the frequency test says"
        )
    spread = 2 * share * (1 - share)
    if not spread:
        return NotApplicable(f"all {n} bits are equal")
    changes = int(np.bitwise_count(sequence.packed ^ _delayed(sequence)).sum(dtype=np.int64))
    return (float(erfc(abs(1 + changes - n * spread) / (spread * math.sqrt(2 * n)))),)


def _delayed(sequence: Sequence) -> NDArray[np.uint8]:
    """The sequence one bit later, the first bit doubled, unused bits zero: uint8 like ``packed``."""
    packed = sequence.packed
    late = np.asarray(packed >> 1, np.uint8)
    late[1:] |= packed[:-1] << 7
    late[0] |= packed[0] & 0x80
    late[-1] &= 0xFF << (-sequence.n % 8) & 0xFF
    return late
