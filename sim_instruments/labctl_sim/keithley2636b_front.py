"""What a 2636B has at its front and back besides the SMUs: a display that nobody reads, and free digital lines.

Facts: TMD, tm_devices' command lists; QKT, an open driver; [MEM] = from memory, verify.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Attribute, Constant, Function, Name, Setting, Value, number, one_of, text, whole

LINES = 14  # of digital I/O
ALL_HIGH = 2**LINES - 1
DISPLAY = {
    "MEASURE_DCAMPS": 0, "MEASURE_DCVOLTS": 1, "MEASURE_OHMS": 2, "MEASURE_WATTS": 3, "SMUA": 0, "SMUB": 1,
    "SMUA_SMUB": 2, "USER": 3, "DIGITS_4_5": 4, "DIGITS_5_5": 5, "DIGITS_6_5": 6, "ENABLE": 1, "DISABLE": 0,
}  # fmt: skip
SETTINGS = (
    Setting("display.screen", 2.0, one_of(0, 1, 2, 3), "TMD", verify=True),
    Setting("display.locallockout", 0.0, one_of(0, 1), "TMD", verify=True),
    *(Setting(f"display.smu{x}.measure.func", 1.0, one_of(0, 1, 2, 3), "QKT") for x in "ab"),
    *(Setting(f"display.smu{x}.digits", 5.0, one_of(4, 5, 6), "TMD") for x in "ab"),
    *(Setting(f"display.smu{x}.limit.func", 0.0, one_of(0, 1), "TMD", verify=True) for x in "ab"),
)


def front_names() -> dict[str, Name]:
    """``display.*`` and ``digio.*``."""
    state: dict[str, Any] = {}
    names: dict[str, Name] = {f"display.{name}": Constant(float(value), "TMD") for name, value in DISPLAY.items()}
    for setting in SETTINGS:
        state[setting.name] = setting.default
        names[setting.name] = setting.attribute(state)
    shown = [""]

    def blank() -> None:
        shown.clear()

    return {
        **names,
        **_Lines().names(),
        "display.clear": Function(blank, "TMD"),
        "display.settext": Function(lambda words: shown.append(text(words)), "QC"),
        "display.gettext": Function(lambda: shown[-1] if shown else "", "TMD", verify=True),
        "display.setcursor": Function(lambda row, column, style=0.0: None, "TMD"),
        "display.sendkey": Function(lambda key: None, "QC"),
    }


class _Lines:
    """Open-drain lines with pull-ups, connected to nothing."""

    def __init__(self) -> None:
        self.levels = ALL_HIGH
        self.protected = 0.0

    def names(self) -> dict[str, Name]:
        names: dict[str, Name] = {
            "digio.readbit": Function(lambda line: float(bool(self.levels & self._bit(line))), "QKT"),
            "digio.writebit": Function(self._write_bit, "QKT"),
            "digio.readport": Function(lambda: float(self.levels), "TMD"),
            "digio.writeport": Function(self._write_port, "TMD"),
            "digio.writeprotect": Attribute(
                lambda: self.protected, lambda value: setattr(self, "protected", whole(0, ALL_HIGH)(value)), "TMD"
            ),
        }
        for line in range(1, LINES + 1):
            names[f"digio.trigger[{line}].EVENT_ID"] = Constant(float(line), "TMD", verify=True)
            for name in ("clear", "assert", "release"):
                names[f"digio.trigger[{line}].{name}"] = Function(lambda: None, "TMD")
            state: dict[str, Any] = {"mode": 0.0, "pulsewidth": 10e-6, "stimulus": 0.0}
            for name in state:
                names[f"digio.trigger[{line}].{name}"] = Attribute(
                    partial(state.__getitem__, name), partial(_assign, state, name), "TMD", verify=True
                )
        return names

    def _bit(self, line: Value) -> int:
        place = number(line)
        if not 1 <= place <= LINES:
            raise InstrumentFault(1801)
        return 1 << int(place) - 1

    def _write_bit(self, line: Value, level: Value) -> None:
        bit = self._bit(line) & ~int(self.protected)
        self.levels = self.levels | bit if one_of(0, 1)(level) else self.levels & ~bit

    def _write_port(self, levels: Value) -> None:
        free = ~int(self.protected)
        self.levels = (self.levels & ~free) | (int(whole(0, ALL_HIGH)(levels)) & free)


def _assign(state: dict[str, Any], name: str, value: Value) -> None:
    state[name] = number(value)
