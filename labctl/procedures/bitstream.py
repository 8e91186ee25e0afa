"""Random bits from junctions: pulse, read, threshold, judge, hand over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from annotated_types import Interval, Len

from labctl.core.bits import Bits, Origin
from labctl.core.device import ArrayPort, Digitizer, PulseGenerator
from labctl.core.errors import ParameterError
from labctl.core.procedure import Harvest, Items, Progress, Record
from labctl.entropy.health import assess
from labctl.procedures.shots import Pulses, Shooter, blocks, check_junction, pulse_of
from labctl.procedures.threshold import Threshold

Junction = tuple[Annotated[int, Interval(ge=0)], Annotated[int, Interval(ge=0)]]


@dataclass(frozen=True)
class Bitstream:
    """Harvest `bits_per_junction` raw random bits from each junction in `junctions` ([row, col] pairs).

    Each bit is the state in which one pulse of `volts` and `width_seconds` leaves the junction: 1 for antiparallel,
    0 for parallel. A long pulse above the critical voltage forgets the state before it, so no reset is needed; whether
    it did is seen in the switching rate and the lag-1 correlation that come with every block. Where the sign of the
    volts says the state (spin torque), give `reset_volts`: a pulse of `reset_seconds` before each of the others; 0 V,
    the default, is none.
    `tier` "block" lets the instruments time a whole block of shots themselves, "single" triggers every shot from here,
    "auto" takes block where both instruments can.

    A block has at least 1,024 bits, the least on which a junction may be judged (SP 800-90B 4.3).
    Yields one Harvest per block (raw, unconditioned state bits), and records of kind "block" with the health of each:
    the SP 800-90B repetition count and adaptive proportion tests on the raw bits of that junction.
    """

    junctions: Annotated[tuple[Junction, ...], Len(1, 4096)] = ((0, 0),)
    bits_per_junction: Annotated[int, Interval(ge=1024, le=2**34)] = 65536
    volts: Annotated[float, Interval(ge=-2, le=2)] = 0.9
    width_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    edge_seconds: Annotated[float, Interval(ge=0, le=1e-6)] = 1e-9
    read_volts: Annotated[float, Interval(ge=-0.5, le=0.5)] = 0.1
    read_seconds: Annotated[float, Interval(ge=1e-8, le=1e-3)] = 200e-9
    reset_volts: Annotated[float, Interval(ge=-2, le=2)] = 0.0
    reset_seconds: Annotated[float, Interval(ge=1e-10, le=1e-3)] = 20e-9
    samples: Annotated[int, Interval(ge=1, le=1000)] = 4
    block_bits: Annotated[int, Interval(ge=4096, le=2**22)] = 2**18
    calibration_shots: Annotated[int, Interval(ge=100, le=100_000)] = 2000
    tier: Literal["auto", "block", "single"] = "auto"

    def run(self, pulser: PulseGenerator, digitizer: Digitizer, array: ArrayPort, origin: Origin) -> Items:
        """Yield blocks of bits with their health."""
        for row, col in self.junctions:
            check_junction(array, row, col)
        single = self._single(pulser, digitizer)
        largest = min(self.block_bits, int(digitizer.capabilities()["max_frames"] or self.block_bits))
        shooter = Shooter(pulser, digitizer, array)
        pulses = Pulses.of(self)
        done, total = 0, self.bits_per_junction * len(self.junctions)
        for row, col in self.junctions:
            shooter.aim(row, col)
            plan = shooter.load(pulses, self.samples)
            reads = yield from shooter.fire(self.calibration_shots, Progress(done, total, "bits"), single=single)
            threshold = Threshold.between(reads)
            for size in blocks(self.bits_per_junction, largest):
                reads = yield from shooter.fire(size, Progress(done, total, "bits"), single=single)
                states = threshold.states(reads)
                bits = Bits.of(states, origin)
                health = assess(bits)
                details = {
                    "volts": pulse_of(plan).volts,
                    "width_seconds": self.width_seconds,
                    "threshold_amps": threshold.amps,
                    "separation": threshold.separation,
                    "p_switch": float((states[1:] != states[:-1]).mean()),
                    "tier": "single" if single else "block",
                    **asdict(health),
                }
                yield Harvest(bits, row, col, health.healthy, details)
                yield Record.of("block", row=row, col=col, **details)
                done += size
                yield Progress(done, total, "bits")
        pulser.off()

    def _single(self, pulser: PulseGenerator, digitizer: Digitizer) -> bool:
        burst, frames = pulser.capabilities()["max_burst_cycles"], digitizer.capabilities()["max_frames"]
        able = bool(burst and frames and float(burst) > 1 and float(frames) > 1)
        if self.tier == "block" and not able:
            raise ParameterError(
                f"tier 'block' needs instruments that time many shots themselves; this pulser plays {burst} cycles a "
                f"trigger and this digitizer takes {frames} records. Ask for tier 'single' or 'auto'"
            )
        return self.tier == "single" or not able
