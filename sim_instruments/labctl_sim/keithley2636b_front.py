"""What a 2636B has at its front and back besides the SMUs: a display that nobody reads, and free digital lines.

Facts: TMD, tm_devices' command lists; QKT, an open driver; [MEM] = from memory, verify.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl_sim.keithley2636b_rear import TRIGGER_MODES, trigger_lines
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Attribute, Constant, Function, Name, Setting, Value, number, one_of, text, whole
from labctl_sim.tsp_tree import ScriptEnd

LINES = 14  # of digital I/O
ALL_HIGH = 2**LINES - 1
DISPLAY = {
    "MEASURE_DCAMPS": 0, "MEASURE_DCVOLTS": 1, "MEASURE_OHMS": 2, "MEASURE_WATTS": 3, "SMUA": 0, "SMUB": 1,
    "SMUA_SMUB": 2, "USER": 3, "DIGITS_4_5": 4, "DIGITS_5_5": 5, "DIGITS_6_5": 6, "ENABLE": 1, "DISABLE": 0,
    "LIMIT_IV": 0, "LIMIT_P": 1, "LOCK": 1, "UNLOCK": 0, "SAVE": 1, "DONT_SAVE": 0,
}  # fmt: skip
# Key codes: EXIT is known (QC), of the others only that they are there [MEM].
KEYS = {
    "NONE": 0, "RANGEUP": 65, "RANGEDOWN": 81, "EXIT": 75, "ENTER": 82, "MODEA": 69, "MODEB": 83, "RELA": 70,
    "RELB": 67, "FILTERA": 77, "FILTERB": 73, "SRCA": 87, "SRCB": 66, "MEASA": 86, "MEASB": 90, "LIMITA": 93,
    "LIMITB": 71, "SPEEDA": 94, "SPEEDB": 78, "DIGITSA": 85, "DIGITSB": 79, "OUTPUTA": 88, "OUTPUTB": 96, "AUTO": 97,
    "DISPLAY": 72, "CONFIG": 80, "MENU": 68, "LOAD": 95, "RUN": 71, "STORE": 76, "RECALL": 85, "TRIG": 92, "LEFT": 104,
    "RIGHT": 103,
}  # fmt: skip
WHEEL = {"ENTER": 97, "LEFT": 107, "RIGHT": 114}  # [MEM]
ANNUNCIATORS = (
    "EDIT", "ERROR", "ARM", "TRIGGER", "STAR", "SAMPLE", "REMOTE", "TALK", "LISTEN", "SRQ", "REAR", "REL", "4_WIRE",
    "FILTER", "MATH", "AUTO",
)  # fmt: skip
SETTINGS = (
    Setting("display.screen", 2.0, one_of(0, 1, 2, 3), "TMD", verify=True),
    Setting("display.locallockout", 0.0, one_of(0, 1), "TMD", verify=True),
    *(Setting(f"display.smu{x}.measure.func", 1.0, one_of(0, 1, 2, 3), "QKT") for x in "ab"),
    *(Setting(f"display.smu{x}.digits", 5.0, one_of(4, 5, 6), "TMD") for x in "ab"),
    *(Setting(f"display.smu{x}.limit.func", 0.0, one_of(0, 1), "TMD", verify=True) for x in "ab"),
)


def front_names(sleep: Callable[[float], None]) -> dict[str, Name]:
    """``display.*`` and ``digio.*``."""
    state: dict[str, Any] = {}
    names: dict[str, Name] = {f"display.{name}": Constant(float(value), "TMD") for name, value in DISPLAY.items()}
    for setting in SETTINGS:
        state[setting.name] = setting.default
        names[setting.name] = setting.attribute(state)
    names |= {f"display.KEY_{name}": Constant(float(code), "TMD", verify=True) for name, code in KEYS.items()}
    names |= {f"display.WHEEL_{name}": Constant(float(code), "TMD", verify=True) for name, code in WHEEL.items()}
    names |= {
        f"display.ANNUNCIATOR_{name}": Constant(float(1 << i), "TMD", verify=True)
        for i, name in enumerate(ANNUNCIATORS)
    }
    return {**names, **common_front(sleep)}


def common_front(sleep: Callable[[float], None]) -> dict[str, Name]:
    """What a 707B has of it too: the display's text and keys, and the lines."""
    shown = [""]
    last_key = [0.0]

    def blank() -> None:
        shown.clear()

    def nobody(*question: Value) -> None:
        raise ScriptEnd("it waits for someone at the front panel, and nobody is there")

    def press(key: Value) -> None:
        last_key[0] = number(key)

    return {
        **_Lines().names(sleep),
        **{f"display.{verb}": Function(nobody, "TMD") for verb in ("waitkey", "menu", "prompt", "inputvalue")},
        "display.numpad": Setting("display.numpad", 1.0, one_of(0, 1), "TMD").attribute({"display.numpad": 1.0}),
        "display.getannunciators": Function(lambda: float(1 << ANNUNCIATORS.index("REMOTE")), "TMD", verify=True),
        "display.getcursor": Function(lambda: (1.0, 1.0, 0.0), "TMD", verify=True),
        "display.getlastkey": Function(lambda: last_key[0], "TMD"),
        "display.loadmenu.add": Function(lambda name, code, memory=0.0: None, "TMD"),
        "display.loadmenu.delete": Function(lambda name: None, "TMD"),
        "display.trigger.EVENT_ID": Constant(28.0, "TMD", verify=True),
        "display.trigger.overrun": Attribute(lambda: False, page="TMD"),
        "display.trigger.clear": Function(lambda: None, "TMD"),
        "display.trigger.wait": Function(lambda seconds: _in_vain(sleep, seconds), "TMD"),
        "display.clear": Function(blank, "TMD"),
        "display.settext": Function(lambda words: shown.append(text(words)), "QC"),
        "display.gettext": Function(lambda: shown[-1] if shown else "", "TMD", verify=True),
        "display.setcursor": Function(lambda row, column, style=0.0: None, "TMD"),
        "display.sendkey": Function(press, "QC"),
    }


class _Lines:
    """Open-drain lines with pull-ups, connected to nothing."""

    def __init__(self) -> None:
        self.levels = ALL_HIGH
        self.protected = 0.0

    def names(self, sleep: Callable[[float], None]) -> dict[str, Name]:
        names: dict[str, Name] = {
            "digio.readbit": Function(lambda line: float(bool(self.levels & self._bit(line))), "QKT"),
            "digio.writebit": Function(self._write_bit, "QKT"),
            "digio.readport": Function(lambda: float(self.levels), "TMD"),
            "digio.writeport": Function(self._write_port, "TMD"),
            "digio.writeprotect": Attribute(
                lambda: self.protected, lambda value: setattr(self, "protected", whole(0, ALL_HIGH)(value)), "TMD"
            ),
        }
        names |= {f"digio.{name}": Constant(float(mode), "TMD", verify=True) for name, mode in TRIGGER_MODES.items()}
        names |= trigger_lines("digio.trigger", LINES, 1, sleep)
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


def _in_vain(sleep: Callable[[float], None], seconds: Value) -> bool:
    """Wait for a key that nobody presses."""
    sleep(number(seconds))
    return False
