"""What a 2636B has at its back and in its memory: TSP-Link, LAN, RS-232, set-ups, contact check, calibration dates.

Nothing is connected to the links. Facts: TMD, tm_devices' command lists; [MEM] = from memory, verify.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_names import Attribute, Constant, Function, Name, Setting, Value, number, one_of, span, text, whole

TRIGGER_MODES = {
    "TRIG_BYPASS": 0, "TRIG_FALLING": 1, "TRIG_RISING": 2, "TRIG_EITHER": 3, "TRIG_SYNCHRONOUSA": 4,
    "TRIG_SYNCHRONOUS": 5, "TRIG_SYNCHRONOUSM": 6, "TRIG_RISINGA": 7, "TRIG_RISINGM": 8,
}  # fmt: skip
LINK_LINES, LAN_LINES, SETUPS = 3, 8, 5
LINK_HIGH = 2**LINK_LINES - 1
FIRST_LINK_EVENT, FIRST_LAN_EVENT = 15, 21  # [MEM]
CONTACT_OHMS = 0.1  # of a lead that is connected [MEM]
OPEN_OHMS = 9.91e37
CALIBRATED = 1_286_150_400.0  # seconds since 1970, any date will do
LAN_CONSTANTS = {"AUTO": 0, "MANUAL": 1, "DISABLE": 0, "ENABLE": 1, "HALF": 0, "FULL": 1, "TCP": 0, "UDP": 1,
                 "MULTICAST": 2}  # fmt: skip
LAN_STATUS: dict[str, float | str] = {
    "ipaddress": "192.168.0.2", "subnetmask": "255.255.255.0", "gateway": "192.168.0.1",
    "macaddress": "00:60:1A:00:00:05", "speed": 100.0, "duplex": 1.0, "dns.name": "", "port.rawsocket": 5025.0,
    "port.telnet": 23.0, "port.vxi11": 1024.0, "port.dst": 5030.0,
}  # fmt: skip
LINKED = (
    Setting("tsplink.node", 1.0, whole(1, 64), "TMD", verify=True),
    Setting("tsplink.group", 0.0, whole(0, 64), "TMD", verify=True),
    Setting("tsplink.writeprotect", 0.0, whole(0, LINK_HIGH), "TMD"),
    Setting("lan.config.method", 0.0, one_of(0, 1), "TMD", verify=True),
    Setting("lan.config.ipaddress", "0.0.0.0", text, "TMD", verify=True),  # noqa: S104 - what the instrument says
    Setting("lan.config.subnetmask", "255.255.255.0", text, "TMD", verify=True),
    Setting("lan.config.gateway", "0.0.0.0", text, "TMD", verify=True),  # noqa: S104 - the same
    Setting("lan.config.speed", 100.0, one_of(10, 100), "TMD", verify=True),
    Setting("lan.config.duplex", 1.0, one_of(0, 1), "TMD", verify=True),
    Setting("lan.config.dns.domain", "", text, "TMD", verify=True),
    Setting("lan.config.dns.dynamic", 1.0, one_of(0, 1), "TMD", verify=True),
    Setting("lan.config.dns.hostname", "K-2636B-SIM0005", text, "TMD", verify=True),
    Setting("lan.config.dns.verify", 1.0, one_of(0, 1), "TMD", verify=True),
    Setting("lan.autoconnect", 1.0, one_of(0, 1), "TMD", verify=True),
    Setting("lan.linktimeout", 20.0, span(0, 3600), "TMD", verify=True),
    Setting("lan.lxidomain", 0.0, whole(0, 255), "TMD", verify=True),
    Setting("lan.nagle", 0.0, one_of(0, 1), "TMD", verify=True),
    Setting("lan.timedwait", 20.0, span(0, 3600), "TMD", verify=True),
    Setting("serial.baud", 9600.0, one_of(300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200), "TMD"),
    Setting("serial.databits", 8.0, one_of(7, 8), "TMD"),
    Setting("serial.flowcontrol", "none", text, "TMD", verify=True),
    Setting("serial.parity", "none", text, "TMD", verify=True),
    Setting("localnode.passwordmode", 1.0, one_of(0, 1, 2, 3), "TMD", verify=True),
)
CONSTANTS: dict[str, float | str] = {
    **{f"tsplink.{name}": float(value) for name, value in TRIGGER_MODES.items()},
    **{f"lan.{name}": float(value) for name, value in {**TRIGGER_MODES, **LAN_CONSTANTS}.items()},
    **{f"lan.status.{name}": value for name, value in LAN_STATUS.items()},
    "serial.FLOW_NONE": "none", "serial.FLOW_HARDWARE": "hardware", "serial.PARITY_NONE": "none",
    "serial.PARITY_EVEN": "even", "serial.PARITY_ODD": "odd", "localnode.PASSWORD_NONE": 0.0,
    "localnode.PASSWORD_WEB": 1.0, "localnode.PASSWORD_LAN": 2.0, "localnode.PASSWORD_ALL": 3.0,
}  # fmt: skip


def trigger_lines(prefix: str, lines: int, first_event: int, sleep: Callable[[float], None]) -> dict[str, Name]:
    """``prefix[1].mode``... of trigger lines to which nothing is connected: waiting for one lasts its whole time."""
    names: dict[str, Name] = {}
    settings = (
        Setting("mode", 0.0, whole(0, 8), "TMD", verify=True),
        Setting("pulsewidth", 10e-6, span(0, 28), "TMD", verify=True),
        Setting("stimulus", 0.0, whole(0, 1000), "TMD", verify=True),
    )

    def wait(seconds: Value) -> bool:
        sleep(span(0, 100_000)(seconds))
        return False

    for line in range(1, lines + 1):
        state: dict[str, Any] = {setting.name: setting.default for setting in settings}
        fresh = dict(state)
        names |= {f"{prefix}[{line}].{setting.name}": setting.attribute(state) for setting in settings}
        names |= {f"{prefix}[{line}].{verb}": Function(lambda: None, "TMD") for verb in ("clear", "assert", "release")}
        names |= {
            f"{prefix}[{line}].reset": Function(partial(_put_back, state, fresh), "TMD"),
            f"{prefix}[{line}].wait": Function(wait, "TMD"),
            f"{prefix}[{line}].overrun": Attribute(lambda: False, page="TMD"),
            f"{prefix}[{line}].EVENT_ID": Constant(float(first_event + line - 1), "TMD", verify=True),
        }
    return names


def _put_back(state: dict[str, Any], fresh: dict[str, Any]) -> None:
    state.update(fresh)


def rear_names(sleep: Callable[[float], None]) -> dict[str, Name]:
    """``tsplink.*``, ``lan.*``, ``serial.*`` of an instrument that is alone."""
    state: dict[str, Any] = {setting.name: setting.default for setting in LINKED}
    levels = [LINK_HIGH]
    online = [False]

    def bit(line: Value) -> int:
        return 1 << int(whole(1, LINK_LINES)(line)) - 1

    def write(value: Value, lines: int) -> None:
        mask = lines & ~int(state["tsplink.writeprotect"])
        levels[0] = (levels[0] & ~mask) | (int(whole(0, LINK_HIGH)(value)) & mask)

    def reset_link(nodes: Value = None) -> float:
        """How many nodes there are: this one."""
        online[0] = True
        return 1.0

    constants: dict[str, Name] = {name: Constant(value, "TMD", verify=True) for name, value in CONSTANTS.items()}
    return {
        **constants,
        **{setting.name: setting.attribute(state) for setting in LINKED},
        **trigger_lines("tsplink.trigger", LINK_LINES, FIRST_LINK_EVENT, sleep),
        **trigger_lines("lan.trigger", LAN_LINES, FIRST_LAN_EVENT, sleep),
        "tsplink.reset": Function(reset_link, "TMD"),
        "tsplink.state": Attribute(lambda: "online" if online[0] else "offline", page="TMD"),
        "tsplink.master": Attribute(lambda: 1.0, page="TMD", verify=True),
        "tsplink.readbit": Function(lambda line: float(bool(levels[0] & bit(line))), "TMD"),
        "tsplink.readport": Function(lambda: float(levels[0]), "TMD"),
        "tsplink.writebit": Function(
            lambda line, value: write(LINK_HIGH * one_of(0, 1)(value), bit(line)), "TMD", verify=True
        ),
        "tsplink.writeport": Function(lambda value: write(value, LINK_HIGH), "TMD"),
        "lan.reset": Function(lambda: None, "TMD"),
        "lan.applysettings": Function(lambda: None, "TMD"),
        "lan.restoredefaults": Function(
            lambda: state.update({each.name: each.default for each in LINKED if each.name.startswith("lan.")}), "TMD"
        ),
        "localnode.password": Attribute(lambda: None, lambda value: None, "TMD"),  # can be written only
        "serial.read": Function(lambda count: "", "TMD", verify=True),
        "serial.write": Function(lambda data: None, "TMD"),
    }


def contact_names(connected: Callable[[], bool], output_on: Callable[[], bool]) -> dict[str, Name]:
    """``contact.*`` of a channel: whether its force and sense leads meet at the sample."""
    state: dict[str, Any] = {}
    settings = (
        Setting("contact.speed", 0.0, one_of(0, 1, 2), "TMD"),
        Setting("contact.threshold", 50.0, span(0, 1e37), "TMD"),
    )
    for setting in settings:
        state[setting.name] = setting.default

    def ohms() -> tuple[float, float]:
        if output_on():
            raise InstrumentFault(5065)
        value = CONTACT_OHMS if connected() else OPEN_OHMS
        return (value, value)

    return {
        **{setting.name: setting.attribute(state) for setting in settings},
        "contact.r": Function(ohms, "TMD"),
        "contact.check": Function(lambda: max(ohms()) < state["contact.threshold"], "TMD"),
        "contact.calibratehi": Function(lambda *values: None, "TMD", verify=True),
        "contact.calibratelo": Function(lambda *values: None, "TMD", verify=True),
        **{f"CONTACT_{name}": Constant(float(i), "TMD") for i, name in enumerate(("FAST", "MEDIUM", "SLOW"))},
    }


def calibration_names() -> dict[str, Name]:
    """``cal.*`` of a channel, which is locked: dates can be read."""
    names = ("NOMINAL", "FACTORY", "DEFAULT", "PREVIOUS")
    return {
        "cal.state": Attribute(lambda: 0.0, page="TMD", verify=True),
        "cal.polarity": Attribute(lambda: 0.0, page="TMD", verify=True),
        **{f"cal.{name}": Attribute(lambda: CALIBRATED, page="TMD") for name in ("date", "adjustdate")},
        "cal.due": Attribute(lambda: 0.0, page="TMD", verify=True),
        **{f"CALSET_{name}": Constant(float(i), "TMD", verify=True) for i, name in enumerate(names)},
        **{f"CALSTATE_{name}": Constant(float(i), "TMD", verify=True) for i, name in
           enumerate(("LOCKED", "CALIBRATING", "UNLOCKED"))},
        **{f"CAL_{name}": Constant(float(i), "TMD", verify=True) for i, name in
           enumerate(("AUTO", "POSITIVE", "NEGATIVE"))},
    }  # fmt: skip


class Setups:
    """``setup.*``: five memories of all channels' settings; 0 is what ``reset()`` makes."""

    def __init__(self, states: Callable[[], list[dict[str, Any]]], reset: Callable[[], None]) -> None:
        self._states = states
        self._reset = reset
        self._kept: dict[int, list[dict[str, Any]]] = {}
        self._power_on = 0.0

    def save(self, place: Value) -> None:
        """``setup.save(1)``."""
        self._kept[int(whole(1, SETUPS)(place))] = deepcopy(self._states())

    def recall(self, place: Value) -> None:
        """``setup.recall(1)``; outputs are off afterwards [MEM]. A memory that was never written holds the defaults."""
        kept = self._kept.get(int(whole(0, SETUPS)(place)))
        self._reset()
        for state, before in zip(self._states(), kept or (), strict=False):
            state.update(deepcopy(before))

    def names(self) -> dict[str, Name]:
        """``setup.*``."""
        return {
            "setup.save": Function(self.save, "TMD"),
            "setup.recall": Function(self.recall, "TMD"),
            "setup.poweron": Attribute(
                lambda: self._power_on, lambda value: setattr(self, "_power_on", number(value)), "TMD"
            ),
        }
