"""The names that every TSP instrument has: errors, events, waiting, the node, bits, the beeper, user strings.

Facts: 2600B reference manual, tagged K26-<page>; TMD, tm_devices' command lists; [MEM] = from memory, verify.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from labctl_sim.panel import line_hertz
from labctl_sim.status import InstrumentFault
from labctl_sim.tsp_errors import RECOVERABLE
from labctl_sim.tsp_names import Attribute, Constant, Function, Mark, Name, Setting, Value, number, one_of, span, text

if TYPE_CHECKING:
    from labctl_sim.tsp import TspPanel

NODE = 1.0
QUEUE_CAPACITY = 128  # [MEM]
EPOCH_SECONDS = 1_735_689_600  # the instrument's date when the world's clock begins
LONGEST_DELAY_SECONDS = 100_000.0  # [MEM]


def common_names(panel: TspPanel) -> dict[str, Name]:
    """``errorqueue``, ``eventlog``, ``localnode``, ``delay``... of ``panel``."""
    vendor, model, serial, firmware = (part.strip() for part in panel.identity().split(","))
    state: dict[str, Value] = {}
    settings = (
        Setting("localnode.linefreq", line_hertz(panel.options), one_of(50, 60), "TMD"),
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
        **_queue(panel),
        **_files(panel),
    }


def _queue(panel: TspPanel) -> dict[str, Name]:
    """``dataqueue``: values that scripts leave for other nodes; tables do not go in here."""
    waiting: deque[Value] = deque()

    def add(value: Value, seconds: Value = 0.0) -> bool:
        if isinstance(value, (list, Mark)):
            raise InstrumentFault(1401, "Parameter 1 is invalid")
        if len(waiting) >= QUEUE_CAPACITY:
            panel.world.sleep(span(0, LONGEST_DELAY_SECONDS)(seconds))
            return False
        waiting.append(value)
        return True

    def take(seconds: Value = 0.0) -> tuple[Value]:
        if not waiting:
            panel.world.sleep(span(0, LONGEST_DELAY_SECONDS)(seconds))
            return (None,)
        return (waiting.popleft(),)

    def forget() -> None:
        waiting.clear()

    return {
        "dataqueue.add": Function(add, "TMD"),
        "dataqueue.next": Function(take, "TMD"),
        "dataqueue.clear": Function(forget, "TMD"),
        "dataqueue.count": Attribute(lambda: float(len(waiting)), page="TMD"),
        "dataqueue.CAPACITY": Constant(float(QUEUE_CAPACITY), "TMD"),
    }


def _files(panel: TspPanel) -> dict[str, Name]:
    """The clock of the wall, and files: no USB drive is in."""
    zone = ["0"]

    def missing(*_: Value) -> tuple[None, str]:
        return (None, "no such file or directory")

    def no_drive(*_: Value) -> None:
        raise InstrumentFault(2203)

    return {
        **{f"os.{verb}": Function(missing, "TMD", verify=True) for verb in ("remove", "rename")},
        **{f"fs.is_{what}": Function(lambda path: False, "TMD", verify=True) for what in ("dir", "file")},
        **{f"fs.{verb}": Function(no_drive, "TMD", verify=True) for verb in ("chdir", "mkdir", "readdir", "rmdir")},
        "fs.cwd": Function(lambda: "/", "TMD", verify=True),
        "io.open": Function(missing, "TMD", verify=True),
        "os.time": Function(lambda when=None: float(int(EPOCH_SECONDS + panel.world.now())), "TMD", verify=True),
        "settime": Function(lambda when: None, "TMD"),
        "gettimezone": Function(lambda: zone[0], "TMD", verify=True),
        "settimezone": Function(
            lambda offset, *rest: zone.__setitem__(0, f"{offset:g}" if isinstance(offset, float) else text(offset)),
            "TMD",
        ),
        "meminfo": Function(lambda: (16_384.0, 65_536.0), "TMD", verify=True),
        "localnode.license": Constant("", "TMD", verify=True),
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
        "eventlog.overwritemethod": Setting("eventlog.overwritemethod", 1.0, one_of(0, 1)).attribute(
            {"eventlog.overwritemethod": 1.0}
        ),
        "eventlog.DISCARD_NEWEST": Constant(0.0, "TMD"),
        "eventlog.DISCARD_OLDEST": Constant(1.0, "TMD"),
        "beeper.ON": Constant(1.0, "TMD"),
        "beeper.OFF": Constant(0.0, "TMD"),
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
        "bit.getfield": Function(_field, "TMD"),
        "bit.setfield": Function(_with_field, "TMD"),
        "bit.test": Function(lambda value, place: bool(word(value) & index(place)), "TMD"),
    }


def _mask(index: Value, width: Value) -> tuple[int, int]:
    place = int(span(1, 32)(index)) - 1
    return place, (1 << int(span(1, 32 - place)(width))) - 1


def _field(value: Value, index: Value, width: Value) -> float:
    place, mask = _mask(index, width)
    return float((int(number(value)) >> place) & mask)


def _with_field(value: Value, index: Value, width: Value, new: Value) -> float:
    place, mask = _mask(index, width)
    return float((int(number(value)) & ~(mask << place)) | ((int(span(0, mask)(new))) << place))


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
    drawn = float(panel.world.noise_of(panel.role).random())
    if low is None:
        return drawn
    first, last = (1.0, number(low)) if high is None else (number(low), number(high, 2))
    if last < first:
        raise InstrumentFault(1103)
    return first + float(int(drawn * (last - first + 1)))
