"""One test, three ways: a script of what crosses the wire, the simulated instrument, and that one over a network.

A script is what pymeasure.test.expected_protocol takes; it is written from the manual, not from the simulator.
"""

import re
from contextlib import closing, contextmanager

import pytest
from pymeasure.test import expected_protocol

from labctl.bench.visa import open_visa
from labctl_sim import station
from labctl_sim.bench import open_bench
from labctl_sim.serve import serving
from labctl_sim.stations import demo

ADDRESSES = {
    "pulser": "USB0::0x0957::0x4108::SIM00001::INSTR",
    "smu": "GPIB0::24::INSTR",
    "matrix": "TCPIP0::192.0.2.17::inst0::INSTR",
    "digitizer": "TCPIP0::192.0.2.18::inst0::INSTR",
}

NO_ERROR = '+0,"No error"'


class Script:
    """Pairs of (sent, answered); `set` adds the question for errors that follows every write."""

    def __init__(self, idn, error_query=(":SYST:ERR?", NO_ERROR)):
        self.pairs = [("*IDN?", idn)] if idn else []
        self.error_query = error_query

    def set(self, *commands):
        for command in commands:
            self.pairs += [(command, None), self.error_query]
        return self

    def ask(self, question, answer):
        self.pairs.append((question, answer))
        return self

    def write(self, *commands):
        self.pairs += [(command, None) for command in commands]
        return self

    def refuse(self, command, *entries):
        self.pairs.append((command, None))
        self.pairs += [(self.error_query[0], entry) for entry in entries]
        return self


@pytest.fixture
def script():
    return Script


@pytest.fixture(params=["script", "simulated", "hislip", "socket"])
def over(request, tmp_path):
    """``over(Driver, role, panel, pairs)`` opens the driver this test's way; only a script looks at ``pairs``."""

    @contextmanager
    def opened(driver, role, panel, pairs):
        if request.param == "script":
            with expected_protocol(driver, pairs) as instrument:
                yield instrument
            return
        head, mark, rest = demo().read_text("utf-8").partition("[simulation.models]")
        rest = re.sub(rf'(?m)^{role} = ".*"$', f'{role} = "{panel}"', rest, count=1)
        path = tmp_path / "bench.toml"
        path.write_text(head + mark + rest, "utf-8")
        if request.param == "simulated":
            with closing(open_visa(f"sim:{path}@labctl")) as visa, closing(visa.open(role, ADDRESSES[role])) as adapter:
                yield driver(adapter)
            return
        with serving(open_bench(station.find(str(path)), clock="virtual")) as served:
            address = (served.hislip if request.param == "hislip" else served.sockets)[role]
            with closing(open_visa("@py")) as visa, closing(visa.open(role, address)) as adapter:
                yield driver(adapter)

    return opened
