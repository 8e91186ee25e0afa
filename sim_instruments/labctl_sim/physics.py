"""What volts and time do to junctions: the one place that knows by which path, and says so.

"table": every chance comes from the switching table of the macrospin (`macrospin.switching`). "engine": the pulses of
every cycle that a digitizer records are sampled trajectories of the stochastic Landau-Lifshitz-Gilbert equation
(`sampler`), one from either state, because between pulses a junction comes to rest; waiting, reading at volts that
leave most of the barrier, and what nobody records stay with the table. Either way each pulse finds its own anisotropy
(`Junctions.cycle_stability`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.cycles import PLACES, WEIGHTS, hopped_back
from labctl_sim.flips import Flips, Floats
from labctl_sim.junction import Junctions
from labctl_sim.macrospin.coefficients import FINE_RADIANS, LONGEST_STEP_SECONDS
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Span
from labctl_sim.macrospin.switching import NONE, SwitchingTable, idle
from labctl_sim.macrospin.tops import steps
from labctl_sim.sampler import Sampler

PATHS = ("table", "engine")
POINTS_KEPT = 8  # operating points whose escape rates are not worked out again


@dataclass(frozen=True)
class Part:
    """What a span of a cycle does to one junction, step by step: chances ``up``, ``down`` (J,) until ``end_seconds``.

    A pulse may be sampled instead, all its steps at once.
    """

    end_seconds: Floats
    up: Floats
    down: Floats
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

    def parts(
        self,
        junctions: Junctions,
        cell: int,
        volts_if_p: Floats,
        volts_if_ap: Floats,
        seconds: Floats,
        looks: Floats = NONE,
    ) -> Iterator[Part]:
        """What the waveform does to one ``cell``, volts (W,), with a step up to each of the ascending ``looks`` (L,).

        There is none to those that fall into a pulse that cannot be looked into.
        """
        which = np.array([cell])
        scales, weights = self._prepared(junctions).smeared(which)
        edges = np.r_[0.0, np.cumsum(seconds)]
        if_p, if_ap = (np.tile(volts, (weights.size, 1)) for volts in (volts_if_p, volts_if_ap))
        for span, ends, each in self.table.parts(scales, if_p, if_ap, seconds, looks):
            flips = mean(each, weights)
            marks = np.r_[edges[span.begin], ends]
            if ends.size > 1:
                level = span.begin if span.shape is None else span.peak
                kept = self.table.kept(scales, if_p[:, level], if_ap[:, level], np.diff(ends))
                flips = steps(flips, (kept @ weights)[:, None])
            # How long each piece of the waveform lasts in each step, (J, W).
            parts = np.minimum(edges[1:], marks[1:, None]) - np.maximum(edges[:-1], marks[:-1, None])
            parts = np.where(parts > 0, parts, 0.0)
            flips = _hopped(junctions, which, Flips(flips.up[:, 0], flips.down[:, 0]), if_p[:1], if_ap[:1], parts)
            sample = None
            if self.path == "engine" and span.shape is not None:
                sample = self._sampler(junctions.only(cell), volts_if_p, volts_if_ap, parts, span)
            yield Part(ends, flips.up, flips.down, sample)

    def _prepared(self, junctions: Junctions) -> _Prepared:
        if self._kept is None or self._kept.junctions is not junctions:
            self._kept = _Prepared(junctions, Scales.of(junctions.layer), junctions.cycle_stability)
        return self._kept

    def _sampler(
        self, junction: Junctions, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats, span: Span
    ) -> Sampler:
        """The pulse with the levels before and after it, which begin and end it; ``seconds`` (J, W) of each step."""
        last = len(volts_if_p)
        places = np.r_[max(span.begin - 1, 0), span.begin : span.end, min(span.end, last - 1)]
        stretches = seconds[:, places]
        stretches[:, [0, -1]] = 0.0
        volts = []
        for each in (volts_if_p, volts_if_ap):
            level = each[places].copy()
            level[0] = level[0] if span.begin else 0.0
            level[-1] = level[-1] if span.end < last else level[0]
            volts.append(level)
        return Sampler(junction, (volts[0], volts[1]), list(stretches), self.table.settle_seconds)


def mean(flips: Flips, weights: Floats) -> Flips:
    """What a cycle does on average over its anisotropy: (..., K x N) to (..., N)."""
    up, down = (
        np.tensordot(weights, each.reshape(*each.shape[:-1], weights.size, -1), (0, -2))
        for each in (flips.up, flips.down)
    )
    return Flips(up, down)


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
        held = np.where(seconds > 0, volts, 0.0)
        peak = held[np.arange(len(held)), np.abs(held).argmax(axis=1)]
        beyond = np.maximum(np.abs(peak) / onset - 1, 1e-12)
        # hopped_back() takes one width; for a pulse that is not flat, that of the same exposure at its peak.
        found.append(hopped_back(flips, peak, excess / beyond, onset, hertz))
    return Flips(found[0].up, found[1].down)
