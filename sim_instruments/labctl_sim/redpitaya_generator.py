"""The two fast outputs of a Red Pitaya: SOUR1 and SOUR2 (its documentation and redpitaya_scpi.py, RP; rest [MEM]).

Output n drives the matrix row ``<role>_out<n>``, if it is wired: volts of an open source behind 50 ohm. A waveform
starts when the output is on and ``SOUR:TRIG:INT`` has come. Sweeps are remembered and not played.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl_sim import scpi_text
from labctl_sim.channels import channel_of, per_channel
from labctl_sim.faces import Thevenin
from labctl_sim.flips import Floats
from labctl_sim.pulse_generator import SOURCE_OHMS
from labctl_sim.pulse_shape import repeated
from labctl_sim.scpi import Call, Command, Number, documented
from labctl_sim.status import InstrumentFault
from labctl_sim.waveform import Waveform

if TYPE_CHECKING:
    from labctl_sim.redpitaya import RedPitaya

OUTPUTS = 2
FULL_SCALE_VOLTS = 1.0
BUFFER = 16_384
SPELLED_OUT = 256  # samples that a shape is played with
MOST_REPETITIONS = 4096  # of a burst that are spelled out
FOR_EVER = 65536  # BURS:NOR of a burst without end
SHAPES = ("SINE", "SQUARE", "TRIANGLE", "SAWU", "SAWD", "PWM", "ARBITRARY", "DC", "DC_NEG")
TRIGGERS = ("INT", "EXT_PE", "EXT_NE", "GATED")
DEFAULTS: dict[str, Any] = {
    "output": False, "shape": "SINE", "frequency": 1000.0, "volts": 1.0, "offset": 0.0, "phase": 0.0, "duty": 0.5,
    "load": "INF", "burst": "CONTINUOUS", "cycles": 1, "repetitions": 1, "burst_period": 1.0, "first": 0.0, "last": 0.0,
    "source": "INT", "started": False,
    "sweep": "OFF", "sweep_start": 1000.0, "sweep_stop": 10_000.0, "sweep_time": 1.0, "sweep_mode": "LINEAR",
    "sweep_direction": "NORMAL", "sweep_forever": "ON", "sweep_count": 1, "sweep_pause": "OFF",
}  # fmt: skip


class Output:
    """One output; ``self[key]`` is a setting."""

    def __init__(self, panel: RedPitaya, role: str, number: int) -> None:
        self._panel = panel
        self._number = number
        self._role = f"{role}_out{number}"
        self._samples: Floats = np.zeros(BUFFER)

    def __getitem__(self, key: str) -> Any:
        return self._panel.state[f"{key}_{self._number}"]

    def __setitem__(self, key: str, value: Any) -> None:
        self._panel.state[f"{key}_{self._number}"] = value

    def reset(self) -> None:
        """``GEN:RST``."""
        for key, value in DEFAULTS.items():
            self[key] = value
        self._samples = np.zeros(BUFFER)
        self.show()

    def commands(self) -> list[Command]:
        """What has the output's number in its header."""
        volt, seconds = Number("V", -FULL_SCALE_VOLTS, FULL_SCALE_VOLTS), Number("", 1, 5e8, 1)
        hertz = Number("HZ", 0.0, 62.5e6, 1000.0)
        return documented(
            "RP",
            self._word("OUTPUT#:STATE", "output", ("OFF", "ON"), switch=True),
            self._word("SOUR#:FUNC", "shape", SHAPES),
            self._word("SOUR#:LOAD", "load", ("INF", "L50")),
            *[self._number_of(f"SOUR#:FREQ{node}", "frequency", hertz) for node in (":FIX", ":DIRECT", "")],
            self._number_of("SOUR#:VOLT", "volts", volt),
            self._number_of("SOUR#:VOLT:OFFS", "offset", volt),
            self._number_of("SOUR#:PHAS", "phase", Number("", -360.0, 360.0)),
            self._number_of("SOUR#:DCYC", "duty", Number("", 0.0, 1.0, 0.5)),
            Command("SOUR#:TRAC:DATA:DATA", self._load, lambda _: self._listed()),
            self._word("SOUR#:TRig:SOUR", "source", TRIGGERS),
            self._word("SOUR#:BURS:STAT", "burst", ("CONTINUOUS", "BURST")),
            self._whole("SOUR#:BURS:NCYC", "cycles", 65536),
            self._whole("SOUR#:BURS:NOR", "repetitions", FOR_EVER),
            self._number_of("SOUR#:BURS:INT:PER", "burst_period", seconds),
            self._number_of("SOUR#:BURS:LASTValue", "last", volt),
            self._number_of("SOUR#:BURS:INITValue", "first", volt),
            self._word("SOUR#:SWeep:STATE", "sweep", ("OFF", "ON")),
            self._number_of("SOUR#:SWeep:FREQ:START", "sweep_start", hertz),
            self._number_of("SOUR#:SWeep:FREQ:STOP", "sweep_stop", hertz),
            self._number_of("SOUR#:SWeep:TIME", "sweep_time", seconds),
            self._word("SOUR#:SWeep:MODE", "sweep_mode", ("LINEAR", "LOG")),
            self._word("SOUR#:SWeep:DIR", "sweep_direction", ("NORMAL", "UP_DOWN")),
            self._word("SOUR#:SWeep:REP:INF", "sweep_forever", ("OFF", "ON")),
            self._whole("SOUR#:SWeep:REP:COUNT", "sweep_count", 65536),
            self._word("SOUR#:SWeep:PAUSE", "sweep_pause", ("OFF", "ON")),
        )

    # -- settings; each is told to the world

    def _word(self, pattern: str, key: str, words: tuple[str, ...], *, switch: bool = False) -> Command:
        """Whole words only; a switch takes 1 and 0 too."""

        def write(call: Call) -> None:
            parameter = call.only()
            word = parameter.upper() if isinstance(parameter, str) else ""
            word = {"0": "OFF", "1": "ON"}.get(word, word) if words == ("OFF", "ON") else word
            if word not in words:
                raise InstrumentFault(-224)
            self[key] = word == "ON" if switch else word
            if switch and not self[key]:
                self["started"] = False
            self.show()

        return Command(pattern, write, lambda _: ("ON" if self[key] else "OFF") if switch else str(self[key]))

    def _number_of(self, pattern: str, key: str, kind: Number) -> Command:
        panel = self._panel

        def write(call: Call) -> None:
            self[key] = panel.limited(kind.read(call.only()), *kind.bounds())
            self.show()

        return Command(pattern, write, lambda _: panel.format_number(self[key]))

    def _whole(self, pattern: str, key: str, most: int) -> Command:
        panel = self._panel

        def write(call: Call) -> None:
            self[key] = round(panel.limited(scpi_text.number(call.only()), 1, most))
            self.show()

        return Command(pattern, write, lambda _: str(self[key]))

    def _load(self, call: Call) -> None:
        """Up to 16,384 numbers from -1 to 1, one period."""
        values = np.array([scpi_text.number(value) for value in call.parameters])
        if not 1 <= values.size <= BUFFER:
            raise InstrumentFault(-223 if values.size else -109)
        if (np.abs(values) > 1).any():
            raise InstrumentFault(-222)
        self._samples = values
        self.show()

    def _listed(self) -> str:
        return "{" + ",".join(f"{value:.6f}" for value in self._samples) + "}"

    # -- what comes out

    def trigger(self) -> None:
        """``SOUR:TRIG:INT``, whatever other source was chosen (RP's example of an external trigger sends it too)."""
        self["started"] = True
        world = self._panel.world
        if self["output"] and self["burst"] == "BURST":
            self._panel.generator_starts(wired=self._role in world.wiring.rows)
            if self["repetitions"] < FOR_EVER:
                world.play(self._role, self._burst(), SOURCE_OHMS, self["repetitions"])
            else:
                world.run(self._role, self._burst(), SOURCE_OHMS)
        elif self["output"]:
            self._panel.generator_starts(wired=self._role in world.wiring.rows)
            self.show()

    def show(self) -> None:
        """Tell the world what the output is now; whatever played ends."""
        world = self._panel.world
        if not self["output"]:
            world.show(self._role, None)
        elif self["started"] and self["burst"] == "CONTINUOUS":
            world.run(self._role, self._cycle(), SOURCE_OHMS)
        else:
            world.show(self._role, Thevenin(self["first"], SOURCE_OHMS))

    def _burst(self) -> Waveform:
        """The cycles of one burst and the rest until the next."""
        cycle, cycles = self._cycle(), min(self["cycles"], MOST_REPETITIONS)
        period = self["burst_period"] * 1e-6 if self["repetitions"] > 1 else 0.0
        return repeated(cycle, cycles, max(period, cycles * cycle.period_seconds))

    def _cycle(self) -> Waveform:
        """One period, limited to what the output can give."""
        phase = (np.arange(SPELLED_OUT) / SPELLED_OUT + self["phase"] / 360) % 1.0
        shapes: dict[str, Callable[[], Floats]] = {
            "SINE": lambda: np.sin(2 * np.pi * phase),
            "SQUARE": lambda: np.where(phase < 0.5, 1.0, -1.0),
            "TRIANGLE": lambda: 1 - 4 * np.abs((phase + 0.25) % 1.0 - 0.5),
            "SAWU": lambda: phase,
            "SAWD": lambda: 1 - phase,
            "PWM": lambda: np.where(phase < self["duty"], 1.0, -1.0),
            "ARBITRARY": lambda: self._samples,
            "DC": lambda: np.ones(1),
            "DC_NEG": lambda: -np.ones(1),
        }
        unit = shapes[self["shape"]]()
        volts = np.clip(unit * self["volts"] + self["offset"], -FULL_SCALE_VOLTS, FULL_SCALE_VOLTS)
        return Waveform.of_samples(volts, 1 / max(self["frequency"], 1e-3) / unit.size)


