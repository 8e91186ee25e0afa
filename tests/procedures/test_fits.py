"""Fits of switching curves recover what was put in, with honest errors."""

import numpy as np
import pytest

from labctl.core.errors import MeasurementError
from labctl.procedures import fits

VOLTS = np.linspace(0.5, 0.86, 25)
TRIALS = np.full(25, 2000.0)
TRUTH = {"barrier": (0.69, 37.5), "logistic": (0.70, 60.0, 0.9)}


@pytest.mark.parametrize("model", fits.MODELS)
def test_the_truth_lies_within_the_stated_errors_as_often_as_stated(model):
    # 60 seeds, two parameters each: pulls are unit normal if the errors are right. The mean square of 120 pulls has a
    # standard deviation of 0.13; the bounds are 4 of those away, so a false alarm has p < 1e-4 per model.
    function, names = fits.MODELS[model]
    pulls = []
    for seed in range(60):
        generator = np.random.Generator(np.random.PCG64(seed))
        counts = generator.binomial(TRIALS.astype(int), function(VOLTS, *TRUTH[model])).astype(float)
        fit = fits.fit_switching(model, VOLTS, counts, TRIALS)
        pulls += [(fit.values[n] - t) / fit.errors[n] for n, t in zip(names, TRUTH[model], strict=True)]
    assert 0.5 < np.mean(np.square(pulls)) < 1.6
    assert abs(np.mean(pulls)) < 0.4


def test_the_barrier_curve_is_the_two_state_master_equation():
    # P = (1 - exp(-2 k t)) / 2 with k = exp(-Delta (1 - V / V_c)) / tau0
    delta, critical, tau0, width = 30.0, 0.8, 1e-9, 20e-9
    rate = np.exp(-delta * (1 - VOLTS / critical)) / tau0
    slope = delta / critical
    centre = (np.log(np.log(2) * tau0 / (2 * width)) + delta) / slope
    assert fits.barrier(VOLTS, centre, slope) == pytest.approx((1 - np.exp(-2 * rate * width)) / 2)


def test_the_right_model_has_a_deviance_near_one_and_the_wrong_one_has_not():
    generator = np.random.Generator(np.random.PCG64(5))
    counts = generator.binomial(20000, fits.barrier(VOLTS, *TRUTH["barrier"])).astype(float)
    many = np.full(25, 20000.0)
    assert fits.fit_switching("barrier", VOLTS, counts, many).deviance_per_dof < 2.1  # chi2/23: p < 1e-3
    assert fits.fit_switching("logistic", VOLTS, counts, many).deviance_per_dof > 4


@pytest.mark.parametrize(
    ("volts", "switched", "says"),
    [
        (np.array([0.5, 0.6]), np.array([0.0, 1.0]), "cannot determine"),
        (np.linspace(0.5, 0.6, 10), np.zeros(10), "undetermined"),
    ],
)
def test_data_that_determine_nothing_are_refused(volts, switched, says):
    with pytest.raises(MeasurementError, match=says):
        fits.fit_switching("barrier", volts, switched, np.full(volts.size, 100.0))


@pytest.mark.parametrize(("switched", "trials", "low", "high"), [(0, 10, 0, 1 / 11), (10, 10, 10 / 11, 1)])
def test_the_wilson_interval_at_its_ends_has_its_closed_form(switched, trials, low, high):
    assert fits.wilson(switched, trials) == (pytest.approx(low, abs=1e-12), pytest.approx(high))
