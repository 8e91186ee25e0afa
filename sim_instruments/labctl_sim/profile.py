"""A profile says what kind of junction it is: every number with its unit, its source and how sure it is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from labctl.core.errors import StationError
from labctl_sim.mtj import Floats, Junctions

STATUSES = ("literature", "measured", "assumed")
DISTRIBUTIONS = ("normal", "lognormal")


@dataclass(frozen=True)
class Quantity:
    """A number of a profile: relative ``spread`` from junction to junction (absolute where the value is zero)."""

    value: float
    unit: str
    source: str
    status: str
    spread: float = 0.0
    distribution: str = "normal"

    def draw(self, count: int, rng: np.random.Generator) -> Floats:
        """``count`` junctions' values: float64 (count,)."""
        normal = rng.standard_normal(count)
        if self.distribution == "lognormal":
            result: Floats = self.value * np.exp(self.spread * normal)
            return result
        return self.value + self.spread * (abs(self.value) or 1.0) * normal


@dataclass(frozen=True)
class Profile:
    """A named kind of junction: ``quantities`` holds one Quantity per field of ``Junctions``."""

    name: str
    behaviour: str
    quantities: dict[str, Quantity]

    def draw(self, count: int, rng: np.random.Generator) -> Junctions:
        """``count`` junctions from this kind of wafer; which wafer, the generator's seed says."""
        return Junctions(**{field.name: self.quantities[field.name].draw(count, rng) for field in fields(Junctions)})


def load(name: str, beside: Path | None = None) -> Profile:
    """The profile called ``name``: one that we ship, or the path of a TOML (relative to ``beside``).

    Raises StationError when there is none, or when a number is missing or lacks its source.
    """
    shipped = Path(__file__).parent / "profiles"
    path = Path(name) if beside is None else beside / name
    if not name.endswith(".toml"):
        path = shipped / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in shipped.glob("*.toml")))
        raise StationError(
            f"no junction profile {name!r}; shipped are {known}, your own is named by its path"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise StationError(f"the junction profile {path} is not TOML: {error}") from error
    quantities = {field.name: _quantity(path, field.name, table.get(field.name)) for field in fields(Junctions)}
    return Profile(str(table.get("name", path.stem)), str(table.get("behaviour", "")), quantities)


def _quantity(path: Path, name: str, entry: Any) -> Quantity:
    if not isinstance(entry, dict) or not {"value", "unit", "source", "status"} <= entry.keys():
        raise StationError(f"{path} needs a table [{name}] with value, unit, source and status")
    try:
        quantity = Quantity(**{**entry, "value": float(entry["value"])})
    except (TypeError, ValueError) as error:
        raise StationError(f"[{name}] of {path} is wrong: {error}") from error
    if quantity.status not in STATUSES or quantity.distribution not in DISTRIBUTIONS:
        raise StationError(
            f"[{name}] of {path} has status {quantity.status!r} and distribution {quantity.distribution!r}; "
            f"known are {', '.join(STATUSES)} and {', '.join(DISTRIBUTIONS)}"
        )
    return quantity
