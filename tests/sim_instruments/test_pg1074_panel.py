"""The PG-1074: nothing before START, one to four pulses per cycle, what is for stopped only. Through plain PyVISA."""

import numpy as np
import pytest


@pytest.fixture
def bench(station, opened):
    return opened(station(pulser='"labctl_sim.pg1074:PG1074"'))


@pytest.fixture
def pulser(bench):
    bench.pulser.write("SOUR1:VOLT:HIGH 0.5 V;LOW 0 V;:SOUR1:PER 1 US;:SOUR1:PULS1:WID 10 NS;DEL 0 NS;:OUTP1:STAT ON")
    assert error(bench.pulser) == 0
    return bench.pulser


def error(pulser):
    return int(pulser.query(":SYST:ERR?").split(",")[0])


def top(bench):
    """When each pulse of what is played begins and how long it lasts, at half height."""
    wave = bench.world.waveform("pulser")
    edges = np.r_[0.0, np.cumsum(wave.seconds)]
    high = wave.volts > (wave.volts.max() + wave.volts.min()) / 2
    change = np.flatnonzero(np.diff(np.r_[False, high, False]))
    return [(edges[a], edges[b] - edges[a]) for a, b in change.reshape(-1, 2)]


@pytest.mark.parametrize(("mode", "count"), [("SINGLE", 1), ("DOUBLE", 2), ("TRIPLE", 3), ("QUADRUPLE", 4)])
def test_a_cycle_has_one_to_four_pulses_of_their_own_width_and_delay(bench, pulser, mode, count):
    for n in range(1, 5):
        pulser.write(f"SOUR1:PULS{n}:WID {5 * n} NS;DEL {200 * (n - 1)} NS")
    pulser.write(f"OUTP1:PULS:MODE {mode};:TRIG:MODE CONTINUOUS;:PULSEGENControl:START")
    assert error(pulser) == 0
    found = top(bench)
    np.testing.assert_allclose([width for _, width in found], [5e-9 * n for n in range(1, count + 1)], rtol=1e-6)
    np.testing.assert_allclose([begin for begin, _ in found], [200e-9 * n for n in range(count)], atol=40e-12)


def test_nothing_comes_out_before_start_and_after_stop(bench, pulser):
    assert not bench.world.is_live()  # LOW is 0 V
    pulser.write("TRIG:MODE CONT;:PULSEGENControl:START")
    assert bench.world.playing("pulser")
    pulser.write("PULSEGENControl:STOP")
    assert not bench.world.is_live()
    pulser.write("*TRG")
    assert error(pulser) == -211


def test_a_manual_trigger_plays_a_burst_that_lasts(bench, pulser):
    clock = bench.library.clock
    pulser.write("TRIG:MODE BURST;SOUR MAN;:SOUR1:PER 1 MS;:SOUR1:BURS:NCYC 500;:PULSEGENControl:START")
    before = clock.now()
    pulser.write("*TRG")
    pulser.write("*TRG")
    assert error(pulser) == -211  # a second one during the burst is ignored
    assert pulser.query("*OPC?") == "1\n"
    assert clock.now() - before == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("command", ["SOUR1:LOAD:IMP 1E6", "SOUR1:LOAD:COMP ON"])
def test_the_load_is_for_stopped_only(pulser, command):
    pulser.write("PULSEGENControl:START")
    pulser.write(command)
    assert error(pulser) == -221
    assert float(pulser.query("SOUR1:LOAD:IMP?")) == 50
    pulser.write(f"PULSEGENControl:STOP;:{command}")
    assert error(pulser) == 0


def test_compensation_is_arithmetic(bench, pulser):
    pulser.write("SOUR1:LOAD:IMP 1E6;COMP ON")
    assert float(pulser.query("SOUR1:VOLT:HIGH?")) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize(
    "commands",
    [
        "SOUR1:PULS1:WID 2 US",  # longer than the period
        "OUTP1:PULS:MODE DOUBLE;:SOUR1:PULS2:DEL 5 NS",  # inside the first
    ],
)
def test_pulses_that_do_not_fit_do_not_start(pulser, commands):
    pulser.write(f"TRIG:MODE CONT;:{commands};:PULSEGENControl:START")
    assert error(pulser) == -221
    assert pulser.query("PULSEGENControl:STATus?") == "0\n"
    pulser.write("SOUR1:PULS1:WID 1 NS;:SOUR1:PULS2:DEL 50 NS;:PULSEGENControl:START")
    assert error(pulser) == 0
    pulser.write("SOUR1:PULS1:WID 3 US")
    assert error(pulser) == -221
    assert float(pulser.query("SOUR1:PULS1:WID?")) == pytest.approx(1e-9)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("SOUR1:PULS1:WID 0.5 NS", -222),
        ("SOUR1:VOLT:AMPL 5 MV", -222),
        ("SOUR1:VOLT:HIGH 6", -222),
        ("SOUR1:VOLT:LOW 0.495", -221),
        ("SOUR1:PULS5:WID 1 NS", -114),
        ("SOUR5:PER 1", -114),
        ("TRIG:THRE 2", -222),
        ("TRIG:IMP 50OHM", 0),
        ("SOUR4:PULS4:WID 1 NS", 0),
    ],
)
def test_limits(pulser, command, code):
    pulser.write(command)
    assert error(pulser) == code


def test_inverted_it_rests_high(bench, pulser):
    pulser.write("SOUR1:INV ON")
    bench.route(pulser=0)
    assert bench.world.point().volts["pulser"] > 0.4
    pulser.write("SOUR1:VOLT:HIGH 10 MV;:SOUR1:INV OFF")  # as the open driver does it
    assert abs(bench.world.point().volts["pulser"]) < 1e-9


def test_reset_write_and_digitizer_together(bench, pulser):
    bench.route(pulser=1, digitizer=10)
    bench.arm(200, 100e-9)
    pulser.write("SOUR1:VOLT:HIGH 0.9;:SOUR1:PULS1:WID 20 NS;:TRIG:MODE BURST;SOUR MAN;:SOUR1:BURS:NCYC 200")
    pulser.write("PULSEGENControl:START")
    pulser.write("*TRG")
    assert bench.digitizer.query("*OPC?;:ACQ:NUMFRAMESACQ?") == "1;200\n"
