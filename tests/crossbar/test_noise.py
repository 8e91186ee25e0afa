"""Read noise through the effective conductance, against the exact sensitivities and against chance."""

import numpy as np
import pytest

from labctl.core.errors import ParameterError
from labctl.crossbar.network import Network
from labctl.crossbar.noise import exact_read_noise_variance, read_noise_variance


def network(size, seed=1):
    rng = np.random.Generator(np.random.PCG64(seed))
    siemens = np.where(rng.random((size, size)) < 0.5, 1e-4, 5e-5) * np.exp(0.05 * rng.normal(size=(size, size)))
    built = Network(siemens, word_segment_ohms=1.0, bit_segment_ohms=1.0, left_ohms=0.0, bottom_ohms=0.0)
    return built, rng.uniform(-1, 1, (20, size)), rng


@pytest.mark.parametrize(("size", "error", "without_wires"), [(16, 0.003, 0.01), (32, 0.004, 0.05), (64, 0.018, 0.2)])
def test_sigma_is_as_right_as_it_says(size, error, without_wires):
    built, volts, _ = network(size)
    exact = np.sqrt(exact_read_noise_variance(built, volts, 0.01))
    found = np.sqrt(read_noise_variance(built.effective, volts, 0.01))
    assert np.linalg.norm(found - exact) <= error * np.linalg.norm(exact)
    ideal = np.sqrt(read_noise_variance(built.conductance_siemens.T, volts, 0.01))
    assert np.linalg.norm(ideal - exact) >= without_wires * np.linalg.norm(exact)


def test_the_exact_variance_is_that_of_noisy_arrays():
    # 400 draws of a variance: relative sigma 0.07 per output; the mean over 4 x 6 outputs is within 5 of its 0.015
    built, volts, rng = network(6)
    volts = volts[:4]
    clean = built.solve(left=volts).bottom
    sigma = rng.uniform(0, 2e-3, (6, 6))
    draws = [
        built.rebuilt(built.conductance_siemens * (1 + sigma * rng.normal(size=(6, 6)))).solve(left=volts).bottom
        - clean
        for _ in range(400)
    ]
    ratio = np.var(draws, axis=0) / exact_read_noise_variance(built, volts, sigma)
    assert ratio.mean() == pytest.approx(1, abs=0.075)
    np.testing.assert_allclose(
        read_noise_variance(built.effective, volts, sigma), exact_read_noise_variance(built, volts, sigma), rtol=0.01
    )


@pytest.mark.parametrize(
    ("volts", "sigma", "says"),
    [(np.ones(5), 0.1, "(P, 6)"), (np.ones(6), -0.1, "0 or more"), (np.ones(6), np.ones(3), "(3,)")],
)
def test_impossible_noise_is_refused(volts, sigma, says):
    with pytest.raises(ParameterError) as refused:
        read_noise_variance(np.ones((4, 6)), volts, sigma)
    assert says in str(refused.value)
