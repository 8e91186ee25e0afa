"""The fidelity checklist, points 14 to 23: state, timing, physics, faults. The list: docs/simulated-bench.md."""

import numpy as np
import pytest
import pyvisa
from pyvisa.constants import StatusCode

NAN = 9.91e37


def errors(resource):
    codes = []
    while code := int(resource.query(":SYST:ERR?").partition(",")[0]):
        codes.append(code)
    return codes


@pytest.fixture
def smu(bench):
    bench.route(smu=0)
    bench.smu.write("*RST;*CLS")
    return bench.smu


def readings(smu, ask=":READ?"):
    return [float(text) for text in smu.query(ask).split(",")]


# 14 -- *RST


RESET_2400 = {
    ":OUTP?": 0, ":SOUR:VOLT?": 0, ":SOUR:CURR?": 0, ":SENS:CURR:PROT?": 105e-6, ":SENS:VOLT:PROT?": 21,
    ":SENS:CURR:NPLC?": 1, ":ARM:COUN?": 1, ":TRIG:COUN?": 1, ":SYST:RSEN?": 0, ":SOUR:CLE:AUTO?": 0,
    ":SENS:CURR:RANG:AUTO?": 1, ":SYST:AZER?": 1,
}  # fmt: skip
UPSET_2400 = (
    ":SOUR:FUNC CURR;:SOUR:CURR 1E-6;:SENS:VOLT:PROT 1;NPLC 5;:SOUR:FUNC VOLT;:SOUR:VOLT 0.1;:SENS:CURR:PROT 1E-3;"
    ":SENS:CURR:RANG 1E-4;:ARM:COUN 2;:TRIG:COUN 3;:SYST:RSEN ON;:SYST:AZER OFF;:SOUR:CLE:AUTO ON;:OUTP ON"
)


def test_14_reset_restores_its_table(smu):
    smu.write(UPSET_2400)
    smu.write("*RST")
    assert {ask: pytest.approx(float(smu.query(ask))) for ask in RESET_2400} == RESET_2400
    assert smu.query(":SOUR:FUNC?;:FORM:BORD?") == "VOLT;NORM\n"
    assert errors(smu) == []


def test_14_reset_leaves_the_trace_buffer_alone(smu):
    smu.write(":TRAC:FEED:CONT NEV;:TRAC:CLE;POIN 77;*RST")
    assert int(smu.query(":TRAC:POIN?")) == 77


FOUND_ON = """
[[simulation.faults]]
device = "smu"
kind = "front_panel"
detail = ":SOUR:VOLT 0.07;:OUTP ON"
"""


def test_14_an_instrument_may_be_found_switched_on(station, opened):
    bench = opened(station(FOUND_ON))
    assert bench.smu.query(":OUTP?;:SOUR:VOLT?") == "1;+7.000000E-02\n"
    assert bench.world.is_live()


# 15 -- couplings


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (":SENS:CURR:PROT 1E-5;RANG 1E-3", 824),
        (":SENS:CURR:PROT 1E-2;RANG 1E-2;PROT 1E-6", 822),
        (":SENS:CURR:PROT 1;:SOUR:VOLT:RANG 200", 826),
    ],
)
def test_15_ranges_compliance_and_source_depend_on_each_other(smu, commands, code):
    smu.write(commands)
    assert errors(smu) == [code]


def test_15_width_fits_into_the_period(bench):
    pulser = bench.pulser
    pulser.write("*RST;*CLS;:FUNC1 PULS;:PULS:PER1 1E-6;:PULS:WIDT1 5E-7;:PULS:PER1 1E-7")
    assert errors(pulser) != []
    assert float(pulser.query(":PULS:WIDT1?")) < float(pulser.query(":PULS:PER1?"))


