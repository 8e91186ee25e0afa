"""The Fokker-Planck solver against closed forms, published eigenvalues and an independent trajectory calculation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl_sim.macrospin.fokker_planck import brown, observe, relax, slowest, slowest_axial, switched, through, well
from labctl_sim.macrospin.sphere import Sphere

# A 50 nm junction at its critical voltage: Ms 0.625e6 A/m, 1.1 nm, alpha 0.05, 300 K, Delta 30.3, B_x 30 mT.
KT = 1.380649e-23 * 300
MOMENT = 0.625e6 * np.pi / 4 * 50e-9**2 * 1.1e-9
GAMMA, ALPHA, DELTA, ACROSS = 1.7609e11, 0.05, 30.3, 0.03
NEEL = MOMENT * (1 + ALPHA**2) / (2 * GAMMA * ALPHA * KT)
FIELD = (MOMENT * ACROSS / KT, 0.0, 0.0)
NANOSECOND = 1e-9 / NEEL


@pytest.fixture(scope="module")
def ball():
    return Sphere.of(30)


@pytest.fixture(scope="module")
def device():
    sphere = Sphere.for_barrier(DELTA)
    return sphere, brown(sphere, DELTA, FIELD, ALPHA), brown(sphere, 0.0, FIELD, ALPHA)


def dense(sparse):
    return sparse.toarray()


def test_the_components_of_a_unit_vector_square_to_one(ball):
    inside = ball.degree**2  # products are exact below the cut
    total = ball.mx @ ball.mx + ball.my @ ball.my + ball.mz @ ball.mz
    np.testing.assert_allclose(dense(total)[:inside, :inside], np.eye(inside), atol=1e-13)


def test_rotations_turn_the_components_into_each_other(ball):
    for a, b, c in (("x", "y", "z"), ("y", "z", "x"), ("z", "x", "y")):
        turn, along, into = getattr(ball, "r" + a), getattr(ball, "m" + b), getattr(ball, "m" + c)
        # (m x grad)_a m_b = -m_c: for a = x, b = y it is -m_z, as (m x e_y)_x = -m_z.
        np.testing.assert_allclose(dense(turn @ along - along @ turn), -dense(into), atol=1e-12)


@pytest.mark.parametrize(
    ("stability", "tau"), [(0.0, 1.0), (3.0, 4.2427), (5.0, 14.770), (8.0, 135.83), (10.0, 693.92)]
)
def test_the_axial_eigenvalue_is_browns(stability, tau):
    assert 1 / slowest_axial(stability) == pytest.approx(tau, rel=3e-5)
    if stability:
        full = slowest(brown(Sphere.for_barrier(stability), stability, (0.0, 0.0, 0.0), 0.05))
        assert 1 / full == pytest.approx(tau, rel=3e-5)


def test_precession_about_the_easy_axis_changes_no_escape():
    sphere = Sphere.of(30)
    found = [slowest(brown(sphere, 7.0, (0.0, 0.0, 1.0), alpha)) for alpha in (0.01, 0.1, 1.0)]
    np.testing.assert_allclose(found, slowest_axial(7.0, 1.0), rtol=1e-7)


def test_the_direction_of_the_transverse_field_does_not_matter():
    sphere = Sphere.of(34)
    found = [slowest(brown(sphere, 8.0, field, 0.05)) for field in ((3.0, 0, 0), (0, 3.0, 0), (-1.8, 2.4, 0))]
    np.testing.assert_allclose(found, found[0], rtol=1e-9)


def test_the_eigenvalue_has_converged_in_the_degree():
    found = [slowest(brown(Sphere.of(degree), 8.0, (3.0, 0, 0), 0.05)) for degree in (36, 48)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(
    stability=st.floats(-5, 12),
    field=st.tuples(*[st.floats(-4, 4)] * 3),
    damping=st.floats(0.01, 2),
)
def test_boltzmanns_law_stands_still_under_any_field(stability, field, damping):
    sphere = Sphere.of(40)
    nodes, weights = np.polynomial.legendre.leggauss(96)
    phi = np.arange(96) * 2 * np.pi / 96
    across = np.sqrt(1 - nodes**2)[:, None] * (field[0] * np.cos(phi) + field[1] * np.sin(phi))
    u = (stability * nodes**2 + field[2] * nodes)[:, None] + across
    law = sphere.project(np.exp(u - u.max()), nodes, weights)
    flow = brown(sphere, stability, field, damping)
    # Against the size of what cancels: the flow's own norm times the law.
    assert np.abs(flow @ law).max() < 1e-8 * abs(flow).max() * np.abs(law).max()


def test_total_probability_is_conserved_exactly(device):
    sphere, rest, _ = device
    assert abs(rest[[0], :]).sum() == 0
    start = well(sphere, DELTA, FIELD)
    assert start[0] * np.sqrt(4 * np.pi) == pytest.approx(1, abs=1e-9)
    assert float(sphere.below() @ start) == pytest.approx(0, abs=1e-6)
    assert float(sphere.below() @ well(sphere, DELTA, FIELD, state=1)) == pytest.approx(1, abs=1e-6)


def test_a_spin_precesses_counterclockwise_about_the_field_at_the_gilbert_rate():
    sphere, damping, field = Sphere.of(24), 1e-3, 2.0
    start = relax(brown(sphere, 0.0, (40.0, 0, 0), 1.0), sphere.point(), 3.0)  # all along +x
    quarter = (np.pi / 2) / (field / (2 * damping))  # omega = gamma B / (1 + alpha^2) = xi / (2 alpha tau_N)
    end = relax(brown(sphere, 0.0, (0, 0, field), damping), start, quarter)
    mean_x, mean_y = (np.sqrt(4 * np.pi / 3) * end[index] for index in (3, 1))
    assert mean_y > 0.95
    assert abs(mean_x) < 0.01


def test_damping_like_torque_acts_as_a_field_of_its_strength_over_alpha():
    # Axial case (Brown with Slonczewski's torque): the stationary law is exp(Delta m_z^2 + (a/alpha) m_z).
    sphere, damping, spin = Sphere.of(30), 0.05, 0.06
    law = brown(sphere, 4.0, (0, 0, 0), damping, spin)
    still = brown(sphere, 4.0, (0, 0, spin / damping), damping)
    assert slowest(law) == pytest.approx(slowest(still), rel=1e-9)
    ends = [relax(flow, sphere.point(1), 60.0) for flow in (law, still)]
    np.testing.assert_allclose(ends[0], ends[1], atol=1e-7)
    assert float(sphere.below() @ ends[0]) < 0.3


def test_many_widths_cost_one_evolution_and_agree_with_each_alone(device):
    sphere, rest, pulse = device
    start, functional = well(sphere, DELTA, FIELD), sphere.below()
    widths = np.array([0.0, 0.31, 0.6, 0.317]) * NANOSECOND
    together, last = observe(pulse, start, functional, widths)
    alone = [float(functional @ relax(pulse, start, float(width))) for width in widths]
    np.testing.assert_allclose(together, alone, atol=1e-10)
    np.testing.assert_allclose(last, relax(pulse, start, float(widths.max())), atol=1e-10)
    there = switched(sphere, start, pulse, widths[:1], rest, 0.2 * NANOSECOND)
    by_pieces = through([(rest, 0.2 * NANOSECOND)], start)
    assert there[0] == pytest.approx(float(functional @ by_pieces), abs=1e-10)


def test_switching_of_the_reference_device():
    """P(t) at the critical voltage after 1 ns from m = +z, 2 ns of rest afterwards.

    The probabilities were measured with a float32 engine, 19,968 trials each, and quoted to two to four digits; four
    standard errors and that rounding are allowed, so a false alarm has a chance below 1e-3 in all.
    """
    sphere = Sphere.of(60)  # more than Boltzmann's law needs: the start is a point
    rest, pulse = brown(sphere, DELTA, FIELD, ALPHA), brown(sphere, 0.0, FIELD, ALPHA)
    quoted = {0.60: 1.000, 0.85: 0.431, 0.90: 0.35, 1.19: 0.0006, 1.78: 0.998, 10.0: 0.62, 20.0: 0.50}
    start = relax(rest, sphere.point(), NANOSECOND)
    found = switched(sphere, start, pulse, np.array(list(quoted)) * NANOSECOND, rest, 2 * NANOSECOND)
    for exact, value in zip(found, quoted.values(), strict=True):
        rounding = 0.005 if value in (0.35, 0.62, 0.50) else 0.0005
        assert value == pytest.approx(exact, abs=rounding + 4 * np.sqrt(max(exact * (1 - exact), 1e-5) / 19_968))


def test_the_default_degree_leaves_one_part_in_ten_thousand(device):
    coarse = device
    fine_sphere = Sphere.of(coarse[0].degree + 12)
    fine = (fine_sphere, brown(fine_sphere, DELTA, FIELD, ALPHA), brown(fine_sphere, 0.0, FIELD, ALPHA))
    widths = np.array([0.6, 0.9, 1.19, 2.0, 3.0]) * NANOSECOND
    a, b = (switched(s, well(s, DELTA, FIELD), p, widths, r, 2 * NANOSECOND) for s, r, p in (coarse, fine))
    np.testing.assert_allclose(a, b, atol=1e-4)


def test_trajectories_of_a_plain_heun_integrator_agree(device):
    """4,000 trials in float64 at 4 ps; four standard errors, two widths: false alarm 1.3e-4."""
    sphere, rest, pulse = device
    trials, step = 4_000, 4e-12
    rng = np.random.default_rng(20)
    noise = np.sqrt(2 * ALPHA * KT / (GAMMA * MOMENT * step))

    def torque(m, easy, thermal):
        b = thermal + np.array([[ACROSS], [0.0], [0.0]])
        b[2] += easy * m[2]
        turn = np.cross(m, b, axis=0)
        return -GAMMA * step / (1 + ALPHA**2) * (turn + ALPHA * np.cross(m, turn, axis=0))

    def run(m, easy, seconds):
        for _ in range(round(seconds / step)):
            thermal = noise * rng.standard_normal(m.shape)
            first = torque(m, easy, thermal)
            m = m + (first + torque(m + first, easy, thermal)) / 2
            m /= np.linalg.norm(m, axis=0)
        return m

    easy = 2 * DELTA * KT / MOMENT
    spins = np.zeros((3, trials))
    spins[2] = 1
    spins = run(spins, easy, 2e-9)  # long enough for Boltzmann's law in the well: damping time 0.6 ns
    for width in (0.9, 0.5):
        exact = switched(sphere, well(sphere, DELTA, FIELD), pulse, np.array([width * NANOSECOND]), rest, NANOSECOND)
        found = float((run(run(spins, 0.0, width * 1e-9), easy, 1e-9)[2] < 0).mean())
        assert found == pytest.approx(float(exact[0]), abs=4 * np.sqrt(exact[0] * (1 - exact[0]) / trials) + 1e-3)


def test_what_cannot_be_answered_is_refused():
    sphere = Sphere.of(10)
    flow = brown(sphere, 1.0, (0, 0, 0), 0.1)
    with pytest.raises(ParameterError, match="degree"):
        Sphere.of(1000)
    with pytest.raises(ParameterError, match="damping"):
        brown(sphere, 1.0, (0, 0, 0), 0.0)
    with pytest.raises(ParameterError, match="times"):
        observe(flow, sphere.point(), sphere.below(), [-1.0])
    with pytest.raises(ParameterError, match="slow"):
        slowest(brown(Sphere.for_barrier(40), 40.0, (0, 0, 0), 0.1))
