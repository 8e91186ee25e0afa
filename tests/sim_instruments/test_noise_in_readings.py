"""Resistance noise as instruments show it: the law of `readnoise`, in the replies of a source-meter and a digitizer."""

import numpy as np
import pytest

from labctl_sim.readnoise import flicker_covariance

SOURCE = 'source = "a test"\nstatus = "assumed"\n'


@pytest.fixture
def noisy(station, opened, tmp_path):
    """Opens the demo bench with other noise of its junctions."""

    def start(flicker=0.0, trapped=0.0, step=0.0, hertz=5.0):
        numbers = {
            "flicker_power": (flicker, "1"),
            "telegraph_fraction": (trapped, "1"),
            "telegraph_amplitude": (step, "1"),
            "telegraph_up_hertz": (hertz, "1/s"),
            "telegraph_down_hertz": (hertz, "1/s"),
        }
        text = 'name = "noisy"\nbehaviour = "as the demo, with other noise"\nbase = "vcma_long_pulse"\n'
        for name, (value, unit) in numbers.items():
            text += f'[{name}]\nvalue = {value}\nunit = "{unit}"\n{SOURCE}'
        (tmp_path / "noisy.toml").write_text(text, encoding="utf-8")
        bench = opened(station(profile='"noisy.toml"'))
        bench.world.put(0)
        return bench

    return start


def readings(bench, line, volts, count):
    """Times of their ends, and amperes, of so many readings of a word line, one power line cycle each."""
    bench.route(smu=line)
    bench.smu.write(f"*RST;:SOUR:VOLT {volts};:SENS:CURR:PROT 1E-4;:FORM:ELEM CURR;:SENS:CURR:NPLC 1")
    bench.smu.write(":SYST:AZER:STAT OFF;:SOUR:DEL 0;:OUTP ON")
    found = np.array([(float(bench.smu.query(":READ?")), bench.library.clock.now()) for _ in range(count)])
    return found[:, 1], found[:, 0]


def shares(bench, line, volts):
    """What each cell of a word line adds to its current, relatively: (8,)."""
    siemens = bench.world.array.conductance(bench.world.array.states, np.full(64, volts))[8 * line : 8 * line + 8]
    return siemens / siemens.sum()


def test_a_source_meter_shows_flicker_noise_that_goes_with_the_current(noisy):
    bench, power, n = noisy(flicker=1e-6), 1e-6, 600
    found = []
    for volts in (0.05, 0.2):
        times, amps = readings(bench, 1, volts, n)
        lag = np.median(np.diff(times))
        assert lag == pytest.approx(0.02)  # all of it is integrated
        # The variance of what two readings differ by (twice Allan's) does not ask how slow the slowest noise is.
        expected = 2 * power * (flicker_covariance(0.0, 0.02) - flicker_covariance(0.02, 0.02))
        relative = np.var(np.diff(amps / amps.mean())) / (shares(bench, 1, volts) ** 2).sum()
        # 599 differences, of which neighbours share a reading: their variance errs by sqrt(3/n); 5 sigma are 6e-7.
        assert relative == pytest.approx(expected, rel=5 * np.sqrt(3 / n))
        found.append(np.var(np.diff(amps)))
    assert found[1] / found[0] == pytest.approx(16, rel=5 * np.sqrt(6 / n))


def test_without_noise_readings_have_the_instrument_s_only(noisy):
    _, amps = readings(noisy(), 1, 0.1, 20)
    assert np.ptp(amps) / amps.mean() < 1e-3
    quiet = np.std(amps)
    _, amps = readings(noisy(flicker=1e-6), 1, 0.1, 20)
    assert np.std(amps) > 3 * quiet


def trapped_cell(bench):
    """A word line on which exactly one cell has a trap, and that cell's number on it."""
    trapped = (bench.world.array.junctions.noise.telegraph_amplitude > 0).reshape(8, 8)
    line = int(np.flatnonzero(trapped.sum(axis=1) == 1)[0])
    return line, int(np.flatnonzero(trapped[line])[0])


def two_levels(values, step):
    """Whether ``values`` stand on two levels that are ``step`` apart, but for a few on their way."""
    low, high = values.min(), values.max()
    on_the_way = (np.abs(values - low) > step / 10) & (np.abs(values - high) > step / 10)
    middle = (low + high) / 2
    assert high - low == pytest.approx(step, rel=0.1)
    assert on_the_way.mean() < 0.2
    assert 2 <= np.count_nonzero(np.diff(values > middle)) < values.size / 3


def test_a_trap_is_two_levels_of_a_source_meter(noisy):
    bench = noisy(trapped=0.1, step=0.1, hertz=2.0)
    line, cell = trapped_cell(bench)
    _, amps = readings(bench, line, 0.1, 300)
    # In 6 s there are 12 jumps on average, each in one reading: none at all once in 160,000 seeds, more than 60 never.
    two_levels(amps, shares(bench, line, 0.1)[cell] * amps.mean() * 0.1)


def test_a_trap_is_two_levels_of_a_digitizer(noisy):
    bench = noisy(trapped=0.1, step=0.1, hertz=5.0)
    line, cell = trapped_cell(bench)
    bench.route(pulser=line, digitizer=8 + cell)
    bench.program(np.r_[np.zeros(100), np.full(250, -0.2), np.zeros(50)], 1e-9, 2000)
    volts = []
    for _ in range(100):
        bench.arm(2000, 200e-9)
        bench.pulser.write("*TRG")
        volts.append(bench.fetch(2000).mean())
        bench.library.clock.sleep(0.03)
    ohms = bench.world.array.junctions.parallel_ohms[8 * line + cell]
    # 3 s, 15 jumps on average, hardly any within the 0.8 ms of a burst.
    two_levels(np.array(volts), 0.2 * 1e4 / ohms * 0.1)


def test_who_reads_does_not_change_what_junctions_do(station, opened):
    def bits(looks):
        bench = opened(station(noise_seed=3))
        bench.route(pulser=1, digitizer=10, smu=3)
        bench.smu.write("*RST;:SOUR:VOLT 0.05;:SENS:CURR:PROT 1E-4;:OUTP ON")
        bench.program(np.r_[np.zeros(10), np.full(20, 0.9), np.zeros(70), np.full(250, -0.2), np.zeros(50)], 1e-9, 500)
        for _ in range(looks):
            bench.smu.query(":READ?")
        bench.library.clock.sleep(10 - bench.library.clock.now())
        bench.arm(500, 200e-9)
        bench.pulser.write("*TRG")
        means = np.abs(bench.fetch(500).mean(axis=1))
        return means < (means.max() + means.min()) / 2

    np.testing.assert_array_equal(bits(0), bits(20))
