"""How fast the simulated junctions' fast path is: columns, look-up, bits. CPU time of this process, one thread.

python benchmarks/tables.py
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from labctl_sim.chains import chain
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.switching import SwitchingTable, toss
from labctl_sim.pulse_shape import staircase, trapezoid

JUNCTIONS = 64
ROUNDS = 20


def seconds_of(work, rounds: int = ROUNDS) -> float:
    """The least CPU time of one call."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(1)
    nominal = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)
    layer = replace(
        nominal,
        diameter_meters=50e-9 * (1 + 0.01 * rng.standard_normal(JUNCTIONS)),
        bz_tesla=2e-4 * rng.standard_normal(JUNCTIONS),
    )
    volts = float(nominal.critical_volts[0])
    table = SwitchingTable(nominal, edge_seconds=1e-9)
    wave = staircase(trapezoid(10e-9, 3e-9, 1e-9, 1e-9, 0.0, volts), 100e-9)
    seen = np.tile(wave.volts, (JUNCTIONS, 1))

    begin = time.process_time()
    flips = table.flips(layer, np.full(JUNCTIONS, volts), 3e-9)
    cold = time.process_time() - begin
    count = len(table.lattice.used)
    print(f"columns            {cold / count:8.3f} s each ({count} made)")
    warm = seconds_of(lambda: table.flips(layer, np.full(JUNCTIONS, volts), 3e-9))
    print(f"flips, N = {JUNCTIONS}      {warm * 1e3:8.2f} ms")
    through = seconds_of(lambda: table.through(layer, seen, seen, wave.seconds))
    print(f"through, N = {JUNCTIONS}, W = {wave.seconds.size} {through * 1e3:5.2f} ms")
    held = seconds_of(lambda: table.hold(layer, np.zeros(JUNCTIONS), 1.0))
    print(f"hold, N = {JUNCTIONS}       {held * 1e3:8.2f} ms")
    times = 1_000_000 // JUNCTIONS * 4
    tossed = seconds_of(lambda: toss(flips.up, times, rng), 5)
    print(f"toss               {times * JUNCTIONS / (tossed + warm) / 1e6:8.0f} Mbit/s, look-up included")
    cycles = 1_000_000
    chained = seconds_of(lambda: chain(0, flips.up[:1], flips.down[:1], cycles, rng), 5)
    print(f"chain (burst.py)   {cycles / chained / 1e6:8.0f} Mbit/s, one junction that is never reset")


if __name__ == "__main__":
    main()