def test_15_load_changes_the_arithmetic_and_not_the_output(bench):
    """What the terminal shows doubles when the load is said to be open; what it drives is the same."""
    pulser = bench.pulser
    pulser.write("*RST;:FUNC1 DC;:VOLT1:OFFS 0.1;:OUTP1 ON")
    before = bench.world.point().volts["pulser"]
    pulser.write(":OUTP1:LOAD 1E6")
    assert float(pulser.query(":VOLT1:OFFS?")) == pytest.approx(0.2, rel=1e-3)
    assert bench.world.point().volts["pulser"] == pytest.approx(before)


# 16, 17 -- busy, output off, compliance, overflow


def test_16_a_busy_source_meter_holds_all_but_the_exempt(bench, smu):
    smu.write(":SOUR:VOLT 0.05;:OUTP ON;:ARM:SOUR BUS;:INIT")
    smu.write(":OUTP OFF")
    assert bench.world.point().volts["smu"] == pytest.approx(0.05)
    smu.write(":ABOR")
    assert smu.query(":OUTP?") == "0\n"


def test_17_no_reading_with_the_output_off(smu):
    smu.write(":INIT")
    assert errors(smu) == [803]


def test_17_an_open_interlock_turns_the_output_off_and_keeps_it_off(bench, smu):
    smu.write(":OUTP:ENAB ON;:SOUR:VOLT 0.05;:OUTP ON")
    assert bench.world.is_live()
    bench.library.faults.inject(device="smu", kind="interlock")
    assert smu.query(":OUTP?") == "0\n"
    assert not bench.world.is_live()
    smu.write("*CLS;:OUTP ON")
    assert errors(smu) == [802]
    assert smu.query(":OUTP:ENAB:TRIP?") == "0\n"


def test_17_compliance_is_real_or_of_the_range_and_what_is_not_measured_is_nan(smu):
    smu.write(":SOUR:VOLT 0.1;:OUTP ON;:SENS:CURR:PROT 1E-6")
    _, amps, ohms, _, word = readings(smu)
    assert (amps, ohms) == (pytest.approx(1e-6, rel=0.01), NAN)
    assert int(word) & (1 << 3)
    smu.write(":SENS:CURR:PROT 1E-4;RANG 1E-6")
    word = int(readings(smu)[4])
    assert word & (1 << 16)
    assert not word & (1 << 3)


def test_17_too_much_for_a_fixed_range_is_overflow(bench):
    bench.matrix.write("channel.exclusiveclose('1B01,2H01')")  # one junction of some 7 kohm
    bench.world.put(0)
    smu = bench.smu
    smu.write("*RST;:SENS:FUNC:OFF 'CURR';:SENS:RES:MODE MAN;:SENS:FUNC 'RES';:SOUR:FUNC CURR")
    smu.write(":SENS:VOLT:PROT 2;:SENS:VOLT:RANG 0.2;:SOUR:CURR 1E-5;:OUTP ON")
    small = readings(smu)
    assert small[2] == pytest.approx(small[0] / 1e-5, rel=0.01)
    assert not int(small[4]) & 1
    smu.write(":SOUR:CURR 3E-5")
    bench.matrix.write("channel.open('allslots')")
    bench.matrix.write("channel.close('1B01')")  # an open line: up to the compliance of 2 V
    reply = smu.query(":READ?").split(",")
    assert reply[0] == "+9.910000E+37"
    assert reply[2] == "+9.910000E+37"
    assert int(float(reply[4])) & 1


def test_17_autorange_follows_the_current(smu):
    smu.write(":SOUR:VOLT 0.001;:SENS:CURR:PROT 1E-2;:OUTP ON")
    readings(smu)
    low = float(smu.query(":SENS:CURR:RANG?"))
    smu.write(":SOUR:VOLT 0.15")
    readings(smu)
    assert float(smu.query(":SENS:CURR:RANG?")) > low


# 18 -- buffers


