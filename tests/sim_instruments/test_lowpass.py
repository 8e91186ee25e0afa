"""Cables charge: what reaches a junction is the generator's cycle behind a first-order low pass."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lsim

from labctl_sim.lowpass import LowPass, cascade
from labctl_sim.pulse_shape import staircase, trapezoid
from labctl_sim.waveform import Waveform

CYCLES = st.lists(st.tuples(st.floats(-1, 1), st.floats(1e-10, 1e-7)), min_size=1, max_size=12)
SECONDS = st.floats(1e-11, 1e-6)


def pulse(width=20e-9, edge=1e-9, rest=200e-9):
    return staircase(trapezoid(5e-9, width, edge, edge, 0.0, 1.0), rest)


@given(CYCLES, SECONDS)
@settings(max_examples=60, deadline=None)
def test_charge_and_period_are_kept(cycle, seconds):
    source = Waveform(*np.array(cycle).T)
    pieces = LowPass(source, seconds).pieces()
    assert pieces.period_seconds == pytest.approx(source.period_seconds, rel=1e-12)
    area = abs(source.volts) @ source.seconds
    assert pieces.volts @ pieces.seconds == pytest.approx(source.volts @ source.seconds, abs=1e-9 * area + 1e-20)
    assert pieces.volts.max() <= source.volts.max() + 1e-9
    assert pieces.volts.min() >= source.volts.min() - 1e-9


def test_no_time_constant_changes_nothing():
    source = pulse()
    assert LowPass(source, 0.0).pieces() is source
    assert cascade(source, (0.0, 0.0)).pieces() is source


@pytest.mark.parametrize("seconds", [0.3e-9, 2.5e-9, 10e-9])
def test_a_pulse_is_that_of_a_solver_of_linear_systems(seconds):
    corners = np.array(trapezoid(5e-9, 20e-9, 2e-9, 4e-9, 0.0, 1.0))
    times = np.linspace(0.0, 200e-9, 20_001)
    _, volts, _ = lsim(([1.0], [seconds, 1.0]), np.interp(times, *corners.T), times)
    found = LowPass(staircase(map(tuple, corners), 200e-9), seconds)
    # Edges are ten stairs: a quarter of half a stair of their length, over the time constant.
    assert found.at(times[:-1]) == pytest.approx(volts[:-1], abs=1.5e-4 + 4e-9 / 80 / seconds)
    pieces = found.pieces()
    middles = np.cumsum(pieces.seconds) - pieces.seconds / 2
    # A piece is at its mean, which the curve passes near its middle.
    assert pieces.volts == pytest.approx(found.at(middles), abs=3e-3)


def test_a_step_takes_ln_9_time_constants_from_10_to_90_per_cent():
    seconds = 5e-9
    found = LowPass(Waveform(np.array([0.0, 1.0, 0.0]), np.array([1e-9, 300e-9, 300e-9])), seconds)
    times = np.linspace(0.0, 300e-9, 300_001)
    volts = found.at(times)
    assert np.interp(0.9, volts, times) - np.interp(0.1, volts, times) == pytest.approx(math.log(9) * seconds, rel=1e-5)
    assert volts[times > 1e-9] == pytest.approx(-np.expm1(-(times[times > 1e-9] - 1e-9) / seconds), abs=1e-12)


def test_a_pulse_shorter_than_the_time_constant_arrives_smaller():
    found = LowPass(Waveform(np.array([1.0, 0.0]), np.array([1e-9, 100e-9])), 5e-9)
    assert found.pieces().volts.max() < -math.expm1(-1 / 5) == pytest.approx(float(found.at(np.array([1e-9]))[0]))


INTERVAL = 1e-9


def read_cycle(level=0.2):
    wave = np.zeros(400)
    wave[100:300] = level
    return wave


def recorded(bench):
    bench.route(pulser=1, digitizer=10)
    bench.program(read_cycle(), INTERVAL, 200)
    bench.arm(200, 102e-9, samples=8, rate=250e6)
    bench.pulser.write("*TRG")
    return bench.fetch(200).mean(axis=0)


def test_a_read_before_five_time_constants_shows_less_current(station, opened):
    bare, slow = recorded(opened(station())), recorded(opened(station("", array_seed="2407\nline_farads = 400e-12")))
    settled = recorded(opened(station("", array_seed="2407\nline_farads = 1e-12")))
    # 50 ohm and the shunt's 50 in parallel, and a relay; then the amplifier's 10 ohm, and a relay.
    line, sense = 400e-12 * 25.5, 400e-12 * 10.5
    since = 2e-9 + np.arange(8) / 250e6
    left = (line * np.exp(-since / line) - sense * np.exp(-since / sense)) / (line - sense)
    # 200 frames of a noise of some 2 % of the read; TMR makes the current a little more than proportional.
    assert slow / bare.mean() == pytest.approx(1 - left, abs=0.03)
    assert slow[0] < 0.1 * bare[0] < slow[-1]
    assert settled == pytest.approx(bare, rel=0.03)


def test_an_amplifier_of_little_bandwidth_lags(station, opened):
    bare = recorded(opened(station()))
    slow = recorded(opened(station("", array_seed="2407\namplifier_hertz = 10e6")))
    since = 2e-9 + np.arange(8) / 250e6
    assert slow / bare.mean() == pytest.approx(-np.expm1(-2 * np.pi * 10e6 * since), abs=0.03)


def test_zero_farads_are_the_bench_as_it_was(station, opened):
    assert (recorded(opened(station())) == recorded(opened(station("", array_seed="2407\nline_farads = 0")))).all()


def test_provenance_names_what_is_not_left_out(station, opened):
    assert "line_farads" not in opened(station()).library.provenance
    found = opened(station("", array_seed="2407\nline_farads = 1e-10")).library.provenance
    assert found["line_farads"] == 1e-10
    assert "amplifier_hertz" not in found
