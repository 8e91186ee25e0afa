"""The ensemble: equilibrium, escape and switching probabilities against exact results.

Seeds are fixed, so a test that passes, passes always; the false-alarm rate stated is that of a first run.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import eigh
from scipy.special import i0e

from labctl_sim.macrospin.drive import constant, rectangular, trapezoid
from labctl_sim.macrospin.layer import BOLTZMANN, FreeLayer
from labctl_sim.macrospin.trials import run, switching_probability

LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)
CRITICAL = float(LAYER.critical_volts[0])
FREE = replace(LAYER, bx_tesla=0.0)

# Of LAYER at its critical volts, from its well's equilibrium, 2 ns after pulses with upright edges: the numbers of the
# Fokker-Planck equation, solved without sampling (`labctl_sim.macrospin.fokker_planck`).
EXACT = {
    0.6: 1.0000,
    0.9: 0.3370,
    1.0: 0.1044,
    1.19: 0.0004,
    1.78: 0.9972,
    2.0: 0.5919,
    6: 0.2203,
    10: 0.6209,
    20: 0.4954,
}


def law(delta):
    """A cumulative distribution of m_z ~ exp(delta z^2), and <m_z^2>."""
    z = np.linspace(-1, 1, 20001)
    density = np.exp(delta * (z**2 - 1))
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return lambda x: np.interp(x, z, cumulative / cumulative[-1]), (density * z**2).sum() / density.sum()


@pytest.mark.parametrize(("delta", "square"), [(0.0, 0.3333), (2.0, 0.5313), (4.0, 0.7046)])
@pytest.mark.parametrize(("path", "trials", "step"), [("fast", 20_000, 2e-12), ("reference", 2_000, 4e-12)])
def test_boltzmanns_law_stays_as_it_is(delta, square, path, trials, step):
    # KS at 1e-4 and 4 standard errors (6e-5): false alarm below 1e-3 over the six cases.
    outcome = run(
        FREE.with_stability(delta), constant(0.0, 6e-9), trials=trials, seed=11, start="thermal", path=path,
        step_seconds=step, thermalise_seconds=0.0, relax_seconds=0.0,
    )  # fmt: skip
    z = outcome.magnetisation[0, :, 2].astype(float)
    cumulative, exact = law(delta)
    assert exact == pytest.approx(square, abs=2e-4)
    assert stats.kstest(z, cumulative).pvalue > 1e-4
    assert abs((z**2).mean() - exact) < 4 * (z**2).std() / np.sqrt(trials)
    azimuth = np.arctan2(outcome.magnetisation[0, :, 1], outcome.magnetisation[0, :, 0]) / (2 * np.pi) + 0.5
    assert stats.kstest(azimuth, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("seconds", [0.0, 4e-9])
def test_the_law_in_a_tilted_field_is_drawn_and_kept(seconds):
    # Delta 4 with a field along (1, 1, 0.5); 4.5 standard errors on four moments, twice: false alarm 6e-5.
    layer = replace(FREE.with_stability(4.0), bx_tesla=0.004, by_tesla=0.004, bz_tesla=0.002)
    outcome = run(
        layer, constant(0.0, seconds), trials=20_000, seed=4, start="thermal", step_seconds=2e-12,
        thermalise_seconds=0.0, relax_seconds=0.0,
    )  # fmt: skip
    moment = (0.625e6 * layer.volume_cubic_meters / (BOLTZMANN * 300))[0]
    z, across = np.linspace(-1, 1, 4001), moment * 0.004 * np.sqrt(2)
    sine = np.sqrt(1 - z**2)
    phi = (np.arange(400) + 0.5) * 2 * np.pi / 400
    weight = np.exp(4 * z**2 + moment * 0.002 * z)[:, None] * np.exp(across * sine[:, None] * np.cos(phi))
    assert weight.mean(axis=1) == pytest.approx(  # the marginal law that the drawing uses
        np.exp(4 * z**2 + moment * 0.002 * z + across * sine) * i0e(across * sine), rel=1e-9
    )
    along = sine[:, None] * np.cos(phi)
    m = outcome.magnetisation[0].astype(float)
    measured = {"z": m[:, 2], "zz": m[:, 2] ** 2, "t": (m[:, 0] + m[:, 1]) / np.sqrt(2), "s": m[:, 1] - m[:, 0]}
    height = np.broadcast_to(z[:, None], weight.shape)
    for name, values in (("z", height), ("zz", height**2), ("t", along), ("s", 0 * along)):
        expected = (values * weight).sum() / weight.sum()
        assert abs(measured[name].mean() - expected) < 4.5 * measured[name].std() / np.sqrt(20_000)


def neel_brown(delta):
    """tau/tau_N: the lowest eigenvalue of 2 tau_N dp/dt = d/dz (1 - z^2)(dp/dz - 2 delta z p), in Legendre's P."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    size = 60
    p = np.polynomial.legendre.legvander(nodes, size)
    slopes = np.stack([np.polynomial.legendre.Legendre.basis(i).deriv()(nodes) for i in range(1, size + 1)], axis=1)
    p = p[:, 1:]
    measure = weights * np.exp(delta * (nodes**2 - 1))
    p = p - (measure @ p) / measure.sum()
    stiffness = slopes.T @ (slopes * (measure * (1 - nodes**2))[:, None])
    return 2 / eigh(stiffness, p.T @ (p * measure[:, None]), eigvals_only=True)[0]


