"""Read noise against closed forms: the spectrum, the covariance of readings, and a trap's telegraph signal.

Seeds are fixed; tolerances are five standard errors (false alarm 6e-7 each with another seed, none with these).
"""

import numpy as np
import pytest

from labctl.core.errors import ParameterError
from labctl_sim import profile
from labctl_sim.readnoise import NoiseNumbers, ReadNoise, flicker_covariance, flicker_spectrum, occupation, window


def rng(seed=1):
    return np.random.Generator(np.random.PCG64(seed))


def flicker(count, power=1.0):
    zero = np.zeros(count)
    return NoiseNumbers(np.full(count, power), zero, zero + 1, zero + 1)


def telegraph(count, up, down, amplitude=1.0):
    zero = np.zeros(count)
    return NoiseNumbers(zero, zero + amplitude, zero + up, zero + down)


@pytest.mark.parametrize("hertz", [1e-5, 1e-3, 1.0, 33.0, 1e3, 1e5])
def test_the_sum_of_processes_is_one_over_f(hertz):
    assert flicker_spectrum(np.array([hertz]))[0] * hertz == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("y", [1e-6, 1e-3, 0.0099, 0.0101, 1.0, 30.0])
def test_a_window_of_one_process(y):
    share, variance, together = (float(value[0]) for value in window(np.array([y])))
    t = (np.arange(100_000) + 0.5) / 100_000 * y
    kernel = np.exp(-(y - t))  # of white noise sqrt(2) dw to the end; to the mean it is (1 - exp(-(y - t)))/y
    mean = -np.expm1(-(y - t)) / y
    assert share == pytest.approx(np.exp(-t).mean(), rel=1e-6)
    assert variance == pytest.approx(2 * y * (mean**2).mean(), rel=1e-5)
    assert together == pytest.approx(2 * y * (mean * kernel).mean(), rel=1e-5)


def test_the_periodogram_of_readings_is_the_closed_one():
    count, n, interval = 300, 512, 0.02
    noise = ReadNoise(flicker(count), rng())
    record = np.array([noise.relative(k * interval, interval) for k in range(n)])
    taper = np.hanning(n)
    found = (np.abs(np.fft.rfft(record * taper[:, None], axis=0)) ** 2).mean(axis=1)
    covariance = np.array([flicker_covariance(k * interval, interval) for k in range(n)])
    overlap = np.correlate(taper, taper, "full")[n - 1 :]
    expected = 2 * np.fft.rfft(np.r_[overlap * covariance, np.zeros(n)]).real[::2] - overlap[0] * covariance[0]
    # A line's power is exponential, so each of the 254 ratios errs by 1/sqrt(300) = 0.058: all within 5 deviations.
    ratio = (found / expected)[2:-1]
    assert np.abs(ratio - 1).max() < 5 / np.sqrt(count)
    # Taken together they are as good as 254 / 1.94 lines (neighbours share in the taper), and 1/f to a few percent.
    assert ratio.mean() == pytest.approx(1.0, abs=5 * np.sqrt(1.94 / ratio.size / count))
    hertz = np.fft.rfftfreq(n, interval)[4:26]
    density = 2 * interval / (taper**2).sum() * found[4:26]
    assert (density * hertz).mean() == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(("lag", "integration"), [(1.0, 0.02), (1.0, 1.0), (1e-3, 1e-4), (100.0, 0.0)])
def test_two_readings_are_correlated_as_the_closed_form_says(lag, integration):
    n = 20_000
    noise = ReadNoise(flicker(n), rng(3))
    first, second = noise.relative(5.0, integration), noise.relative(5.0 + lag, integration)
    variance, together = flicker_covariance(0.0, integration), flicker_covariance(lag, integration)
    assert first.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / n))
    assert second.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / n))
    # The difference is what two readings show; its variance has the smaller error.
    assert (second - first).var() == pytest.approx(2 * (variance - together), rel=5 * np.sqrt(2 / n))


