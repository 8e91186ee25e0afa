"""The float32 path over many blocks: on the compiled kernel where numba is installed, in NumPy where it is not."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim.macrospin import counter, llg, simd


def carry(
    spins: NDArray[Any],
    rows: NDArray[np.int64],
    device: NDArray[np.int64],
    trial: NDArray[np.int64],
    table: NDArray[Any],
    damping: NDArray[Any],
    starts: NDArray[np.int64],
    torque: bool,
    seed: int,
    record_every: int,
    records: NDArray[Any],
    *,
    threads: int = 1,
    compiled: bool = True,
) -> None:
    """As `labctl_sim.macrospin.llg.carry`, in place; float32 goes to the kernel if ``compiled``.

    Threads share no state and a trial's noise is its own, so their number changes no bit.
    """
    count = spins.shape[1]
    size = simd.LANES if compiled else llg.CHUNK
    units = -(-count // size)
    bounds = np.linspace(0, units, min(threads, units) + 1).astype(int) if units else np.zeros(1, int)
    if compiled:
        kernel = simd.compiled()
        k0, k1 = counter.key_of(seed)
        low, high = counter.tags(trial, counter.WEAK)
        tags = np.stack([low, device.astype(np.uint32), high])

        def work(first: int, last: int) -> None:
            numbers = (np.int64(record_every), records, np.int64(first), np.int64(last))
            kernel(spins, rows, tags, table, damping, starts, torque, k0, k1, *numbers)

    else:

        def work(first: int, last: int) -> None:
            part = slice(first * size, last * size)
            llg.carry(
                spins[:, part],
                rows[part],
                device[part],
                trial[part],
                table,
                damping,
                starts,
                torque,
                seed,
                record_every,
                records[:, part],
            )

    if len(bounds) <= 2:
        work(0, units)
        return
    with ThreadPoolExecutor(len(bounds) - 1) as pool:
        for result in [pool.submit(work, first, last) for first, last in itertools.pairwise(bounds)]:
            result.result()
