"""Health of raw bits: the continuous tests of SP 800-90B 4.4, and two that notice what those are slow to see.

The repetition count (4.4.1) and adaptive proportion (4.4.2) tests catch a source that is dead or stuck. A plain count
of ones and the lag-1 correlation say much sooner that a source drifts or remembers; here they are held against the
same claim, that nobody can guess the next bit better than 2**-min_entropy of the time.
Each call judges one block; a run that goes on across two blocks is counted in each of them only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from labctl.core.bits import Bits

WINDOW = 1024
"""Bits per window of the adaptive proportion test of a binary source; a start-up test takes as many (4.3)."""


@dataclass(frozen=True)
class Health:
    """What the tests found in ``n`` bits.

    ``bias`` is the share of ones less one half and ``lag1`` the correlation of each bit with the next (1.0 when all
    are the same); the ``z`` are these in standard deviations of a perfect source of that length. They inform.
    ``healthy`` is false for the ``reason`` given: an alarm of the repetition count or adaptive proportion test, too
    many of one value, a next bit that can be guessed from the one before, or fewer bits than a start-up test needs.
    """

    n: int
    ones: int
    bias: float
    bias_z: float
    lag1: float
    lag1_z: float
    longest_run: int
    rct_cutoff: int
    rct_alarms: int
    apt_cutoff: int
    apt_alarms: int
    healthy: bool
    reason: str


def rct_cutoff(min_entropy: float, alpha: float) -> int:
    """Repetitions that a source with ``min_entropy`` bits per bit shows with probability ``alpha`` at most.

    >>> rct_cutoff(1.0, 2**-20)
    21
    """
    return 1 + math.ceil(-math.log2(alpha) / min_entropy)


def apt_cutoff(min_entropy: float, alpha: float, window: int = WINDOW) -> int:
    """Copies of its first value that a window shows with probability ``alpha`` at most.

    >>> apt_cutoff(1.0, 2**-20)
    589
    """
    return 1 + _most(window, min_entropy, alpha)


def assess(bits: Bits, min_entropy: float = 0.9, alpha: float = 2**-30) -> Health:
    """Test raw ``bits`` of one source against the claim of ``min_entropy`` bits per bit.

    ``alpha`` is the false-alarm rate per sample of a source that just meets the claim. 2**-30 is for blocks such as a
    harvest; whoever tests without end must choose it by the bit rate, since 10 Mbit/s meet 2**-30 every few minutes.
    """
    values = bits.unpack()
    n, ones = len(bits), int(np.count_nonzero(values))
    runs = _run_lengths(values)
    repeats = int(np.count_nonzero(values[1:] == values[:-1]))
    rct, apt = rct_cutoff(min_entropy, alpha), apt_cutoff(min_entropy, alpha)
    rct_alarms = int(np.count_nonzero(runs >= rct))
    apt_alarms = int(np.count_nonzero(_first_value_counts(values) >= apt))
    lag1 = _lag1(values)
    reason = ""
    if n < WINDOW:
        reason = f"{n} bits are too few to judge: a start-up test takes {WINDOW}"
    elif rct_alarms:
        reason = f"{rct_alarms} runs of {rct} or more equal bits, the longest of {int(runs.max())}"
    elif apt_alarms:
        reason = f"{apt_alarms} windows of {WINDOW} bits with their first value {apt} or more times"
    elif max(ones, n - ones) > _most(n, min_entropy, alpha):
        reason = f"{ones} of {n} bits are one: too unequal for {min_entropy} bits of entropy each"
    elif max(repeats, n - 1 - repeats) > _most(n - 1, min_entropy, alpha):
        reason = f"{repeats} of {n - 1} bits equal the one before: the next bit can be guessed"
    return Health(
        n=n,
        ones=ones,
        bias=ones / n - 0.5 if n else 0.0,
        bias_z=(2 * ones - n) / math.sqrt(n) if n else 0.0,
        lag1=lag1,
        lag1_z=lag1 * math.sqrt(max(n - 1, 0)),
        longest_run=int(runs.max()) if n else 0,
        rct_cutoff=rct,
        rct_alarms=rct_alarms,
        apt_cutoff=apt,
        apt_alarms=apt_alarms,
        healthy=not reason,
        reason=reason,
    )


def _most(n: int, min_entropy: float, alpha: float) -> int:
    """Right guesses out of ``n`` that a source meeting the claim exceeds with probability ``alpha`` at most."""
    # Counted from the wrong guesses, because 1 - alpha is 1 in floating point from 2**-54 on.
    return n - int(binom.ppf(alpha, n, 1 - 2**-min_entropy))


def _run_lengths(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Lengths of the runs of equal values, in order: int64 (runs,)."""
    edges = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = np.concatenate(([0], edges, [values.size])) if values.size else np.zeros(1, np.int64)
    return np.diff(bounds).astype(np.int64)


def _first_value_counts(values: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How often each whole window shows its own first value: int64 (windows,)."""
    windows = values[: values.size // WINDOW * WINDOW].reshape(-1, WINDOW)
    same = windows == windows[:, :1]
    counts: NDArray[np.int64] = same.sum(axis=1, dtype=np.int64)
    return counts


def _lag1(values: NDArray[np.uint8]) -> float:
    """Correlation of each bit with the next, about the mean of all."""
    if values.size < 2:
        return 0.0
    centred = values - values.mean()
    variance = float(np.dot(centred, centred))
    return float(np.dot(centred[1:], centred[:-1])) / variance if variance > 0 else 1.0
