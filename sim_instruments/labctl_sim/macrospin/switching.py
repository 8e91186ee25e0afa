"""The fast path: what a waveform does to N junctions, as flip probabilities, in microseconds each.

Pulses that lower the barrier below `ESCAPE` are looked up in columns of the Fokker-Planck equation (`lattice`); where
more of a barrier remains, and between pulses, the junction is two states with escape rates (`escape`). In between, the
two are mixed.

Found against the Fokker-Planck equation of the very junction, of a flip (tested; held-out seeds and volts included):

- the nominal junction at 16 random volts and widths: worst below 0.002, rms below 0.001;
- junctions with all the spreads of a profile, at 0.6 ... 1.19 of the critical volts, 0.4 ... 30 ns: vcma_long_pulse
  worst 0.005, rms 0.0007; vcma_precessional worst 0.004, rms 0.0006, and 0.007 where its volume is 3.4 standard
  deviations off; stt_smart (damping 0.016) at 0.06 ... 0.4 V worst 0.003, rms 0.0001;
- not tested: vcma_precessional with edges of 1 ns and next to no top, beyond 1.1 of the critical volts, where no width
  is left to be brought into phase: worst 0.021.

Escape rates at 7 ... 14 kT of barrier give 3 to 6 % too much after 20 ns and 1.3 to 1.85 times too much after 3 ns,
because the rate is not reached so soon: 4e-4 of a flip at 8 kT, 1e-4 at 10 kT.

Not in it: heating, spin-orbit torque, and the torque's share in a base level other than 0 V.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Flips, relaxed
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.columns import VERSION
from labctl_sim.macrospin.escape import Escape
from labctl_sim.macrospin.lattice import Lattice
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Shape, Span, excursions
from labctl_sim.macrospin.tops import LONGER, cut_off, ringing_seconds

Floats = NDArray[np.float64]

ESCAPE = (9.0, 11.0)  # kT of barrier: table alone below the first, escape rates alone above the second
HOT = 14.0  # kT of barrier: a piece with less is part of a pulse
STEADY = 3.0  # kT below the resting barrier: a piece has to be this much lower, too
LONGEST_SECONDS = 200e-9  # of an odd shape; longer ones have forgotten their shape
NOTHING = 1e-14
NONE: Floats = np.zeros(0)


@dataclass
class SwitchingTable:
    """Switching near the junction ``nominal`` (N = 1). ``edge_seconds`` are the edges of the pulses of `flips`.

    ``settle_seconds`` must lie between two pulses for them to be two.
    """

    nominal: FreeLayer
    edge_seconds: float = 0.0
    settle_seconds: float = 2e-9
    store: Store = field(default_factory=Store)
    escape: Escape = field(default_factory=Escape.load)

    def __post_init__(self) -> None:
        self.lattice = Lattice(self.nominal, self.store)
        self._shape = Shape.trapezoid(self.edge_seconds, self.edge_seconds)

    @property
    def provenance(self) -> str:
        """What computed it, in words; the hash is of the columns that have been used so far."""
        digest = hashlib.sha256("\n".join(sorted(self.lattice.used)).encode("ascii")).hexdigest()[:12]
        return f"switching table of the macrospin's Fokker-Planck equation, version {VERSION}, columns {digest}"

    @property
    def origin(self) -> str:
        """The same before anything is computed: version and nominal junction, whose hash it is, say all."""
        numbers = [f"{float(np.squeeze(value)):.9g}" for value in astuple(Scales.of(self.nominal))]
        digest = hashlib.sha256(" ".join(numbers).encode("ascii")).hexdigest()[:12]
        return f"switching table of the macrospin's Fokker-Planck equation, version {VERSION}, junction {digest}"

    def flips(self, layer: FreeLayer, volts: Floats, width_seconds: float) -> Flips:
        """What one pulse of ``volts`` (N,) and ``width_seconds`` at half height does to junctions that rest at 0 V."""
        top = max(0.0, width_seconds - self._shape.half_seconds)
        given = np.broadcast_to(np.asarray(volts, np.float64), layer.devices)
        return self.pulse(
            Scales.of(layer), given, given, np.zeros(layer.devices), np.zeros(layer.devices), self._shape, top
        )

    def hold(self, layer: FreeLayer, volts: Floats, seconds: float) -> Flips:
        """Constant ``volts`` (N,) for ``seconds``, nanoseconds to years: escape rates alone."""
        given = np.broadcast_to(np.asarray(volts, np.float64), layer.devices)
        return self.relaxed(Scales.of(layer), given, given, np.full(layer.devices, float(seconds)))

    def relaxed(self, scales: Scales, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> Flips:
        """Two-state relaxation, each state at its own volts."""
        up, other_down = self.rates(scales, volts_if_p)
        down = other_down if volts_if_ap is volts_if_p else self.rates(scales, volts_if_ap)[1]
        return Flips(*relaxed(up, down, seconds))

    def rates(self, scales: Scales, volts: Floats) -> tuple[Floats, Floats]:
        """Escape rates P -> AP and AP -> P at ``volts`` (N,), 1/s."""
        stability, lean = scales.at(volts)
        return self.escape.rates(stability, scales.transverse, lean, scales.damping, scales.neel_seconds)

    def pulse(
        self,
        scales: Scales,
        volts_if_p: Floats,
        volts_if_ap: Floats,
        base_if_p: Floats,
        base_if_ap: Floats,
        shape: Shape,
        top_seconds: Floats | float,
    ) -> Flips:
        """One pulse from the base volts to the peak volts of either state, (N,) each; its top (N,) or one for all."""
        count = volts_if_p.size
        both = scales.only(np.tile(np.arange(count), 2))
        states = np.repeat([0, 1], count)
        volts, base = np.concatenate([volts_if_p, volts_if_ap]), np.concatenate([base_if_p, base_if_ap])
        top = np.tile(np.broadcast_to(top_seconds, count), 2)
        barrier, resting = both.barrier(volts), both.barrier(base)
        cold = np.clip((barrier - ESCAPE[0]) / (ESCAPE[1] - ESCAPE[0]), 0.0, 1.0)
        # Backwards the barrier is the resting one or higher: no column is needed, however low it is.
        cold[barrier >= resting] = 1.0
        result = np.zeros(2 * count)
        which = np.flatnonzero(cold > 0)
        if which.size:
            # An edge counts as long as the rate stays within a factor e: 1 kT of the way.
            seconds = top[which] + 2 * shape.half_seconds / np.maximum(2.0, np.abs(resting - barrier)[which])
            slow = self.relaxed(both.only(which), volts[which], volts[which], seconds)
            result[which] = cold[which] * np.where(states[which] == 0, slow.up, slow.down)
        which = np.flatnonzero(cold < 1)
        if which.size:
            some = both.only(which)
            fast = self.lattice.chances(some, states[which], volts[which], base[which], shape, top[which])
            result[which] += (1 - cold[which]) * fast
        return Flips(result[:count], result[count:])

    def through(self, layer: FreeLayer | Scales, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> Flips:
        """A waveform of W constant pieces: ``seconds`` (W,), volts (N, W) as seen in either state.

        The two states may see different volts, because a junction loads its source by its resistance. An odd shape is
        looked up by its own column, unless it is longer than `LONGEST_SECONDS`: then it is a row of two-state pieces.
        """
        result = Flips(np.zeros(len(volts_if_p)), np.zeros(len(volts_if_p)))
        for _, _, flips in self.parts(layer, volts_if_p, volts_if_ap, seconds):
            result = then(result, Flips(flips.up[-1], flips.down[-1]))
        return result

    def parts(
        self,
        layer: FreeLayer | Scales,
        volts_if_p: Floats,
        volts_if_ap: Floats,
        seconds: Floats,
        looks: Floats = NONE,
    ) -> Iterator[tuple[Span, Floats, Flips]]:
        """The same waveform span by span; a piece in which next to nothing happens is left out.

        With each come the times (J,) of those of the ascending ``looks`` that can see into it, and of its end, and the
        flips until then since it began, (J, N).
        """
        scales = layer if isinstance(layer, Scales) else Scales.of(layer)
        quiet = _quiet(scales, volts_if_p, volts_if_ap, seconds)
        edges = np.r_[0.0, np.cumsum(seconds)]
        for span in self.spans(scales, volts_if_p, volts_if_ap, seconds):
            begin, end = edges[span.begin], edges[span.end]
            if span.shape is not None:
                yield span, *self._pulse(scales, volts_if_p, volts_if_ap, span, edges, looks)
            elif not quiet[:, span.begin].all():
                ends = np.r_[looks[(looks > begin) & (looks < end)], end]
                level = volts_if_p[:, span.begin], volts_if_ap[:, span.begin]
                yield span, ends, self.relaxed(scales, *level, (ends - begin)[:, None])

    def kept(self, scales: Scales, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> Floats:
        """How much of the state is left after times (J,) at these volts (N,), by the escape rates: (J, N)."""
        up, down = self.rates(scales, volts_if_p)[0], self.rates(scales, volts_if_ap)[1]
        result: Floats = np.exp(-seconds[:, None] * (up + down))
        return result

    def _pulse(
        self, scales: Scales, volts_if_p: Floats, volts_if_ap: Floats, span: Span, edges: Floats, looks: Floats
    ) -> tuple[Floats, Flips]:
        """Ends (J,) and flips (J, N) of a pulse whose pieces begin and end at ``edges``."""
        shape = span.shape or self._shape
        ends, asked = edges[[span.end]], [(shape, np.array([span.top_seconds]))]
        ringing = ringing_seconds(scales, self.settle_seconds)
        if looks.size and not shape.fixed and span.top_seconds > LONGER * ringing:
            begin, end = edges[[span.peak, span.peak + 1]]
            # The trailing edge is seen as the end of the top.
            inside = np.unique(np.minimum(looks[(looks > begin + ringing) & (looks < ends)], end))
            ends = np.r_[inside, ends]
            asked = [cut_off(shape, inside - begin, self.settle_seconds), *asked]
        count = len(volts_if_p)
        found = []
        for some, tops in asked:
            again = np.tile(np.arange(count), tops.size)
            if_p, if_ap = volts_if_p[again], volts_if_ap[again]
            low, high = (np.zeros(again.size) if span.base is None else each[:, span.base] for each in (if_p, if_ap))
            peaks = if_p[:, span.peak], if_ap[:, span.peak]
            flips = self.pulse(scales.only(again), *peaks, low, high, some, np.repeat(tops, count))
            found.append(np.stack([flips.up, flips.down]).reshape(2, -1, count))
        return ends, Flips(*np.concatenate(found, axis=1))

    def spans(self, scales: Scales, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> list[Span]:
        """How a waveform is taken apart: pulses, each with its ``shape``, and single pieces without one."""
        barrier = np.minimum(scales.barrier(volts_if_p), scales.barrier(volts_if_ap))
        resting = scales.barrier(np.zeros(len(volts_if_p)))
        hot = np.logical_or.reduce(barrier < np.minimum(HOT, resting - STEADY)[:, None], axis=0)
        result: list[Span] = []
        for span in excursions(seconds, volts_if_p[int(barrier.min(axis=1).argmin())], hot, self.settle_seconds):
            odd = span.shape is not None and span.shape.fixed
            if span.shape is None or (odd and seconds[span.begin : span.end].sum() > LONGEST_SECONDS):
                result += [Span(piece, piece + 1) for piece in range(span.begin, span.end)]
            else:
                result.append(span)
        return result


def idle(scales: Scales, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> NDArray[np.bool_]:
    """Which junctions a waveform (N, W) leaves as they are, bool (N,)."""
    result: NDArray[np.bool_] = np.logical_and.reduce(_quiet(scales, volts_if_p, volts_if_ap, seconds), axis=1)
    return result


def _quiet(scales: Scales, volts_if_p: Floats, volts_if_ap: Floats, seconds: Floats) -> NDArray[np.bool_]:
    """In which pieces next to nothing happens to which junction, bool (N, W)."""
    barrier = np.minimum(scales.barrier(volts_if_p), scales.barrier(volts_if_ap))
    often = np.maximum(1.0, np.abs(scales.stability)) ** 2 / scales.neel_seconds
    result: NDArray[np.bool_] = np.exp(-barrier) * often[:, None] * seconds <= NOTHING
    return result


def then(first: Flips, second: Flips) -> Flips:
    """One span after the other."""
    return Flips(
        first.up * (1 - second.down) + (1 - first.up) * second.up,
        first.down * (1 - second.up) + (1 - first.down) * second.down,
    )


def toss(chance: Floats, times: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Coins: uint8 (times, N), 1 with ``chance`` (N,), good to 2^-32."""
    edge = np.rint(np.clip(chance, 0.0, 1.0) * 2.0**32).astype(np.int64)
    sure = edge == 1 << 32
    words = rng.integers(0, 1 << 32, size=(times, chance.size), dtype=np.uint32)
    result = (words < np.minimum(edge, (1 << 32) - 1).astype(np.uint32)).view(np.uint8)
    if sure.any():
        result[:, sure] = 1
    return result
