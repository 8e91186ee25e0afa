"""All patterns of a few bits: the approximate entropy and serial tests (SP 800-22 rev. 1a, 2.11 and 2.12)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaincc

from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import Outcome
from labctl.entropy.sp800_22.sequence import Sequence


def approximate_entropy(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Do patterns of m bits say anything about the bit after them?"""
    length = parameters.approximate_entropy_length
    entropy = _phi(sequence, length) - _phi(sequence, length + 1)
    chi2 = 2 * sequence.n * (math.log(2) - entropy)
    return (float(gammaincc(2 ** (length - 1), max(chi2, 0.0) / 2)),)


def _phi(sequence: Sequence, length: int) -> float:
    """Mean logarithm of the patterns' shares."""
    counts = sequence.patterns(length)
    counts = counts[counts > 0]
    return float((counts * np.log(counts / sequence.n)).sum()) / sequence.n


def serial(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Do all patterns of m bits occur equally often?"""
    length = parameters.serial_length
    psi = [_psi2(sequence, length - less) for less in range(3)]
    first, second = psi[0] - psi[1], psi[0] - 2 * psi[1] + psi[2]
    return (
        float(gammaincc(2.0 ** (length - 2), max(first, 0.0) / 2)),
        float(gammaincc(2.0 ** (length - 3), max(second, 0.0) / 2)),
    )


def _psi2(sequence: Sequence, length: int) -> float:
    """Chi-squared of the patterns of ``length`` bits."""
    if length <= 0:
        return 0.0
    counts = sequence.patterns(length)
    squares = int(np.dot(counts, counts))
    return squares * 2.0**length / sequence.n - sequence.n
