"""Levels of a Keysight 81160A channel: high, low, offset and amplitude are two numbers seen in two ways."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from labctl_sim.pulse_generator import Output
from labctl_sim.scpi import Call, Command, Number, documented

if TYPE_CHECKING:
    from labctl_sim.keysight81160a import Keysight81160A

MAX_LEVEL = 5.0  # PM, into 50 ohm
MIN_AMPLITUDE, MAX_AMPLITUDE = 0.05, 5.0  # PM
DEFAULT_VOLTS = {"high": 0.5, "low": -0.5, "offset": 0.0, "amplitude": 1.0}


class LevelCommands(Output):
    """The part of a channel that is about volts."""

    panel: Keysight81160A

    @abstractmethod
    def show(self) -> None:
        """Tell the world."""

    def level_commands(self) -> list[Command]:
        """PM; LIMit: PM and 33500 p. 324."""
        panel, key, volt = self.panel, self.key, Number("V", -10.0, 10.0)
        root = "[SOURce#]:VOLTage#"
        return documented(
            "PM",
            *[
                Command(f"{root}{node}", self._setter(level), self._asker(level))
                for level, node in (
                    ("high", "[:LEVel][:IMMediate]:HIGH"),
                    ("low", "[:LEVel][:IMMediate]:LOW"),
                    ("offset", "[:LEVel][:IMMediate]:OFFSet"),
                    ("amplitude", "[:LEVel][:IMMediate][:AMPLitude]"),
                )
            ],
            panel.option(f"{root}:UNIT", key("unit"), ("VPP",)),  # VRMS and DBM are not modelled
            panel.switch(f"{root}:LIMit#:STATe", key("limit"), self.clip),
            panel.numeric(f"{root}:LIMit#[:HIGH]", key("limit_high"), volt, self.clip),
            panel.numeric(f"{root}:LIMit#:LOW", key("limit_low"), volt, self.clip),
        )

    def set_level(self, key: str, call: Call) -> None:
        """Set one level from a call's parameter."""
        kind = self._kind(key)
        self._move(key, self.panel.limited(kind.read(call.only()), *kind.bounds()) / self.divider())

    def _kind(self, key: str) -> Number:
        factor = self.divider()
        default = DEFAULT_VOLTS[key] * factor
        if key == "amplitude":
            return Number("V", MIN_AMPLITUDE * factor, MAX_AMPLITUDE * factor, default)
        return Number("V", -MAX_LEVEL * factor, MAX_LEVEL * factor, default)

    def _setter(self, key: str) -> Any:
        return lambda call: self.set_level(key, call)

    def _asker(self, key: str) -> Any:
        def ask(call: Call) -> str:
            return self.panel.format_number(self._kind(key).asked(call, self.levels()[key] * self.divider()))

        return ask

    def _move(self, key: str, volts: float) -> None:
        high, low = self["high"], self["low"]
        if key == "high":
            high = volts
            adjusted = min(max(low, high - MAX_AMPLITUDE), high - MIN_AMPLITUDE)
            low, conflict = adjusted, adjusted != low
        elif key == "low":
            low = volts
            adjusted = max(min(high, low + MAX_AMPLITUDE), low + MIN_AMPLITUDE)
            high, conflict = adjusted, adjusted != high
        else:
            middle, amplitude = (high + low) / 2, high - low
            if key == "offset":
                middle = volts
                room = 2 * (MAX_LEVEL - abs(middle))
                conflict = amplitude > room and self["shape"] != "DC"
                amplitude = max(min(amplitude, room), MIN_AMPLITUDE) if conflict else amplitude
            else:
                amplitude = volts
                room = MAX_LEVEL - amplitude / 2
                conflict = abs(middle) > room
                middle = min(max(middle, -room), room)
            high, low = middle + amplitude / 2, middle - amplitude / 2
        self["high"], self["low"] = high, low
        if conflict:
            self.panel.status.push(-221)
        self.clip()

    def clip(self) -> None:
        """With LIMit on, levels are clipped and the conflict is reported (33500 p. 324)."""
        if self["limit"]:
            top, bottom = (self[key] / self.divider() for key in ("limit_high", "limit_low"))
            high, low = (min(max(self[key], bottom), top) for key in ("high", "low"))
            if (high, low) != (self["high"], self["low"]):
                self["high"], self["low"] = high, low
                self.panel.status.push(-221)
        self.show()
