"""Drivers that others wrote, unchanged, over every front; their known defects must show as on the real instruments."""

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import pyvisa
from pymeasure.instruments.keithley import Keithley2400, Keithley2600
from pymeasure.instruments.keysight import Keysight81160A
from pymeasure.instruments.redpitaya import RedPitayaScpi

from labctl_sim.bench import open_bench
from labctl_sim.serve import serving

ADDRESSES = {
    "pulser": "USB0::0x0957::0x4108::SIM00001::INSTR",
    "smu": "GPIB0::24::INSTR",
    "matrix": "TCPIP0::192.0.2.17::inst0::INSTR",
}
LINE_0 = "1B01," + ",".join(f"1H{column:02d}" for column in range(2, 13)) + ",2H01,2H02,2H03,2H04"
pytestmark = pytest.mark.filterwarnings(
    "ignore:It is not known whether this device:FutureWarning"
)  # PyMeasure of itself
LINE_ENDS = {"read_termination": "\n", "write_termination": "\n"}


@pytest.fixture(params=["backend", "hislip", "socket"])
def front(request, station):
    """One bench, reached in process or through the network: its world, addresses, VISA library and line ends."""
    path = station()
    with contextlib.ExitStack() as ends:
        if request.param == "backend":
            library, addresses, more = f"sim:{path}@labctl", ADDRESSES, {}
            manager = pyvisa.ResourceManager(library)
            world = manager.visalib.world
        else:
            served = ends.enter_context(serving(open_bench(path, clock="virtual")))
            library, addresses = "@py", served.hislip if request.param == "hislip" else served.sockets
            world, more = served.bench.world, LINE_ENDS if request.param == "socket" else {}
            manager = pyvisa.ResourceManager(library)
        ends.callback(manager.close)
        yield SimpleNamespace(world=world, addresses=addresses, library=library, more=more, manager=manager)


def driver(front, kind, role):
    """Somebody's driver for ``role``, made as its users make it."""
    return kind(front.addresses[role], visa_library=front.library, **front.more)


@pytest.fixture
def smu(front):
    with front.manager.open_resource(front.addresses["matrix"], **front.more) as matrix:
        matrix.write(f'channel.exclusiveclose("{LINE_0}")')
        assert matrix.query("*OPC?").strip() == "1"
    made = driver(front, Keithley2400, "smu")
    yield made
    made.adapter.close()


def test_pymeasures_keithley_sweeps_a_line_of_junctions(front, smu):
    smu.reset()
    smu.reset_data_format()
    smu.source_mode = "voltage"
    smu.source_voltage_range = 0.2
    smu.compliance_current = 1e-3
    smu.current_nplc = 1
    smu.source_enabled = True
    levels = np.linspace(-0.1, 0.1, 11)
    rows = []
    for level in levels:
        smu.source_voltage = level
        rows.append(smu.measure_all())
    columns = ("voltage", "current", "resistance", "time")
    volts, amps, ohms, seconds = (np.array([row[name] for row in rows]) for name in columns)
    smu.shutdown()
    np.testing.assert_allclose(volts, levels, atol=2e-5)
    expected = [front.world.array.conductance(front.world.array.states, np.full(64, abs(v)))[:8].sum() for v in levels]
    np.testing.assert_allclose(amps[levels != 0], (expected * levels)[levels != 0], rtol=1e-2)
    finite = np.abs(levels) > 0.01
    np.testing.assert_allclose(ohms[finite], (volts / amps)[finite], rtol=1e-4)
    assert (np.diff(seconds) > 3 * 0.02).all()
    assert smu.check_errors() == []
    assert not front.world.is_live()


def test_pymeasures_keithley_fills_its_buffer_and_reads_it(front, smu):
    smu.reset()
    smu.source_voltage = 0.05
    smu.compliance_current = 1e-3
    smu.write(":FORM:ELEM CURR")
    smu.source_enabled = True
    smu.config_buffer(50, delay=0)
    smu.start_buffer()
    smu.wait_for_buffer(timeout=5, interval=0.001)
    data = smu.buffer_data
    assert data.shape == (50,)
    truth = front.world.point().amps["smu"]
    np.testing.assert_allclose(data, truth, rtol=1e-2)
    assert np.unique(data).size > 1  # measured, not copied
    assert smu.ask(":TRAC:POIN:ACT?").strip() == "50"
    smu.disable_buffer()
    smu.disable_source()
    assert smu.check_errors() == []


