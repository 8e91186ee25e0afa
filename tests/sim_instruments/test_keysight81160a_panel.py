"""The 81160A: pulses as they are played, couplings, bursts that last, the second channel. Through plain PyVISA."""

import numpy as np
import pytest
from pymeasure.instruments.keysight import Keysight81160A


@pytest.fixture
def pulser(bench):
    return bench.pulser


def error(pulser):
    return pulser.query(":SYST:ERR?").split(",")[0]


def number(pulser, command):
    return float(pulser.query(command))


def cycle(bench):
    """(volts, seconds) of what is played now, as the open source behind 50 ohm."""
    wave = bench.world.waveform("pulser")
    return wave.volts, wave.seconds


PULSE = ":FUNC1 PULS;:VOLT1:HIGH 0.5;LOW 0;:PULS:WIDT1 20NS;:PULS:TRAN1 2NS;:PULS:PER1 1US"


# -- the pulse function


@pytest.mark.parametrize("period", ["1US", "1MS", "1S"])
def test_a_pulse_keeps_its_width_whatever_the_period(bench, pulser, period):
    pulser.write(f"{PULSE};:PULS:PER1 {period};:OUTP1 ON")
    volts, seconds = cycle(bench)
    assert volts.max() == pytest.approx(1.0)  # open source: twice what 50 ohm sees
    assert seconds.sum() == pytest.approx(number(pulser, ":PER1?"))
    assert (volts * seconds).sum() == pytest.approx(1.0 * 20e-9, rel=1e-6)  # width at half height
    assert seconds[volts > 0.5].sum() == pytest.approx(20e-9)


def test_inverted_polarity_turns_it_over_within_its_levels(bench, pulser):
    pulser.write(f"{PULSE};:OUTP1:POL INV;:OUTP1 ON")
    volts, seconds = cycle(bench)
    assert volts[-1] == pytest.approx(1.0)
    assert seconds[volts < 0.5].sum() == pytest.approx(20e-9)


def test_a_triggered_single_pulse_has_no_period(bench, pulser):
    pulser.write(f"{PULSE};:ARM:SOUR1 MAN;:PULS:PER1 10NS")
    assert error(pulser) == "+0"
    pulser.write(":TRIG1:COUN 1;:OUTP1 ON;*TRG")
    assert error(pulser) == "+0"
    assert number(pulser, ":PULS:WIDT1?") == pytest.approx(20e-9)


def test_pulses_switch_junctions(bench, pulser):
    bench.route(pulser=1, digitizer=10)
    bench.world.array.states[:] = 0
    pulser.write(f"{PULSE};:PULS:TRAN1 1NS;:VOLT1:HIGH 0.9;:ARM:SOUR1 MAN;:OUTP1 ON")
    seen = np.zeros(64, int)
    for _ in range(30):
        pulser.write("*TRG")
        seen |= bench.world.array.states
    assert seen[8:16].all()  # 30 fair coins for each of 8 junctions: false alarm 8e-9
    assert not seen[:8].any()


# -- couplings


@pytest.mark.parametrize(
    ("commands", "ask", "value"),
    [
        (":PULS:WIDT1 2US", ":PER1?", 2e-6 + 1.6 * 2e-9),  # the newer setting wins
        (":PULS:PER1 10NS", ":PULS:WIDT1?", 10e-9 - 1.6 * 2e-9),
        (":PULS:DEL1 1US", ":PER1?", 1e-6 + 20e-9 + 1.6 * 2e-9),
        (":VOLT1:LOW 0.48", ":VOLT1:HIGH?", 0.53),
        (":VOLT1:LIM:HIGH 0.3;STAT ON", ":VOLT1:HIGH?", 0.3),
    ],
)
def test_a_conflict_changes_the_older_setting_and_is_reported(pulser, commands, ask, value):
    pulser.write(f"{PULSE};{commands}")
    assert error(pulser) == "-221"
    assert number(pulser, ask) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize(
    ("command", "ask", "value"),
    [
        (":PULS:WIDT1 1NS", ":PULS:WIDT1?", 1.5e-9),
        (":PULS:TRAN1 0.5NS", ":PULS:TRAN1?", 1e-9),
        (":PER1 1NS", ":PER1?", 3.03e-9),
        (":VOLT1 0.01", ":VOLT1?", 0.05),
        (":VOLT1:HIGH 6", ":VOLT1:HIGH?", 5.0),
        (":TRIG1:COUN 0", ":TRIG1:COUN?", 1),
    ],
)
def test_a_value_out_of_range_is_limited_and_reported(pulser, command, ask, value):
    pulser.write(command)
    assert error(pulser) == "-222"
    assert number(pulser, ask) == pytest.approx(value)


