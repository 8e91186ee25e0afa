"""Reading a profile's TOML: every number checked against its kind, every mistake noted, all of them told at once."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from labctl.bench.tables import Table
from labctl.core.errors import StationError
from labctl_sim.flips import Floats
from labctl_sim.quantities import ALL, DEFECTS, FORMER, LAWS, WITHOUT_SPREAD, Kind
from labctl_sim.variation import Correlation, involved, matrix

STATUSES = ("literature", "measured", "assumed")
DISTRIBUTIONS = ("normal", "lognormal")
SURE = 5.0  # standard deviations that must stay within a number's limits: one draw in 3.5 million is beyond
WIDEST = 1e20  # a factor either way, beyond which a log-normal law is a slip of the pen


@dataclass(frozen=True)
class Quantity:
    """A number of a profile: relative ``spread`` from junction to junction (absolute where the value is zero)."""

    value: float
    unit: str
    source: str
    status: str
    spread: float = 0.0
    distribution: str = "normal"

    def draw(self, normals: Floats) -> Floats:
        """Junctions' values from ``normals`` (N,), which are N(0,1): float64 (N,)."""
        if self.distribution == "lognormal":
            result: Floats = self.value * np.exp(self.spread * normals)
            return result
        return self.value + self.spread * (abs(self.value) or 1.0) * normals


Found = tuple[str, str, dict[str, Quantity], dict[str, str], tuple[Correlation, ...]]
Below = tuple[Mapping[str, Quantity], Mapping[str, str], tuple[Correlation, ...]]


def read_toml(path: Path, name: str, shipped: Path) -> dict[str, Any]:
    """What is in the file; StationError if there is none or it is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(sorted(file.stem for file in shipped.glob("*.toml")))
        what = f"no junction profile {name!r}; your own is named by its path, with .toml at its end"
        if name.endswith(".toml"):
            what = f"the junction profile {path.resolve()} cannot be read ({error.strerror}); check the path"
        raise StationError(f"{what}; shipped are {known}") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or made to break a reader
        raise StationError(f"the junction profile {path} is not TOML: {error}") from error


def reading(path: Path, content: dict[str, Any], below: Below | None) -> Found:
    """Name, behaviour, quantities, laws and correlations of the file's ``content``; raises with all mistakes."""
    _refuse_former(path, content)
    mistakes: list[str] = []
    top = Table("", content, mistakes)
    name = top.text("name", path.stem, default=path.stem) or path.stem
    behaviour = top.text("behaviour", "long-pulse self-centring", default="") or ""
    base = top.text("base", "vcma_long_pulse", default="")
    stand_in = top.text("base_source", "not published; a number of our own stands in", default="")
    quantities, laws, correlations = _below(base or "", stand_in or "", below)
    for key, kind in ALL.items():
        entry = top.take(key)
        needed = f'value = {kind.example}, unit = "{kind.unit}", source and status'
        if entry is not None and not isinstance(entry, Mapping):
            top.mistake(key, f"is {entry!r}; write it as a table, [{key}] with {needed}")
        elif entry is not None:
            quantity = _quantity(Table(key, entry, mistakes), key, kind)
            if quantity is not None:
                quantities[key] = quantity
        elif key not in quantities:
            if kind.default is None:
                mistakes.append(f"[{key}] is missing; add it with {needed}, or start from another profile: base = ...")
            else:
                quantities[key] = Quantity(kind.default, kind.unit, "left out of the profile: not modelled", "assumed")
    for key, known in LAWS.items():
        law = top.text(key, known[0], default=laws.get(key, known[0]))
        if law is not None and law not in known:
            top.mistake(key, f"is {law!r}; known are: {', '.join(known)}")
        laws[key] = law or known[0]
    steady = {key for key, quantity in quantities.items() if not quantity.spread}
    correlations = _correlations(
        top, quantities, tuple(pair for pair in correlations if steady.isdisjoint(pair.between)), mistakes
    )
    defective = sum(quantities[key].value for key in DEFECTS if key in quantities)
    if defective > 1:
        mistakes.append(f"the fractions of defects add up to {defective:g}; a wafer has no more than 1: lower them")
    top.refuse_rest()
    if mistakes:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) != 1 else ''}"
        raise StationError(f"the junction profile {path} has {count}:\n" + "\n".join(f"  {line}" for line in mistakes))
    return name, behaviour, quantities, laws, correlations


def _refuse_former(path: Path, content: dict[str, Any]) -> None:
    former = [name for name in FORMER if name in content]
    if former:
        follow = ", ".join(f"{name} ({FORMER[name]})" for name in former)
        raise StationError(
            f"the junction profile {path} is of the former kind: {', '.join(former)} are no longer given but follow "
            f"from the free layer: {follow}. Give diameter_meters, thickness_meters and the layer's other numbers, "
            'or write base = "vcma_long_pulse" and only what differs from it'
        )


