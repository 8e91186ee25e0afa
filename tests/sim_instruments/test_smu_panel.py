"""The source-meter at the array: readings, compliance, and the ways in which the real one bites."""

import numpy as np
import pytest
import pyvisa


@pytest.fixture
def smu(bench):
    bench.route(smu=0)
    bench.smu.write(":SOUR:FUNC VOLT;:SENS:FUNC 'VOLT','CURR';:FORM:ELEM VOLT,CURR,TIME,STAT")
    return bench.smu


def reading(smu):
    volts, amps, seconds, word = (float(text) for text in smu.query(":READ?").split(","))
    return volts, amps, seconds, int(word)


def test_it_measures_the_line_that_it_is_on(bench, smu):
    smu.write(":SENS:CURR:PROT 1E-4;:SOUR:VOLT -0.05;:OUTP ON")
    volts, amps, _, word = reading(smu)
    cells = bench.world.array
    expected = -0.05 * cells.conductance(cells.states, np.full(64, 0.05))[:8].sum()
    assert volts == pytest.approx(-0.05, rel=1e-3)
    assert amps == pytest.approx(expected, rel=5e-3)  # wires and relays take the rest
    assert not word & (1 << 3)


def test_real_compliance_clamps_and_says_so(smu):
    smu.write(":SENS:CURR:PROT 1E-6;:SOUR:VOLT -0.1;:OUTP ON")
    volts, amps, _, word = reading(smu)
    assert amps == pytest.approx(-1e-6, rel=1e-2)
    assert abs(volts) < 0.02
    assert word & (1 << 3)
    assert smu.query(":SENS:CURR:PROT:TRIP?") == "1\n"


def test_a_fixed_range_clamps_too(smu):
    smu.write(":SENS:CURR:PROT 1E-4;RANG 1E-6;:SOUR:VOLT -0.1;:OUTP ON")
    _, amps, _, word = reading(smu)
    assert amps == pytest.approx(-1.05e-6, rel=1e-2)
    assert word & (1 << 16)
    assert not word & (1 << 3)


def test_a_current_source_has_a_voltage_limit(smu):
    smu.write(":SOUR:FUNC CURR;:SENS:VOLT:PROT 0.1;:SOUR:CURR -1E-3;:OUTP ON")
    volts, amps, _, word = reading(smu)
    assert volts == pytest.approx(-0.1, rel=1e-3)
    assert -1e-4 < amps < -1e-5
    assert word & (1 << 3)


def test_reading_with_the_output_off_is_refused(smu):
    smu.write(":READ?")
    smu.timeout = 50
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        smu.read()
    assert smu.query(":SYST:ERR?") == '+803,"Not permitted with OUTPUT off"\n'
    assert smu.query(":SYST:ERR?") == '-420,"Query UNTERMINATED"\n'


def test_measure_forgets_the_compliance_and_turns_the_output_on(smu):
    # As the real one: a limit of 1 uA became 105 uA after one MEAS?.
    smu.write(":SENS:CURR:PROT 1E-6;:SOUR:VOLT -0.01")
    assert smu.query(":OUTP?") == "0\n"
    smu.query(":MEAS:CURR?")
    assert smu.query(":OUTP?") == "1\n"
    assert float(smu.query(":SENS:CURR:PROT?")) == pytest.approx(105e-6)


@pytest.mark.parametrize(
    ("commands", "error"),
    [
        (":SENS:CURR:PROT 1E-5;RANG 1E-3", '+824,"Cannot exceed compliance range"'),
        (":SENS:CURR:PROT 1E-2;RANG 1E-2;PROT 1E-6", '+822,"Too small for sense range"'),
        (":SENS:CURR:PROT 1;:SOUR:VOLT:RANG 200", '+826,"Attempt to exceed power limit"'),
        (":SOUR:VOLT:RANG 0.2;:SOUR:VOLT 1", '-222,"Parameter data out of range"'),
    ],
)
def test_ranges_and_limits_are_coupled(smu, commands, error):
    smu.write(commands)
    assert smu.query(":SYST:ERR?").strip() == error


def test_a_waiting_trigger_model_holds_everything_but_abort(bench, smu):
    smu.write(":SOUR:VOLT -0.05;:OUTP ON;:ARM:SOUR BUS;:INIT")
    smu.write(":OUTP OFF")
    assert bench.world.point().volts["smu"] == pytest.approx(-0.05)
    smu.write(":ABOR")
    assert smu.query(":OUTP?") == "0\n"  # what was held runs once it is idle


@pytest.mark.parametrize("trigger", [lambda smu: smu.assert_trigger(), lambda smu: smu.write("*TRG")])
def test_a_bus_trigger_ends_the_wait(smu, trigger):
    smu.write(":SOUR:VOLT -0.05;:OUTP ON;:ARM:SOUR BUS;:READ?")
    trigger(smu)
    assert float(smu.read().split(",")[0]) == pytest.approx(-0.05, rel=1e-3)


def test_readings_take_their_time_on_the_virtual_clock(bench, smu):
    smu.write(":SOUR:VOLT -0.01;:OUTP ON;:SENS:CURR:NPLC 10;:TRIG:COUN 100;:SYST:TIME:RES")
    before = bench.library.clock.now()
    smu.timeout = 200_000
    values = np.array(smu.query(":READ?").split(","), float).reshape(100, 4)
    assert bench.library.clock.now() - before == pytest.approx(100 * (2 * 3 * 0.2 + 1e-3))
    assert (np.diff(values[:, 2]) > 1.2).all()


@pytest.mark.parametrize(("border", "order"), [("NORM", ">f"), ("SWAP", "<f")])
def test_binary_readings(smu, border, order):
    smu.write(f":SOUR:VOLT -0.05;:OUTP ON;:FORM:DATA REAL,32;BORD {border}")
    smu.write(":READ?")
    raw = smu.read_bytes(2 + 16 + 1)
    assert raw[:2] == b"#0"
    assert np.frombuffer(raw[2:18], order)[0] == pytest.approx(-0.05, rel=1e-3)


def test_too_much_voltage_breaks_junctions_for_ever(bench, smu):
    smu.write(":SENS:CURR:PROT 0.1;:SOUR:VOLT 2;:OUTP ON")
    smu.write(":OUTP OFF;:SOUR:VOLT -0.01;:OUTP ON")
    _, amps, _, _ = reading(smu)
    assert bench.world.array.broken[:8].all()
    assert not bench.world.array.broken[8:].any()
    assert amps < -8 * 0.01 / 400


def test_compliance_saves_the_junctions(bench, smu):
    smu.write(":SENS:CURR:PROT 1E-5;:SOUR:VOLT 2;:OUTP ON")
    assert reading(smu)[3] & (1 << 3)
    assert not bench.world.array.broken.any()
