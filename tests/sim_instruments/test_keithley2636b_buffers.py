"""Readings of the 2636B in time and in buffers: integration, intervals, dedicated and own buffers, text and binary."""

import struct
from types import SimpleNamespace

import numpy as np
import pytest
import pyvisa

from labctl_sim.stations import demo


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


@pytest.fixture
def bench(tmp_path):
    """Channel A on a line of the demo's array, through a 707B."""
    path = tmp_path / "station.toml"
    path.write_text(demo().read_text().replace('smu = "keithley2400"', 'smu = "keithley2636b"'), encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    with manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR", read_termination="\n") as matrix:
        matrix.write('channel.exclusiveclose("1B01,1H09")')
        assert matrix.query("*OPC?") == "1"
    smu = manager.open_resource("GPIB0::24::INSTR", read_termination="\n", timeout=60_000)
    yield SimpleNamespace(
        smu=smu,
        world=manager.visalib.world,
        ask=lambda what: [number(text) for text in smu.query(f"print({what})").split("\t")],
        error=lambda: number(smu.query("print(errorqueue.next())").split("\t")[0]),
    )
    manager.close()


@pytest.mark.parametrize("nplc", [0.001, 0.1, 1, 25])
def test_integration_takes_time_on_the_virtual_clock(bench, nplc):
    bench.smu.write(f"smua.measure.nplc = {nplc} smua.measure.autozero = 0 smua.measure.delay = 0")
    bench.smu.write("smua.measure.count = 10")
    before = bench.world.now()
    bench.smu.write("smua.measure.v(smua.nvbuffer1)")
    assert bench.world.now() - before == pytest.approx(10 * (nplc / 50 + 33e-6))
    stamps = np.array(bench.smu.query("printbuffer(1, 10, smua.nvbuffer1.timestamps)").split(", "), float)
    assert stamps[0] == 0
    assert np.diff(stamps) == pytest.approx(nplc / 50 + 33e-6, rel=1e-3)


def test_intervals_and_delays(bench):
    bench.smu.write("smua.measure.nplc = 0.01 smua.measure.autozero = 0 smua.measure.interval = 0.1")
    bench.smu.write("smua.measure.delay = 0.5 smua.measure.count = 3")
    before = bench.world.now()
    bench.smu.write("smua.measure.i()")
    assert bench.world.now() - before == pytest.approx(0.5 + 0.1 + 233e-6, abs=1e-3)  # the delay only before the first
    bench.smu.write("smua.source.delay = 0.25 smua.source.output = 1")
    before = bench.world.now()
    bench.smu.write("smua.source.levelv = 0.01")
    assert bench.world.now() - before == pytest.approx(0.25)


def test_buffers_clear_or_append(bench):
    bench.smu.write("smua.measure.i(smua.nvbuffer1) smua.measure.i(smua.nvbuffer1)")
    assert bench.ask("smua.nvbuffer1.n") == [1]
    bench.smu.write("smua.nvbuffer1.appendmode = 1 smua.measure.i(smua.nvbuffer1) smua.measure.v(smua.nvbuffer1)")
    assert bench.ask("smua.nvbuffer1.n, smua.nvbuffer1.next") == [3, 4]
    assert bench.ask("smua.nvbuffer1.measurefunctions[3], smua.nvbuffer1.measurefunctions[4]") == ["Voltage", "nil"]
    assert bench.ask("status.measurement.buffer_available.condition") == [2]
    bench.smu.write("smua.nvbuffer1.clear()")
    assert bench.ask("smua.nvbuffer1.n, smua.nvbuffer1[1]") == [0, "nil"]


def test_a_buffer_of_ones_own(bench):
    bench.smu.write("b = smua.makebuffer(3) smua.measure.count = 5 smua.source.levelv = 0.02 smua.source.output = 1")
    bench.smu.write("smua.measure.v(b)")
    assert bench.ask("b.n, b.capacity") == [3, 3]  # it fills once
    bench.smu.write("b.clear() b.fillmode = smua.FILL_WINDOW b.fillcount = 2 smua.measure.v(b)")
    assert bench.ask("b.n") == [2]
    bench.smu.write("b.clear() b.collectsourcevalues = 1 smua.measure.v(b)")
    assert bench.ask("b.sourcevalues[1], b.readings.getreading(1)") == pytest.approx([0.02, 0.02], rel=1e-3)
    bench.smu.write("b.clear() b.collecttimestamps = 0 smua.measure.v(b)")
    assert bench.ask("b.timestamps[1]") == ["nil"]


def test_printbuffer_interleaves_and_stays_within_its_ends(bench):
    bench.smu.write("smua.measure.count = 3 smua.measure.iv(smua.nvbuffer1, smua.nvbuffer2)")
    one = bench.smu.query("printbuffer(1, 3, smua.nvbuffer1)").split(", ")
    two = bench.smu.query("printbuffer(0, 99, smua.nvbuffer2.readings)").split(", ")
    both = bench.smu.query("printbuffer(2, 3, smua.nvbuffer1.readings, smua.nvbuffer2)").split(", ")
    assert both == [one[1], two[1], one[2], two[2]]
    assert bench.smu.query("printbuffer(1, 2, {1, 4, 9})") == "1.00000e+00, 4.00000e+00"


@pytest.mark.parametrize(("name", "code"), [("REAL32", "f"), ("REAL64", "d"), ("SREAL", "f"), ("DREAL", "d")])
@pytest.mark.parametrize(("order", "mark"), [("LITTLEENDIAN", "<"), ("BIGENDIAN", ">"), (None, "<")])
def test_binary_buffers(bench, name, code, order, mark):
    count = 100
    bench.smu.write(f"smua.measure.count = {count} smua.measure.nplc = 0.001 smua.measure.i(smua.nvbuffer1)")
    ascii_ = np.array(bench.smu.query(f"printbuffer(1, {count}, smua.nvbuffer1)").split(", "), float)
    bench.smu.write(f"format.data = format.{name}" + (f" format.byteorder = format.{order}" if order else ""))
    bench.smu.write(f"printbuffer(1, {count}, smua.nvbuffer1.readings)")
    raw = bench.smu.read_bytes(3 + count * struct.calcsize(code))
    assert (raw[:2], raw[-1:]) == (b"#0", b"\n")
    assert np.frombuffer(raw[2:-1], f"{mark}{code}") == pytest.approx(ascii_, rel=1e-5)
    assert bench.ask("1") == [1]  # print stays ASCII


def test_a_sweep_as_an_open_driver_uploads_it(bench):
    # The form of QCoDeS: one message, CR LF, a loop on board, single precision back.
    steps = 20
    script = [
        "smua.measure.nplc = 0.010000000000", "smua.source.output = 1", "startX = 0.000000000000",
        "dX = 0.001000000000", "smua.sense = 0", "smua.source.func = 1", "smua.measure.count = 1",
        "smua.nvbuffer1.clear()", "smua.nvbuffer1.appendmode = 1", f"for index = 1, {steps} do",
        "  target = startX + (index-1)*dX", "  smua.source.levelv = target", "  smua.measure.i(smua.nvbuffer1)",
        "end", "format.data = format.REAL32", "format.byteorder = format.LITTLEENDIAN",
        f"printbuffer(1, {steps}, smua.nvbuffer1.readings)",
    ]  # fmt: skip
    bench.smu.write("loadandrunscript\r\n" + "\r\n".join(script) + "\r\nendscript")
    raw = bench.smu.read_bytes(4 * steps + 3)
    amps = np.frombuffer(raw[2:-1], "<f4")
    assert np.corrcoef(np.arange(steps), amps)[0, 1] > 0.99
    assert bench.error() == 0
