"""A layer under a drive as numbers per step: what turns the spin in each step, and how long it stays the same."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.drive import Drive, averages
from labctl_sim.macrospin.layer import BOLTZMANN, GAMMA, FreeLayer

Floats = NDArray[np.float64]

MOST_RADIANS = 0.3  # a turn per step up to which Heun's scheme is trusted; 4 ps in 0.4 T
MOST_STEPS = 1 << 31
LONGEST_STEP_SECONDS = 2e-12
FINE_RADIANS = 0.05  # a turn per step at which Heun's scheme moves no chance by more than 0.002: see `fine_step`


@dataclass(frozen=True)
class Timeline:
    """Steps before, under and after the drive; step ``before`` begins at the drive's 0 seconds."""

    before: int
    during: int
    after: int
    step_seconds: float

    @property
    def steps(self) -> int:
        """All of them."""
        return self.before + self.during + self.after

    @property
    def edges(self) -> Floats:
        """Where steps begin and the last one ends, seconds on the drive's clock, (steps + 1,)."""
        return np.arange(-self.before, self.steps - self.before + 1).astype(np.float64) * self.step_seconds


def timeline(drive: Drive, step_seconds: float, thermalise_seconds: float, relax_seconds: float) -> Timeline:
    """Whole steps; a drive that ends within a step is followed to that step's end."""
    if not 0 < step_seconds < 1:
        raise ParameterError(f"step_seconds is {step_seconds:g}; choose some picoseconds, e.g. 1e-12")
    for name, value in (("thermalise_seconds", thermalise_seconds), ("relax_seconds", relax_seconds)):
        if not 0 <= value < math.inf:
            raise ParameterError(f"{name} is {value:g}; it must be 0 or more and finite")
    before, after = round(thermalise_seconds / step_seconds), round(relax_seconds / step_seconds)
    during = math.ceil(drive.duration_seconds / step_seconds - 1e-6)
    if before + during + after > MOST_STEPS:
        raise ParameterError(
            f"the run would take {before + during + after:.3g} steps of {step_seconds:g} s, limit {MOST_STEPS}; "
            "for such times use escape rates instead of trajectories"
        )
    return Timeline(before, during, after, step_seconds)


@dataclass(frozen=True)
class Coefficients:
    """``table`` float64 (pieces, 8, N): bx, by, bz, k, noise, sx, sy, sz, each as a turn per step, in radians.

    Piece i holds from step ``starts[i]`` to ``starts[i + 1]``; ``starts`` int64 (pieces + 1,); ``damping`` (N,).
    """

    table: Floats
    starts: NDArray[np.int64]
    damping: Floats

    @property
    def torque(self) -> bool:
        """Whether any spin torque acts (a field alone needs no extra product)."""
        return bool(np.any(self.table[:, 5:]))


def coefficients(layer: FreeLayer, drive: Drive, time: Timeline) -> Coefficients:
    """What `labctl_sim.macrospin.llg` and the kernel work off."""
    edges, step_seconds = time.edges, time.step_seconds
    volts = np.atleast_2d(averages(drive.seconds, drive.volts, edges))
    amps = np.atleast_2d(np.zeros(1) if drive.amps is None else averages(drive.seconds, drive.amps, edges))
    extra = np.zeros((3, 1)) if drive.field_tesla is None else averages(drive.seconds, drive.field_tesla, edges)
    rest = layer.of("temperature_kelvin")
    kelvin = rest[:, None]
    if layer.heating is not None:
        kelvin = layer.heating.temperatures(volts, step_seconds, rest, layer.of("oxide_meters"))
    new = np.zeros(time.steps, bool)
    new[:1] = True
    for values in (volts, amps, extra, kelvin):
        if values.shape[1] > 1:
            new[1:] |= (values[:, 1:] != values[:, :-1]).any(axis=0)
    starts = np.flatnonzero(new)
    volts, amps, extra, kelvin = (
        values[:, starts] if values.shape[1] > 1 else values for values in (volts, amps, extra, kelvin)
    )
    table = np.zeros((len(starts), 8, layer.devices))
    saturation, interface = (
        (np.ones((1, 1)), np.ones((1, 1))) if layer.heating is None else layer.heating.weakened(kelvin, rest)
    )

    def column(name: str) -> Floats:
        return layer.of(name)[:, None]

    alpha, moment = column("damping"), column("saturation_amps_per_meter") * saturation
    turn = GAMMA * step_seconds / (1 + alpha**2)
    like_field = -(column("field_like_tesla_per_volt") * volts + column("field_like_tesla_per_square_volt") * volts**2)
    energy = 2 * alpha * BOLTZMANN * kelvin
    rows = (
        column("bx_tesla") + extra[0],
        column("by_tesla") + extra[1] + column("spin_orbit_field_tesla_per_amp") * amps,
        column("bz_tesla") + extra[2] + like_field,
        2 * layer.anisotropy(volts, saturation, interface) / moment,
        np.sqrt(energy / (GAMMA * moment * layer.volume_cubic_meters[:, None] * step_seconds)),
        np.zeros(1),
        column("spin_orbit_tesla_per_amp") * amps,
        -column("torque_tesla_per_volt") * volts,
    )
    for index, values in enumerate(rows):
        table[:, index] = (turn * values).T
    refuse_coarse(table, step_seconds)
    return Coefficients(table, np.append(starts, time.steps).astype(np.int64), layer.of("damping"))


def fine_step(layer: FreeLayer, volts: Floats) -> float:
    """Seconds of a step that is fine enough for these junctions between 0 V and ``volts`` (any shape).

    The error goes with the square of the turn, and is largest where the damping is small: in stt_smart (0.016), whose
    spins turn by 0.153 rad in 2 ps, 0.017 ... 0.019 of a flip at 2 ps, 0.003 ... 0.005 at 1 ps, 0.001 at 0.5 ps.
    """
    fields = np.sqrt(sum(layer.of(f"b{axis}_tesla") ** 2 for axis in "xyz"))
    levels = np.array([[0.0, float(np.min(volts)), float(np.max(volts))]])
    kept = 2 * np.abs(layer.anisotropy(levels)) / layer.of("saturation_amps_per_meter")[:, None]
    pushed = np.abs(layer.of("torque_tesla_per_volt")[:, None] * levels)
    seconds = FINE_RADIANS / (GAMMA * float((fields[:, None] + kept + pushed).max()))
    return min(LONGEST_STEP_SECONDS, float(f"{seconds:.1e}"))


def refuse_coarse(table: Floats, step_seconds: float) -> None:
    """A step may not turn a spin further than `MOST_RADIANS`, three standard deviations of noise included."""
    if not table.size:
        return
    field = np.sqrt((table[:, :3] ** 2).sum(axis=1)) + np.abs(table[:, 3]) + np.abs(table[:, 5:]).sum(axis=1)
    worst = float((field + 3 * table[:, 4]).max())
    if not worst <= MOST_RADIANS:
        raise ParameterError(
            f"a step of {step_seconds:g} s turns the spin by up to {worst:.3g} rad (field and three deviations of "
            f"noise), limit {MOST_RADIANS}: choose steps of {step_seconds * MOST_RADIANS / worst:.1g} s or shorter"
        )