def test_its_current_property_undoes_compliance_and_turns_the_output_on(front, smu):
    """The property sends MEAS?, which is CONFigure: 2 uA becomes 105 uA, 0.01 NPLC becomes 1, OFF becomes ON."""
    smu.reset()
    smu.reset_data_format()
    smu.compliance_current = 2e-6
    smu.current_nplc = 0.01
    assert not smu.source_enabled
    _ = smu.current
    assert smu.compliance_current == pytest.approx(1.05e-4)
    assert smu.current_nplc == pytest.approx(1)
    assert smu.source_enabled


def test_its_voltage_property_in_current_mode_puts_compliance_back_to_21_volts(smu):
    smu.reset()
    smu.reset_data_format()
    smu.source_mode = "current"
    smu.compliance_voltage = 0.2
    _ = smu.voltage
    assert smu.compliance_voltage == pytest.approx(21)


def test_its_buffer_is_silently_cut_to_1024_points(smu):
    smu.buffer_points = 2500
    assert smu.buffer_points == 1024
    smu.write(":TRAC:POIN 2500")  # the instrument would have taken it
    assert smu.buffer_points == 2500
    assert smu.check_errors() == []


def test_errors_reach_its_user_as_text_only(smu):
    smu.write(":SOUR:VOLT 999")
    assert smu.check_errors() == [[-222.0, '"Parameter data out of range"']]
    assert smu.check_errors() == []


@pytest.fixture
def generator(front):
    made = driver(front, Keysight81160A, "pulser")
    made.reset()
    made.clear()
    yield made
    made.adapter.close()


def test_pymeasures_generator_sends_a_pulse_when_triggered(front, generator):
    channel = generator.ch_1
    channel.shape = "PULS"
    channel.pulse_period = 1e-6
    channel.pulse_width = 20e-9
    channel.voltage_low = 0
    channel.voltage_high = 0.9
    channel.trigger_mode = "MAN"
    channel.trigger_count = 1
    channel.output = True
    assert generator.check_errors() == []
    assert channel.pulse_width == pytest.approx(20e-9)
    assert channel.voltage_high == pytest.approx(0.9)
    before = front.world.now()
    generator.trigger()
    assert generator.complete
    assert front.world.now() - before >= 20e-9
    channel.output = False
    assert generator.check_errors() == []


def test_its_burst_switch_is_upside_down(generator):
    generator.ch_1.burst_state = True
    assert generator.ask(":BURS1:STAT?").strip() == "0"
    generator.ch_1.burst_state = False
    assert generator.ask(":BURS1:STAT?").strip() == "1"


def test_its_shortest_period_is_one_that_the_instrument_does_not_have(generator):
    generator.ch_1.shape = "PULS"
    generator.ch_1.pulse_width = 1.5e-9
    generator.ch_1.pulse_period = 2e-9
    assert generator.check_errors() != []
    assert generator.ch_1.pulse_period >= 3.03e-9


def test_its_negative_waveform_is_normalised_to_something_else(front, generator):
    """It divides by max() where it should divide by max(abs()): [0.1, -1] goes far beyond what the DAC has."""
    generator.ch_1.waveform_volatile = np.array([0.5, 1.0, -1.0, 0.0] * 4)
    if "SOCKET" in front.addresses["pulser"]:
        # it ends a block with nothing, so on a socket, which has no other end of message, the message never ends
        generator.adapter.connection.timeout = 200
        with pytest.raises(pyvisa.VisaIOError):
            generator.check_errors()
        return
    assert generator.check_errors() == []
    generator.ch_1.waveform_volatile = np.array([0.1, -1.0] * 8)
    assert any(code == -222 for code, *_ in generator.check_errors())


# -- the other dialects


