"""Many sequences: the report's arithmetic, Holm's correction, and what ideal bits look like."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from labctl.core.errors import ParameterError
from labctl.entropy import sp800_22
from labctl.entropy.sp800_22 import NIST, Parameters, Profile, Result, Sequence, Status
from labctl.entropy.sp800_22.multiplicity import holm

EXACT = Parameters(profile=Profile.EXACT)


def results(p_values, test="frequency"):
    """One result per sequence; None is not applicable."""
    return [
        (Result(test, "", p, Status.NOT_APPLICABLE if p is None else Status.PASSED if p >= 0.01 else Status.FAILED),)
        for p in p_values
    ]


def row(p_values, parameters=NIST, test="frequency"):
    return sp800_22.summarise(results(p_values, test), parameters).rows[0]


p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=300)


@given(p_lists, st.sampled_from((NIST, EXACT)))
def test_tenths_and_shares_add_up(p_values, parameters):
    found = row(p_values, parameters)
    assert sum(found.bins) == found.sequences == len(p_values)
    assert 0 <= found.passed <= found.sequences
    assert found.least <= 0.99 * len(p_values) <= found.most + 1
    assert (found.uniformity is None) == (len(p_values) < (55 if parameters is EXACT else 10))
    assert 0 <= found.chance <= 1


def test_the_c_reads_p_values_back_from_six_digits_in_single_precision():
    assert row([0.0100004] * 20).passed == 0  # printed 0.010000, read back as a hair less
    assert row([0.0100004] * 20, EXACT).passed == 20
    assert row([0.7] * 20).bins[6] == 20  # and 0.7 likewise
    assert row([0.7] * 20, EXACT).bins[7] == 20


def test_the_c_expects_whole_numbers():
    p_values = [0.05 + k / 10 for k in range(10)] * 5 + [0.55] * 5
    assert row(p_values).uniformity == pytest.approx(chi2.sf((10 - 5) ** 2 / 5, 9))
    assert row(p_values, EXACT).uniformity == pytest.approx(chi2.sf((9 * 0.5**2 + 4.5**2) / 5.5, 9))


def test_what_is_not_applicable_is_left_out_except_where_the_c_takes_it_for_a_failure():
    some = [None, None, *[0.5] * 60]
    assert (row(some).sequences, row(some).passed) == (62, 60)
    assert (row(some, EXACT).sequences, row(some, EXACT).passed) == (60, 60)
    assert row(some, test="random_excursions").sequences == 60
    assert row([*some, 1e-9], test="random_excursions").sequences == 60  # the C loses the worst P-value of all
    assert row([*some, 1e-9], EXACT, test="random_excursions").sequences == 61
    for parameters in (NIST, EXACT):
        assert row([None] * 60, parameters).status is Status.NOT_APPLICABLE
        assert sp800_22.summarise(results([None] * 60), parameters).holm == 1.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_holm_is_monotone_and_between_the_p_value_and_bonferroni(p_values):
    p = np.array(p_values)
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(p * p.size, 1) + 1e-15).all()
    order = np.argsort(p)
    assert (np.diff(adjusted[order]) >= 0).all()


def test_holms_textbook_example():
    # Holm, Scand. J. Statist. 6, 65 (1979): steps n p(1), (n - 1) p(2) ...
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_a_single_sequence_is_judged_as_a_family():
    found = sp800_22.run(Sequence(np.random.default_rng(2).integers(0, 256, 125_000, dtype=np.uint8), 1_000_000))
    applicable = sum(result.p_value is not None for result in found)
    assert sp800_22.expected_failures(found) == pytest.approx(0.01 * applicable)
    assert min(sp800_22.adjusted(found).values()) > 1e-3  # false alarms: 1e-3, and the seed is fixed
    biased = np.packbits(np.random.default_rng(2).random(1_000_000) < 0.505)
    assert min(sp800_22.adjusted(sp800_22.run(Sequence(biased, 1_000_000))).values()) < 1e-9


def test_the_expected_failures_are_the_binomial_law():
    summary = sp800_22.summarise(results([0.5] * 100), EXACT)
    least = math.ceil(99 - 3 * math.sqrt(0.99))
    assert summary.expected_failures == pytest.approx(binom.cdf(least - 1, 100, 0.99) + 1e-4, rel=1e-6)


@pytest.mark.parametrize("wrong", [(0, None), (1000, 9), (100_000, None), (8, 0)])
def test_sequences_that_are_not_there_are_refused(wrong):
    with pytest.raises(ParameterError, match="sequences of"):
        list(sp800_22.split(np.zeros(1000, np.uint8), *wrong))


def test_no_sequences_are_refused():
    with pytest.raises(ParameterError, match="no sequences"):
        sp800_22.summarise([])


MILLION = ("cumulative_sums", "longest_run", "rank", "overlapping_template", "universal", "linear_complexity")
EXCURSIONS = ("random_excursions", "random_excursions_variant")
SHORTER = ("frequency", "block_frequency", "runs", "fft", "non_overlapping_template", "approximate_entropy", "serial")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tests", "n"), [(MILLION + EXCURSIONS, 1_000_000), (SHORTER, 131_072)], ids=["million", "shorter"]
)
def test_p_values_of_ideal_bits_are_uniform(tests, n):
    # 1,000 sequences. False alarms: 1e-3 (Holm's bound over all rows), and the seed is fixed.
    parameters = Parameters(profile=Profile.EXACT, fft_divisor=3.8, serial_length=13, approximate_entropy_length=9)
    rng = np.random.default_rng(20261123)
    found = [
        sp800_22.run(Sequence(rng.integers(0, 256, n // 8, dtype=np.uint8), n), parameters, tests) for _ in range(1000)
    ]
    summary = sp800_22.summarise(found, parameters)
    assert summary.holm > 1e-3
    assert {row.test for row in summary.rows if row.sequences >= 500} == set(tests)
