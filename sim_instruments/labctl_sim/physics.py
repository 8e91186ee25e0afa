"""What volts and time do to junctions: the one place that knows by which path, and says so.

"table": every chance comes from the switching table of the macrospin (`macrospin.switching`). "engine": the pulses of
every cycle that a digitizer records are sampled trajectories of the stochastic Landau-Lifshitz-Gilbert equation
(`macrospin.trials`), one from either state, because between pulses a junction comes to rest; waiting, reading and what
nobody records stay with the table. Either way each pulse finds its own anisotropy (`Junctions.cycle_stability`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.cycles import hopped_back
from labctl_sim.flips import Flips, Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.macrospin import trials
from labctl_sim.macrospin.coefficients import FINE_RADIANS, LONGEST_STEP_SECONDS, fine_step
from labctl_sim.macrospin.drive import Drive
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Span
from labctl_sim.macrospin.switching import SwitchingTable, idle

PATHS = ("table", "engine")
PLACES, WEIGHTS = np.array([0.0, -np.sqrt(3.0), np.sqrt(3.0)]), np.array([4.0, 1.0, 1.0]) / 6  # Gauss and Hermite's
POINTS_KEPT = 8  # operating points whose escape rates are not worked out again


@dataclass(frozen=True)
class Part:
    """What a cycle does to one junction until ``end_seconds``: chances, and for a pulse a way to sample it.

    ``sample`` (cycles, rng) gives the states after, uint8 (cycles,) each: for a junction that was P, and for AP.
    """

    end_seconds: float
    up: float
    down: float
    sample: Sampler | None = None


@dataclass(frozen=True)
class _Prepared:
    """What follows from some junctions alone."""

    junctions: Junctions
    scales: Scales
    spread: Floats
    rates: dict[bytes, tuple[Floats, Floats]] = field(default_factory=dict)

    def smeared(self, which: NDArray[np.intp]) -> tuple[Scales, Floats]:
        """Some of them at each anisotropy that a cycle may find, (n x K,), and the weights (K,)."""
        spread = self.spread[which]
        if not (spread > 0).any():
            return self.scales.only(which), np.ones(1)
        many = self.scales.only(np.tile(which, PLACES.size))
        return replace(many, stability=many.stability + np.concatenate([place * spread for place in PLACES])), WEIGHTS


class Sampler:
    """One junction's trajectories through one pulse: ``volts_if_p``, ``volts_if_ap`` (W,) from and to rest."""

    def __init__(self, junction: Junctions, volts: tuple[Floats, Floats], seconds: Floats, settle_seconds: float):
        self._kinds = [leaning(junction.layer, place * junction.cycle_stability) for place in PLACES]
        self._alike = bool((junction.cycle_stability == 0).all())
        self._drives = [staircase(each, seconds) for each in volts]
        self._settle_seconds = settle_seconds
        self._step_seconds = min(fine_step(each, np.concatenate(volts)) for each in self._kinds)

    def __call__(self, cycles: int, rng: np.random.Generator) -> tuple[States, States]:
        """States after the pulse, from P and from AP."""
        kinds = np.zeros(cycles, np.int64) if self._alike else rng.choice(PLACES.size, cycles, p=WEIGHTS)
        after = [np.empty(cycles, np.uint8) for _ in self._drives]
        for kind, layer in enumerate(self._kinds):
            which = np.flatnonzero(kinds == kind)
            if which.size:
                for start, drive in enumerate(self._drives):
                    outcome = trials.run(
                        layer,
                        drive,
                        trials=which.size,
                        seed=int(rng.integers(1 << 63)),
                        step_seconds=self._step_seconds,
                        start=start,
                        thermalise_seconds=0.0,
                        relax_seconds=self._settle_seconds,
                    )
                    after[start][which] = outcome.states[0]
        return after[0], after[1]