def test_18_a_buffer_fills_sets_its_bit_and_keeps_what_it_has(bench, smu):
    smu.write(":FORM:ELEM VOLT,TIME;:SOUR:VOLT 0.01;:OUTP ON;:SYST:TIME:RES")
    smu.write(":TRAC:CLE;POIN 5;FEED SENS;FEED:CONT NEXT;:STAT:MEAS:ENAB 512;*SRE 1;:TRIG:COUN 5;:INIT")
    assert smu.query("*OPC?") == "1\n"
    assert smu.read_stb() & 65 == 65
    assert int(smu.query(":STAT:MEAS?")) & 512
    assert int(smu.query(":TRAC:POIN:ACT?")) == 5
    values = np.array(readings(smu, ":TRAC:DATA?")).reshape(5, 2)
    np.testing.assert_allclose(values[:, 0], 0.01, rtol=0.01)
    assert (np.diff(values[:, 1]) > 0).all()
    assert readings(smu, ":TRAC:DATA?") == values.ravel().tolist()  # reading takes nothing away
    smu.write(":TRIG:COUN 1;:INIT")
    assert readings(smu, ":TRAC:DATA?") == values.ravel().tolist()  # full is full
    assert errors(smu) == []


def test_18_an_empty_buffer_has_nothing_to_give(smu):
    smu.write(":TRAC:CLE;:TRAC:DATA?")
    smu.timeout = 50
    with pytest.raises(pyvisa.VisaIOError):
        smu.read()
    assert errors(smu)[0] == -230


def test_18_timestamps_roll_over(bench, smu):
    smu.write(":FORM:ELEM TIME;:SOUR:VOLT 0.01;:OUTP ON;:SYST:TIME:RES")
    bench.library.clock.sleep(100_000.0)
    assert readings(smu)[0] < 10


# 19, 20 -- time


def test_19_integration_autozero_and_delay_take_their_time(bench, smu):
    smu.write(":SOUR:VOLT 0.01;:SOUR:DEL 0.5;:OUTP ON;:SENS:CURR:NPLC 10")
    clock = bench.library.clock
    times = []
    for autozero in ("ON", "OFF"):
        smu.write(f":SYST:AZER {autozero}")
        before = clock.now()
        readings(smu)
        times.append(clock.now() - before - 0.5)
    assert times[1] == pytest.approx(0.2, rel=0.3)  # 10 cycles of 50 Hz
    assert times[0] > 2 * times[1]


def test_19_relays_settle(bench):
    clock = bench.library.clock
    before = clock.now()
    bench.matrix.write('channel.close("1A01")')
    bench.matrix.query("*OPC?")
    assert clock.now() - before >= 4e-3


# 21, 22 -- the world behind the terminals


def test_21_a_source_sees_all_paths_that_are_closed(bench, smu):
    smu.write(":SENS:CURR:PROT 1E-3;:SOUR:VOLT 0.05;:OUTP ON")
    one = readings(smu)[1]
    smu.write(":OUTP OFF")
    bench.matrix.write('channel.close("1B02")')  # a second line on the same row
    bench.matrix.write('channel.open("1H02")')
    smu.write(":OUTP ON")
    assert readings(smu)[1] > 1.5 * one
    smu.write(":OUTP OFF")
    bench.matrix.write('channel.open("allslots")')
    smu.write(":OUTP ON")
    assert abs(readings(smu)[1]) < 1e-8  # open
    smu.write(":OUTP OFF")
    bench.matrix.write('channel.close("1B01,1H01")')
    smu.write(":OUTP ON")
    assert int(readings(smu)[4]) & (1 << 3)  # a short


def test_21_a_stuck_relay_stays_where_it_is_and_the_matrix_does_not_know(bench, smu):
    bench.library.faults.inject(device="matrix", kind="stuck_relay", detail="1B01")
    bench.matrix.write('channel.open("allslots")')
    assert bench.matrix.query('print(channel.getclose("allslots"))').strip() == "nil"
    bench.matrix.write('channel.close("1H09,1H10")')
    smu.write(":SENS:CURR:PROT 1E-3;:SOUR:VOLT 0.05;:OUTP ON")
    assert readings(smu)[1] > 1e-7


