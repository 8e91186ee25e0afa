"""Many trials of many junctions: from a layer and a drive to states, probabilities and energies.

``fast`` is float32 with three-point noise, compiled by numba where that is installed; ``reference`` is float64 NumPy
with Gaussians, the one that tests trust. Either gives the same bits for the same (seed, device, trial), however a run
is cut into batches by ``first_trial`` and ``first_device`` and however many threads work on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl_sim.macrospin import boltzmann, counter, fast, simd
from labctl_sim.macrospin.coefficients import Coefficients, Timeline, coefficients, timeline
from labctl_sim.macrospin.drive import Drive, averages
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.step import WEAK_AMPLITUDE

Floats = NDArray[np.float64]
Start = Literal["thermal"] | int | NDArray[Any]
Path = Literal["fast", "reference"]

BATCH_TRIALS = 1 << 18  # at a time: 10 MB of spins and numbers
BATCH_COEFFICIENTS = 1 << 22  # numbers per table of a group of junctions: 32 MB
MOST_BYTES = 4 << 30  # of spins and trajectories


@dataclass(frozen=True)
class Outcome:
    """``magnetisation`` float32 or float64 (N, trials, 3) at the end; ``states`` uint8 (N, trials), 1 = m_z < 0.

    ``trajectories`` (N, trials, R, 3) at ``seconds`` (R,) on the drive's clock, where recorded. ``provenance`` says in
    words what computed it.
    """

    magnetisation: NDArray[Any]
    states: NDArray[np.uint8]
    seconds: Floats
    trajectories: NDArray[Any] | None
    provenance: str


def run(
    layer: FreeLayer,
    drive: Drive,
    *,
    trials: int,
    seed: int,
    step_seconds: float = 1e-12,
    start: Start = 0,
    thermalise_seconds: float = 1e-9,
    relax_seconds: float = 2e-9,
    path: Path = "fast",
    first_trial: int = 0,
    first_device: int = 0,
    threads: int = 1,
    record_every: int | None = None,
    compiled: bool | None = None,
) -> Outcome:
    """Each junction ``trials`` times through the drive.

    ``start``: 0 or 1 = drawn from that well's law of equilibrium at the drive's first volts, "thermal" = from both
    wells', integers (N, trials) or (trials,) = a state for each, floats (N, trials, 3) = the spins themselves. Then
    come ``thermalise_seconds`` at the first volts, the drive, and ``relax_seconds`` at its last volts.
    ``compiled=False`` keeps the fast path in NumPy (None: numba if installed); the bits are the same.
    """
    layer, drive = together(layer, drive)
    time = timeline(drive, step_seconds, thermalise_seconds, relax_seconds)
    check(trials, first_trial, first_device, threads, record_every)
    counter.key_of(seed)
    if path not in ("fast", "reference"):
        raise ParameterError(f"there is no path {path!r}; known are: fast, reference")
    kind: Any = np.float32 if path == "fast" else np.float64
    kernel = path == "fast" and (simd.available() if compiled is None else compiled)
    every = record_every or 0
    count = time.steps // every if every else 0
    room = layer.devices * trials * (count + 1) * 3 * np.dtype(kind).itemsize
    if room > MOST_BYTES:
        raise ParameterError(
            f"the spins and their trajectories would take {room / 1e9:.1f} GB, limit {MOST_BYTES / 1e9:.1f} GB: "
            "raise record_every, or run fewer trials at a time (first_trial goes on where a run has ended)"
        )
    starts = start_of(start, layer.devices, trials)
    spins = np.empty((3, layer.devices, trials), kind)
    records = np.empty((3, layer.devices, trials, count), kind)
    group = max(1, BATCH_COEFFICIENTS // (8 * max(1, time.steps)))
    for begin in range(0, layer.devices, group):
        part = slice(begin, min(begin + group, layer.devices))
        some, pulse = (layer, drive) if layer.devices == 1 else (layer.only(part), drive.only(part))
        numbers = coefficients(some, pulse, time)
        span = max(1, BATCH_TRIALS // some.devices)
        for low in range(0, trials, span):
            which = (slice(None), part, slice(low, min(low + span, trials)))
            spins[which] = spins_at(starts[which[1:]], some, pulse, seed, first_device + begin, first_trial + low)
            origin = (first_device + begin, first_trial + low)
            batch(spins[which], numbers, seed, origin, every, records[which], threads, kernel)
    magnetisation = np.moveaxis(spins, 0, -1)
    return Outcome(
        magnetisation,
        (magnetisation[..., 2] < 0).astype(np.uint8),
        time.edges[1:][every - 1 :: every] if every else np.zeros(0),
        np.moveaxis(records, 0, -1) if every else None,
        provenance(path, kernel, time, seed),
    )


def together(layer: FreeLayer, drive: Drive) -> tuple[FreeLayer, Drive]:
    """A layer with as many junctions as the drive has, if the layer has but one."""
    wide = {len(value) for value in (drive.volts, drive.amps) if value is not None and value.ndim == 2}
    wide |= {layer.devices} - {1}
    if len(wide - {1}) > 1:
        raise ParameterError(f"layer and drive describe {sorted(wide)} junctions; give as many for each, or one layer")
    devices = max(wide, default=1)
    return (layer if layer.devices == devices else layer.repeated(devices)), drive


def check(trials: int, first_trial: int, first_device: int, threads: int, record_every: int | None) -> None:
    """Refuse counts that cannot be."""
    for name, value, least in (
        ("trials", trials, 1),
        ("first_trial", first_trial, 0),
        ("first_device", first_device, 0),
        ("threads", threads, 1),
        ("record_every", 1 if record_every is None else record_every, 1),
    ):
        if value < least:
            raise ParameterError(f"{name} is {value}; it must be {least} or more")
    if first_trial + trials > counter.MOST_TRIALS:
        raise ParameterError(
            f"trial {first_trial + trials} is beyond {counter.MOST_TRIALS}; begin another seed instead"
        )


def start_of(start: Start, devices: int, trials: int) -> NDArray[Any]:
    """Wells uint8 (N, trials), or spins (N, trials, 3)."""
    if isinstance(start, str):
        if start != "thermal":
            raise ParameterError(f"start is {start!r}; choose 0, 1, 'thermal', or an array")
        return np.full((devices, trials), boltzmann.BOTH, np.uint8)
    array = np.asarray(start)
    if array.dtype.kind == "f" and array.ndim == 3:
        if array.shape != (devices, trials, 3) or not (np.abs(np.linalg.norm(array, axis=-1) - 1) < 1e-3).all():
            raise ParameterError(
                f"start holds spins of shape {array.shape}; give unit vectors of shape {(devices, trials, 3)}"
            )
        return array
    if array.dtype.kind not in "iub" or array.shape not in ((), (trials,), (devices, trials)):
        raise ParameterError(f"start has shape {array.shape}, type {array.dtype}; give states 0 or 1, (N, trials)")
    if not np.isin(array, (0, 1)).all():
        raise ParameterError(f"start holds {np.setdiff1d(array, (0, 1))[0]}; a state is 0 (parallel) or 1")
    return np.array(np.broadcast_to(array.astype(np.uint8), (devices, trials)))


def spins_at(
    starts: NDArray[Any], layer: FreeLayer, drive: Drive, seed: int, device: int, trial: int
) -> NDArray[np.float64]:
    """The spins before the first step, float64 (3, N, trials)."""
    if starts.ndim == 3:
        spins = np.moveaxis(starts.astype(np.float64), -1, 0)
        unit: Floats = spins / np.sqrt((spins**2).sum(axis=0))
        return unit
    field = np.stack([layer.of("bx_tesla"), layer.of("by_tesla"), layer.of("bz_tesla")])
    if drive.field_tesla is not None:
        field = field + drive.field_tesla[:, :1]
    volts = np.broadcast_to(drive.volts[..., 0], layer.devices)
    return boltzmann.draw(layer, field, volts, starts, seed, device, trial)


def batch(
    spins: NDArray[Any],
    numbers: Coefficients,
    seed: int,
    origin: tuple[int, int],
    every: int,
    records: NDArray[Any],
    threads: int,
    kernel: bool,
) -> None:
    """Carry ``spins`` (3, n, trials) through ``numbers``, in place; ``origin`` numbers its first device and trial."""
    devices, trials = spins.shape[1:]
    rows = np.repeat(np.arange(devices), trials)
    flat = np.ascontiguousarray(spins.reshape(3, -1))
    kept = np.empty((3, devices * trials, records.shape[-1]), spins.dtype)
    fast.carry(
        flat,
        rows,
        origin[0] + rows,
        origin[1] + np.tile(np.arange(trials), devices),
        weak_table(numbers) if spins.dtype == np.float32 else numbers.table,
        numbers.damping.astype(spins.dtype),
        numbers.starts,
        numbers.torque,
        seed,
        every,
        kept,
        threads=threads,
        compiled=kernel,
    )
    spins[:] = flat.reshape(spins.shape)
    records[:] = kept.reshape(records.shape)


def weak_table(numbers: Coefficients) -> NDArray[np.float32]:
    """The table with the three-point noise's amplitude in it, rounded once, for kernel and NumPy alike."""
    table = numbers.table.copy()
    table[:, 4] *= WEAK_AMPLITUDE
    return table.astype(np.float32)


