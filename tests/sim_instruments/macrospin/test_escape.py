"""Escape rates against exact eigenvalues, detailed balance, and how they must move with every parameter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.escape import BARRIERS, DAMPINGS, FIELDS, Escape, axial, depopulation, langer
from labctl_sim.macrospin.escape_table import correction, grid
from labctl_sim.macrospin.fokker_planck import brown, slowest, slowest_axial, switched, well
from labctl_sim.macrospin.sphere import Sphere

STABILITY, ACROSS, TILT, DAMPING = st.floats(4, 60), st.floats(0, 5), st.floats(-6, 6), st.floats(0.005, 1)


@pytest.fixture(scope="module")
def escape():
    return Escape.load()


def decay(escape, *values):
    up, down = escape.rates(*values, 1.0)
    return float(up + down)


def exact(stability, across, tilt, damping):
    sphere = Sphere.of(round((12 + 6 * stability**0.5) * (1.3 if damping > 0.03 else 2)))
    return slowest(brown(sphere, stability, (across, 0.0, tilt), damping))


@pytest.mark.parametrize(
    ("stability", "tau"), [(0.0, 1.0), (3.0, 4.2427), (5.0, 14.770), (8.0, 135.83), (10.0, 693.92)]
)
@pytest.mark.parametrize("damping", [0.005, 0.05, 1.0])
def test_without_transverse_field_the_eigenvalue_is_browns(escape, stability, tau, damping):
    assert 1 / decay(escape, stability, 0.0, 0.0, damping) == pytest.approx(tau, rel=1e-3)


@pytest.mark.parametrize(("stability", "tilt"), [(3.0, 1.0), (6.0, -2.0), (10.0, 5.0), (15.0, 8.0), (8.0, 9.0)])
def test_with_a_field_along_the_axis_it_is_exact_too(escape, stability, tilt):
    assert decay(escape, stability, 0.0, tilt, 0.05) == pytest.approx(slowest_axial(stability, tilt), rel=2e-3)


@pytest.mark.parametrize("stability", [20.0, 40.0, 60.0])
def test_a_high_axial_barrier_follows_browns_asymptote(stability):
    value, _, _ = axial(np.array([stability]), np.zeros(1), np.zeros(1))
    brown_1963 = 2 / np.sqrt(np.pi) * stability**1.5 * np.exp(-stability)
    # The next term of the asymptotic series is -1/Delta.
    assert value[0] / brown_1963 == pytest.approx(1 - 1 / stability, abs=1.5 / stability**2 + 1e-3)


@pytest.mark.parametrize("damping", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("h", [0.002, 0.03, 0.16, 0.4, 0.6])
@pytest.mark.parametrize("barrier", [3.4, 7.0, 12.0, 15.0])
def test_across_the_field_it_is_within_three_percent_of_the_exact_eigenvalue(escape, barrier, h, damping):
    stability = barrier / (1 - h) ** 2
    across = 2 * h * stability
    assert decay(escape, stability, across, 0.0, damping) == pytest.approx(
        exact(stability, across, 0.0, damping), rel=0.03
    )


@pytest.mark.parametrize(("tilt", "within"), [(0.5, 0.015), (1.0, 0.02), (-2.5, 0.06), (5.0, 0.17)])
def test_a_tilt_costs_what_is_stated(escape, tilt, within):
    for stability, across in ((8.0, 1.0), (12.0, 3.0), (16.0, 8.0)):
        assert decay(escape, stability, across, tilt, 0.05) == pytest.approx(
            exact(stability, across, tilt, 0.05), rel=within
        )


def test_the_formula_alone_is_good_for_high_barriers_and_strong_fields():
    stability, across, damping = 15.6, 6.25, 0.05
    value, _, _ = axial(np.array([stability]), np.array([across]), np.zeros(1))
    formula = langer(np.array([stability]), np.array([across]), np.array([damping]))
    assert value[0] * formula[0] == pytest.approx(exact(stability, across, 0.0, damping), rel=0.03)


def test_the_table_is_what_the_eigenvalues_say(escape):
    points = dict(grid())
    middle = escape.filtered.shape  # the margin is left out below by going through the public door
    assert middle == tuple(size + 6 for size in (BARRIERS.size, FIELDS.size, DAMPINGS.size))
    for place in ((0, 0, 7), (2, 3, 3), (4, 7, 1), (6, 11, 5)):
        stability, across, damping = (np.array([value]) for value in points[place])
        found = float(np.log(escape.precession(stability, across, damping) / langer(stability, across, damping))[0])
        assert found == pytest.approx(correction(*points[place]), abs=2e-4)


def test_depopulation_has_its_two_limits_and_its_integral():
    x = np.array([1e-4, 0.03, 0.3, 1.0, 5.0, 60.0])
    t = (np.arange(200_000) + 0.5) / 200_000 * np.pi / 2
    integral = [np.exp(np.mean(np.log(-np.expm1(-value / (4 * np.cos(t) ** 2))))) for value in x]
    np.testing.assert_allclose(depopulation(x), integral, rtol=5e-4)
    assert depopulation(x)[0] == pytest.approx(1e-4, rel=0.02)
    assert depopulation(x)[-1] == pytest.approx(1, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(STABILITY, ACROSS, TILT, DAMPING)
def test_the_two_rates_balance_in_detail(stability, across, tilt, damping):
    up, down = Escape.load().rates(stability, across, tilt, damping, 1e-9)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    z, weights = (nodes + 1) / 2, weights / 2
    rim = np.sqrt(1 - z**2)[:, None] * np.cos(np.arange(64) * 2 * np.pi / 64)
    law = np.exp(stability * (z**2 - 1) - across) * np.exp(across * rim).mean(axis=1)
    above, below = (float(weights @ (law * np.exp(sign * tilt * z))) for sign in (1, -1))
    assert np.log(up / down) == pytest.approx(np.log(below / above), abs=5e-3)


@settings(max_examples=60, deadline=None)
@given(STABILITY, ACROSS, TILT, DAMPING, st.floats(0.2, 5))
def test_a_higher_barrier_is_crossed_more_rarely(stability, across, tilt, damping, more):
    rates = Escape.load().rates(np.array([stability, stability + more]), across, tilt, damping, 1e-9)
    for rate in rates:
        assert rate[1] < rate[0] * 1.02  # the Arrhenius factor wins; 2 % for the interpolation


@settings(max_examples=60, deadline=None)
@given(STABILITY, st.floats(0.1, 5), DAMPING, st.floats(0.2, 3))
def test_a_stronger_transverse_field_helps(stability, across, damping, more):
    up, down = Escape.load().rates(stability, np.array([across, across + more]), 0.0, damping, 1e-9)
    assert up[1] > up[0] * 0.98
    np.testing.assert_allclose(up, down, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(STABILITY, ACROSS, st.floats(-5, 5), DAMPING, st.floats(0.1, 3))
def test_a_tilt_towards_p_empties_ap_and_its_mirror_image_does_the_same_to_p(stability, across, tilt, damping, more):
    escape = Escape.load()
    up, down = escape.rates(stability, across, np.array([tilt, tilt + more]), damping, 1e-9)
    assert up[1] < up[0]
    assert down[1] > down[0]
    mirrored = escape.rates(stability, -across, -tilt, damping, 1e-9)
    np.testing.assert_allclose(mirrored, (down[0], up[0]), rtol=1e-12)


def test_rates_pass_over_the_vanishing_barrier_without_a_jump_and_are_capped(escape):
    across, neel = 9.78, 1.855e-8
    stability = np.linspace(30, -10, 801)
    up, _ = escape.rates(stability, across, 0.0, 0.05, neel)
    assert np.all(np.diff(up) >= -1e-9 * up[1:])
    assert np.diff(np.log(up)).max() < 0.06  # steps of 0.05 kT
    # Without a barrier the sum of both stays below a tenth of the precession, gamma B_x = 5.3e9 / s.
    assert 2 * up[stability > -2].max() < 0.1 * 1.7609e11 * 0.03


@pytest.mark.parametrize("lowered", [0.7, 0.5])
def test_the_rate_continues_the_switching_probability_of_a_pulse(escape, lowered):
    """The growth of P from 10 to 20 ns under a pulse, solved in time, is the rate: pulses and years fit together."""
    across, neel, rest = 9.777, 18.554, 30.3  # nanoseconds
    sphere = Sphere.for_barrier(rest)
    before = well(sphere, rest, (across, 0.0, 0.0))
    still, pulse = (brown(sphere, delta, (across, 0.0, 0.0), 0.05) for delta in (rest, rest * lowered))
    first, last = switched(sphere, before, pulse, np.array([10.0, 20.0]) / neel, still, 2.0 / neel)
    rate, _ = escape.rates(rest * lowered, across, 0.0, 0.05, neel)
    assert np.log((1 - 2 * first) / (1 - 2 * last)) / 2 / 10 == pytest.approx(float(rate), rel=0.005)


def test_years_and_nanoseconds_come_from_one_call(escape):
    # 60 kT at tau_N = 18.55 ns: some 1e16 s; 5 kT: some hundred ns.
    up, down = escape.rates(np.array([[60.0], [5.0]]), np.zeros(3), 0.0, 0.05, 1.855e-8)
    assert up.shape == down.shape == (2, 3)
    assert np.all(1 / up[0] > 1e13)
    np.testing.assert_allclose(1 / (up[1] + down[1]), 14.770 * 1.855e-8, rtol=1e-3)


def test_extreme_but_allowed_numbers_stay_finite(escape):
    edge = np.array([-300.0, 0.0, 300.0])
    stability, across, tilt = np.meshgrid(edge, edge, edge)
    for rates in escape.rates(stability, across, tilt, np.array([1e-4]), 1e-9):
        assert np.all(np.isfinite(rates))
        assert np.all(rates >= 0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((np.nan, 0, 0, 0.05, 1e-9), "stability"),
        ((1e3, 0, 0, 0.05, 1e-9), "stability"),
        ((10, 1e4, 0, 0.05, 1e-9), "transverse"),
        ((10, 0, np.inf, 0.05, 1e-9), "tilt"),
        ((10, 0, 0, 0.0, 1e-9), "damping"),
        ((10, 0, 0, 0.05, -1.0), "neel_seconds"),
    ],
)
def test_impossible_parameters_are_refused_by_name(escape, values, said):
    with pytest.raises(ParameterError, match=said):
        escape.rates(*values)
