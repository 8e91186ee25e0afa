"""PyMeasure's other drivers for source-meters, unchanged; and what others send."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import pyvisa
from pymeasure.instruments.keithley import Keithley2600
from pymeasure.instruments.keithley.keithley2400_legacy import Keithley2400Legacy

from labctl_sim.bench import open_bench
from labctl_sim.serve import serving
from labctl_sim.stations import demo

SMU, MATRIX = "GPIB0::24::INSTR", "TCPIP0::192.0.2.17::inst0::INSTR"
LINE_ENDS = {"read_termination": "\n", "write_termination": "\n"}
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # PyMeasure of itself


@pytest.fixture(params=["backend", "hislip", "socket"])
def front(request, tmp_path):
    """A function that opens a bench with a model of source-meter, and says how to reach it."""
    with contextlib.ExitStack() as ends:

        def start(model):
            path = tmp_path / "station.toml"
            path.write_text(demo().read_text().replace('smu = "keithley2400"', f'smu = "{model}"'))
            if request.param == "backend":
                library, addresses = f"sim:{path}@labctl", {"smu": SMU, "matrix": MATRIX}
            else:
                served = ends.enter_context(serving(open_bench(path, clock="virtual")))
                library, addresses = "@py", served.hislip if request.param == "hislip" else served.sockets
            manager = pyvisa.ResourceManager(library)
            ends.callback(manager.close)
            with manager.open_resource(addresses["matrix"], **LINE_ENDS) as matrix:
                matrix.write('channel.exclusiveclose("1B01,1H09")')
                assert matrix.query("*OPC?") == "1"
            return SimpleNamespace(
                manager=manager,
                session=lambda: manager.open_resource(addresses["smu"], **LINE_ENDS, timeout=10_000),
                driver=lambda kind: kind(addresses["smu"], visa_library=library, **LINE_ENDS),
            )

        yield start


def test_pymeasures_older_2400(front):
    smu = front("keithley2400").driver(Keithley2400Legacy)
    smu.reset()
    smu.apply_voltage(voltage_range=0.2, compliance_current=1e-3)
    smu.measure_current(nplc=0.1, current=1e-3)
    smu.enable_source()
    smu.source_voltage = 0.1
    amps = smu.current
    assert np.atleast_1d(amps)[-1] == pytest.approx(0.1 / 1e4, rel=0.9)
    smu.config_buffer(10, delay=0)
    smu.start_buffer()
    smu.wait_for_buffer()
    assert len(smu.buffer_data) >= 10
    smu.shutdown()
    assert smu.ask(":OUTP?").strip() == "0"
    smu.adapter.close()


def test_pymeasures_2600_sweeps_with_its_own_words(front):
    smu = front("keithley2636b").driver(Keithley2600)
    channel = smu.ChA
    smu.write("reset() errorqueue.clear()")
    channel.apply_voltage(compliance_current=1e-3)
    channel.measure_current(nplc=1)
    channel.source_output = "ON"
    channel.ramp_to_voltage(0.1, steps=5, pause=0)
    assert channel.source_voltage == pytest.approx(0.1)
    assert channel.current == pytest.approx(0.1 / 1e4, rel=0.9)
    channel.shutdown()
    assert smu.next_error[0] == 0
    smu.adapter.close()


def test_a_script_of_many_lines_answers_with_a_block(front):
    """As QCoDeS sweeps: the loop runs on board, and floats of four bytes come back."""
    smu = front("keithley2636b").session()
    smu.read_termination = None
    script = """loadandrunscript
smua.measure.nplc = 0.010000000000
smua.source.func = 1
smua.source.output = 1
startX = 0.000000000000
dX = 0.001000000000
smua.nvbuffer1.clear()
smua.nvbuffer1.appendmode = 1
for index = 1, 101 do
  target = startX + (index-1)*dX
  smua.source.levelv = target
  smua.measure.i(smua.nvbuffer1)
end
format.data = format.REAL32
format.byteorder = format.LITTLEENDIAN
printbuffer(1, 101, smua.nvbuffer1.readings)
endscript"""
    smu.write(script)
    data = smu.read_bytes(4 * 101 + 3)
    assert data[:2] == b"#0"
    assert data[-1:] == b"\n"
    amps = np.frombuffer(data[2:-1], "<f4")
    assert np.corrcoef(np.arange(101), amps)[0, 1] > 0.99


def test_a_reset_with_a_colon_and_trailing_elements(front):
    """As QCoDeS and many scripts talk to a 2400."""
    smu = front("keithley2400").session()
    for line in (
        ":*RST",
        ":SOUR:FUNC:MODE VOLT",
        ":SENS:FUNC 'CURR'",
        ":sense:current:protection 0.001",
        ":OUTP:STAT 1",
    ):
        smu.write(line)
    smu.write(":SOUR:VOLT:LEV 1.00000000e-01")
    volts, amps = (float(text) for text in smu.query(":READ?").split(",")[:2])
    assert volts == pytest.approx(0.1, abs=1e-4)
    assert 0 < amps < 1e-3
    assert smu.query(":SYST:ERR?") == '0,"No error"'