def test_21_what_breaks_stays_broken(bench, smu):
    smu.write(":SENS:CURR:PROT 0.1;:SOUR:VOLT 2;:OUTP ON;:OUTP OFF;*RST")
    assert bench.world.array.broken[:8].all()
    assert not bench.world.array.broken[8:].any()
    smu.write(":SOUR:VOLT 0.01;:SENS:CURR:PROT 0.1;:OUTP ON")
    assert readings(smu)[1] > 8 * 0.01 / 500


def test_21_a_generator_without_a_load_drives_twice_its_setting(station, opened):
    bench = opened(station(pulser_termination_ohms=None))
    bench.route(pulser=0)
    bench.pulser.write("*RST;:FUNC1 DC;:VOLT1:OFFS 0.05;:OUTP1 ON")
    assert bench.world.point().volts["pulser"] == pytest.approx(0.1, rel=0.05)


def test_22_a_pulse_as_delivered_switches_and_a_shorter_one_does_not(bench):
    bench.route(pulser=0)

    def changed(volts, width):
        flipped = 0
        for _ in range(20):
            bench.world.put(0)
            bench.pulser.write(f"*RST;:FUNC1 PULS;:PULS:PER1 1E-6;:PULS:WIDT1 {width};:PULS:TRAN1 1E-9")
            bench.pulser.write(f":VOLT1:LOW 0;HIGH {volts};:ARM:SOUR1 MAN;:OUTP1 ON;*TRG")
            assert bench.pulser.query("*OPC?") == "1\n"
            flipped += int(bench.world.array.states[:8].sum())
        return flipped

    # At 0.7 V and 50 ns eight junctions throw twenty nearly fair coins each; in 1.5 ns few get over the barrier.
    assert changed(0.2, 50e-9) == 0
    long, short = changed(0.7, 50e-9), changed(0.7, 1.5e-9)
    assert long > 40
    assert short < long / 3, (short, long)


# 23 -- faults, as a user injects them


def test_23_faults_are_injected_by_one_call(bench):
    smu, faults = bench.smu, bench.library.faults
    smu.timeout = 200
    faults.inject(device="smu", kind="hang")
    with pytest.raises(pyvisa.VisaIOError) as caught:
        smu.query("*OPC?")
    assert caught.value.error_code == StatusCode.error_timeout
    assert smu.query("*OPC?") == "1\n"
    faults.inject(device="smu", kind="identity", detail="ACME,1,2,3")
    assert smu.query("*IDN?").strip() == "ACME,1,2,3"
    assert "2400" in smu.query("*IDN?")
    faults.inject(device="smu", kind="front_panel", detail=":SOUR:VOLT 0.07")
    assert float(smu.query(":SOUR:VOLT?")) == 0.07
    faults.inject(device="smu", kind="truncate")
    smu.write("*IDN?")
    assert len(smu.read_raw()) < 60


# 20 -- finite rate


def test_20_a_trigger_during_a_burst_is_missed_and_the_digitizer_counts_what_it_saw(bench):
    bench.route(pulser=0, digitizer=8)
    bench.program([0.0, 0.1, 0.0], 1e-7, cycles=10)
    bench.arm(20, 0.0)
    bench.pulser.write("*TRG;*TRG")
    assert bench.pulser.query("*OPC?") == "1\n"
    assert bench.digitizer.query("ACQ:NUMFRAMESACQ?") == "10\n"
    assert bench.digitizer.query("BUSY?") == "1\n"  # it still waits for the other ten
    bench.pulser.write("*TRG")
    assert bench.pulser.query("*OPC?") == "1\n"
    assert bench.digitizer.query("ACQ:NUMFRAMESACQ?;:BUSY?") == "20;0\n"
