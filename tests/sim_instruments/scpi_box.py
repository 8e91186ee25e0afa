"""A small instrument for tests of what all instruments share: messages, sessions, servers, faults."""

from labctl_sim import fault, scpi_text
from labctl_sim.scpi import Command, Later, Number, ScpiPanel
from labctl_sim.status import InstrumentFault

STATION = """
visa_library = "sim:{station}@labctl"
[instruments]
box = { driver = "none", address = "GPIB0::7::INSTR" }
far = { driver = "none", address = "TCPIP0::192.0.2.1::inst0::INSTR" }
[array]
rows = 1
cols = 1
[wiring]
word_lines = ["1-01"]
bit_lines = ["1-02"]
rows = {}
[simulation]
profile = "vcma_long_pulse"
array_seed = 1
noise_seed = 1
EXTRA
[simulation.models]
box = "scpi_box:Box"
far = "scpi_box:Box"
"""


class Box(ScpiPanel):
    """It has a setting, a memory, an output, an operation that takes a second, and a query that waits for *TRG."""

    error_depth = 5
    conditions = frozenset(fault.CONDITIONS)
    memories = 3
    longest_message = 1 << 25

    def identity(self):
        return f"MYLAB,BOX,SIM0001,{self.role}"

    def reset(self):
        self.state = {"volts": 0.0, "output": False, "word": "ABC"}
        self.memory = b""
        self.triggers = 0
        self.over = 0.0

    def recalled(self):
        self.state["recalled"] = True

    def pending(self):
        return self.world.now() < self.over

    def take_trigger(self):
        self.triggers += 1

    def commands(self):
        return [
            self.numeric("[SOURce#]:VOLTage#[:LEVel[:IMMediate]]:AMPLitude", "volts", Number("V", -5.0, 5.0, 1.0)),
            self.numeric("[SOURce#]:VOLTage#[:LEVel[:IMMediate]]", "volts", Number("V", -5.0, 5.0, 1.0), page="BOX-7"),
            self.option("WORD", "word", ("ABCdef", "XYZ"), page="BOX-8", verify=True),
            Command("OUTPut", self._set_output, lambda _: str(int(self.state["output"]))),
            Command("DATA", self._store, lambda _: scpi_text.block(self.memory)),
            Command("DATA:ENDLess", ask=lambda _: scpi_text.endless_block(self.memory)),
            Command("ECHO", ask=lambda call: "|".join(map(str, call.parameters))),
            Command("TEXT", ask=lambda call: scpi_text.string(call.only())),
            Command("CHANnels", ask=lambda call: str(scpi_text.channels(call.only(), 3)).replace(" ", "")),
            Command("TRIGgers", ask=lambda _: str(self.triggers)),
            Command("STARt", lambda _: self._start()),
            Command("TAKes", ask=lambda call: self._takes(scpi_text.number(call.only(), "S"))),
            Command("WAIT", ask=lambda _: self._wait()),
            Command("MISTake", ask=lambda _: str(1 / 0)),
            Command("SYSTem:ERRor[:NEXT]", ask=self.next_error),
            *self.register("STATus:OPERation", 128),
        ]

    def _store(self, call):
        data = call.only()
        if not isinstance(data, bytes):
            raise InstrumentFault(-104)
        self.memory = data

    def _set_output(self, call):
        wanted = scpi_text.boolean(call.only())
        self.state["output"] = wanted and not self.world.faults.active(self.role, "output_refuses")

    def _start(self):
        self.over = self.world.now() + 1.0
        self.world.at(self.over, lambda: None)

    def _takes(self, seconds):
        self.world.sleep(seconds)
        return "done"

    def _wait(self):
        before = self.triggers
        return Later(lambda: self.triggers > before, lambda: "triggered")
