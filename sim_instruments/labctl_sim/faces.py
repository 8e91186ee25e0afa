"""What instruments are to the circuit, an operating point of it, and what becomes of a source at its limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from labctl_sim.flips import Floats

ROUNDING = 1e-9  # by how much, relatively, a limit may be missed
ROUNDING_AMPS = 1e-13


@dataclass(frozen=True)
class Thevenin:
    """An ideal source of ``volts`` behind ``ohms``; 0 V behind a few ohm is a current input."""

    volts: float
    ohms: float


@dataclass(frozen=True)
class VoltageSource:
    """Sources ``volts``, but never more than ``limit_amps`` either way."""

    volts: float
    limit_amps: float


@dataclass(frozen=True)
class CurrentSource:
    """Sources ``amps``, but never more than ``limit_volts`` either way."""

    amps: float
    limit_volts: float


Face = Thevenin | VoltageSource | CurrentSource


@dataclass(frozen=True)
class Point:
    """An operating point: ``cell_volts`` (N,) word minus bit; per role ``volts``, ``amps`` (out of it), ``limited``."""

    cell_volts: Floats
    volts: Mapping[str, float]
    amps: Mapping[str, float]
    limited: frozenset[str]


def by_limit(faces: Mapping[str, Face]) -> Callable[[str], tuple[float, str]]:
    """The order of sources: the smallest current limit first, current sources after them."""

    def key(role: str) -> tuple[float, str]:
        face = faces[role]
        return (face.limit_amps if isinstance(face, VoltageSource) else np.inf, role)

    return key


def level(face: Face) -> float:
    """What it is set to: amps or volts."""
    return face.amps if isinstance(face, CurrentSource) else face.volts


def misplaced(face: Face, clamp: Face | None, role: str, point: Point) -> bool:
    """Whether a source is beyond its limit, or would be within it again if it were released."""
    volts, amps = point.volts[role], point.amps[role]
    if isinstance(face, VoltageSource):
        if clamp is None:
            return abs(amps) > face.limit_amps * (1 + ROUNDING) + ROUNDING_AMPS
        return (volts - face.volts) * math.copysign(1.0, level(clamp)) > ROUNDING * (1 + abs(face.volts))
    if isinstance(face, CurrentSource):
        if clamp is None:
            return abs(volts) > face.limit_volts * (1 + ROUNDING)
        return (amps - face.amps) * math.copysign(1.0, level(clamp)) > ROUNDING * abs(face.amps) + ROUNDING_AMPS
    return False


def clamped(face: Face, role: str, point: Point) -> Face:
    """What a source that is beyond its limit becomes there."""
    if isinstance(face, VoltageSource):
        return CurrentSource(math.copysign(face.limit_amps, point.amps[role]), np.inf)
    if isinstance(face, CurrentSource):
        return VoltageSource(math.copysign(face.limit_volts, point.volts[role]), np.inf)
    return face
