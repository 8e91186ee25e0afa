"""The Red Pitaya as digitizer: buffer, triggers, formats, CR LF. Through plain PyVISA and PyMeasure."""

import numpy as np
import pytest
from pymeasure.instruments.redpitaya.redpitaya_scpi import RedPitayaScpi

ADDRESS = "TCPIP0::192.0.2.18::inst0::INSTR"
BUFFER = 16_384


@pytest.fixture
def bench(station, opened):
    bench = opened(station(digitizer='"labctl_sim.redpitaya:RedPitaya"'))
    bench.digitizer.read_termination = bench.digitizer.write_termination = "\r\n"
    bench.route(pulser=1, digitizer=10)
    wave = np.zeros(100_000)  # 100 us: most of a buffer at 125 MS/s
    wave[20_000:60_000] = -0.2
    bench.pulser.write(":PER1 100US")
    bench.program(wave, 1e-9)
    return bench


def numbers(reply):
    assert reply[0] + reply[-1] == "{}"
    return np.array(reply[1:-1].split(","), float)


def test_replies_end_in_cr_lf(bench):
    bench.digitizer.write("*IDN?")
    assert bench.digitizer.read_raw().endswith(b",SIM0006,02-01\r\n")


def test_an_external_trigger_fills_the_buffer(bench):
    pitaya = bench.digitizer
    pitaya.write("ACQ:RST;:ACQ:DEC 1;:ACQ:START")
    pitaya.write("ACQ:TRIG EXT_PE")
    assert pitaya.query("ACQ:TRIG:STAT?") == "WAIT"
    bench.pulser.write("*TRG")
    assert pitaya.query("ACQ:TRIG:STAT?") == "TD"
    assert pitaya.query("ACQ:TRIG:FILL?") == "1"
    volts = numbers(pitaya.query("ACQ:SOUR1:DATA?"))
    assert volts.size == BUFFER == int(pitaya.query("ACQ:BUF:SIZE?"))
    trigger = int(pitaya.query("ACQ:TPOS?"))
    assert trigger == BUFFER // 2
    # The plateau begins 20 us (2500 samples) after the trigger and lasts 40 us (5000 samples).
    ohms = bench.world.array.junctions.parallel_ohms[8 + 2]
    plateau = volts[trigger + 2600 : trigger + 7400]
    assert 0.4 < abs(plateau.mean()) / (0.2 * 1e4 / ohms) < 1.1  # P or AP
    assert abs(volts[: trigger + 2400].mean()) < 1e-3
    assert volts.std() > 0


def test_the_delay_moves_the_trigger_in_the_buffer(bench):
    pitaya = bench.digitizer
    pitaya.write("ACQ:RST;:ACQ:TRIG:DLY 8192;:ACQ:START;:ACQ:TRIG EXT_PE")
    bench.pulser.write("*TRG")
    volts = np.abs(numbers(pitaya.query("ACQ:SOUR1:DATA?")))
    assert pitaya.query("ACQ:TPOS?") == "0"
    high = np.flatnonzero(volts > volts.max() / 2)
    assert (high[0], high[-1]) == pytest.approx((2500, 7500), abs=2)


def test_a_level_on_in1_triggers_where_it_is_crossed(bench):
    pitaya = bench.digitizer
    pitaya.write("ACQ:RST;:ACQ:TRIG:LEV -0.01;:ACQ:START;:ACQ:TRIG CH1_NE")
    bench.pulser.write("*TRG")
    assert pitaya.query("ACQ:TRIG:STAT?") == "TD"
    volts = numbers(pitaya.query("ACQ:SOUR1:DATA?"))
    assert abs(volts[:8192].mean()) < 2e-3
    assert volts[8192:13_000].mean() < -0.01


def test_a_level_that_is_not_crossed_waits(bench):
    pitaya = bench.digitizer
    pitaya.write("ACQ:RST;:ACQ:TRIG:LEV 0.9;:ACQ:START;:ACQ:TRIG CH1_PE")
    bench.pulser.write("*TRG")
    assert pitaya.query("ACQ:TRIG:STAT?") == "WAIT"
    pitaya.write("ACQ:TRIG NOW")
    assert pitaya.query("ACQ:TRIG:STAT?") == "TD"


