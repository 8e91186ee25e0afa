"""The engine in NumPy: the float64 reference with true Gaussians, and float32 with the weak noise of the kernel.

The float32 results are those of `labctl_sim.macrospin.simd`, bit for bit, some thirty times slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim.macrospin import counter
from labctl_sim.macrospin.step import heun, weak_step

CHUNK = 4096  # trials at a time: the forty working arrays stay in the second-level cache

Spins = NDArray[Any]


def carry(
    spins: Spins,
    rows: NDArray[np.int64],
    device: NDArray[np.int64],
    trial: NDArray[np.int64],
    table: Spins,
    damping: Spins,
    starts: NDArray[np.int64],
    torque: bool,
    seed: int,
    record_every: int,
    records: Spins,
) -> None:
    """Carry ``spins`` (3, trials) through all steps, in place: float64 with Gaussians, float32 with weak noise.

    Arguments as of `labctl_sim.macrospin.simd.blocks`, with the counter's numbers instead of its words.
    """
    advance = _gaussian if spins.dtype == np.float64 else _weak
    for begin in range(0, spins.shape[1], CHUNK):
        part = slice(begin, begin + CHUNK)
        advance(
            spins[:, part],
            rows[part],
            device[part],
            trial[part],
            table,
            damping[rows[part]],
            starts,
            torque,
            seed,
            record_every,
            records[:, part],
        )


def _gaussian(
    spins: Spins,
    rows: NDArray[np.int64],
    device: NDArray[np.int64],
    trial: NDArray[np.int64],
    table: Spins,
    damping: Spins,
    starts: NDArray[np.int64],
    torque: bool,
    seed: int,
    record_every: int,
    records: Spins,
) -> None:
    spin = (spins[0], spins[1], spins[2])
    for piece in range(len(starts) - 1):
        bx, by, bz, k, noise, sx, sy, sz = table[piece][:, rows]
        quiet = not noise.any()
        for now in range(int(starts[piece]), int(starts[piece + 1])):
            hx, hy, hz = bx, by, bz
            if not quiet:
                gx, gy, gz = counter.gaussians(counter.words(seed, counter.GAUSSIAN, device, trial, now))
                hx, hy, hz = bx + noise * gx, by + noise * gy, bz + noise * gz
            mx, my, mz = heun(*spin, hx, hy, hz, k, damping, sx, sy, sz, torque)
            length = np.sqrt(mx * mx + my * my + mz * mz)
            spin = (mx / length, my / length, mz / length)
            if record_every and (now + 1) % record_every == 0:
                records[:, :, (now + 1) // record_every - 1] = spin
    spins[:] = spin


def _weak(
    spins: Spins,
    rows: NDArray[np.int64],
    device: NDArray[np.int64],
    trial: NDArray[np.int64],
    table: Spins,
    damping: Spins,
    starts: NDArray[np.int64],
    torque: bool,
    seed: int,
    record_every: int,
    records: Spins,
) -> None:
    spin = (spins[0], spins[1], spins[2])
    drawn, words = -1, counter.words(seed, counter.WEAK, device[:0], trial[:0], 0)
    for piece in range(len(starts) - 1):
        bx, by, bz, k, noise, sx, sy, sz = table[piece][:, rows]
        for now in range(int(starts[piece]), int(starts[piece + 1])):
            if now >> 3 != drawn:
                drawn = now >> 3
                words = counter.words(seed, counter.WEAK, device, trial, drawn)
            word = words[(now >> 1) & 3] << np.uint32((now & 1) << 4)
            spin = weak_step(*spin, bx, by, bz, k, damping, noise, sx, sy, sz, torque, word)
            if record_every and (now + 1) % record_every == 0:
                records[:, :, (now + 1) // record_every - 1] = spin
    spins[:] = spin
