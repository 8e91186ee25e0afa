"""A spin without heat: it turns, rings down and switches as the equations say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from labctl_sim.macrospin.drive import Drive, constant, rectangular
from labctl_sim.macrospin.layer import GAMMA, FreeLayer
from labctl_sim.macrospin.trials import energy_joules, run

COLD = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, temperature_kelvin=0.0)
FIELD = float(COLD.anisotropy_field()[0])
CRITICAL = float(COLD.critical_volts[0])
AT_ONCE = {"thermalise_seconds": 0.0, "relax_seconds": 0.0}


def spin(*direction):
    vector = np.array(direction, float)
    return (vector / np.linalg.norm(vector)).reshape(1, 1, 3)


def followed(layer, drive, start, every=1, **options):
    outcome = run(layer, drive, trials=1, seed=1, start=start, record_every=every, **AT_ONCE, **options)
    return outcome.seconds, outcome.trajectories[0, 0].astype(float)


@pytest.mark.parametrize("path", ["fast", "reference"])
def test_without_a_barrier_the_spin_precesses_about_the_field(path):
    layer = replace(COLD, bx_tesla=0.03, damping=1e-4)
    seconds, m = followed(layer, constant(CRITICAL, 4e-9), spin(0, 0, 1), path=path)
    z = m[:, 2]
    falls = np.flatnonzero((z[:-1] > 0) & (z[1:] <= 0))
    crossings = seconds[falls] + (seconds[1] - seconds[0]) * z[falls] / (z[falls] - z[falls + 1])
    assert len(crossings) == 4
    assert np.diff(crossings) == pytest.approx(2 * np.pi / (GAMMA * 0.03), rel=1e-4)  # 1.189 ns


@pytest.mark.parametrize("path", ["fast", "reference"])
@pytest.mark.parametrize("damping", [0.01, 0.05])
def test_the_ferromagnetic_resonance_has_its_frequency_and_rings_down(damping, path):
    layer = replace(COLD, damping=damping, bz_tesla=0.05)
    seconds, m = followed(layer, constant(0.0, 0.5e-9), spin(0.01, 0, 1), path=path)
    turned = np.log(m[:, 0] + 1j * m[:, 1])
    slope = np.polyfit(seconds, np.unwrap(turned.imag), 1)[0], np.polyfit(seconds, turned.real, 1)[0]
    omega = GAMMA * (FIELD + 0.05) / (1 + damping**2)
    assert slope[0] == pytest.approx(omega, rel=1e-3)
    assert slope[1] == pytest.approx(-damping * omega, rel=1e-2)


@pytest.mark.parametrize(("path", "tolerance"), [("fast", 1e-6), ("reference", 1e-12)])
@pytest.mark.parametrize("kelvin", [0.0, 300.0])
def test_the_spin_keeps_its_length(path, tolerance, kelvin):
    layer = replace(COLD, temperature_kelvin=kelvin, bx_tesla=0.03)
    for step_seconds in (1e-12, 4e-12):
        outcome = run(
            layer, rectangular(CRITICAL, 0.5e-9), trials=50, seed=3, path=path, step_seconds=step_seconds,
            thermalise_seconds=0.1e-9, relax_seconds=0.3e-9, record_every=10,
        )  # fmt: skip
        length = np.sqrt((outcome.trajectories.astype(float) ** 2).sum(axis=-1))
        assert np.abs(length - 1).max() < tolerance


def gilbert(alpha, b, k, torque):
    """dm/dt of Gilbert's equation as it stands, by solving for it: an independent form of what the engine steps."""

    def slope(_, m):
        cross = np.array([[0, -m[2], m[1]], [m[2], 0, -m[0]], [-m[1], m[0], 0]])
        field = b + np.array([0, 0, k * m[2]])
        return np.linalg.solve(
            np.eye(3) - alpha * cross, -GAMMA * (cross @ field + sum(a * cross @ (cross @ p) for a, p in torque))
        )

    return slope


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    alpha=st.floats(0.01, 0.3),
    field=st.tuples(*[st.floats(-0.05, 0.05)] * 3),
    volts=st.floats(-1.5, 1.5),
    spin_transfer=st.floats(-0.02, 0.02),
    like_field=st.floats(-0.02, 0.02),
    spin_orbit=st.floats(-0.02, 0.02),
    start=st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1),
)
def test_the_motion_is_gilberts_with_every_torque(alpha, field, volts, spin_transfer, like_field, spin_orbit, start):
    layer = replace(
        COLD,
        damping=alpha,
        bx_tesla=field[0],
        by_tesla=field[1],
        bz_tesla=field[2],
        torque_tesla_per_volt=spin_transfer,
        field_like_tesla_per_volt=like_field,
        spin_orbit_tesla_per_amp=spin_orbit,
        spin_orbit_field_tesla_per_amp=0.5 * spin_orbit,
    )
    drive = Drive(np.array([0.0, 0.3e-9]), np.full(2, volts), amps=np.array([2.0, 2.0]))
    _, m = followed(layer, drive, spin(*start), every=300, path="reference")
    _, fast = followed(layer, drive, spin(*start), every=300, path="fast")
    b = np.array(field) + np.array([0, 2 * 0.5 * spin_orbit, -like_field * volts])
    torque = ((spin_transfer * volts, np.array([0, 0, -1.0])), (2 * spin_orbit, np.array([0, 1.0, 0])))
    k = float(layer.anisotropy_field(volts)[0])
    exact = solve_ivp(gilbert(alpha, b, k, torque), (0, 0.3e-9), spin(*start)[0, 0], rtol=1e-9, atol=1e-10).y[:, -1]
    assert np.abs(m[0] - exact).max() < 3e-3  # 300 steps of second order, up to 0.1 rad each
    assert np.abs(fast[0] - m[0]).max() < 3e-5


