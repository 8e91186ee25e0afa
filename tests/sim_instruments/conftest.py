"""A simulated bench per test, opened as a user opens it: a station file and a VISA library string."""

import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pyvisa

from labctl_sim.bench import open_bench
from labctl_sim.serve import serving
from labctl_sim.stations import demo

ADDRESSES = {
    "pulser": "USB0::0x0957::0x4108::SIM00001::INSTR",
    "smu": "GPIB0::24::INSTR",
    "matrix": "TCPIP0::192.0.2.17::inst0::INSTR",
    "digitizer": "TCPIP0::192.0.2.18::inst0::INSTR",
}
COLUMNS = [f"1-{i:02d}" for i in range(1, 13)] + [f"2-{i:02d}" for i in range(1, 5)]


class Bench(SimpleNamespace):
    """Four PyVISA resources, the library and the world; and the routing that a person would do by hand."""

    def route(self, **lines):
        """Put lines (0 to 7 word, 8 to 15 bit) on instruments, all others on ground."""
        row = {"pulser": "A", "smu": "B", "digitizer": "C"}
        letters = dict.fromkeys(range(16), "H") | {line: row[role] for role, line in lines.items()}
        points = [COLUMNS[line].replace("-", letter) for line, letter in letters.items()]
        self.matrix.write(f'channel.exclusiveclose("{",".join(points)}")')
        assert float(self.matrix.query("print(errorqueue.count)")) == 0

    def program(self, volts, interval, cycles=1):
        """Load samples (at most 1 V in size) into the generator and wait for a trigger, output on."""
        block = np.round(np.asarray(volts) * 8191).astype(">i2").tobytes()
        header = f":DATA1:DAC VOLATILE,#{len(str(len(block)))}{len(block)}".encode()
        self.pulser.write(":OUTP1 OFF;:VOLT1:HIGH 1.0;LOW -1.0")
        self.pulser.write_raw(header + block)
        self.pulser.write(f":FUNC1:USER VOLATILE;:FUNC1 USER;:PER1 {interval * len(volts)};:ARM:SOUR1 MAN")
        self.pulser.write(f":TRIG1:COUN {cycles};:OUTP1 ON")
        assert self.pulser.query(":SYST:ERR?").startswith("+0,")

    def arm(self, frames, delay, samples=8, rate=50e6, scale=0.03):
        """Arm the digitizer for ``frames`` triggers."""
        self.digitizer.write(
            f"HEAD OFF;:HOR:MODE MAN;:HOR:SAMPLER {rate};RECO {samples};:HOR:POS 0;DEL:MOD ON;TIM {delay}"
        )
        self.digitizer.write(f"HOR:FAST:STATE ON;COUN {frames};:CH1:SCA {scale};:TRIG:A:EDGE:SOU AUX;:TRIG:A:MOD NORM")
        self.digitizer.write(f"DAT:SOU CH1;ENC RIB;WID 1;STAR 1;STOP {samples};FRAMESTAR 1;FRAMESTOP {frames}")
        self.digitizer.write("ACQ:STOPA SEQ;STATE ON")

    def fetch(self, frames, samples=8):
        """Volts per frame and sample, float (frames, samples)."""
        assert self.digitizer.query("*OPC?").strip() == "1"
        self.digitizer.write("CURV?")
        head = len(str(frames * samples))
        raw = self.digitizer.read_bytes(2 + head + frames * samples + 1)
        assert raw[: 2 + head] == f"#{head}{frames * samples}".encode()
        assert raw[-1:] == b"\n"
        ymult, yoff, yzero = (float(self.digitizer.query(f"WFMO:{key}?")) for key in ("YMU", "YOF", "YZE"))
        counts = np.frombuffer(raw[2 + head : -1], np.int8).reshape(frames, samples)
        return (counts.astype(float) - yoff) * ymult + yzero


@pytest.fixture
def station(tmp_path):
    """Writes a station file: the demo with a fixed noise seed, more simulation text, and replacements."""
    numbers = itertools.count()

    def write(extra="", noise_seed=1, **replacements):
        text = demo().read_text(encoding="utf-8")
        for old, new in replacements.items():
            text, found = re.subn(rf"(?m)^{old} = .*$", f"{old} = {new}" if new is not None else "", text, count=1)
            assert found == 1, old
        text = text.replace("array_seed", f"noise_seed = {noise_seed}\narray_seed", 1)
        path = tmp_path / f"station{next(numbers)}.toml"
        path.write_text(text + extra, encoding="utf-8")
        return path

    return write


@pytest.fixture
def opened():
    """Opens a station file; whatever was opened is closed after the test."""
    managers = []

    def start(path):
        manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
        managers.append(manager)
        resources = {role: manager.open_resource(address) for role, address in ADDRESSES.items()}
        return Bench(manager=manager, library=manager.visalib, world=manager.visalib.world, **resources)

    yield start
    for manager in managers:
        manager.close()


@pytest.fixture
def bench(station, opened):
    """The demo bench with noise seed 1."""
    return opened(station())


@pytest.fixture
def box_station(tmp_path, monkeypatch):
    """Writes a station of two small instruments, "box" on GPIB and "far" on a network (see scpi_box.py)."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    from scpi_box import STATION

    numbers = itertools.count()

    def write(simulation=""):
        path = tmp_path / f"boxes{next(numbers)}.toml"
        path.write_text(STATION.replace("EXTRA", simulation), encoding="utf-8")
        return path

    return write


@pytest.fixture
def boxes(box_station):
    """The library of such a station, open; further simulation text may be given: ``boxes(text)``."""
    managers = []

    def start(simulation=""):
        manager = pyvisa.ResourceManager(f"sim:{box_station(simulation)}@labctl")
        managers.append(manager)
        return SimpleNamespace(
            manager=manager,
            library=manager.visalib,
            open=lambda name="box", **options: manager.open_resource(
                {"box": "GPIB0::7::INSTR", "far": "TCPIP0::192.0.2.1::inst0::INSTR"}[name],
                **{"read_termination": "\n", "write_termination": "\n"} | options,
            ),
        )

    yield start
    for manager in managers:
        manager.close()


@pytest.fixture
def box(boxes):
    """A session with the instrument "box"."""
    return boxes().open()


@pytest.fixture
def serve(box_station):
    """Serves the two boxes until the test is over; opens sessions with them."""
    ends = []

    def start(clock="virtual", faults=()):
        context = serving(open_bench(box_station(), clock=clock, faults=faults))
        served = context.__enter__()
        ends.append(lambda: context.__exit__(None, None, None))
        return served

    yield start
    for end in reversed(ends):
        end()


@pytest.fixture(scope="module")
def network():
    manager = pyvisa.ResourceManager("@py")
    yield manager
    manager.close()


@pytest.fixture
def dial(network):
    """Opens a session through PyVISA-py."""
    sessions = []

    def dial(served, front="hislip", role="box", **options):
        options = {"read_termination": "\n", "write_termination": "\n", "timeout": 5000} | options
        sessions.append(network.open_resource(getattr(served, front)[role], **options))
        return sessions[-1]

    yield dial
    for session in sessions:
        session.close()