class Physics:
    """What the junctions of one profile do; ``table`` knows its nominal one."""

    def __init__(self, table: SwitchingTable, path: str = "table") -> None:
        self.table = table
        self.path = path
        self._kept: _Prepared | None = None

    @property
    def provenance(self) -> str:
        """What computes, in words."""
        if self.path == "engine":
            return (
                "recorded pulses: macrospin LLG, Heun, float32, three-point noise, steps of at most "
                f"{LONGEST_STEP_SECONDS:g} s and {FINE_RADIANS:g} rad, seeds from the world's noise; "
                f"all else: {self.table.origin}"
            )
        return self.table.origin

    def rates(self, junctions: Junctions, volts: Floats) -> tuple[Floats, Floats]:
        """Escape rates P -> AP and AP -> P at ``volts`` (N,), 1/s; 0 for those that cannot move."""
        kept = self._prepared(junctions)
        key = volts.tobytes()
        if key not in kept.rates:
            up, down = np.zeros(junctions.devices), np.zeros(junctions.devices)
            which = np.flatnonzero(junctions.movable)
            if which.size:
                up[which], down[which] = self.table.rates(kept.scales.only(which), volts[which])
            while len(kept.rates) >= POINTS_KEPT:
                del kept.rates[next(iter(kept.rates))]
            kept.rates[key] = up, down
        return kept.rates[key]

    def through(
        self,
        junctions: Junctions,
        volts_if_p: Floats,
        volts_if_ap: Floats,
        seconds: Floats,
        cells: NDArray[np.intp] | None = None,
    ) -> Flips:
        """A waveform of W constant pieces: ``seconds`` (W,), volts (n, W) as the ``cells`` (default all) see them in
        either state."""
        kept = self._prepared(junctions)
        cells = np.arange(junctions.devices) if cells is None else cells
        moving = np.flatnonzero(junctions.movable[cells])
        moving = moving[~idle(kept.scales.only(cells[moving]), volts_if_p[moving], volts_if_ap[moving], seconds)]
        result = Flips(np.zeros(cells.size), np.zeros(cells.size))
        if moving.size:
            which = cells[moving]
            scales, weights = kept.smeared(which)
            if_p, if_ap = volts_if_p[moving], volts_if_ap[moving]
            many_p, many_ap = (np.tile(volts, (weights.size, 1)) for volts in (if_p, if_ap))
            flips = mean(self.table.through(scales, many_p, many_ap, seconds), weights)
            flips = _hopped(junctions, which, flips, if_p, if_ap, seconds)
            result.up[moving], result.down[moving] = flips.up, flips.down
        return result

    def busy(self, junctions: Junctions, cell: int, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> Floats:
        """When pulses begin and end that cannot be looked into, (pulses, 2); one ``cell``, volts (W,)."""
        scales = self._prepared(junctions).scales.only(np.array([cell]))
        edges = np.r_[0.0, np.cumsum(seconds)]
        spans = self.table.spans(scales, volts_if_p[None], volts_if_ap[None], seconds)
        found = [(edges[span.begin], edges[span.end]) for span in spans if span.shape]
        return np.array(found).reshape(-1, 2)

    def parts(
        self, junctions: Junctions, cell: int, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats
    ) -> Iterator[Part]:
        """What the waveform does to one ``cell``, part by part; volts (W,)."""
        which = np.array([cell])
        scales, weights = self._prepared(junctions).smeared(which)
        ends = np.cumsum(seconds)
        if_p, if_ap = (np.tile(volts, (weights.size, 1)) for volts in (volts_if_p, volts_if_ap))
        for span, each in self.table.parts(scales, if_p, if_ap, seconds):
            place = slice(span.begin, span.end)
            flips = mean(each, weights)
            flips = _hopped(junctions, which, flips, if_p[:1, place], if_ap[:1, place], seconds[place])
            sample = None
            if self.path == "engine" and span.shape is not None:
                sample = self._sampler(junctions.only(cell), volts_if_p, volts_if_ap, seconds, span)
            yield Part(float(ends[span.end - 1]), float(flips.up[0]), float(flips.down[0]), sample)

    def _prepared(self, junctions: Junctions) -> _Prepared:
        if self._kept is None or self._kept.junctions is not junctions:
            self._kept = _Prepared(junctions, Scales.of(junctions.layer), junctions.cycle_stability)
        return self._kept

    def _sampler(
        self, junction: Junctions, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats, span: Span
    ) -> Sampler:
        """The pulse with the levels before and after it, which begin and end it."""
        last = len(seconds)
        places = np.r_[max(span.begin - 1, 0), span.begin : span.end, min(span.end, last - 1)]
        lengths = np.r_[0.0, seconds[span.begin : span.end], 0.0]
        volts = []
        for each in (volts_if_p, volts_if_ap):
            level = each[places].copy()
            level[0] = level[0] if span.begin else 0.0
            level[-1] = level[-1] if span.end < last else level[0]
            volts.append(level)
        return Sampler(junction, (volts[0], volts[1]), lengths, self.table.settle_seconds)


def leaning(layer: FreeLayer, shift: Floats) -> FreeLayer:
    """``layer`` with Delta higher by ``shift`` (N,) at all volts, which is what the interface adds."""
    rest = layer.stability()
    per_joule = layer.anisotropy() * layer.of("thickness_meters") / rest
    return replace(
        layer,
        interface_anisotropy_joules_per_square_meter=layer.of("interface_anisotropy_joules_per_square_meter")
        + per_joule * shift,
    )


def mean(flips: Flips, weights: Floats) -> Flips:
    """What a cycle does on average over its anisotropy."""
    return Flips(weights @ flips.up.reshape(weights.size, -1), weights @ flips.down.reshape(weights.size, -1))


def staircase(volts: Floats, seconds: Floats) -> Drive:
    """Constant pieces as a drive."""
    ends = np.cumsum(seconds)
    corners = np.stack([ends - seconds, ends], axis=1).ravel()
    return Drive(np.maximum.accumulate(np.maximum(corners, 0.0)), np.repeat(volts, 2))


def _hopped(
    junctions: Junctions,
    which: NDArray[np.intp],
    flips: Flips,
    volts_if_p: Floats,
    volts_if_ap: Floats,
    seconds: Floats,
) -> Flips:
    """With hopping back; every piece beyond the onset counts by its own volts."""
    onset, hertz = junctions.back_hopping_onset_volts[which], junctions.back_hopping_hertz[which]
    if not (hertz > 0).any():
        return flips
    found = []
    for volts in (volts_if_p, volts_if_ap):
        excess = (np.maximum(np.abs(volts) / onset[:, None] - 1, 0.0) * seconds).sum(axis=1)
        peak = volts[np.arange(len(volts)), np.abs(volts).argmax(axis=1)]
        beyond = np.maximum(np.abs(peak) / onset - 1, 1e-12)
        # hopped_back() takes one width; for a pulse that is not flat, that of the same exposure at its peak.
        found.append(hopped_back(flips, peak, excess / beyond, onset, hertz))
    return Flips(found[0].up, found[1].down)
