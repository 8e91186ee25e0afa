"""The trigger objects of TSP instruments: events by number, detectors that latch them, blenders, timers, processes.

Facts: 2600B reference manual, tagged K26-<page>; OEFET, a log of a real 2600 by its open driver; [MEM] = verify.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial

from labctl_sim.tsp_names import Attribute, Constant, Function, Name, Setting, Value, flag, span, whole
from labctl_sim.world import World

COMMAND_EVENT = 29  # trigger.EVENT_ID: *TRG and the bus trigger (OEFET)
FIRST_TIMER, TIMERS = 30, 8  # numbers [MEM]
FIRST_BLENDER, BLENDERS, INPUTS = 57, 6, 4  # trigger.blender[1] is 57 (OEFET)
DEEPEST = 40  # events that are caused by events that ...
MOST_STEPS = 1_000_000  # of one process: nothing that is begun here goes on for ever

Wait = float
Steps = Generator["Wait | Detector", None, None]


class Detector:
    """Latches the event whose number is ``stimulus``; 0 is none."""

    def __init__(self, events: Events) -> None:
        self.stimulus = 0.0
        self.latched = False
        self.overrun = False
        self.wake: Callable[[], None] | None = None
        self.heard: Callable[[], None] | None = None  # instead of latching
        events.detectors.append(self)

    def detect(self) -> None:
        """The event happened."""
        if self.heard is not None:
            self.heard()
        elif self.wake is not None:
            wake, self.wake = self.wake, None
            wake()
        else:
            self.overrun = self.overrun or self.latched
            self.latched = True

    def take(self) -> bool:
        """Whether an event was latched; it no longer is."""
        latched, self.latched = self.latched, False
        return latched

    def clear(self) -> None:
        """Forget what was latched, and who waits."""
        self.latched = self.overrun = False
        self.wake = None

    def names(self, prefix: str = "") -> dict[str, Name]:
        """``stimulus``, ``set()`` and ``clear()`` under ``prefix``."""
        return {f"{prefix}stimulus": self.stimulus_name(), f"{prefix}set": Function(self.detect, "K26A-19-143")}

    def overrun_name(self) -> Attribute:
        """The attribute that says whether an event came while one was still latched."""
        return Attribute(lambda: self.overrun, page="TMD")

    def stimulus_name(self) -> Attribute:
        """The attribute that says which event it hears."""
        check = whole(0, 1000)
        return Attribute(lambda: self.stimulus, lambda value: setattr(self, "stimulus", check(value)), page="K26-9-255")


class Events:
    """Everything that can hear an event."""

    def __init__(self) -> None:
        self.detectors: list[Detector] = []
        self._depth = 0

    def fire(self, number: float) -> None:
        """The event ``number`` happens now."""
        if self._depth >= DEEPEST:
            return  # objects that trigger each other in a circle
        self._depth += 1
        try:
            for detector in self.detectors:
                if detector.stimulus == number:
                    detector.detect()
        finally:
            self._depth -= 1


class Process:
    """Something that takes its steps while the world's clock runs: it waits for seconds, or for a detector."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps: Steps | None = None
        self._run = 0
        self._left = 0
        self.since = 0.0

    @property
    def running(self) -> bool:
        """True from its start to its end."""
        return self._steps is not None

    def start(self, steps: Steps) -> None:
        """Begin; what ran before is cancelled."""
        self.cancel()
        self._steps, self._left, self.since = steps, MOST_STEPS, self._world.now()
        self._go(self._run)

    def cancel(self) -> None:
        """Stop where it is."""
        self._run += 1
        self._steps = None

    def _go(self, run: int) -> None:
        while run == self._run and self._steps is not None:
            self._left -= 1
            wait = next(self._steps, None) if self._left else None
            if run != self._run:
                return  # it was cancelled by what it did
            if wait is None:
                self._steps = None
                return
            if isinstance(wait, Detector):
                if not wait.take():
                    wait.wake = partial(self._go, run)
                    return
            elif wait > 0:
                self._world.at(self._world.now() + wait, partial(self._go, run))
                return


