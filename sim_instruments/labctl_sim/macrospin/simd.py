"""The compiled engine: blocks of 64 trials, eight steps per Philox call, float32, in the vector units of one core.

numba is optional and is met in `compiled` only. What the kernel computes is, bit for bit, what
`labctl_sim.macrospin.llg` computes in NumPy float32: no products are fused into sums, so the width of the vectors
changes nothing either.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from labctl_sim.macrospin import counter, step
from labctl_sim.macrospin.compiled_code import prepared, seal
from labctl_sim.macrospin.counter import philox
from labctl_sim.macrospin.step import weak_step
from labctl_sim.user_cache import user_folder

LANES = 64  # four vectors of AVX-512, eight of AVX2; all working arrays of a block stay in the first-level cache

HALF_WORD = np.uint32(16)

Kernel = Callable[..., None]
_compiling = threading.Lock()


def load(work: Any, table: Any, piece: Any, row: Any) -> None:
    """The coefficients of a piece, for each lane those of its junction, as rows 3 to 10 of ``work``."""
    if row[0] == row[LANES - 1]:  # rows never fall, so one junction fills the block
        for number in range(8):
            value = table[piece, number, row[0]]
            for lane in range(LANES):
                work[3 + number, lane] = value
    else:
        for number in range(8):
            for lane in range(LANES):
                work[3 + number, lane] = table[piece, number, row[lane]]


def draw(words: Any, tag: Any, group: Any, k0: Any, k1: Any) -> None:
    """The words of eight steps, two to a word, (4, LANES); ``group`` is the step over eight."""
    for lane in range(LANES):
        w0, w1, w2, w3 = philox(np.uint32(group), tag[0, lane], tag[1, lane], tag[2, lane], k0, k1)
        words[0, lane], words[1, lane], words[2, lane], words[3, lane] = w0, w1, w2, w3


def four_steps(work: Any, early: Any, late: Any, torque: Any) -> None:
    """Four steps of a block, without putting the spins down in between."""
    x, y, z, bx, by, bz, k, noise = work[0], work[1], work[2], work[3], work[4], work[5], work[6], work[7]
    sx, sy, sz, a = work[8], work[9], work[10], work[11]
    for lane in range(LANES):
        mx, my, mz = x[lane], y[lane], z[lane]
        hx, hy, hz, hk, hn, ha = bx[lane], by[lane], bz[lane], k[lane], noise[lane], a[lane]
        px, py, pz = sx[lane], sy[lane], sz[lane]
        w0, w2 = early[lane], late[lane]
        w1, w3 = np.uint32(w0 << HALF_WORD), np.uint32(w2 << HALF_WORD)
        mx, my, mz = weak_step(mx, my, mz, hx, hy, hz, hk, ha, hn, px, py, pz, torque, w0)
        mx, my, mz = weak_step(mx, my, mz, hx, hy, hz, hk, ha, hn, px, py, pz, torque, w1)
        mx, my, mz = weak_step(mx, my, mz, hx, hy, hz, hk, ha, hn, px, py, pz, torque, w2)
        mx, my, mz = weak_step(mx, my, mz, hx, hy, hz, hk, ha, hn, px, py, pz, torque, w3)
        x[lane], y[lane], z[lane] = mx, my, mz


def one_step(work: Any, word: Any, shift: Any, torque: Any) -> None:
    """One step of a block, with the half of the word that ``shift`` brings up."""
    x, y, z, bx, by, bz, k, noise = work[0], work[1], work[2], work[3], work[4], work[5], work[6], work[7]
    sx, sy, sz, a = work[8], work[9], work[10], work[11]
    for lane in range(LANES):
        mx, my, mz = x[lane], y[lane], z[lane]
        hx, hy, hz, hk, hn, ha = bx[lane], by[lane], bz[lane], k[lane], noise[lane], a[lane]
        px, py, pz = sx[lane], sy[lane], sz[lane]
        half = np.uint32(word[lane] << shift)
        mx, my, mz = weak_step(mx, my, mz, hx, hy, hz, hk, ha, hn, px, py, pz, torque, half)
        x[lane], y[lane], z[lane] = mx, my, mz


def store(spins: Any, work: Any, begin: Any, used: Any) -> None:
    """The block's spins into (3, trials), without those of the spare lanes."""
    for axis in range(3):
        for lane in range(used):
            spins[axis, begin + lane] = work[axis, lane]