SCOPE = "TCPIP0::192.0.2.18::inst0::INSTR"


@pytest.fixture(params=["backend", "socket"])
def other(request, station):
    """A bench with a 2636B and a Red Pitaya, whose drivers take line 0 and bit line 0."""
    path = station(smu='"labctl_sim.keithley2636b:Keithley2636B"', digitizer='"labctl_sim.redpitaya:RedPitaya"')
    text = path.read_text().replace(SCOPE, "TCPIP0::192.0.2.18::5000::SOCKET")
    path.write_text(text.replace('driver = "tektronixmso"', 'driver = "none"'))
    with contextlib.ExitStack() as ends:
        if request.param == "backend":
            library = f"sim:{path}@labctl"
            addresses = ADDRESSES | {"digitizer": "TCPIP0::192.0.2.18::5000::SOCKET"}
            manager = pyvisa.ResourceManager(library)
            world = manager.visalib.world
        else:
            served = ends.enter_context(serving(open_bench(path, clock="virtual")))
            library, addresses, world = "@py", served.sockets, served.bench.world
            manager = pyvisa.ResourceManager(library)
        ends.callback(manager.close)
        with manager.open_resource(addresses["matrix"], **LINE_ENDS) as matrix:
            matrix.write('channel.exclusiveclose("1B01,1C09")')
            assert matrix.query("*OPC?") == "1"
        yield SimpleNamespace(world=world, addresses=addresses, library=library, more=LINE_ENDS)


@pytest.fixture
def smu2600(other):
    made = driver(other, Keithley2600, "smu")
    made.write("reset()")
    made.write("errorqueue.clear()")
    yield made
    made.adapter.close()


def test_pymeasures_2600_drives_a_line(other, smu2600):
    channel = smu2600.ChA
    channel.source_mode = "voltage"
    channel.compliance_current = 1e-3
    channel.source_voltage = 0.05
    channel.source_output = "ON"
    assert channel.voltage == pytest.approx(0.05, rel=1e-3)
    assert channel.current == pytest.approx(other.world.point().amps["smu"], rel=1e-2)
    channel.source_output = "OFF"
    assert smu2600.next_error[0] == 0
    assert not other.world.is_live()


def test_its_percent_f_cannot_say_a_hundred_nanoamperes(other, smu2600):
    channel = smu2600.ChA
    channel.compliance_current = 1e-3
    channel.compliance_current = 100e-9  # limiti=0.000000
    assert smu2600.next_error[0] != 0
    assert channel.compliance_current == pytest.approx(1e-3)
    channel.source_current = 100e-9
    assert channel.source_current == 0
    channel.source_voltage = 0.1234567
    assert channel.source_voltage == pytest.approx(0.123457, abs=1e-9)


def test_its_nplc_can_be_neither_one_nor_a_thousandth(other, smu2600):
    with pytest.raises((ValueError, KeyError)):
        smu2600.ChA.measure_nplc = 1


def test_pymeasures_red_pitaya_sees_the_current(other, smu2600):
    smu2600.write("smua.source.limiti = 1e-3 smua.source.levelv = -0.05 smua.source.output = 1")
    smu2600.ask("print(smua.measure.i())")
    board = RedPitayaScpi(other.addresses["digitizer"], visa_library=other.library)
    board.acquisition_reset()
    board.decimation = 8
    assert board.decimation == 8
    board.acquisition_start()
    board.acq_trigger_source = "NOW"
    while not board.acq_trigger_status:
        pass
    samples = board.ain1.get_data(100)
    truth = -1e4 * other.world.point().amps["digitizer"]
    assert abs(truth) > 5e-3
    assert samples.shape == (100,)
    assert samples.mean() == pytest.approx(truth, abs=2e-4)
    # its binary path takes 16-bit samples for 64-bit ones, and in the wrong order
    board.acq_units = "RAW"
    board.acq_format = "BIN"
    wrong = board.ain1.get_data(100, format="BIN")
    assert wrong.shape == (25,)
    assert board.ask("ACQ:DEC?").strip() == "8"  # and nothing is left over
    board.adapter.close()