class TriggerObjects:
    """``trigger.*``: the command interface, blenders and timers."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events
        self._command = Detector(events)
        self._command.stimulus = COMMAND_EVENT
        self._blenders = [_Blender(events, FIRST_BLENDER + i) for i in range(BLENDERS)]
        self._timers = [_Timer(world, events, FIRST_TIMER + i) for i in range(TIMERS)]

    def command(self) -> None:
        """``*TRG``."""
        self._events.fire(COMMAND_EVENT)

    def reset(self) -> None:
        """As after ``reset()``."""
        self._command.clear()
        for blender in self._blenders:
            blender.reset()
        for timer in self._timers:
            timer.reset()

    def names(self) -> dict[str, Name]:
        """All of ``trigger.*``."""
        names: dict[str, Name] = {
            "trigger.EVENT_ID": Constant(float(COMMAND_EVENT), "OEFET"),
            "trigger.clear": Function(self._command.clear, "TMD"),
            "trigger.wait": Function(lambda timeout: self._wait(self._command, timeout), "TMD"),
        }
        for i, blender in enumerate(self._blenders, 1):
            head = f"trigger.blender[{i}]"
            names |= {f"{head}.stimulus[{j}]": each.stimulus_name() for j, each in enumerate(blender.inputs, 1)}
            names |= {
                f"{head}.EVENT_ID": Constant(float(blender.event), "OEFET"),
                f"{head}.orenable": blender.orenable_name(),
                f"{head}.overrun": blender.output.overrun_name(),
                f"{head}.clear": Function(blender.clear, "TMD"),
                f"{head}.reset": Function(blender.reset, "TMD"),
                f"{head}.wait": Function(partial(self._wait, blender.output), "TMD"),
            }
        for i, timer in enumerate(self._timers, 1):
            head = f"trigger.timer[{i}]"
            names |= {f"{head}.{name}": entry for name, entry in timer.names().items()}
            names[f"{head}.wait"] = Function(partial(self._wait, timer.output), "TMD")
        return names

    def _wait(self, detector: Detector, timeout: Value) -> bool:
        """Let time pass until ``detector`` has latched its event, at most ``timeout`` seconds."""
        deadline = self._world.now() + span(0, 100_000)(timeout)
        while not detector.latched and self._world.now() < deadline:
            due = self._world.next_event()
            step = deadline - self._world.now()
            self._world.sleep(step if due is None else min(step, max(due - self._world.now(), 0.0)))
        return detector.take()


class _Blender:
    """An event out of one of its inputs (``any``), or out of all of them."""

    def __init__(self, events: Events, event: int) -> None:
        self.event = event
        self.any = False
        self._events = events
        self.inputs = [Detector(events) for _ in range(INPUTS)]
        self._seen: set[int] = set()
        for i, detector in enumerate(self.inputs):
            detector.heard = partial(self._heard, i)
        self.output = Detector(events)
        self.output.stimulus = event

    def _heard(self, number: int) -> None:
        self._seen.add(number)
        wanted = {i for i, detector in enumerate(self.inputs) if detector.stimulus}
        if self.any or wanted <= self._seen:
            self._seen.clear()
            self._events.fire(self.event)

    def orenable_name(self) -> Attribute:
        return Attribute(lambda: self.any, lambda value: setattr(self, "any", flag(value)), page="TMD")

    def clear(self) -> None:
        self._seen.clear()
        self.output.clear()

    def reset(self) -> None:
        self.any = False
        for detector in self.inputs:
            detector.stimulus = 0.0
        self.clear()


class _Timer:
    """Fires ``count`` times, every ``delay`` seconds, once its stimulus came; at once as well if ``passthrough``."""

    def __init__(self, world: World, events: Events, event: int) -> None:
        self.event = event
        self._events = events
        self._settings = (
            Setting("delay", 10e-6, span(0, 100_000), "TMD", verify=True),
            Setting("count", 1.0, whole(0, 1_048_575), "TMD", verify=True),
            Setting("passthrough", False, flag, "TMD"),
        )
        self._state: dict[str, Value] = {}
        self._process = Process(world)
        self._start = Detector(events)
        self._start.heard = lambda: self._process.start(self._run())
        self.output = Detector(events)
        self.output.stimulus = event
        self.reset()

    def _run(self) -> Steps:
        if self._state["passthrough"]:
            self._events.fire(self.event)
        done = 0
        while not self._state["count"] or done < self._state["count"]:
            yield max(self._state["delay"], 8e-6)
            done += 1
            self._events.fire(self.event)

    def reset(self) -> None:
        self._state.update({setting.name: setting.default for setting in self._settings})
        self._start.stimulus = 0.0
        self.clear()

    def clear(self) -> None:
        self._process.cancel()
        self.output.clear()

    def names(self) -> dict[str, Name]:
        return {
            **{setting.name: setting.attribute(self._state) for setting in self._settings},
            "stimulus": self._start.stimulus_name(),
            "EVENT_ID": Constant(float(self.event), "TMD", verify=True),
            "overrun": self.output.overrun_name(),
            "clear": Function(self.clear, "TMD"),
            "reset": Function(self.reset, "TMD"),
        }
