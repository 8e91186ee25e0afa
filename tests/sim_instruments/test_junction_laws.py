"""A junction's resistance, temperature, age, energy, and what differs from pulse to pulse: against closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import ndtr

from labctl.core.errors import ParameterError
from labctl_sim import profile
from labctl_sim.cycles import averaged, hopped_back
from labctl_sim.flips import Flips
from labctl_sim.junction import OPEN, SHORTED, SOUND, STUCK_AP, STUCK_P
from labctl_sim.macrospin.drive import Drive, constant, rectangular, trapezoid
from labctl_sim.macrospin.layer import BOLTZMANN
from labctl_sim.pulse_energy import landauer_joules, pulse_energy_joules


def nominal(name="vcma_long_pulse", **changes):
    return replace(profile.load(name).nominal, **{key: np.array([value]) for key, value in changes.items()})


def one(value):
    return np.array([value], np.float64)


P, AP = np.array([0], np.uint8), np.array([1], np.uint8)


@pytest.mark.parametrize(
    ("law", "volts", "part"),
    [
        ("quadratic", 0.0, 1.0), ("quadratic", 0.5, 0.5), ("quadratic", -0.5, 0.5), ("quadratic", 1.0, 0.2),
        ("hikstor", 0.0, 1.0), ("hikstor", 0.5, 0.6456), ("hikstor", -0.5, 0.6456), ("hikstor", 2.0, 0.0),
    ],
)  # fmt: skip
def test_tmr_falls_with_bias(law, volts, part):
    cell = replace(nominal(), tmr_law=law)
    assert cell.magnetoresistance(one(volts))[0] == pytest.approx(part, abs=2e-4)
    assert 1 / cell.conductance(P, one(volts))[0] == pytest.approx(30e3)
    assert 1 / cell.conductance(AP, one(volts))[0] == pytest.approx(30e3 * (1 + part), rel=2e-4)


@given(st.floats(-1, 1), st.floats(-1.5, 1.5))
@settings(max_examples=50, deadline=None)
def test_conductances_mix_with_the_angle(mz, volts):
    cell = nominal()
    low, high = (cell.conductance(state, one(volts))[0] for state in (AP, P))
    assert cell.conductance(one(mz), one(volts))[0] == pytest.approx((1 + mz) / 2 * high + (1 - mz) / 2 * low)
    assert cell.conductance(one(1.0), one(volts))[0] == high
    assert cell.conductance(one(-1.0), one(volts))[0] == low


def test_shapes_of_volts_and_a_state_that_is_neither():
    cells = profile.load("vcma_long_pulse").junctions(3, np.random.Generator(np.random.PCG64(1)))
    states, volts = np.array([0, 1, 1], np.uint8), np.linspace(-1, 1, 12).reshape(3, 4)
    whole = cells.conductance(states, volts)
    for cell in range(3):
        for column in range(4):
            single = cells.only(cell).conductance(states[[cell]], volts[cell, [column]])
            assert whole[cell, column] == single[0]
    with pytest.raises(ParameterError, match="m_z beyond"):
        cells.conductance(np.array([0.0, 2.0, 1.0]), volts[:, 0])


@pytest.mark.parametrize(
    ("defect", "ohms"),
    [
        (SOUND, (30e3, 60e3)),
        (STUCK_P, (30e3, 30e3)),
        (STUCK_AP, (60e3, 60e3)),
        (SHORTED, (300, 300)),
        (OPEN, (1e12,) * 2),
    ],
)
def test_a_defect_shows_in_the_resistance(defect, ohms):
    cell = replace(nominal(), defects=np.array([defect], np.uint8))
    found = [1 / cell.conductance(state, one(0.0))[0] for state in (P, AP)]
    assert found == pytest.approx(ohms)
    assert cell.movable[0] == (defect == SOUND)


def test_some_of_the_junctions_are_those_junctions():
    cells = profile.load("stt_smart").junctions(20, np.random.Generator(np.random.PCG64(1)))
    some = cells.only(np.array([7, 3]))
    assert some.devices == some.layer.devices == 2
    np.testing.assert_array_equal(some.layer.stability(), cells.layer.stability()[[7, 3]])
    np.testing.assert_array_equal(some.endurance.breakdown_strength, cells.endurance.breakdown_strength[[7, 3]])
    np.testing.assert_array_equal(some.layer.of("torque_tesla_per_volt"), cells.layer.torque_tesla_per_volt[[7, 3]])


def test_temperature_changes_what_its_coefficients_say():
    cell = nominal()
    warm, same = cell.at(310.0), cell.at(300.0)
    assert same.layer.stability()[0] == pytest.approx(cell.layer.stability()[0], rel=1e-12)
    assert warm.parallel_ohms[0] / 30e3 == pytest.approx(1 - 3e-4 * 10)
    assert warm.tmr[0] == pytest.approx(1 - 1.5e-3 * 10)
    ms, ki = 0.625e6 * (1 - 8.2e-3), 0.355e-3 * (1 - 1.48e-2)
    keff = ki / 1.1e-9 - 2e-7 * np.pi * ms**2 * cell.layer.demagnetising[0]
    assert warm.layer.stability()[0] == pytest.approx(keff * cell.layer.volume_cubic_meters[0] / (BOLTZMANN * 310))
    with pytest.raises(ParameterError, match="stay closer"):
        cell.at(3000.0)


def test_age_goes_by_decades_of_dose():
    cell = nominal()
    fresh, old, older = (cell.aged(one(dose)) for dose in (0.0, 1e-6, 1e-5))
    assert fresh.parallel_ohms[0] == 30e3
    assert fresh.layer.critical_volts[0] == pytest.approx(cell.layer.critical_volts[0], rel=1e-12)
    assert old.parallel_ohms[0] / 30e3 == pytest.approx(1 - 0.001 * 3, rel=1e-6)
    assert older.parallel_ohms[0] / 30e3 == pytest.approx(1 - 0.001 * 4, rel=1e-6)
    assert older.layer.critical_volts[0] / cell.layer.critical_volts[0] == pytest.approx(1 + 0.001 * 4, rel=1e-6)


# -- energy


def test_a_flat_pulse_costs_its_square_over_the_resistance():
    energy = pulse_energy_joules(nominal(), rectangular(0.9, 20e-9), P)
    assert energy.conducted_joules[0] == pytest.approx(0.9**2 * 20e-9 / 30e3, rel=1e-9)
    plate = 8.8541878128e-12 * 9.7 * np.pi / 4 * 60e-9**2 / 1.4e-9
    assert energy.charging_joules[0] == pytest.approx(plate * 0.9**2 / 2, rel=1e-9)
    assert energy.total_joules[0] == energy.conducted_joules[0] + energy.charging_joules[0]


@given(st.floats(-1.4, 1.4), st.floats(0, 5e-9), st.floats(-1, 1))
@settings(max_examples=25, deadline=None)
def test_edges_are_integrated_with_the_resistance_that_they_see(volts, edge, mz):
    cell = nominal()
    energy = pulse_energy_joules(cell, trapezoid(volts, 10e-9, edge, edge), one(mz))

    def power(v):
        return v**2 * cell.conductance(one(mz), one(v))[0]

    ramp = quad(lambda part: power(part * volts), 0, 1)[0] * 2 * edge
    assert energy.conducted_joules[0] == pytest.approx(ramp + power(volts) * (10e-9 - edge), rel=1e-8, abs=1e-30)


@pytest.mark.parametrize(
    ("volts", "halves"),
    [
        ([0, 1, 1, 0], 1.0),
        ([0, 1, 0, 1, 0], 2.0),
        ([0, 1, 0.6, 1, 0], 1 + 1 - 0.36),
        ([0, 1, -1, 0], 2.0),
        ([0, 0], 0.0),
    ],
)
def test_every_rise_charges_the_barrier(volts, halves):
    cell = nominal()
    drive = Drive(np.arange(len(volts)) * 1e-9, np.array(volts, np.float64))
    energy = pulse_energy_joules(cell, drive, P)
    assert energy.charging_joules[0] == pytest.approx(cell.capacitance_farads[0] / 2 * halves)


def test_each_junction_may_see_its_own_volts():
    cells = profile.load("vcma_long_pulse").junctions(4, np.random.Generator(np.random.PCG64(1)))
    volts = np.array([0.2, 0.4, 0.6, 0.8])
    energy = pulse_energy_joules(cells, constant(volts, 1e-9), np.ones(4, np.uint8))
    expected = volts**2 * cells.conductance(np.ones(4, np.uint8), volts) * 1e-9
    np.testing.assert_allclose(energy.conducted_joules, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "volts", "width"),
    [("vcma_long_pulse", 0.9, 20e-9), ("vcma_precessional", 1.494, 0.6e-9), ("stt_smart", 0.2, 1e-9),
     ("superparamagnetic", 0.01, 1e-6), ("seed_paper_unverified", 0.9, 20e-9)],
)  # fmt: skip
def test_no_bit_is_cheaper_than_landauer_allows(name, volts, width):
    energy = pulse_energy_joules(nominal(name), rectangular(volts, width), AP)
    assert energy.total_joules[0] > landauer_joules(300.0) == pytest.approx(2.87e-21, rel=1e-3)


# -- from pulse to pulse


@pytest.mark.parametrize("spread", [0.0, 0.1, 0.5, 1.0])
def test_a_smeared_normal_curve_is_a_wider_one(spread):
    at = np.linspace(-2, 2, 9)
    found = averaged(ndtr, at, np.full(9, spread))
    np.testing.assert_allclose(found, ndtr(at / np.sqrt(1 + spread**2)), atol=2e-4)


def test_a_smeared_polynomial_is_exact_and_the_spread_is_the_barriers():
    at, spread = np.array([0.3, -1.0]), np.array([0.2, 2.0])
    np.testing.assert_allclose(averaged(lambda x: x**4, at, spread), at**4 + 6 * at**2 * spread**2 + 3 * spread**4)
    cell = nominal(cycle_anisotropy_spread=0.01)
    assert cell.cycle_stability[0] == pytest.approx(0.66, rel=1e-3)
    shifted = cell.layer.stability(0.4 + cell.cycle_volts)
    assert cell.layer.stability(0.4)[0] - shifted[0] == pytest.approx(cell.cycle_stability[0])
    assert nominal("stt_smart", cycle_anisotropy_spread=0.0).cycle_volts[0] == 0.0


@given(st.floats(0, 1), st.floats(0, 1), st.floats(-2, 2), st.floats(0, 1e-6), st.floats(0, 1e8))
@settings(max_examples=100, deadline=None)
def test_hopping_back_keeps_chances_chances_and_undoes_the_favoured_flip(up, down, volts, width, hertz):
    before = Flips(one(up), one(down))
    after = hopped_back(before, one(volts), width, one(0.5), one(hertz))
    assert 0 <= after.up[0] <= 1
    assert 0 <= after.down[0] <= 1
    back = -math.expm1(-hertz * max(0.0, abs(volts) / 0.5 - 1) * width)
    if abs(volts) <= 0.5 or hertz == 0:
        assert (after.up[0], after.down[0]) == (up, down)
    elif volts > 0:
        # The pulse's own outcome, then a hop out of AP.
        assert after.up[0] == pytest.approx(up * (1 - back))
        assert 1 - after.down[0] == pytest.approx((1 - down) * (1 - back), abs=1e-12)
    else:
        assert after.down[0] == pytest.approx(down * (1 - back))
        assert 1 - after.up[0] == pytest.approx((1 - up) * (1 - back), abs=1e-12)
    longer = hopped_back(before, one(volts), 2 * width, one(0.5), one(hertz))
    stronger = hopped_back(before, one(1.5 * volts), width, one(0.5), one(hertz))
    for more in (longer, stronger):
        gain = (after.up - more.up)[0] if volts > 0 else (after.down - more.down)[0]
        assert gain >= -1e-12
