"""The engine against laws that it is not made of: noise as it is, equilibrium from afar, heat, energy, and the step.

Seeds are fixed, so a test that passes, passes always; the false-alarm rate stated is that of a first run.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from labctl_sim.macrospin import fokker_planck as fp
from labctl_sim.macrospin.drive import constant, rectangular, trapezoid
from labctl_sim.macrospin.heating import Heating
from labctl_sim.macrospin.layer import BOLTZMANN, GAMMA, FreeLayer
from labctl_sim.macrospin.sphere import Sphere
from labctl_sim.macrospin.trials import energy_joules, run, switching_probability

LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)
CRITICAL = float(LAYER.critical_volts[0])
FREE = replace(LAYER, bx_tesla=0.0)
AT_ONCE = {"thermalise_seconds": 0.0, "relax_seconds": 0.0}
PATHS = ("fast", "reference")


# -- noise


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("damping", [0.05, 0.5])
def test_the_first_step_has_browns_variance_at_any_step(path, axis, damping):
    """Without a field one step is the noise's alone: across m it is gamma dt B/sqrt(1 + alpha^2) wide."""
    count, moment = 100_000, 0.625e6 * np.pi / 4 * 50e-9**2 * 1.1e-9
    layer = replace(FREE, damping=damping).with_stability(0.0)
    start = np.zeros((1, count, 3))
    start[..., axis] = 1.0
    found = []
    for step in (0.25e-12, 0.5e-12, 1e-12, 4e-12):
        turned = run(
            layer, constant(0.0, step), trials=count, seed=5, start=start, path=path, step_seconds=step, **AT_ONCE
        ).magnetisation[0].astype(float)  # fmt: skip
        one, other = (turned[:, (axis + more) % 3] for more in (1, 2))
        tesla = np.array([one.var(), other.var()]) * (1 + damping**2) / (GAMMA * step) ** 2
        expected = 2 * damping * BOLTZMANN * 300 / (GAMMA * moment * step)
        # 5 standard errors, and a part of (turn)^2 for a chord that is no arc: false alarm 6e-7 on each of 96 numbers.
        spread = 5 * np.sqrt(2 / count) + 3 * one.var()
        assert tesla == pytest.approx(expected, rel=spread, abs=0)
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(count)
        assert abs(one.mean()) < 5 * one.std() / np.sqrt(count)
        found.append(float(tesla.mean() * step))
    assert found == pytest.approx([found[0]] * 4, rel=0.025, abs=0)  # the variance goes with 1/dt


# -- equilibrium


@pytest.mark.parametrize(
    ("path", "trials", "delta", "nanoseconds"),
    [("fast", 20_000, 0.0, 30), ("fast", 20_000, 2.0, 80), ("fast", 10_000, 4.0, 200), ("reference", 1500, 2.0, 24)],
)
def test_boltzmanns_law_is_reached_from_afar(path, trials, delta, nanoseconds):
    """All spins begin at one point beside the pole. KS at 1e-4 and 4.5 standard errors: false alarm below 2e-3."""
    layer = replace(FREE, damping=0.3 if path == "fast" else 1.0).with_stability(delta)
    gone = np.exp(-fp.slowest_axial(delta) * nanoseconds * 1e-9 / layer.neel_seconds[0])
    assert gone < 0.5 / np.sqrt(trials)  # what is left of the start stays below the noise
    start = np.tile([0.6, 0.0, 0.8], (1, trials, 1))
    outcome = run(
        layer, constant(0.0, nanoseconds * 1e-9), trials=trials, seed=17, start=start, path=path, step_seconds=4e-12,
        **AT_ONCE,
    )  # fmt: skip
    x, y, z = outcome.magnetisation[0].astype(float).T
    places = np.linspace(-1, 1, 20_001)
    density = np.exp(delta * (places**2 - 1))
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    assert stats.kstest(z, lambda at: np.interp(at, places, cumulative / cumulative[-1])).pvalue > 1e-4
    assert stats.kstest(np.arctan2(y, x) / (2 * np.pi) + 0.5, "uniform").pvalue > 1e-4
    square = (density * places**2).sum() / density.sum()
    assert abs((z**2).mean() - square) < 4.5 * (z**2).std() / np.sqrt(trials)


# -- heat


