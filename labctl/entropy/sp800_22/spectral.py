"""Peaks of the discrete Fourier transform (SP 800-22 rev. 1a, 2.6)."""

from __future__ import annotations

import math

import numpy as np
from scipy.fft import rfft
from scipy.special import erfc

from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import Sequence


def fft(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Are 95 % of the first n/2 peaks, that at zero frequency among them, below the 95 % line?"""
    n = sequence.n
    if n < 2:
        return NotApplicable("one bit has no spectrum")
    # The C rounds the line's -ln 0.05.
    line = (-math.log(0.05) if parameters.exact else 2.995732274) * n
    found = _below(sequence, line)
    d = (found - 0.95 * n / 2) / math.sqrt(n / parameters.fft_divisor * 0.95 * 0.05)
    return (float(erfc(abs(d) / math.sqrt(2))),)


def _below(sequence: Sequence, line: float) -> int:
    """How many of the first n // 2 frequencies have a power below ``line``."""
    peaks = rfft(sequence.bits * 2.0 - 1.0, overwrite_x=True)[: sequence.n // 2]
    return int(np.count_nonzero(peaks.real**2 + peaks.imag**2 < line))