def test_hold_duty_cycle_and_frequency(pulser):
    pulser.write(f"{PULSE};:PULS:DCYC1 10")
    assert number(pulser, ":PULS:WIDT1?") == pytest.approx(100e-9)
    pulser.write(":FREQ1 100KHZ")
    assert number(pulser, ":PER1?") == pytest.approx(1e-5)
    assert number(pulser, ":PULS:DCYC1?") == pytest.approx(1.0)


def test_apply_turns_the_output_on(pulser):
    pulser.write(":APPL1:PULS 2 MHZ,0.2,0.1")
    assert pulser.query(":OUTP1?;:FUNC1?;:ARM:SOUR1?") == "1;PULS;IMM\n"
    assert number(pulser, ":VOLT1:HIGH?") == pytest.approx(0.2)
    assert number(pulser, ":PER1?") == pytest.approx(5e-7)


# -- bursts last


def test_a_burst_is_busy_until_its_time_is_over(bench, pulser):
    clock = bench.library.clock
    pulser.write(f"{PULSE};:PER1 1MS;:ARM:SOUR1 MAN;:TRIG1:COUN 1000;:OUTP1 ON")
    before = clock.now()
    pulser.write("*CLS;*ESE 1;*SRE 32;*TRG")
    pulser.write("*OPC")
    assert clock.now() - before < 0.1
    assert not pulser.read_stb() & 32
    pulser.timeout = 3000
    assert pulser.query("*OPC?") == "1\n"
    assert clock.now() - before == pytest.approx(1.0, abs=1e-3)
    assert pulser.read_stb() & 32


def test_a_poll_loop_ends(bench, pulser):
    pulser.write(f"{PULSE};:PER1 1MS;:ARM:SOUR1 MAN;:TRIG1:COUN 60000;:OUTP1 ON;*CLS;*ESE 1")
    pulser.write("*TRG")
    pulser.write("*OPC")
    polls = 0
    while not pulser.read_stb() & 32:
        polls += 1
        assert polls < 1000


def test_a_query_that_is_not_patient_times_out(bench, pulser):
    pulser.write(f"{PULSE};:PER1 1MS;:ARM:SOUR1 MAN;:TRIG1:COUN 1000;:OUTP1 ON;*TRG")
    pulser.timeout = 100
    with pytest.raises(Exception, match="VI_ERROR_TMO"):
        pulser.query("*OPC?")


def test_a_trigger_during_a_burst_is_ignored(bench, pulser):
    bench.route(pulser=1, digitizer=10)
    bench.arm(40, 200e-9)
    pulser.write(f"{PULSE};:PER1 1MS;:ARM:SOUR1 MAN;:TRIG1:COUN 20;:OUTP1 ON;*TRG")
    pulser.write("*TRG")
    assert error(pulser) == "-211"
    pulser.query("*OPC?")
    assert bench.digitizer.query("ACQ:NUMFRAMESACQ?") == "20\n"
    pulser.write("*TRG")
    pulser.query("*OPC?")
    assert bench.digitizer.query("ACQ:NUMFRAMESACQ?") == "40\n"


def test_output_off_cuts_a_burst_short(bench, pulser):
    bench.route(pulser=1, digitizer=10)
    bench.arm(1000, 200e-9)
    pulser.write(f"{PULSE};:PER1 1MS;:ARM:SOUR1 MAN;:TRIG1:COUN 1000;:OUTP1 ON;*TRG")
    bench.library.clock.sleep(0.5)
    pulser.write(":OUTP1 OFF")
    bench.library.clock.sleep(1.0)
    assert 490 < int(bench.digitizer.query("ACQ:NUMFRAMESACQ?")) < 520
    assert not bench.world.is_live()


def test_the_internal_trigger_plays_bursts_for_ever(bench, pulser):
    pulser.write(f"{PULSE};:ARM:SOUR1 INT2;:BURS1:STAT ON;:BURS1:NCYC 3;:BURS1:INT:PER 10US;:OUTP1 ON")
    volts, seconds = cycle(bench)
    assert seconds.sum() == pytest.approx(10e-6)
    assert seconds[volts > 0.5].sum() == pytest.approx(3 * 20e-9)


