"""The trigger objects of TSP instruments: the command interface, blenders, generators, timers.

Facts: 2600B reference manual, tagged K26-<page>; OEFET, a log of a real 2600 by its open driver; [MEM] = verify.
"""

from __future__ import annotations

from functools import partial

from labctl_sim.tsp_events import Detector, Events, Process, Steps
from labctl_sim.tsp_names import Attribute, Constant, Function, Name, Setting, Value, flag, span, whole
from labctl_sim.world import World

COMMAND_EVENT = 29  # trigger.EVENT_ID: *TRG and the bus trigger (OEFET)
FIRST_TIMER, TIMERS = 30, 8  # numbers [MEM]
FIRST_GENERATOR, GENERATORS = 63, 2  # numbers [MEM]
FIRST_BLENDER, BLENDERS, INPUTS = 57, 6, 4  # trigger.blender[1] is 57 (OEFET)


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
        for i in range(GENERATORS):
            fire = partial(self._events.fire, FIRST_GENERATOR + i)
            names[f"trigger.generator[{i + 1}].assert"] = Function(fire, "TMD")
            names[f"trigger.generator[{i + 1}].EVENT_ID"] = Constant(float(FIRST_GENERATOR + i), "TMD", verify=True)
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
        self._delays: list[float] = []
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
            delays = self._delays or [self._state["delay"]]
            yield max(delays[done % len(delays)], 8e-6)
            done += 1
            self._events.fire(self.event)

    def reset(self) -> None:
        self._state.update({setting.name: setting.default for setting in self._settings})
        self._delays = []
        self._start.stimulus = 0.0
        self.clear()

    def clear(self) -> None:
        self._process.cancel()
        self.output.clear()

    def _set_delays(self, values: Value) -> None:
        check = span(8e-6, 100_000)
        self._delays = [check(value) for value in (values if isinstance(values, list) else [values])]

    def names(self) -> dict[str, Name]:
        return {
            **{setting.name: setting.attribute(self._state) for setting in self._settings},
            "stimulus": self._start.stimulus_name(),
            "delaylist": Attribute(lambda: None, self._set_delays, "TMD", verify=True),  # tables cannot be read back
            "EVENT_ID": Constant(float(self.event), "TMD", verify=True),
            "overrun": self.output.overrun_name(),
            "clear": Function(self.clear, "TMD"),
            "reset": Function(self.reset, "TMD"),
        }