def test_looking_in_between_does_not_change_the_law():
    n = 20_000
    noise = ReadNoise(flicker(n), rng(4))
    first = noise.relative(0.0, 0.02)
    for k in range(1, 20):
        noise.relative(k * 0.05, 0.01)
    second = noise.relative(1.0, 0.02)
    expected = 2 * (flicker_covariance(0.0, 0.02) - flicker_covariance(1.0, 0.02))
    assert (second - first).var() == pytest.approx(expected, rel=5 * np.sqrt(2 / n))


@pytest.mark.parametrize(("up", "down"), [(1.0, 3.0), (2e5, 1e5), (1.0, 50.0)])
@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_a_trap_is_up_as_long_as_its_rates_say(up, down, seconds):
    n = 5_000
    noise = ReadNoise(telegraph(n, up, down, 0.01), rng(5))
    often, total = up / (up + down), up + down
    y = total * seconds
    share = often * (1 - often) * (2 * (y - 1 + np.exp(-y)) / y**2 if y else 1.0)
    for k in range(3):
        found = noise.relative(k * 0.5, seconds) / 0.01
        assert found.mean() == pytest.approx(0.0, abs=5 * np.sqrt(share / n))
        kurtosis = (found**4).mean() / max((found**2).mean(), 1e-30) ** 2
        assert (found**2).mean() == pytest.approx(share, rel=5 * np.sqrt(max(kurtosis - 1, 0.1) / n))


def test_the_telegraph_signal_forgets_at_the_sum_of_its_rates():
    n, up, down = 20_000, 3.0, 1.0
    noise = ReadNoise(telegraph(n, up, down), rng(6))
    first, second = noise.relative(0.0, 0.0), noise.relative(0.2, 0.0)
    expected = 0.75 * 0.25 * np.exp(-4 * 0.2)
    assert (first * second).mean() == pytest.approx(expected, abs=5 * (first * second).std() / np.sqrt(n))


def test_many_rounds_at_once_leave_the_law_of_single_ones():
    # 2000 rounds in a window are taken in blocks: mean and variance of the renewal theory, and the end's own law.
    n, up, down, seconds = 20_000, 300.0, 100.0, 20.0
    share, end = occupation(np.zeros(n, bool), np.full(n, up), np.full(n, down), seconds, rng(7))
    total = up + down
    often = up / total
    mean = often - often / total / seconds  # it began below
    assert share.mean() == pytest.approx(mean, abs=5 * share.std() / np.sqrt(n))
    assert share.var() == pytest.approx(2 * often * (1 - often) / total / seconds, rel=5 * np.sqrt(2 / n) + 1e-3)
    assert end.mean() == pytest.approx(often, abs=5 * np.sqrt(often * (1 - often) / n))


def test_one_window_is_one_noise_and_time_runs_forward():
    noise = ReadNoise(flicker(4), rng(8))
    first = noise.relative(1.0, 0.1)
    np.testing.assert_array_equal(first, noise.relative(1.0, 0.1))
    np.testing.assert_array_equal(first, noise.relative(1.02, 0.05))  # within what was reported
    half = noise.relative(1.05, 0.1)
    assert (half != first).all()
    with pytest.raises(ParameterError, match="order of time"):
        noise.relative(0.5, 0.1)
    with pytest.raises(ParameterError, match="finite times"):
        noise.relative(2.0, -0.1)


def test_a_wafer_seed_is_its_noise_and_quiet_junctions_are_quiet():
    numbers = profile.load("vcma_long_pulse").junctions(64, rng(2407)).noise
    a, b, c = (ReadNoise(numbers, rng(seed)).relative(0.0, 0.02) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).all()
    assert 1e-5 < a.std() < 1e-2
    assert 1 <= (numbers.telegraph_amplitude > 0).sum() <= 20
    assert not ReadNoise(flicker(3, 0.0), rng()).relative(0.0, 1.0).any()
