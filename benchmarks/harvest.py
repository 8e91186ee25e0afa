"""How fast the simulated bench makes bits, from the chain to the whole procedure. CPU time of this process, one core.

python benchmarks/harvest.py [--bits 1048576]

Each line is the best of some rounds, in Mbit/s, and its ratio to the same chain written as a loop over cycles. The
bench lines are runs of the procedure `bitstream` on the demo station over PyVISA: 4 samples for each bit, the demo's
pulse and read; "the instruments alone" is the same without what labctl does with the records (threshold, health,
packing).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from labctl.bench.bench import open_bench
from labctl.bench.station import load_station
from labctl.core.bits import Origin
from labctl.core.procedure import Harvest
from labctl.procedures.bitstream import Bitstream
from labctl.procedures.shots import Pulses, Shooter
from labctl_sim.chains import chain
from labctl_sim.flips import Floats, States

ROUNDS = 5
LOOPED = 200_000  # bits of the loop, which is slow
BLOCK = 1 << 20

# Of one cycle: chances P -> AP and AP -> P of each of its steps.
CHAINS = {
    "a fair coin": ([0.5], [0.5]),
    "a long pulse": ([0.497], [0.502]),
    "a short pulse": ([0.3], [0.2]),
    "half a turn": ([0.93], [0.95]),
    "disturbed on the way": ([0.497, 1e-3], [0.502, 3e-3]),
}


def looped(state: int, up: Floats, down: Floats, cycles: int, rng: np.random.Generator) -> States:
    """The chain as one would write it."""
    states = np.empty((cycles, up.size), np.uint8)
    for row, draws in zip(states, rng.random((cycles, up.size)), strict=True):
        for step, draw in enumerate(draws):
            state = int(draw < (1 - down[step] if state else up[step]))
            row[step] = state
    return states


def seconds_of(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The least CPU time of one call."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def harvest(bits: int) -> dict[str, float]:
    """CPU seconds of ``bits`` from the demo bench, by what was done."""
    with open_bench(load_station("demo")) as bench:
        roles = bench.roles()
        procedure = Bitstream(junctions=((1, 2),), bits_per_junction=bits, block_bits=BLOCK)

        def whole() -> None:
            items = procedure.run(roles["pulser"], roles["digitizer"], roles["array"], Origin.SIMULATED)
            assert sum(len(item.bits) for item in items if isinstance(item, Harvest)) == bits

        found = {"bitstream": seconds_of(whole, 3)}
        shooter = Shooter(roles["pulser"], roles["digitizer"], roles["array"])
        shooter.aim(1, 2)
        shooter.load(Pulses(0.9, 20e-9, 1e-9, 0.1, 200e-9), procedure.samples)

        def alone() -> None:
            for _ in range(bits // BLOCK):
                roles["digitizer"].arm(BLOCK)
                roles["pulser"].fire(BLOCK)
                roles["digitizer"].fetch()

        found["the instruments alone"] = seconds_of(alone, 3)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast the simulated bench makes bits")
    parser.add_argument("--bits", type=int, default=1 << 20, help=f"of each run, a multiple of {BLOCK}")
    bits = parser.parse_args().bits // BLOCK * BLOCK or BLOCK
    rng = np.random.default_rng(1)
    rates = {}
    up, down = (np.array(each) for each in CHAINS["a long pulse"])
    base = LOOPED / seconds_of(lambda: looped(0, up, down, LOOPED, rng), 1)
    rates["peer: a loop"] = base
    rates["peer: numpy's binomial, which remembers nothing"] = bits / seconds_of(lambda: rng.binomial(1, 0.497, bits))
    for name, (ups, downs) in CHAINS.items():
        up, down = np.array(ups), np.array(downs)
        rates[f"chain: {name}"] = bits / seconds_of(lambda up=up, down=down: chain(0, up, down, bits, rng))
    rates |= {f"bench: {name}": bits / seconds for name, seconds in harvest(bits).items()}
    print(f"{'':52} Mbit/s   of the loop")
    for name, rate in rates.items():
        print(f"{name:52} {rate / 1e6:6.1f}   x{rate / base:,.1f}")


if __name__ == "__main__":
    main()
