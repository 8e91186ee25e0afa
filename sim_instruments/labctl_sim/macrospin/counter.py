"""Random numbers without a generator: words are a function of (seed, purpose, device, trial, step) and of nothing else.

Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC11), checked against the
vectors of Random123. Whatever the order, the batch or the number of threads, one trial of one junction sees one noise.

`philox` is written so that NumPy arrays and the scalars of a compiled kernel pass through the same lines.

The counter is (block, low word of the trial, device, purpose << 24 | high bits of the trial), the key is the seed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError

Words = NDArray[np.uint32]

WEAK, GAUSSIAN, START = 0, 1, 2  # purposes: streams that must never overlap
MOST_TRIALS = 1 << 56
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def philox_round(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any, w0: Any, w1: Any) -> Any:
    """One of the ten rounds; ``w0``, ``w1`` are what the key has grown by."""
    left, right = np.uint64(c0) * _M0, np.uint64(c2) * _M1
    key0 = np.uint32((np.uint64(k0) + np.uint64(w0)) & _LOW)
    key1 = np.uint32((np.uint64(k1) + np.uint64(w1)) & _LOW)
    return (
        np.uint32(np.uint32(right >> _HALF) ^ c1 ^ key0),
        np.uint32(right & _LOW),
        np.uint32(np.uint32(left >> _HALF) ^ c3 ^ key1),
        np.uint32(left & _LOW),
    )


def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Four uint32 words of a counter (four words) under a key (two words); scalars or arrays."""
    # Written out, because a loop here would keep the compiler from working on many trials at once.
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 0, 0)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, _W0, _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 2 * _W0, 2 * _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 3 * _W0, 3 * _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 4 * _W0, 4 * _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 5 * _W0, 5 * _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 6 * _W0, 6 * _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 7 * _W0, 7 * _W1)
    c0, c1, c2, c3 = philox_round(c0, c1, c2, c3, k0, k1, 8 * _W0, 8 * _W1)
    return philox_round(c0, c1, c2, c3, k0, k1, 9 * _W0, 9 * _W1)


def key_of(seed: int) -> tuple[np.uint32, np.uint32]:
    """The two key words of a seed."""
    if not 0 <= seed < 1 << 64:
        raise ParameterError(f"the seed is {seed}; choose a whole number from 0 to 2^64 - 1")
    return np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32)


def tags(trials: NDArray[np.int64], purpose: int) -> tuple[Words, Words]:
    """Of trial numbers below 2^56: the counter's words that hold the trial, low and (with the purpose) high."""
    low = (trials & 0xFFFFFFFF).astype(np.uint32)
    return low, ((trials >> 32) | (purpose << 24)).astype(np.uint32)


def words(
    seed: int, purpose: int, devices: NDArray[np.int64], trials: NDArray[np.int64], block: int
) -> tuple[Words, Words, Words, Words]:
    """Four independent uint32 words for every (device, trial) pair, arrays of one shape, at ``block``."""
    k0, k1 = key_of(seed)
    low, high = tags(trials, purpose)
    result: tuple[Words, Words, Words, Words] = philox(
        np.full(low.shape, block, np.uint32), low, devices.astype(np.uint32), high, k0, k1
    )
    return result


def uniforms(word: Words) -> NDArray[np.float64]:
    """Evenly spread float64 strictly between 0 and 1."""
    return (word.astype(np.float64) + 0.5) * 2.0**-32


def gaussians(four: tuple[Words, Words, Words, Words]) -> tuple[NDArray[np.float64], ...]:
    """Three independent N(0,1) from four words (Box and Muller 1958); they end at 6.7 standard deviations."""
    radius = np.sqrt(-2 * np.log(uniforms(four[0])))
    angle = 2 * np.pi * uniforms(four[1])
    third = np.sqrt(-2 * np.log(uniforms(four[2]))) * np.cos(2 * np.pi * uniforms(four[3]))
    return radius * np.cos(angle), radius * np.sin(angle), third
