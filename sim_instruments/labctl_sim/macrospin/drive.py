"""What is done to junctions over time: volts, and if wanted amps beside them and an extra field, as straight lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl_sim.pulse_shape import trapezoid as corners_of

Floats = NDArray[np.float64]


def averages(seconds: Floats, values: Floats, edges: Floats) -> Floats:
    """Means between ``edges`` (S + 1,) of straight lines through ``values`` (..., K) at ``seconds`` (K,); (..., S).

    Means rather than samples, so that a pulse's width counts to the last femtosecond, whatever the step.
    """
    if len(seconds) == 1:
        return np.repeat(values, len(edges) - 1, axis=-1)
    gaps = np.diff(seconds)
    rises = np.divide(np.diff(values, axis=-1), gaps, out=np.zeros_like(values[..., 1:]), where=gaps > 0)
    areas = np.concatenate(
        [np.zeros_like(values[..., :1]), np.cumsum((values[..., 1:] + values[..., :-1]) / 2 * gaps, axis=-1)], axis=-1
    )
    inside = np.clip(edges, seconds[0], seconds[-1])
    at = np.clip(np.searchsorted(seconds, inside, side="right") - 1, 0, len(gaps) - 1)
    past = inside - seconds[at]
    total = areas[..., at] + values[..., at] * past + rises[..., at] * past**2 / 2
    # Before the first corner and after the last the line is level.
    total += values[..., :1] * np.minimum(edges - seconds[0], 0) + values[..., -1:] * np.maximum(edges - seconds[-1], 0)
    result: Floats = np.diff(total, axis=-1) / np.diff(edges)
    # A level stretch is to be level to the last bit, because equal neighbours are worked off together.
    flat = (at[:-1] == at[1:]) & (edges[:-1] >= seconds[0]) & (edges[1:] <= seconds[-1])
    level = flat & np.all(rises[..., at[:-1]] == 0, axis=tuple(range(values.ndim - 1)))
    result = np.where(level, values[..., at[:-1]], result)
    return np.where(edges[:-1] >= seconds[-1], values[..., -1:], result)


@dataclass(frozen=True)
class Drive:
    """Corners of straight lines: ``seconds`` (K,) from 0 on, never falling; two equal ones make a jump.

    ``volts`` (K,) for all junctions or (N, K) for each; ``amps`` likewise, through a spin-orbit line; ``field_tesla``
    (3, K) adds to the layer's field. Before and after, everything stays at its first and last value.
    """

    seconds: Floats
    volts: Floats
    amps: Floats | None = None
    field_tesla: Floats | None = None

    def __post_init__(self) -> None:
        for name in ("seconds", "volts", "amps", "field_tesla"):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.asarray(value, np.float64)
            object.__setattr__(self, name, array)
            if not np.isfinite(array).all():
                raise ParameterError(f"the drive's {name} are not all finite; leave no gap in the table")
            lead = {"seconds": (), "field_tesla": (3,)}.get(name, array.shape[:-1])
            if array.shape != (*lead, self.seconds.size) or array.ndim > 2 or self.seconds.ndim != 1:
                raise ParameterError(
                    f"the drive's {name} have shape {array.shape}, its seconds {self.seconds.shape}; "
                    "give one value per corner, (K,), or (N, K) for N junctions, or (3, K) for a field"
                )
        if self.seconds.size == 0 or self.seconds[0] < 0 or (np.diff(self.seconds) < 0).any():
            raise ParameterError(
                "the drive's seconds must begin at 0 or later and never fall, with one corner at least"
            )

    @property
    def duration_seconds(self) -> float:
        """From 0 to the last corner."""
        return float(self.seconds[-1])

    def only(self, which: slice) -> Drive:
        """The part of some junctions."""
        volts, amps = (
            value[which] if value is not None and value.ndim == 2 else value for value in (self.volts, self.amps)
        )
        assert volts is not None  # noqa: S101 - the type above forgets it
        return Drive(self.seconds, volts, amps, self.field_tesla)


def rectangular(volts: float | Floats, width_seconds: float, rest_volts: float = 0.0) -> Drive:
    """One pulse with upright edges; ``volts`` may be (N,)."""
    return trapezoid(volts, width_seconds, 0.0, 0.0, rest_volts)


def trapezoid(
    volts: float | Floats,
    width_seconds: float,
    leading_seconds: float,
    trailing_seconds: float,
    rest_volts: float = 0.0,
) -> Drive:
    """One pulse whose width is taken at half height and whose edges from end to end, as a generator counts them."""
    for name, value in (("width", width_seconds), ("leading", leading_seconds), ("trailing", trailing_seconds)):
        if not value >= 0:
            raise ParameterError(f"{name}_seconds is {value:g}; a pulse takes 0 seconds or more")
    corners = corners_of(0.0, width_seconds, leading_seconds, trailing_seconds, 0.0, 1.0)
    seconds = np.array([corner[0] for corner in corners])
    shape = np.array([corner[1] for corner in corners])
    top = np.asarray(volts, np.float64)
    return Drive(seconds, rest_volts + (top[..., None] - rest_volts) * shape)


def constant(volts: float | Floats, seconds: float) -> Drive:
    """The same volts from beginning to end."""
    top = np.asarray(volts, np.float64)
    return Drive(np.array([0.0, seconds]), np.stack([top, top], axis=-1))
