"""The names that every TSP instrument has: errors, events, waiting, the node, bits, the beeper, user strings.

Facts: 2600B reference manual, tagged K26-<page>; TMD, tm_devices' command lists; [MEM] = from memory, verify.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_errors import RECOVERABLE
from labctl_sim.tsp_names import Attribute, Constant, Function, Mark, Name, Setting, Value, number, one_of, span, text

if TYPE_CHECKING:
    from labctl_sim.tsp import TspPanel

NODE = 1.0
LONGEST_DELAY_SECONDS = 100_000.0  # [MEM]


def common_names(panel: TspPanel) -> dict[str, Name]:
    """``errorqueue``, ``eventlog``, ``localnode``, ``delay``... of ``panel``."""
    vendor, model, serial, firmware = (part.strip() for part in panel.identity().split(","))
    state: dict[str, Value] = {}
    settings = (
        Setting("localnode.linefreq", float(panel.options.get("line_hertz", 50.0)), one_of(50, 60), "TMD"),
        Setting("localnode.autolinefreq", 1.0, one_of(0, 1), "TMD"),
        Setting("localnode.description", f"{vendor} {model} #{serial}", text, "TMD", verify=True),
        Setting("localnode.prompts", 0.0, one_of(0), "TMD", verify=True),
        Setting("localnode.prompts4882", 0.0, one_of(0, 1), "TMD", verify=True),
        Setting("localnode.showerrors", 0.0, one_of(0), "TMD", verify=True),
        Setting("beeper.enable", 1.0, one_of(0, 1), "TMD"),
        Setting("eventlog.enable", 1.0, one_of(0, 1), "TMD"),
        Setting("gpib.address", float(panel.options.get("gpib_address", 26)), span(0, 30), "TMD", verify=True),
    )
    names: dict[str, Name] = {}
    for setting in settings:
        state[setting.name] = setting.default
        names[setting.name] = setting.attribute(state)
    return {
        **names,
        **_errors(panel),
        **_bits(),
        **_strings(),
        "localnode.model": Constant(model.removeprefix("Model "), "K26-9-196"),
        "localnode.serialno": Constant(serial),
        "localnode.revision": Constant(firmware),
        "localnode.reset": Function(panel.reset),
        "reset": Function(lambda everything=True: panel.reset(), "K26-9-177"),
        "delay": Function(lambda seconds: panel.world.sleep(span(0, LONGEST_DELAY_SECONDS)(seconds)), "TMD"),
        "waitcomplete": Function(lambda group=0.0: panel.wait_complete(), "TMD"),
        "opc": Function(panel.promise_completion, "TMD"),
        "available": Function(lambda feature: isinstance(feature, Mark), "TMD", verify=True),
        "printnumber": Function(
            lambda *values: panel.say(panel.format.many([number(value) for value in values])), "K26-7-169"
        ),
        "beeper.beep": Function(lambda seconds, hertz: panel.world.sleep(span(0.001, 100)(seconds)), "TMD"),
        "math.random": Function(lambda low=None, high=None: _random(panel, low, high), "TMD"),
        "math.randomseed": Function(lambda seed: None, "TMD"),
        **_timer(panel),
    }


def _errors(panel: TspPanel) -> dict[str, Name]:
    def take() -> tuple[float, str, float, float]:
        code, words = panel.status.pop()
        return (float(code), words, RECOVERABLE if code else 0.0, NODE)  # K26-9-89

    def forget() -> None:
        panel.status.errors.clear()

    return {
        "errorqueue.count": Attribute(lambda: float(len(panel.status.errors)), page="K26-9-88"),
        "errorqueue.next": Function(take, "K26-9-89"),
        "errorqueue.clear": Function(forget, "K26-9-88"),
        "eventlog.count": Attribute(lambda: 0.0, page="TMD", verify=True),  # of LXI events, of which there are none
        "eventlog.next": Function(lambda: (None,), "TMD", verify=True),
        "eventlog.all": Function(lambda: (None,), "TMD", verify=True),
        "eventlog.clear": Function(lambda: None, "TMD"),
        "eventlog.ENABLE": Constant(1.0, "TMD"),
        "eventlog.DISABLE": Constant(0.0, "TMD"),
    }


def _bits() -> dict[str, Name]:
    def word(value: Value) -> int:
        return int(span(0, 2**31 - 1)(value))

    def index(value: Value) -> int:
        return 1 << int(span(1, 32)(value)) - 1

    def two(combine: Callable[[int, int], int]) -> Function:
        return Function(lambda a, b: float(combine(word(a), word(b))), "TMD")

    def one(change: Callable[[int, int], int]) -> Function:
        return Function(lambda value, place: float(change(word(value), index(place))), "TMD")

    return {
        "bit.bitand": two(lambda a, b: a & b),
        "bit.bitor": two(lambda a, b: a | b),
        "bit.bitxor": two(lambda a, b: a ^ b),
        "bit.set": one(lambda value, bit: value | bit),
        "bit.clear": one(lambda value, bit: value & ~bit),
        "bit.toggle": one(lambda value, bit: value ^ bit),
        "bit.get": one(lambda value, bit: value & bit),
        "bit.test": Function(lambda value, place: bool(word(value) & index(place)), "TMD"),
    }


def _strings() -> dict[str, Name]:
    kept: dict[str, str] = {}

    def get(name: Value) -> str:
        if text(name) not in kept:
            raise InstrumentFault(-292)
        return kept[name]

    def delete(name: Value) -> None:
        get(name)
        del kept[name]

    return {
        "userstring.add": Function(lambda name, value: kept.__setitem__(text(name), text(value, 2)), "TMD"),
        "userstring.get": Function(get, "TMD"),
        "userstring.delete": Function(delete, "TMD"),
    }


def _timer(panel: TspPanel) -> dict[str, Name]:
    started = [panel.world.now()]

    def restart() -> None:
        started[0] = panel.world.now()

    return {
        "timer.reset": Function(restart, "TMD"),
        "timer.measure.t": Function(lambda: panel.world.now() - started[0], "TMD"),
    }


def _random(panel: TspPanel, low: Value, high: Value) -> float:
    """Lua's random: a number below 1, or a whole number from 1 or ``low`` to the last argument."""
    drawn = float(panel.world.noise.random())
    if low is None:
        return drawn
    first, last = (1.0, number(low)) if high is None else (number(low), number(high, 2))
    if last < first:
        raise InstrumentFault(1103)
    return first + float(int(drawn * (last - first + 1)))