def blocks(
    spins: Any,
    rows: Any,
    tags: Any,
    table: Any,
    damping: Any,
    starts: Any,
    torque: Any,
    k0: Any,
    k1: Any,
    record_every: Any,
    records: Any,
    first: Any,
    last: Any,
) -> None:
    """Carry blocks ``first`` to ``last`` of ``spins``, float32 (3, trials), through all steps, in place.

    ``rows`` (trials,) int64, never falling, is each trial's junction in ``damping`` (N,) and ``table``, float32
    (pieces, 8, N): bx, by, bz, k, noise, sx, sy, sz; ``starts`` (pieces + 1,) int64 is the step at which each piece
    begins, and the end. ``tags`` uint32 (3, trials) are the counter's words after the first. ``records`` float32
    (3, trials, R) takes every ``record_every``-th spin (0: none).
    """
    steps = starts[-1]
    work = np.empty((12, LANES), np.float32)  # x, y, z, the eight coefficients, damping
    tag = np.empty((3, LANES), np.uint32)
    words = np.empty((4, LANES), np.uint32)
    row = np.empty(LANES, np.int64)
    for block in range(first, last):
        begin = block * LANES
        used = min(LANES, spins.shape[1] - begin)
        for lane in range(LANES):  # the last block's spare lanes repeat its last trial
            at = begin + min(lane, used - 1)
            row[lane] = rows[at]
            work[11, lane] = damping[rows[at]]
            for axis in range(3):
                work[axis, lane] = spins[axis, at]
                tag[axis, lane] = tags[axis, at]
        piece, now, drawn, until = 0, 0, -1, 0
        while now < steps:
            if now == until:
                load(work, table, piece, row)
                piece += 1
                until = starts[piece]
            if now >> 3 != drawn:
                drawn = now >> 3
                draw(words, tag, drawn, k0, k1)
            room = until - now if record_every == 0 else min(until - now, record_every - now % record_every)
            if (now & 3) == 0 and room >= 4:
                pair = (now >> 1) & 2
                four_steps(work, words[pair], words[pair + 1], torque)
                now += 4
            else:
                one_step(work, words[(now >> 1) & 3], np.uint32((now & 1) << 4), torque)
                now += 1
            if record_every > 0 and now % record_every == 0:
                store(records[:, :, now // record_every - 1], work, begin, used)
        store(spins, work, begin, used)


def cache_folder() -> Path | None:
    """Where compiled code is kept: the user's cache folder, never beside the source, which may be read-only."""
    # numba looks at the age of the kernel's own file only, so the folder is named for the text of all three.
    text = b"".join(Path(str(module.__file__)).read_bytes() for module in (counter, step, sys.modules[__name__]))
    user = user_folder()
    return None if user is None else user / f"macrospin-{hashlib.sha256(text).hexdigest()[:16]}"


def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


@cache
def _compiled() -> Kernel:
    numba: Any = importlib.import_module("numba")
    extending: Any = importlib.import_module("numba.extending")
    options = {"error_model": "numpy", "fastmath": False}
    for function in (
        *(counter.philox_round, philox),
        *(step.slope, step.heun, step.towards_unit, step.three_point, weak_step),
        *(load, four_steps, draw, one_step, store),
    ):
        # Inlined by force: what is called in a loop keeps the loop out of the vector units (14 times slower).
        extending.register_jitable(forceinline=True, **options)(function)
    before = numba.config.CACHE_DIR
    folder = None if before else prepared(cache_folder())  # a folder that the user has named is numba's own affair
    try:
        # numba asks for its folder when the function is wrapped.
        numba.config.CACHE_DIR = before or str(folder)
        kernel: Kernel = numba.njit(nogil=True, cache=bool(before or folder), **options)(blocks)
    finally:
        numba.config.CACHE_DIR = before
    nothing = np.zeros((3, 0), np.float32)
    numbers = np.zeros((0, 8, 1), np.float32), np.ones(1, np.float32), np.zeros(1, np.int64), True, *counter.key_of(0)
    records = np.int64(0), np.zeros((3, 0, 0), np.float32)
    kernel(nothing, np.zeros(0, np.int64), np.zeros((3, 0), np.uint32), *numbers, *records, np.int64(0), np.int64(0))
    if folder is not None:
        seal(folder)
    return kernel


def compiled() -> Kernel:
    """`blocks` as machine code; the first call in a new installation takes a few seconds."""
    with _compiling:
        return _compiled()
