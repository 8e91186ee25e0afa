"""Lifetimes from looks: the truth lies within what is stated, and what was never seen has a limit."""

import numpy as np
import pytest

from labctl.procedures.two_states import Looks, lifetimes, turned

WAITS = (1e-3, 1e-2, 0.1)


def look_at(tau, trials, seed):
    """Counts of a telegraph signal with lifetimes ``tau`` (P, AP), looked at after each wait."""
    generator = np.random.Generator(np.random.PCG64(seed))
    rates = 1 / np.array(tau)
    looks = []
    for wait in WAITS:
        for state in (False, True):
            here, back = rates[::-1] if state else rates
            chance = float(turned(np.array(wait), here, back))
            looks.append(Looks(wait, state, trials, int(generator.binomial(trials, chance))))
    return looks


@pytest.mark.parametrize("tau", [(0.03, 0.03), (0.01, 0.2)])
def test_the_truth_lies_within_the_stated_errors_as_often_as_stated(tau):
    # 240 seeds: 68.3 % give or take 3.0 %; the bounds are 3.3 of these, a false alarm of 0.4 % for the four
    pulls = []
    for seed in range(240):
        found = lifetimes(look_at(tau, 100, seed))
        # errors are those of the logarithm, in which the likelihood is nearly a parabola
        pulls.append(
            [np.log(f.tau_seconds / t) * f.tau_seconds / f.error_seconds for f, t in zip(found, tau, strict=True)]
        )
    within = (np.abs(pulls) < 1).mean(axis=0)
    assert np.abs(within - 0.683).max() < 3.3 * 0.030


@pytest.mark.slow
@pytest.mark.parametrize("tau", [(0.03, 0.03), (0.01, 10.0), (20.0, 20.0)])
def test_a_limit_is_exceeded_as_often_as_stated(tau):
    # of 100 seeds 5 are missed; more than 13 in one of six would be a false alarm of 0.3 %
    found = [lifetimes(look_at(tau, 50, seed)) for seed in range(100)]
    for state in (0, 1):
        assert sum(each[state].above_seconds > tau[state] for each in found) <= 13


def test_a_state_that_never_turns_has_a_limit_and_no_value():
    parallel, antiparallel = lifetimes([Looks(1.0, False, 100, 0), Looks(1.0, True, 100, 63)])
    assert parallel.tau_seconds is None
    # None of 100 seconds ended, and with one way back a second of what ended 63 % are seen: exp(-63.2 k) is as likely
    # as the best, 1, less 1.353, at k = 1.353 / 63.2
    assert parallel.above_seconds == pytest.approx(63.2 / 1.353, rel=0.03)
    assert antiparallel.tau_seconds == pytest.approx(1 / np.log(1 / 0.37), rel=0.01)


def test_an_even_number_of_turns_is_no_retention():
    """Long waits of a fast junction end in either state: half of them turned, and the lifetime is no value of these."""
    looks = [Looks(wait, state, 1000, 500) for wait in (1.0, 10.0) for state in (False, True)]
    looks += [Looks(1e-3, state, 1000, 95) for state in (False, True)]
    for found in lifetimes(looks):
        assert found.tau_seconds == pytest.approx(-2e-3 / np.log1p(-2 * 0.095), rel=0.05)