def test_the_exact_decay_is_the_published_one():
    assert [neel_brown(delta) for delta in (1e-9, 3, 5, 8)] == pytest.approx([1, 4.2427, 14.770, 135.83], rel=1e-4)


@pytest.mark.parametrize(
    ("delta", "damping", "path", "trials"),
    [
        (0.0, 0.05, "fast", 20_000),
        (3.0, 0.05, "fast", 10_000),
        pytest.param(3.0, 0.2, "reference", 4_000, marks=pytest.mark.slow),
        pytest.param(5.0, 0.1, "fast", 20_000, marks=pytest.mark.slow),
    ],
)
def test_the_mean_decays_with_the_exact_lowest_eigenvalue(delta, damping, path, trials):
    # <m_z> at 0.5 tau, when faster modes are gone, and at 1.5 tau; 4.5 standard errors: false alarm 7e-6 each.
    layer = replace(FREE, damping=damping).with_stability(delta)
    tau = neel_brown(delta) * float(layer.neel_seconds[0])
    steps = 2 * round(tau / 2 / 4e-12)
    outcome = run(
        layer, constant(0.0, 1.5 * steps * 4e-12), trials=trials, seed=21, path=path, step_seconds=4e-12,
        thermalise_seconds=0.0, relax_seconds=0.0, record_every=steps // 2,
    )  # fmt: skip
    early, late = (outcome.trajectories[0, :, i, 2].astype(float) for i in (0, 2))
    ratio = late.mean() / early.mean()
    error = np.std(late - ratio * early) / early.mean() / np.sqrt(trials)
    assert abs(ratio - np.exp(-steps * 4e-12 / tau)) < 4.5 * error
    assert error < 0.06


@pytest.mark.parametrize(
    ("path", "trials", "widths"),
    [("fast", 20_000, (0.6, 0.9, 1.0, 1.19, 1.78, 2.0, 6)), ("reference", 2_000, (0.9,))],
)
def test_switching_meets_the_fokker_planck_equation(path, trials, widths):
    # 4.5 standard errors on nine numbers: false alarm 6e-5.
    for width in widths:
        p, _ = switching_probability(
            LAYER, rectangular(CRITICAL, width * 1e-9), trials=trials, seed=7, path=path,
            thermalise_seconds=0.1e-9, step_seconds=2e-12,
        )  # fmt: skip
        exact = EXACT[width]
        assert abs(p[0] - exact) < 4.5 * np.sqrt(exact * (1 - exact) / trials) + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("width", [1.0, 10, 20])