def test_binary_and_text_say_the_same(bench):
    pitaya = bench.digitizer
    pitaya.write("ACQ:RST;:ACQ:START;:ACQ:TRIG EXT_PE")
    bench.pulser.write("*TRG")
    pitaya.write("ACQ:DATA:UNITS RAW")
    raw = numbers(pitaya.query("ACQ:SOUR1:DATA?"))
    pitaya.write("ACQ:DATA:FORMAT BIN")
    pitaya.write("ACQ:SOUR1:DATA?")
    block = pitaya.read_bytes(7 + 2 * BUFFER + 2)
    assert block[:7] + block[-2:] == b"#532768\r\n"
    np.testing.assert_array_equal(np.frombuffer(block[7:-2], ">i2"), raw)
    pitaya.write("ACQ:DATA:UNITS VOLTS")
    pitaya.write("ACQ:SOUR1:DATA:STA:N? 100,50")
    block = pitaya.read_bytes(5 + 4 * 50 + 2)
    np.testing.assert_allclose(np.frombuffer(block[5:-2], ">f4"), raw[100:150] / 8192, rtol=1e-6)


@pytest.mark.parametrize(
    ("command", "size"),
    [("OLD:N? 10", 10), ("LAT:N? 20", 20), ("STA:END? 5,9", 5), ("STA:N? 5,9", 9)],
)
def test_parts_of_the_buffer(bench, command, size):
    assert numbers(bench.digitizer.query(f"ACQ:SOUR2:DATA:{command}")).size == size


def test_averaging_and_gain(bench):
    pitaya, noise = bench.digitizer, []
    for set_up in ("ACQ:AVG OFF", "ACQ:DEC 64;:ACQ:AVG OFF", "ACQ:DEC 64;:ACQ:AVG ON", "ACQ:SOUR1:GAIN HV"):
        pitaya.write(f"ACQ:RST;:ACQ:DATA:UNITS VOLTS;:{set_up};:ACQ:START;:ACQ:TRIG NOW")
        noise.append(numbers(pitaya.query("ACQ:SOUR1:DATA?")).std())
    assert noise[1] == pytest.approx(noise[0], rel=0.1)
    assert noise[2] < noise[1] / 3  # what is left is rounding
    assert noise[3] == pytest.approx(20 * noise[0], rel=0.1)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ACQ:DEC 3", -222),
        ("ACQ:DEC 65536", 0),
        ("ACQ:TRIG SOMETHING", -224),
        ("ACQ:SOUR3:GAIN LV", -114),
        ("ACQ:TRIG:DLY -9000", -222),
        ("ACQ:SOUR1:DATA:OLD:N? 20000", -222),
        ("DIG:PIN LED9,1", -224),
    ],
)
def test_limits(bench, command, code):
    bench.digitizer.write("*CLS")
    bench.digitizer.write(command)
    assert int(bench.digitizer.query("SYST:ERR?").split(",")[0]) == code


def test_pymeasures_own_driver(bench):
    pitaya = RedPitayaScpi(ADDRESS, visa_library=bench.library)
    pitaya.acquisition_reset()
    pitaya.decimation = 8
    assert pitaya.decimation == 8
    pitaya.average_skipped_samples = True
    assert pitaya.average_skipped_samples
    pitaya.acq_units = "VOLTS"
    pitaya.acq_format = "ASCII"
    pitaya.acq_trigger_level = 0.1
    assert pitaya.acq_trigger_level == pytest.approx(0.1)
    pitaya.acq_trigger_delay_samples = 100
    assert pitaya.acq_trigger_delay_samples == 100
    pitaya.acquisition_start()
    pitaya.acq_trigger_source = "EXT_PE"
    assert not pitaya.acq_trigger_status
    bench.pulser.write("*TRG")
    assert pitaya.acq_trigger_status
    assert pitaya.acq_buffer_filled
    assert pitaya.ain1.gain == "LV"
    assert pitaya.ain1.get_data(100).size == 100
    assert pitaya.buffer_length == BUFFER
    pitaya.led0.enabled = True
    assert pitaya.led0.enabled
    pitaya.dioN1.direction_in = False
    assert not pitaya.dioN1.direction_in
    assert pitaya.board_name.startswith("STEMlab")
    assert pitaya.time is not None
    assert pitaya.check_errors() == []
