"""A profile says what kind of junction it is: every number with its unit, its source and how sure it is.

It is a TOML file with one table per number of `labctl_sim.quantities`. With ``base`` it starts from another profile and
holds only what differs; with ``base_source``, too, every number taken over counts as assumed, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from labctl.core.errors import ParameterError, StationError
from labctl_sim import two_states
from labctl_sim.flips import Floats, States
from labctl_sim.junction import Junctions
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.profile_reading import STATUSES, Quantity, read_toml, reading
from labctl_sim.quantities import ELECTRICAL, ENDURANCE, LAYER, NOISE
from labctl_sim.readnoise import NoiseNumbers
from labctl_sim.variation import Correlation, Wafer
from labctl_sim.wear import Endurance, strengths

__all__ = ["STATUSES", "Profile", "Quantity", "load"]


@dataclass(frozen=True)
class Profile:
    """A named kind of junction: ``quantities`` by name, how they go together, and which ``laws`` hold."""

    name: str
    behaviour: str
    quantities: Mapping[str, Quantity]
    laws: Mapping[str, str]
    correlations: tuple[Correlation, ...] = field(default=())

    def junctions(self, count: int, rng: np.random.Generator) -> Junctions:
        """``count`` junctions from this kind of wafer; which wafer, the generator says (it gives four numbers)."""
        wafer = Wafer(rng, count)
        spread = [name for name, quantity in self.quantities.items() if quantity.spread]
        normals = wafer.normals(spread, self.correlations)
        values = {name: quantity.draw(normals.get(name, np.zeros(count))) for name, quantity in self.quantities.items()}
        fractions = (self.quantities[f"{kind}_fraction"].value for kind in ("stuck_p", "stuck_ap", "shorted", "open"))
        return self._build(
            values, wafer.uniforms("breakdown_strength"), wafer.uniforms("telegraph"), wafer.defects(*fractions)
        )

    @cached_property
    def nominal(self) -> Junctions:
        """The one junction, N = 1, that has every number at its middle: what tables are made for."""
        values = {name: np.array([quantity.value]) for name, quantity in self.quantities.items()}
        one = np.ones(1)
        return self._build(values, one * math.exp(-1), one / 2, np.zeros(1, np.uint8))

    @property
    def stability(self) -> float:
        """Delta of the nominal junction at rest."""
        return float(self.nominal.layer.stability()[0])

    @property
    def critical_volts(self) -> float:
        """The volts that take the nominal junction's anisotropy away; infinite without VCMA."""
        return float(self.nominal.layer.critical_volts[0])

    def spread_of_stability(self) -> dict[str, float]:
        """What each spread of the layer adds to Delta's standard deviation (as if it were the only one), by name."""
        return self.spread_of(FreeLayer.stability)

    def spread_of(self, what: Callable[[FreeLayer], Floats]) -> dict[str, float]:
        """The same for any number that follows from the layer."""
        parts = {}
        for name in LAYER:
            quantity = self.quantities[name]
            if quantity.spread and not math.isnan(quantity.value):
                step = quantity.spread * (abs(quantity.value) or 1.0) * 1e-3
                ends = [
                    float(what(_layer({**self._nominal_layer, name: np.array([quantity.value + sign * step])}))[0])
                    for sign in (-1, 1)
                ]
                parts[name] = abs(ends[1] - ends[0]) / 2e-3
        return parts

    @property
    def _nominal_layer(self) -> dict[str, Floats]:
        return {name: np.array([self.quantities[name].value]) for name in LAYER}

    def _build(self, values: dict[str, Floats], strength: Floats, trap: Floats, defects: States) -> Junctions:
        layer = _layer({name: values[name] for name in LAYER})
        if self.quantities["spin_polarisation"].value or self.quantities["spin_polarisation"].spread:
            torque = layer.torque_per_volt(values["spin_polarisation"], values["parallel_ohms"])
            layer = replace(layer, torque_tesla_per_volt=torque)
        noise = {name: values[name] for name in NOISE if name != "telegraph_fraction"}
        noise["telegraph_amplitude"] = np.where(trap < values["telegraph_fraction"], noise["telegraph_amplitude"], 0.0)
        return Junctions(
            layer=layer,
            endurance=Endurance(
                **{name: values[name] for name in ENDURANCE},
                breakdown_strength=strengths(strength, values["breakdown_weibull_slope"]),
                breakdown_law=self.laws["breakdown_law"],
            ),
            noise=NoiseNumbers(**noise),
            defects=defects,
            **{name: values[name] for name in ELECTRICAL},
            tmr_law=self.laws["tmr_law"],
        )


def load(name: str, beside: Path | None = None) -> Profile:
    """The profile called ``name``: one that we ship, or the path of a TOML (relative to ``beside``).

    Raises StationError when there is none; or with every mistake in it at once.
    """
    return _load(name, beside, ())


def _load(name: str, beside: Path | None, above: tuple[Path, ...]) -> Profile:
    shipped = Path(__file__).parent / "profiles"
    path = Path(name) if beside is None else beside / name
    if not name.endswith(".toml"):
        path = shipped / f"{name}.toml"
    if path.resolve() in above:
        raise StationError(f"the junction profile {path} leads back to itself by base; let one of them stand alone")
    content = read_toml(path, name, shipped)
    base = content.get("base")
    below = _load(base, path.parent, (*above, path.resolve())) if isinstance(base, str) and base else None
    found = reading(path, content, None if below is None else (below.quantities, below.laws, below.correlations))
    profile = Profile(*found)
    _refuse_impossible(path, profile)
    return profile


def _layer(values: dict[str, Floats]) -> FreeLayer:
    numbers: dict[str, Floats | None] = dict(values)
    if np.isnan(values["demagnetising_difference"]).all():
        numbers["demagnetising_difference"] = None
    return FreeLayer(**numbers)  # type: ignore[arg-type]  # the names are those of LAYER, all of them numbers


def _refuse_impossible(path: Path, profile: Profile) -> None:
    """Refuse what has not two states, or is beyond the physics: the nominal junction, or one in a few million."""
    try:
        cycle = profile.quantities["cycle_anisotropy_spread"].value
        wrong = two_states.mistakes(profile.nominal.layer, profile.spread_of, cycle)
    except ParameterError as error:
        raise StationError(f"the junction profile {path} describes no junction: {error}") from error
    if wrong:
        raise StationError(f"the junction profile {path} describes no junction that works:\n" + "\n".join(wrong))