def test_halving_the_step_quarters_the_error():
    layer = replace(COLD, bx_tesla=0.05)
    drive = Drive(np.array([0.0, 0.1e-9, 0.2e-9]), np.array([0.0, 1.5, 0.5]))
    ends = [
        followed(layer, drive, spin(0.1, 0, 1), every=int(0.2e-9 / dt + 0.5), path="reference", step_seconds=dt)[1][0]
        for dt in (4e-12, 2e-12, 1e-12, 0.05e-12)
    ]
    errors = [np.linalg.norm(end - ends[-1]) for end in ends[:-1]]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize("path", ["fast", "reference"])
def test_at_zero_kelvin_every_trial_and_every_seed_is_the_same(path):
    layer = replace(COLD, bx_tesla=0.03)
    ends = [run(layer, rectangular(CRITICAL, 0.6e-9), trials=5, seed=seed, path=path).magnetisation for seed in (1, 2)]
    assert np.ptp(ends[0], axis=1).max() == 0
    assert np.array_equal(ends[0], ends[1])
    assert ends[0][0, 0, 2] < -0.9  # half a turn: toggled


@pytest.mark.parametrize(
    ("start", "volts", "state"),
    [(0, 0.9, 0), (0, 1.15, 1), (0, -1.15, 0), (1, -0.9, 1), (1, -1.15, 0), (1, 1.15, 1)],
)
def test_spin_transfer_switches_at_its_threshold_positive_volts_towards_antiparallel(start, volts, state):
    # No VCMA: the threshold is B_DL V = alpha B_k (Slonczewski's instability of the well), here at 1 V.
    layer = replace(COLD, vcma_joules_per_volt_meter=0.0, torque_tesla_per_volt=0.05 * FIELD)
    begin = spin(0.05, 0, 1 - 2 * start)
    outcome = run(layer, constant(volts, 25e-9), trials=1, seed=1, start=begin, step_seconds=4e-12, **AT_ONCE)
    assert outcome.states[0, 0] == state


def test_a_spin_orbit_line_pulls_towards_its_polarisation():
    layer = replace(COLD, spin_orbit_tesla_per_amp=10.0)
    drive = Drive(np.array([0.0, 3e-9]), np.zeros(2), amps=np.full(2, 0.03))
    _, m = followed(layer, drive, spin(0, 0, 1), every=3000)
    assert m[0, 1] > 0.9  # 0.3 T beats the anisotropy's 0.19 T / 2: along +y


def conductance(z, volts):
    """25 kOhm and 50 kOhm at rest; antiparallel falls with bias."""
    parallel = 1 / 25e3
    antiparallel = parallel / (1 + 1 / (1 + (volts / 0.5) ** 2))
    return (1 + z) / 2 * parallel + (1 - z) / 2 * antiparallel


def test_the_energy_of_a_pulse_is_its_joule_heat_with_the_live_resistance():
    layer = replace(COLD, vcma_joules_per_volt_meter=0.0)
    for start, sign in ((0, 1), (1, -1)):
        joules = energy_joules(
            layer, rectangular(0.5, 1.0013e-9), conductance, trials=1, seed=1, start=start,
            thermalise_seconds=0.1e-9, relax_seconds=0.1e-9,
        )  # fmt: skip
        expected = 0.25 * 1.0013e-9 * conductance(sign, 0.5)
        assert joules == pytest.approx(expected, rel=2e-3)
        assert expected > 1.380649e-23 * 300 * np.log(2)  # Landauer


def test_the_energy_follows_the_spin_while_it_turns():
    layer = replace(COLD, bx_tesla=0.03, temperature_kelvin=300.0)
    drive = rectangular(CRITICAL, 0.6e-9)
    joules = energy_joules(layer, drive, conductance, trials=40, seed=1, path="reference")
    bounds = [CRITICAL**2 * 0.6e-9 * conductance(z, CRITICAL) for z in (-1, 1)]
    assert bounds[0] < joules.min()
    assert joules.max() < bounds[1]
    assert joules.min() > 1.380649e-23 * 300 * np.log(2)
    assert np.ptp(joules) > 0