def chance(layer, volts, seconds, kelvin, saturation=1.0, interface=1.0):
    """P(AP) by the Fokker-Planck equation: from the well at 300 K, a pulse at ``kelvin``, 2 ns at 300 K again."""
    moment = 0.625e6 * layer.volume_cubic_meters[0] / BOLTZMANN
    xi, tau, alpha = moment * 0.03 / 300, layer.neel_seconds[0], 0.05
    cold, sphere = float(layer.stability()[0]), Sphere.for_barrier(31)
    hot = float(layer.anisotropy(volts, saturation, interface)[0] * layer.volume_cubic_meters[0] / BOLTZMANN / kelvin)
    pieces = [
        (
            fp.brown(sphere, hot, (xi * saturation * 300 / kelvin, 0, 0), alpha),
            seconds / (tau * saturation * 300 / kelvin),
        ),
        (fp.brown(sphere, cold, (xi, 0, 0), alpha), 2e-9 / tau),
    ]
    return float(sphere.below() @ fp.through(pieces, fp.well(sphere, cold, (xi, 0, 0), 0)))


@pytest.mark.parametrize(("curie", "part", "width"), [(np.inf, 0.6, 3e-9), (1453.0, 1.0, 0.9e-9)])
def test_a_warm_pulse_switches_as_the_equation_at_its_temperature(curie, part, width):
    """250 K more within a picosecond. 4.5 standard errors: false alarm 7e-6; and the heat shows at 10 of them."""
    rise, volts = 250.0, part * CRITICAL
    heating = Heating(volts**2 * 1.4e-9 / 4.0 / rise, 1e-9, curie_kelvin=curie)
    weak = [float(v[0, 0]) for v in heating.weakened(np.array([[300 + rise]]), np.array([300.0]))]
    exact, unheated = chance(LAYER, volts, width, 300 + rise, *weak), chance(LAYER, volts, width, 300.0)
    (found,), (error,) = switching_probability(
        replace(LAYER, heating=heating), rectangular(volts, width), trials=60_000, seed=6, step_seconds=2e-12,
        thermalise_seconds=0.0,
    )  # fmt: skip
    assert abs(found - exact) < 4.5 * error + 1e-3
    assert abs(found - unheated) > 10 * error


# -- energy


def conductance(z, volts):
    """25 kOhm and 50 kOhm at rest; antiparallel falls with bias."""
    parallel = 1 / 25e3
    antiparallel = parallel / (1 + 1 / (1 + (volts / 0.5) ** 2))
    return (1 + z) / 2 * parallel + (1 - z) / 2 * antiparallel


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("width", [0.3e-9, 0.85e-9, 2.0013e-9])
def test_a_turning_spin_takes_the_energy_of_the_closed_form(path, width):
    """At V_c and 0 K, next to no damping, m_z = cos(gamma B_x t): the integral of G is a sine."""
    layer = replace(LAYER, damping=1e-7, temperature_kelvin=0.0)
    joules = energy_joules(
        layer, rectangular(CRITICAL, width), conductance, trials=1, seed=1, start=np.array([[[0.0, 0.0, 1.0]]]),
        path=path, record_every=1, **AT_ONCE,
    )[0, 0]  # fmt: skip
    turns = GAMMA * 0.03
    middle, half = (conductance(1, CRITICAL) + sign * conductance(-1, CRITICAL) for sign in (1, -1))
    exact = CRITICAL**2 / 2 * (middle * width + half * np.sin(turns * width) / turns)
    assert joules == pytest.approx(exact, rel=2e-4)


@pytest.mark.parametrize(("z", "state"), [(1.0, 0), (-1.0, 1)])
@pytest.mark.parametrize("edges", [(0.1e-9, 0.1e-9), (0.05e-9, 0.3e-9)])
def test_edges_take_the_energy_of_the_quadrature(z, state, edges):
    layer = replace(FREE, temperature_kelvin=0.0)
    drive = trapezoid(0.8, 1e-9, *edges)
    joules = energy_joules(layer, drive, conductance, trials=1, seed=1, start=state, **AT_ONCE)[0, 0]
    exact = sum(
        quad(lambda t: (v := np.interp(t, drive.seconds, drive.volts)) ** 2 * conductance(z, v), a, b, epsrel=1e-10)[0]
        for a, b in zip(drive.seconds[:-1], drive.seconds[1:], strict=True)
    )
    assert joules == pytest.approx(exact, rel=2e-5)


# -- the step


@pytest.mark.slow
@pytest.mark.parametrize(("width", "exact"), [(0.9e-9, 0.3370), (2e-9, 0.5919)])
def test_four_picoseconds_are_within_three_thousandths_of_no_step_at_all(width, exact):
    """On steep flanks, against the Fokker-Planck equation; 4.5 standard errors are 0.0034: false alarm 7e-6 each.

    The step's own error is below 0.003 at 4 ps and 0.001 at 2 and 1 ps.
    """
    for step, bound in ((4e-12, 0.003), (2e-12, 0.001), (1e-12, 0.001)):
        (p,), (error,) = switching_probability(
            LAYER, rectangular(CRITICAL, width), trials=200_000, seed=3, step_seconds=step, thermalise_seconds=0.0
        )
        assert abs(p - exact) < 4.5 * error + bound