def _below(base: str, stand_in: str, below: Below | None) -> tuple[dict[str, Quantity], dict[str, str], Any]:
    if below is None:
        return {}, {}, ()
    quantities, laws, correlations = dict(below[0]), dict(below[1]), below[2]
    if stand_in:
        source = f"{stand_in}; stands in: the number of {base}"
        quantities = {key: replace(value, source=source, status="assumed") for key, value in quantities.items()}
    return quantities, laws, correlations


def _quantity(table: Table, name: str, kind: Kind) -> Quantity | None:
    before = len(table.mistakes)
    value = table.number("value", kind.example, least=kind.least, above=kind.above)
    unit = table.text("unit", kind.unit)
    source = table.text("source", "what says so; or why it is a fair guess")
    status = table.text("status", "assumed")
    spread = table.number("spread", "0.02", default=0.0, above=False)
    distribution = table.text("distribution", "normal", default="normal")
    table.refuse_rest()
    if unit is not None and unit != kind.unit:
        table.mistake("unit", f"is {unit!r}; give the value in {kind.unit!r}, e.g. value = {kind.example}")
    for key, found, known in (("status", status, STATUSES), ("distribution", distribution, DISTRIBUTIONS)):
        if found is not None and found not in known:
            table.mistake(key, f"is {found!r}; known are: {', '.join(known)}")
    if value is not None and value > kind.most:
        table.mistake("value", f"is {value:g}; it must be no more than {kind.most:g}, e.g. value = {kind.example}")
    if value is not None and spread:
        _check_spread(table, name, kind, value, spread, distribution or "")
    if len(table.mistakes) > before:
        return None
    return Quantity(value or 0.0, unit or "", source or "", status or "", spread or 0.0, distribution or "normal")


def _check_spread(table: Table, name: str, kind: Kind, value: float, spread: float, distribution: str) -> None:
    if name in WITHOUT_SPREAD:
        table.mistake("spread", f"is {spread:g}; this is one number for a whole wafer: leave its spread out")
    elif distribution == "lognormal" and value <= 0:
        table.mistake("distribution", f"is lognormal at a value of {value:g}; that takes one above 0: use normal")
    elif distribution == "lognormal":
        for limit in (max(kind.least, value / WIDEST), min(kind.most, value * WIDEST)):
            room = abs(math.log(limit / value)) / SURE
            if spread > room:
                table.mistake(
                    "spread",
                    f"is {spread:g}; some junctions would lie beyond the limit {limit:g}: keep it below {room:.3g}",
                )
    else:
        reach = SURE * spread * (abs(value) or 1.0)
        for limit, beyond in ((kind.least, value - reach < kind.least), (kind.most, value + reach > kind.most)):
            if beyond:
                room = abs(value - limit) / SURE / (abs(value) or 1.0)
                other = ', or write distribution = "lognormal"' if limit == 0 < value else ""
                table.mistake(
                    "spread",
                    f"is {spread:g}; some junctions would lie beyond the limit {limit:g}: "
                    f"keep it below {room:.3g}{other}",
                )


def _correlations(
    top: Table, quantities: Mapping[str, Quantity], known: tuple[Correlation, ...], mistakes: list[str]
) -> tuple[Correlation, ...]:
    """Those of the file, and those of its base (``known``) for which it has no other value."""
    entries = top.take("correlation")
    if entries is None:
        return known
    example = '[[correlation]] between = ["parallel_ohms", "diameter_meters"], value = -0.5'
    if not isinstance(entries, list):
        mistakes.append(f"correlation is no list of tables; write e.g. {example}")
        return known
    found: list[Correlation] = []
    pairs: set[frozenset[str]] = set()
    for number, entry in enumerate(entries, 1):
        table = Table(f"correlation {number}", entry, mistakes)
        between = table.take("between")
        value = table.number("value", "-0.5", least=-1.0, above=False)
        table.refuse_rest()
        if not isinstance(between, list) or len(between) != 2 or len(set(map(str, between))) != 2:
            table.mistake("between", f"is {between!r}; name two quantities, e.g. {example}")
            continue
        first, second = (str(name) for name in between)
        steady = [name for name in (first, second) if name not in quantities or not quantities[name].spread]
        for name in steady:
            table.mistake("between", f"names {name!r}, which has no spread here; give it one, or name another quantity")
        if value is not None and value > 1:
            table.mistake("value", f"is {value:g}; it must lie in -1 ... 1")
        elif frozenset((first, second)) in pairs:
            table.mistake("between", f"names {first!r} and {second!r} for the second time; keep one")
        elif value is not None and not steady:
            pairs.add(frozenset((first, second)))
            found.append(Correlation((first, second), value))
    kept = [correlation for correlation in known if frozenset(correlation.between) not in pairs]
    everything = (*kept, *found)
    if everything:
        lowest = float(np.linalg.eigvalsh(matrix(involved(everything), everything)).min())
        if lowest < -1e-9 or math.isnan(lowest):
            mistakes.append(
                f"the correlations contradict each other (their matrix has the eigenvalue {lowest:.3g}, and none may "
                "be below 0): bring the values nearer to 0, or add the third side of a triangle"
            )
    return everything
