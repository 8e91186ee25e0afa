"""The sourcing half of a 2636B channel: levels, ranges, limits, output states, and what stands at its terminals.

Facts: 2600B reference manual, tagged K26-<page>; QKT, an open driver's error table; [MEM] = from memory, verify.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from labctl_sim.faces import CurrentSource, Face, VoltageSource
from labctl_sim.keithley2636b_settings import (
    AMP_RANGES,
    AMPS,
    HIGH_Z,
    LIMIT_AUTO,
    NORMAL,
    OFF,
    ON,
    OVERRANGE,
    SAFE_AMPS,
    SAFE_VOLTS,
    SENSE_CALA,
    SETTINGS,
    VOLT_RANGES,
    VOLTS,
    ZERO,
    range_for,
)
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Attribute, Name, Setting, Value, one_of
from labctl_sim.world import World

RANGES = {"v": VOLT_RANGES, "i": AMP_RANGES}
AUTO_DELAY_SECONDS = 1e-4  # source.delay = DELAY_AUTO; depends on the range in the real one [MEM]


class Source:
    """``role`` is the channel's matrix row in the wiring; a channel without one is open."""

    def __init__(self, world: World, role: str, owner: str, *, interlock: bool) -> None:
        self.world = world
        self.role = role
        self.state: dict[str, Any] = {}
        self.output = OFF
        self.swept: float | None = None  # the level of a sweep, until the programmed one is back
        self.sweeping = False
        self._owner = owner  # the instrument's role, for faults
        self._interlock = interlock
        self._high_z = False
        self.reset()

    def reset(self) -> None:
        """Defaults, output off."""
        self.state.update({setting.name: setting.default for setting in SETTINGS})
        self.output, self.swept, self.sweeping, self._high_z = OFF, None, False, False
        self.show()

    # -- what it does

    @property
    def kind(self) -> str:
        """``v`` or ``i``: what is sourced."""
        return "v" if self.state["source.func"] == VOLTS else "i"

    @property
    def level(self) -> float:
        """The level that is sourced when the output is on."""
        return self.swept if self.swept is not None else float(self.state[f"source.level{self.kind}"])

    @property
    def limited(self) -> bool:
        """``source.compliance``."""
        self.watch()
        return self.output == ON and self.world.terminals(self.role).limited

    @property
    def interlocked(self) -> bool:
        """True while the interlock line is asserted: only then are there 200 V."""
        return self._interlock and self.world.faults.active(self._owner, "interlock") is None

    def limit(self) -> float:
        """The compliance in force: the lower of the programmed one and what the power limit leaves (K26-9-245)."""
        other = "i" if self.kind == "v" else "v"
        limit = float(self.state[f"source.limit{other}"])
        swept = self.state[f"trigger.source.limit{other}"]
        if self.sweeping and swept != LIMIT_AUTO:
            limit = min(limit, float(swept)) if swept else limit
        watts = float(self.state["source.limitp"])
        return min(limit, watts / abs(self.level)) if watts and self.level else limit

    def show(self) -> None:
        """Tell the world what stands at HI."""
        self.world.show(self.role, self._face())

    def _face(self) -> Face | None:
        state = self.state
        if self.output == ON:
            if self.kind == "v":
                return VoltageSource(self.level, self.limit())
            return CurrentSource(self.level, self.limit())
        if self._high_z or state["source.offmode"] == HIGH_Z:
            return None
        if state["source.offmode"] == NORMAL and state["source.offfunc"] == AMPS:
            return CurrentSource(0.0, state["source.offlimitv"])  # up to 40 V at what was meant to be off (K26-101)
        limit = state["source.limiti"] if state["source.offmode"] == ZERO else state["source.offlimiti"]
        return VoltageSource(0.0, limit)

    def point(self) -> dict[str, float]:
        """Volts and amps at the terminals."""
        at = self.world.terminals(self.role)
        return {"v": at.volts, "i": at.amps}

    def connected(self) -> bool:
        """Whether a closed relay leads from HI to somewhere."""
        row = self.world.wiring.rows.get(self.role)
        return row is not None and any(point.row == row for point in self.world.closed)

    def watch(self) -> None:
        """Turn off what may not go on: too hot, or 200 V without the interlock."""
        if self.output == ON and (self.world.faults.active(self._owner, "over_temperature") or not self._allowed()):
            self._turn(OFF)

    # -- levels and ranges

    def set_level(self, kind: str, value: float) -> None:
        """Program a level; beyond a fixed range it is an error at once if the output is on (K26-2-47)."""
        if self.output == ON and kind == self.kind and not self.state[f"source.autorange{kind}"]:
            self._check_range(kind, value, self.state[f"source.range{kind}"])
        self._check_safe({f"source.level{kind}": value})
        changed = self.state[f"source.level{kind}"] != value or self.swept is not None
        self.state[f"source.level{kind}"] = value
        if kind == self.kind:
            self.swept = None
        self.fit(kind)
        if changed and self.output == ON and kind == self.kind:
            self.world.sleep(self.delay_seconds())

    def step(self, value: float) -> None:
        """The next level of a sweep."""
        self.swept = value
        self.fit(self.kind)

    def fit(self, kind: str) -> None:
        """Let an automatic range follow the level."""
        if self.state[f"source.autorange{kind}"]:
            level = self.level if kind == self.kind else self.state[f"source.level{kind}"]
            lowest = self.state[f"source.lowrange{kind}"]
            self.state[f"source.range{kind}"] = max(range_for(level, RANGES[kind]), lowest)
        self.show()

    def delay_seconds(self) -> float:
        """What ``source.delay`` costs after a step."""
        delay = float(self.state["source.delay"])
        return delay if delay >= 0 else AUTO_DELAY_SECONDS

    def _set_range(self, kind: str, value: float) -> None:
        if self.output == ON and kind == self.kind:
            self._check_range(kind, self.level, value)
        self._check_safe({f"source.range{kind}": value, f"source.autorange{kind}": 0.0})
        self.state[f"source.range{kind}"] = value
        self.state[f"source.autorange{kind}"] = 0.0  # K26-7-234
        self.show()

    @staticmethod
    def _check_range(kind: str, level: float, scale: float) -> None:
        if abs(level) > OVERRANGE * scale * (1 + 1e-9):
            raise InstrumentFault(5005)

    def _check_safe(self, change: dict[str, float]) -> None:
        """No more than 20 V together with more than 100 mA [MEM]: 5007."""
        state = {**self.state, **change}
        reach = {}
        for kind in "vi":
            level = abs(state[f"source.level{kind}"])
            reach[kind] = level if state[f"source.autorange{kind}"] else max(level, state[f"source.range{kind}"])
        if state["source.func"] == VOLTS:
            volts, amps = reach["v"], state["source.limiti"]
        else:
            volts, amps = state["source.limitv"], reach["i"]
        if volts > SAFE_VOLTS * OVERRANGE and amps > SAFE_AMPS * OVERRANGE:
            raise InstrumentFault(5007)

    # -- output

    def set_output(self, value: Value) -> None:
        """``source.output``: 0, 1, or 2 for off with the relay open (K26-9-249)."""
        wanted = one_of(OFF, ON, HIGH_Z)(value)
        if wanted != ON:
            self._turn(OFF, high_z=wanted == HIGH_Z)
            return
        if self.world.faults.active(self._owner, "over_temperature"):
            raise InstrumentFault(5046)
        if not self._allowed():
            raise InstrumentFault(802)
        if not self.state[f"source.autorange{self.kind}"]:
            self._check_range(self.kind, self.level, self.state[f"source.range{self.kind}"])
        if self.world.faults.active(self._owner, "output_refuses"):
            return
        self._turn(ON)

    def _turn(self, output: float, *, high_z: bool = False) -> None:
        self.output, self._high_z = output, high_z
        if output == OFF:
            self.swept = None
        self.show()

    def _allowed(self) -> bool:
        """Without the interlock there is no 200 V range, neither sourced nor as a limit [MEM]."""
        volts = self.state["source.rangev"] if self.kind == "v" else self.state["source.limitv"]
        return self.interlocked or volts <= SAFE_VOLTS

    # -- names

    def names(self) -> dict[str, Name]:
        """``source.*`` and ``sense``, without the channel's own name."""
        names: dict[str, Name] = {}
        for setting in SETTINGS:
            names[setting.name] = setting.attribute(self.state, self.show)
        for kind in "vi":
            level, scale = f"source.level{kind}", f"source.range{kind}"
            names[level] = self._checked(level, partial(self.set_level, kind))
            names[scale] = self._checked(scale, partial(self._set_range, kind))
            for name in (f"source.autorange{kind}", f"source.lowrange{kind}"):
                names[name] = _setting(name).attribute(self.state, partial(self.fit, kind))
            limit = f"source.limit{kind}"
            names[limit] = self._checked(limit, partial(self._keep_if_safe, limit))
        names["source.func"] = self._checked("source.func", self._set_function)
        names["sense"] = self._checked("sense", self._set_sense)
        names["source.output"] = Attribute(self._get_output, self.set_output, "K26-9-249")
        names["source.compliance"] = Attribute(lambda: self.limited, page="K26-2-28")
        return names

    def _checked(self, name: str, write: Callable[[float], None]) -> Attribute:
        setting = _setting(name)
        return Attribute(
            lambda: self.state[name], lambda value: write(setting.check(value)), setting.page, setting.verify
        )

    def _keep_if_safe(self, name: str, value: float) -> None:
        self._check_safe({name: value})
        self.state[name] = value
        self.show()

    def _set_function(self, value: float) -> None:
        self._check_safe({"source.func": value})
        if value != self.state["source.func"]:
            self.swept = None
        self.state["source.func"] = value
        self.fit(self.kind)

    def _set_sense(self, value: float) -> None:
        if SENSE_CALA in (value, self.state["sense"]) and self.output == ON and value != self.state["sense"]:
            raise InstrumentFault(5008)
        self.state["sense"] = value

    def _get_output(self) -> float:
        self.watch()
        return self.output


def _setting(name: str) -> Setting:
    return next(setting for setting in SETTINGS if setting.name == name)
