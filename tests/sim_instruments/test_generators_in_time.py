"""Generators and the clock: what has come out acts on the junctions, and each junction's time passes once."""

import numpy as np
import pytest

VOLTS = 0.8  # at which the barrier is gone: a microsecond is a fair coin


@pytest.fixture
def slow(bench):
    """The demo bench; the generator's first word line has junctions that were all put in P."""
    bench.route(pulser=1, digitizer=10)
    bench.world.array.states[:] = 0
    return bench


def free_running(bench, volts, high_seconds, period_seconds):
    """A square wave from now on, without end; high first."""
    wave = np.zeros(1000)
    wave[: round(1000 * high_seconds / period_seconds)] = volts
    bench.program(wave, period_seconds / wave.size)
    bench.pulser.write(":ARM:SOUR1 IMM")
    assert bench.pulser.query(":SYST:ERR?").startswith("+0,")


def test_a_cycle_that_is_cut_short_has_happened_up_to_there(slow):
    flipped = 0
    for _ in range(8):
        slow.world.array.states[:] = 0
        free_running(slow, VOLTS, 1e-3, 1.0)
        slow.library.clock.sleep(0.5)
        slow.pulser.write(":OUTP1 OFF")
        flipped += int(slow.world.array.states[8:16].sum())
    # 64 fair coins: outside 12 to 52 with probability 2.6e-7 for another seed, never for this one
    assert 12 <= flipped <= 52


def test_a_cycle_that_is_cut_short_breaks_what_it_would_have_broken(slow):
    slow.pulser.write(":ARM:SOUR1 MAN;:FUNC1 SQU;:PER1 1;:VOLT1:HIGH 2;LOW 0;:OUTP1 ON;:ARM:SOUR1 IMM")
    slow.library.clock.sleep(0.1)
    slow.pulser.write(":OUTP1 OFF")
    assert slow.world.array.broken[8:16].all()


def test_a_generator_on_no_wire_stops_nothing(station, opened):
    bench = opened(station(pulser='"labctl_sim.pg1074:PG1074"'))
    bench.route(smu=1)
    bench.pulser.write("TRIG:MODE CONT;:OUTP2:STAT ON;:PULSEGENControl:START")
    assert not bench.world.is_live()
    bench.world.array.states[:] = 0
    bench.smu.write(f"*RST;:SOUR:VOLT:RANG 2;:SENS:CURR:PROT 0.01;:SOUR:VOLT {VOLTS};:OUTP ON")
    bench.library.clock.sleep(1e-3)
    bench.smu.write(":OUTP OFF")
    assert 0 < bench.world.array.states[8:16].sum() < 8  # eight fair coins all alike: 0.8 % with another seed


def test_a_second_generator_does_not_give_a_junction_its_time_twice(station, opened):
    path = station()
    text = path.read_text(encoding="utf-8").replace('digitizer = "C"', 'digitizer = "C", pulser2 = "D"')
    path.write_text(text, encoding="utf-8")

    def flips(second):
        bench = opened(path)
        bench.route(pulser=1, digitizer=10)
        bench.pulser.write(":FUNC2 SQU;:FREQ2 1E6;:VOLT2:HIGH 0.051;LOW 0;:ARM:SOUR2 IMM")
        bench.pulser.write(f":OUTP2 {second}")
        total = 0
        for _ in range(100):
            bench.world.array.states[:] = 0
            free_running(bench, 0.505, 2e-4, 1e-3)  # a few percent flip in one cycle
            bench.library.clock.sleep(1e-3)
            bench.pulser.write(":OUTP1 OFF")
            total += int(bench.world.array.states[8:16].sum())
        return total

    alone, beside = flips("OFF"), flips("ON")
    assert alone > 40
    # Poisson numbers of one mean differ by more than 4.5 standard deviations with probability 7e-6 for other seeds.
    assert abs(beside - alone) < 4.5 * np.sqrt(alone + beside)


@pytest.mark.parametrize("step_seconds", [1e-6, 30e-6])
def test_a_record_of_many_cycles_does_not_depend_on_who_looks_at_the_clock(slow, step_seconds):
    free_running(slow, 0.2, 0.5e-6, 1e-6)
    slow.arm(1, 0.0, samples=500, rate=50e6)
    for _ in range(round(60e-6 / step_seconds)):
        slow.library.clock.sleep(step_seconds)
    volts = slow.fetch(1, 500)[0]
    high = volts > (volts.max() + volts.min()) / 2
    assert np.diff(high.astype(int)).clip(0).sum() in (9, 10)  # ten periods, the first begins high


def test_a_reading_more_on_another_instrument_leaves_the_bits_as_they_are(station, opened):
    def bits(*, reads):
        bench = opened(station())
        bench.route(pulser=1, digitizer=10, smu=3)
        wave = np.zeros(400)
        wave[10:30], wave[100:350] = 0.9, -0.2
        bench.program(wave, 1e-9, 200)
        bench.smu.write("*RST;:SOUR:VOLT 0;:OUTP ON")
        noise = []
        for _ in range(reads):
            bench.smu.query(":READ?")
        bench.arm(200, 200e-9)
        bench.pulser.write("*TRG")
        volts = bench.fetch(200)
        noise.append(bench.smu.query(":SOUR:VOLT 0;:READ?"))
        return volts, noise

    (first, quiet), (second, more) = bits(reads=0), bits(reads=3)
    np.testing.assert_array_equal(first, second)
    assert quiet != more


def test_what_one_instrument_reads_does_not_change_the_noise_of_another(station, opened):
    def readings(*, others):
        bench = opened(station())
        bench.route(smu=0)
        # At 0 V there is no other noise; that of the junctions is the world's, and goes on with time.
        bench.smu.write("*RST;:FORM:ELEM CURR;:SOUR:VOLT 0;:OUTP ON")
        bench.arm(1, 0.0)
        for _ in range(others):
            bench.digitizer.write("ACQ:STATE OFF;:TRIG:A:MOD AUTO;:ACQ:STATE ON")
            bench.library.clock.sleep(1.0)
        return [bench.smu.query(":READ?") for _ in range(5)]

    assert readings(others=0) == readings(others=4)