def provenance(path: str, kernel: bool, time: Timeline, seed: int) -> str:
    """What computed it, in words."""
    how = "float64, Gaussian noise, NumPy" if path == "reference" else "float32, three-point noise, "
    how += "" if path == "reference" else "numba" if kernel else "NumPy"
    return f"macrospin LLG, Heun, {how}, Philox4x32-10, dt {time.step_seconds:g} s, {time.steps} steps, seed {seed}"


def switching_probability(
    layer: FreeLayer, drive: Drive, *, trials: int, seed: int, start: int = 0, **options: Any
) -> tuple[Floats, Floats]:
    """(P, standard error), each (N,): how often the drive ends in the other state. Options as of `run`.

    The error is that of (k + 1)/(n + 2), so that it is not 0 where no trial, or every trial, switched.
    """
    outcome = run(layer, drive, trials=trials, seed=seed, start=start, **options)
    switched = (outcome.states != start).sum(axis=1)
    smooth = (switched + 1) / (trials + 2)
    return switched / trials, np.sqrt(smooth * (1 - smooth) / trials)


def energy_joules(
    layer: FreeLayer,
    drive: Drive,
    conductance: Callable[[Floats, Floats], Floats],
    *,
    trials: int,
    seed: int,
    record_every: int = 4,
    **options: Any,
) -> Floats:
    """Joules that each trial takes from the source, (N, trials): the integral of V^2 G(m_z, V) dt along its path.

    ``conductance`` gives siemens for m_z (N, trials, R) and volts (N or 1, 1, R). Midpoint rule over ``record_every``
    steps; charging of the capacitance is not in it.
    """
    outcome = run(layer, drive, trials=trials, seed=seed, record_every=record_every, **options)
    assert outcome.trajectories is not None  # noqa: S101 - it was asked for
    z = outcome.trajectories[..., 2].astype(np.float64)
    z = np.concatenate([z[..., :1], (z[..., 1:] + z[..., :-1]) / 2], axis=-1)
    interval = record_every * options.get("step_seconds", 1e-12)
    edges = np.concatenate([outcome.seconds[:1] - interval, outcome.seconds])
    fine = np.concatenate([np.linspace(a, b, 8, endpoint=False) for a, b in itertools.pairwise(edges)])
    volts = averages(drive.seconds, drive.volts, np.append(fine, edges[-1]))
    pieces = np.atleast_2d(volts).reshape(-1, 1, len(edges) - 1, 8)
    square = (pieces**2).mean(axis=-1)
    power = square * conductance(z, np.copysign(np.sqrt(square), pieces.mean(axis=-1)))
    result: Floats = power.sum(axis=-1) * interval
    return result
