"""Peaks of the discrete Fourier transform (SP 800-22 rev. 1a, 2.6)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.fft import fft as transform
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
    found = peaks_below(sequence.bits * 2.0 - 1.0, line)
    d = (found - 0.95 * n / 2) / math.sqrt(n / parameters.fft_divisor * 0.95 * 0.05)
    return (float(erfc(abs(d) / math.sqrt(2))),)


def peaks_below(signal: NDArray[np.floating], line: float) -> int:
    """How many of the first n // 2 frequencies of ``signal`` (n,) have a power below ``line``."""
    n = signal.size
    rows = next(rows for rows in range(math.isqrt(n), 0, -1) if n % rows == 0)
    if n % 2 or rows < 16:
        return int(np.count_nonzero(_power(rfft(signal)[: n // 2]) < line))
    # Many short transforms side by side are three times as fast as a long one (the "four-step" method). Row r of what
    # follows holds frequencies r, r + rows, r + 2 rows ...; with its mirror image, row rows - r, it shares the powers,
    # so that a whole row counts for the lower halves of both. Rows that are their own mirror image count by half.
    columns = n // rows
    spectrum = rfft(signal.reshape(rows, columns), axis=0)
    spectrum *= _twiddles(len(spectrum), columns, n)
    below = _power(transform(spectrum, axis=1, overwrite_x=True)) < line
    count = int(np.count_nonzero(below[1 : (rows + 1) // 2]))
    for own in {0} if rows % 2 else {0, rows // 2}:
        lower = np.arange(own, n, rows) < n // 2
        count += int(np.count_nonzero(below[own] & lower))
    return count


def _power(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
    power: NDArray[np.float64] = spectrum.real**2 + spectrum.imag**2
    return power


def _twiddles(rows: int, columns: int, n: int) -> NDArray[np.complex128]:
    """exp(-2 pi i row column / n): complex128 (rows, columns)."""
    # A column's number is 32 a + b, so that few exponentials and one product per element do.
    row = np.arange(rows)[:, None] * (-2j * math.pi / n)
    coarse = np.exp(row * np.arange(0, columns, 32))
    fine = np.exp(row * np.arange(32))
    product: NDArray[np.complex128] = (coarse[:, :, None] * fine[:, None, :]).reshape(rows, -1)[:, :columns]
    return product