def test_switching_meets_the_fokker_planck_equation_at_a_picosecond(width):
    p, error = switching_probability(LAYER, rectangular(CRITICAL, width * 1e-9), trials=40_000, seed=8)
    assert abs(p[0] - EXACT[width]) < 4.5 * error[0]


@pytest.mark.slow
def test_fast_and_reference_agree_on_a_nanosecond():
    # Two-sided at 4.5 standard errors of the difference: false alarm 7e-6.
    (fast,), (error,) = switching_probability(LAYER, rectangular(CRITICAL, 1e-9), trials=40_000, seed=1)
    (slow,), (other,) = switching_probability(
        LAYER, rectangular(CRITICAL, 1e-9), trials=8_000, seed=1, path="reference"
    )
    assert abs(fast - slow) < 4.5 * np.hypot(error, other)


def test_the_step_does_not_matter_up_to_four_picoseconds():
    # 4.5 standard errors against the exact number, four times; 0.004 more for the step's own error.
    for step in (0.5e-12, 1e-12, 2e-12, 4e-12):
        (p,), (error,) = switching_probability(
            LAYER, rectangular(CRITICAL, 0.9e-9), trials=10_000, seed=3, step_seconds=step, thermalise_seconds=0.0
        )
        assert abs(p - EXACT[0.9]) < 4.5 * error + 0.004


@pytest.mark.parametrize("excess", [1.0, 1.02])
@pytest.mark.parametrize("start", [0, 1])
def test_long_pulses_forget_where_they_began(excess, start):
    # alpha 0.1 and 20 ns; 4.5 standard errors, four times: false alarm 3e-5.
    layer = replace(LAYER, damping=0.1)
    (p,), (error,) = switching_probability(
        layer, rectangular(CRITICAL * excess, 20e-9), trials=10_000, seed=5, start=start, step_seconds=2e-12,
        thermalise_seconds=0.0,
    )  # fmt: skip
    assert abs(p - 0.5) < 4.5 * error + 0.003


def test_unreset_toggling_is_the_markov_chain_of_its_two_probabilities():
    # rho_1 = 1 - p01 - p10, against p measured apart; 4.5 standard errors: false alarm 7e-6.
    drive, trials, pulses = trapezoid(CRITICAL, 0.86e-9, 0.05e-9, 0.05e-9), 4_000, 8
    options = {"trials": trials, "thermalise_seconds": 0.5e-9, "step_seconds": 2e-12}
    p01, p10 = (switching_probability(LAYER, drive, seed=40 + s, start=s, **options)[0][0] for s in (0, 1))
    spins, states = "thermal", []
    for pulse in range(pulses):
        outcome = run(LAYER, drive, seed=50 + pulse, start=spins, **options)
        spins = outcome.magnetisation
        states.append(outcome.states[0])
    bits = np.array(states)
    rho = np.corrcoef(bits[:-1].ravel(), bits[1:].ravel())[0, 1]
    error = np.sqrt(1 / (trials * (pulses - 1)) + 2 * 0.25 / trials)
    assert abs(rho - (1 - p01 - p10)) < 4.5 * error
    assert abs(rho) > 3 * error  # and it is a correlation worth knowing of


def test_a_junction_that_switched_has_committed_before_it_is_read():
    drive = rectangular(CRITICAL, 0.86e-9)
    early, late = (
        run(LAYER, drive, trials=4_000, seed=9, step_seconds=2e-12, relax_seconds=s).states for s in (2e-9, 4e-9)
    )
    assert (early != late).mean() < 2e-3


def test_junctions_of_an_array_do_not_share_their_noise():
    # Correlations between eight alike junctions; 5 standard errors on 28 pairs: false alarm 2e-5.
    outcome = run(LAYER.repeated(8), rectangular(CRITICAL, 0.86e-9), trials=3_000, seed=2, step_seconds=2e-12)
    matrix = np.corrcoef(outcome.states)
    assert np.abs(matrix - np.eye(8)).max() < 5 / np.sqrt(3_000)
    assert len({tuple(row) for row in outcome.states[:, :64]}) == 8