# -- the second channel, stored waveforms, PyMeasure


@pytest.fixture
def two(station, opened):
    path = station()
    text = path.read_text(encoding="utf-8").replace('digitizer = "C"', 'digitizer = "C", pulser2 = "D"')
    path.write_text(text, encoding="utf-8")
    return opened(path)


def test_without_a_wire_there_is_one_channel(pulser):
    pulser.write(":OUTP2 ON")
    assert error(pulser) == "-114"


def test_the_second_channel_drives_its_own_line(two):
    two.matrix.write('channel.exclusiveclose("1A01,1D02,1H09")')
    two.pulser.write(":FUNC2 DC;:VOLT2:OFFS 0.1;:OUTP2 ON")
    assert two.world.point().volts["pulser2"] > 0.05
    assert two.pulser.query(":OUTP1?;:OUTP2?;:VOLT1:OFFS?") == "0;1;+0.00000000E+00\n"


def test_coupled_channels_follow_each_other(two):
    two.pulser.write(":VOLT1:HIGH 0.7;:TRAC:CHAN1 ON")
    assert float(two.pulser.query(":VOLT2:HIGH?")) == pytest.approx(0.7)
    two.pulser.write(":VOLT1:LOW -0.1;:TRAC:CHAN1 OFF;:VOLT1:HIGH 1")
    assert [float(two.pulser.query(f":VOLT2:{key}?")) for key in ("LOW", "HIGH")] == pytest.approx([-0.1, 0.7])


def test_both_channels_fire_on_one_trigger(two):
    for n in (1, 2):
        two.pulser.write(f":FUNC{n} PULS;:PER{n} 1MS;:ARM:SOUR{n} MAN;:TRIG{n}:COUN 100;:OUTP{n} ON")
    two.pulser.write("*TRG")
    assert two.world.playing("pulser")
    assert two.world.playing("pulser2")
    assert two.pulser.query("*OPC?") == "1\n"
    assert not two.world.playing("pulser")
    assert not two.world.playing("pulser2")


def test_stored_waveforms_survive_a_reset(bench, pulser):
    bench.program(np.linspace(-1, 1, 100), 1e-8)
    pulser.write(":DATA1:COPY RISE,VOLATILE;*RST;:FUNC1:USER RISE;:FUNC1 USER;:OUTP1 ON")
    assert pulser.query(":DATA1:NVOL:CAT?;:DATA1:NVOL:FREE?") == '"RISE";3\n'
    volts, _ = cycle(bench)
    assert (np.diff(volts) > 0).all()
    pulser.write(":DATA1:DEL RISE")
    assert error(pulser) == "-221"  # it is being used


def test_pymeasures_own_driver(two):
    driver = Keysight81160A("USB0::0x0957::0x4108::SIM00001::INSTR", visa_library=two.library)
    channel = driver.ch_2
    channel.shape = "PULS"
    channel.pulse_width = 50e-9
    channel.voltage_high = 0.4
    channel.voltage_low = 0.0
    channel.trigger_mode = "MAN"
    channel.trigger_count = 7
    assert channel.trigger_count == 7
    assert channel.pulse_width == pytest.approx(50e-9)
    channel.output = True
    driver.trigger()
    assert channel.output
    channel.waveform_volatile = [0.0, 0.5, 1.0]
    channel.save_waveform([0.0, 0.5, 1.0], "abc")
    assert channel.waveforms == "ABC"
    channel.apply_pulse(1e6, 0.5, 0.1)
    assert driver.check_errors() == []


def test_with_the_duty_cycle_held_the_width_follows_the_period(bench):
    pulser = bench.pulser
    pulser.write(":FUNC1 PULS;:PER1 1E-6;:FUNC1:PULS:WIDT 2E-7;:PULS:HOLD1 DCYC;:PER1 4E-6")
    assert float(pulser.query(":FUNC1:PULS:WIDT?")) == pytest.approx(8e-7)
    pulser.write(":FREQ1 1E6")
    assert float(pulser.query(":FUNC1:PULS:DCYC?")) == pytest.approx(20)
    pulser.write(":PULS:HOLD1 WIDT;:PER1 2E-6")
    assert float(pulser.query(":FUNC1:PULS:WIDT?")) == pytest.approx(2e-7)
    assert pulser.query(":SYST:ERR?").startswith("+0,")
