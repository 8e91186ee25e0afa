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
    # Pulls are unit normal if the errors are right. Taking the pulls of one fit as fully correlated leaves 60
    # independent ones: their mean square has a standard deviation of 0.18, their mean one of 0.13. The bounds are 2.7
    # and 3 of those away: a false alarm has p < 0.01 per model at most, and the seeds are fixed.
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
    assert fits.fit_switching("barrier", VOLTS, counts, many).deviance_per_dof < 2.2  # chi2/23: p = 7e-4
    # the logistic is wrong by up to 0.03 here, 8 standard errors of a count: missing that has no chance worth stating
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


@pytest.mark.parametrize(("switched", "trials"), [(0, 10), (10, 10), (5, 10), (1, 30), (700, 2000)])
def test_the_wilson_interval_is_where_the_true_value_is_one_standard_error_away(switched, trials):
    low, high = fits.wilson(switched, trials)
    for p in (low, high):
        if 0 < p < 1:
            assert abs(switched / trials - p) == pytest.approx(np.sqrt(p * (1 - p) / trials))
    assert low < switched / trials < high or {low, high} & {0.0, 1.0}