class Generator:
    """Both outputs."""

    def __init__(self, panel: RedPitaya, role: str) -> None:
        self._outputs = [Output(panel, role, number) for number in range(1, OUTPUTS + 1)]

    def reset(self) -> None:
        """``GEN:RST``."""
        for output in self._outputs:
            output.reset()

    def commands(self) -> list[Command]:
        """Headers with a number are for that output; OUTPUT:STATE and SOUR:TRIG:INT without one are for both."""
        table = per_channel([output.commands() for output in self._outputs])
        state = next(command for command in table if command.pattern == "OUTPUT#:STATE")
        return [
            *documented(
                "RP",
                Command("GEN:RST", lambda _: self.reset()),
                Command("OUTPUT:STATE", self._switch_both(state), state.ask),
                Command("SOUR#:TRig:INT", self._trigger),
                Command("PHAS:ALIGN", lambda _: None),  # they start together as it is
                Command("SOUR:SWeep:RESET", lambda _: None),  # nothing is swept
            ),
            *table,
        ]

    @staticmethod
    def _switch_both(state: Command) -> Callable[[Call], None]:
        def write(call: Call) -> None:
            for number in range(1, OUTPUTS + 1):
                if state.set is not None:
                    state.set(Call((number,), call.parameters))

        return write

    def _trigger(self, call: Call) -> None:
        named = call.suffixes[0]
        chosen = [self._outputs[channel_of(call, OUTPUTS) - 1]] if named else self._outputs
        for output in chosen:
            output.trigger()
