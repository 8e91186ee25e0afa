"""A bench of small instruments that remember what was done to them, reached through real pyvisa and real TOML."""

import sys
import types

import pytest

from labctl.bench.station import parse_station
from labctl.core.device import Identity, Reading
from labctl.core.errors import InstrumentGone, InstrumentTimeout

LOG = []
"""Everything the instruments of this test did, in order; emptied by the `world` fixture."""

FAIL = {}
"""What fails: {(role, method): [errors still to raise, first first]}."""


class Remembering:
    serial = "MY1234"

    def __init__(self, adapter, name, serial=None, live=False):
        self.name, self.live = name, live
        self.serial = serial or self.serial
        self._do("open")

    def _do(self, what):
        LOG.append(f"{self.name}.{what}")
        errors = FAIL.get((self.name, what))
        if errors:
            raise errors.pop(0)

    def identify(self):
        return Identity("Acme", "1", self.serial, "1.0")

    def capabilities(self):
        return {"max_volts": 2.5, "max_burst_cycles": 1000}

    def snapshot(self):
        return {"live": self.live}

    def errors(self):
        return []

    def safe(self):
        self._do("safe")
        self.live = False

    def close(self):
        self._do("close")


class Pulser(Remembering):
    def is_quiet(self):
        self._do("is_quiet")
        return not self.live

    def program(self, plan):
        return plan

    def fire(self, cycles):
        self.live = True

    def hold(self, volts):
        self.live = True
        return volts

    def off(self):
        self.live = False


class Meter(Remembering):
    def is_quiet(self):
        self._do("is_quiet")
        return not self.live

    def apply_volts(self, volts, limit_amps):
        self.live = True
        return volts

    def apply_amps(self, amps, limit_volts):
        self.live = True
        return amps

    def measure(self):
        return Reading(0.0, 0.0, False, 0.0)

    def off(self):
        self.live = False


class Matrix(Remembering):
    def __init__(self, adapter, name, **options):
        super().__init__(adapter, name, **options)
        self.points = set()
        self.stuck = set()
        self.history = []

    def close_points(self, points):
        points = list(points)
        self._do("close_points")
        assert points, "an empty move"
        self.points |= set(points) - self.stuck
        self.history.append(("close", points, frozenset(self.points)))

    def open_points(self, points):
        points = list(points)
        self._do("open_points")
        assert points, "an empty move"
        self.points -= set(points) - self.stuck
        self.history.append(("open", points, frozenset(self.points)))

    def closed(self):
        self._do("closed")
        return frozenset(self.points)


class Digitizer(Remembering):
    def configure(self, wanted):
        return wanted

    def arm(self, frames):
        pass

    def fetch(self):
        raise InstrumentTimeout("no trigger")


class UnguardableSource(Remembering):
    def is_quiet(self):
        return True


STATION = """
name = "bench"
visa_library = "@sim"

[instruments.smu]
driver = "bench_fakes:Meter"
address = "GPIB0::8::INSTR"
[instruments.pulser]
driver = "bench_fakes:Pulser"
address = "USB0::0x1111::0x2222::0x1234::0::INSTR"
[instruments.matrix]
driver = "bench_fakes:Matrix"
address = "TCPIP0::localhost::inst0::INSTR"
[instruments.digitizer]
driver = "bench_fakes:Digitizer"
address = "ASRL1::INSTR"

[array]
rows = 2
cols = 3

[wiring]
word_lines = ["1-01", "1-02"]
bit_lines = ["1-03", "1-04", "2-01"]
rows = { pulser = "A", smu = "B", digitizer = "C", ground = "H" }
pulser_termination_ohms = 50.0
digitizer_transimpedance_ohms = 1.0e4

[limits]
pulse_positive_volts = 1.0
pulse_negative_volts = 0.5
pulse_width_seconds = 100e-9
dc_volts = 0.25
amps = 2.0e-3
"""


@pytest.fixture
def station_text():
    return STATION


@pytest.fixture
def station(tmp_path):
    return parse_station(STATION, tmp_path / "bench.toml")


@pytest.fixture
def world(monkeypatch):
    """The log and the failures of this test; its instruments can be named in a station file."""
    module = types.ModuleType("bench_fakes")
    for kind in (Pulser, Meter, Matrix, Digitizer, UnguardableSource):
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, "bench_fakes", module)
    LOG.clear()
    FAIL.clear()
    return types.SimpleNamespace(log=LOG, fail=FAIL, gone=InstrumentGone, timeout=InstrumentTimeout)


@pytest.fixture
def fakes():
    return types.SimpleNamespace(Pulser=Pulser, Meter=Meter, Matrix=Matrix, Digitizer=Digitizer)
