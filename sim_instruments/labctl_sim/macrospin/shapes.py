"""What a cycle does to a junction: pulses that a table knows, odd shapes, and quiet in between."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl_sim.macrospin.columns import Stairs
from labctl_sim.pulse_shape import STEPS_PER_EDGE

Floats = NDArray[np.float64]

ALIKE = 2e-3  # of a stair's length
LEVEL = 0.02  # of a pulse's height
FINEST = 3  # decimals of an odd shape's levels, so that the load of one junction or another makes no new shape


@dataclass(frozen=True)
class Shape:
    """A pulse but for its height and the length of its top: stairs (part of the height, seconds) up and down."""

    leading: Stairs = ()
    trailing: Stairs = ()
    fixed: bool = False  # an odd shape, all of it in `leading`, without a top of its own

    @classmethod
    def trapezoid(cls, leading_seconds: float, trailing_seconds: float) -> Shape:
        """Straight edges from end to end, as the stairs that `labctl_sim.pulse_shape` makes of them."""
        parts = (np.arange(STEPS_PER_EDGE) + 0.5) / STEPS_PER_EDGE
        # Rounded, so that the same edge elsewhere in a cycle is not another shape.
        up, down = (float(f"{seconds / STEPS_PER_EDGE:.5g}") for seconds in (leading_seconds, trailing_seconds))
        return cls(
            tuple((float(part), up) for part in parts) if up > 0 else (),
            tuple((float(part), down) for part in parts[::-1]) if down > 0 else (),
        )

    @property
    def half_seconds(self) -> float:
        """The time in the edges that counts to a width at half height."""
        return sum(seconds for part, seconds in self.leading + self.trailing) / 2


@dataclass(frozen=True)
class Span:
    """Pieces ``begin`` ... ``end`` - 1 of a waveform. Without a ``shape`` it is quiet.

    With one it is a pulse from the level of piece ``base`` (None: 0 V) to that of piece ``peak``, which lasts
    ``top_seconds`` in a trapezoid.
    """

    begin: int
    end: int
    shape: Shape | None = None
    base: int | None = None
    peak: int = 0
    top_seconds: float = 0.0


def excursions(seconds: Floats, volts: Floats, hot: NDArray[np.bool_], settle_seconds: float) -> list[Span]:
    """A waveform of constant pieces, ``seconds`` and ``volts`` (W,), in order of time, without a gap.

    ``hot`` (W,) marks the pieces that act at once. Pulses nearer than ``settle_seconds`` to each other make one odd
    shape. Volts are those of one junction; others see the same waveform at another height.
    """
    found: list[Span] = []
    for begin, end in _runs(hot):
        span = _trapezoid(seconds, volts, begin, end) or _odd(seconds, volts, begin, end)
        while found and float(seconds[found[-1].end : span.begin].sum()) < settle_seconds:
            last = found.pop()
            span = _odd(seconds, volts, last.begin, max(last.end, span.end))
        found.append(span)
    result: list[Span] = []
    place = 0
    for span in found:
        if span.begin > place:
            result.append(Span(place, span.begin))
        result.append(span)
        place = span.end
    if place < len(seconds):
        result.append(Span(place, len(seconds)))
    return result


def _runs(hot: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], hot, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _trapezoid(seconds: Floats, volts: Floats, begin: int, end: int) -> Span | None:
    """The pulse whose hot part is ``begin`` ... ``end`` - 1, if it is one with straight edges and a top."""
    sign = 1.0 if volts[begin:end].sum() >= 0 else -1.0
    peak = begin + int(np.argmax(sign * volts[begin:end]))
    left, low = _edge(seconds, volts, peak, -1)
    right, high = _edge(seconds, volts, peak, 1)
    height = volts[peak] - low
    if peak - left > begin or peak + right < end - 1 or abs(high - low) > LEVEL * abs(height):
        return None
    sides = (left * float(seconds[peak - 1]) if left else 0.0, right * float(seconds[peak + 1]) if right else 0.0)
    base = peak - left - 1
    return Span(
        peak - left, peak + right + 1, Shape.trapezoid(*sides), base if base >= 0 else None, peak, float(seconds[peak])
    )


def _edge(seconds: Floats, volts: Floats, peak: int, way: int) -> tuple[int, float]:
    """How many stairs lead from the top to the level that begins or follows the pulse, and that level's volts."""
    stairs = STEPS_PER_EDGE
    last = peak + way * stairs
    inside = 0 <= last < len(volts)
    if inside:
        levels = volts[peak + way * np.arange(stairs + 1)]
        lengths = seconds[peak + way * np.arange(1, stairs + 1)]
        step = (levels[-1] - levels[0]) / (stairs - 0.5)
        line = levels[0] + step * np.maximum(0.0, np.arange(stairs + 1) - 0.5)
        height = abs(step) * stairs
        if (
            height > 0
            and np.abs(lengths / lengths[0] - 1).max() < ALIKE
            and np.abs(levels - line).max() < LEVEL * height
        ):
            beyond = last + way
            own = float(levels[0] + step * stairs)
            known = 0 <= beyond < len(volts) and abs(volts[beyond] - own) < LEVEL * height
            return stairs, float(volts[beyond]) if known else own
    beyond = peak + way
    return 0, float(volts[beyond]) if 0 <= beyond < len(volts) else 0.0


def _odd(seconds: Floats, volts: Floats, begin: int, end: int) -> Span:
    """Any shape: from the last quiet level before ``begin`` to the first one after ``end``."""
    while begin > 0 and _slope(seconds, volts, begin, -1):
        begin -= 1
    while end < len(volts) and _slope(seconds, volts, end - 1, 1):
        end += 1
    base = begin - 1 if begin else None
    low = float(volts[base]) if base is not None else 0.0
    peak = begin + int(np.abs(volts[begin:end] - low).argmax())
    parts = np.round((volts[begin:end] - low) / (volts[peak] - low), FINEST)
    lengths = [float(f"{length:.5g}") for length in seconds[begin:end]]
    stairs = tuple((float(part), length) for part, length in zip(parts, lengths, strict=True))
    return Span(begin, end, replace(Shape(), leading=stairs, fixed=True), base, peak)


def _slope(seconds: Floats, volts: Floats, index: int, way: int) -> bool:
    """Whether the piece beside ``index`` is a stair of an edge that passes there, rather than a level."""
    here, there = index + way, index + 2 * way
    if not 0 <= there < len(volts):
        return False
    monotone = (volts[here] - volts[index]) * (volts[there] - volts[here]) > 0
    alike = abs(seconds[there] / seconds[here] - 1) < ALIKE or abs(seconds[here] / seconds[index] - 1) < ALIKE
    return bool(monotone and alike)
