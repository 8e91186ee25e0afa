"""Restart tests: what NIST's tool says of the same matrices, and a source that always starts alike."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl.entropy.sp800_90b import assess_restarts, sanity_cutoff

N = 1_000_000


def octets(key):
    return np.random.Philox(key=key).random_raw(N // 8).astype("<u8").view(np.uint8)


# ea_restart -n of SP800-90B_EntropyAssessment 1.1.7 (commit 68ed165): cutoff, X_max, H_r and H_c; H_I is the result
KNOWN = {
    "bits": (lambda: (octets(31) < 128).astype(np.uint8), 1, 0.8, 643, 553, 0.8369173396807511, 0.8567541864528273),
    "2-bit symbols": (lambda: octets(32) % 4, 2, 1.5, 423, 299, 1.8392324952609991, 1.8870444269407527),
}


@pytest.mark.parametrize("name", ["bits", pytest.param("2-bit symbols", marks=pytest.mark.slow)])
def test_the_reference_says_the_same(name):
    make, bits, h_initial, cutoff, most, h_rows, h_columns = KNOWN[name]
    found = assess_restarts(make(), h_initial, bits)
    assert found.passed
    assert (found.cutoff, found.most) == (cutoff, most)
    assert (found.h_rows, found.h_columns) == pytest.approx((h_rows, h_columns), abs=1e-9)
    assert found.min_entropy == h_initial


def test_a_source_that_always_starts_alike_has_no_entropy():
    rows = np.tile((octets(33)[:1000] < 128).astype(np.uint8), 1000)
    found = assess_restarts(rows, 0.9, 1)
    assert found.most == 1000
    assert found.min_entropy == 0
    assert "1000 times in a row or column" in found.reason


def test_a_source_that_claims_to_be_independent_is_tested_for_it():
    # 0101...: with one permutation nothing passes; the names of what failed are told
    found = assess_restarts(np.arange(N) % 4, 0.0, 2, iid=np.random.default_rng(1), permutations=1)
    assert len(found.checks) == 2
    assert found.reason.startswith("not IID: chi-square independence")
    assert found.min_entropy == 0


@pytest.mark.parametrize("h", [0.0, 0.3, 1.0, 1.5, 2.0, 4.0, 7.9, 8.0])
def test_the_cutoff_is_rarely_exceeded_and_no_larger_than_that_takes(h):
    # 20,000 rounds: the 99.95 % quantile of what is simulated lies below a cutoff at 5e-6, fixed seed
    p = 2.0**-h
    cells = [p] * int(1 / p) + ([1 - int(1 / p) * p] if 1 - int(1 / p) * p > 0 else [])
    counts = np.random.default_rng(2).multinomial(1000, cells, 20_000).max(axis=1)
    cutoff = sanity_cutoff(h)
    assert np.quantile(counts, 0.9995) <= cutoff
    assert cutoff <= counts.mean() + 9 * max(counts.std(), 0)


@settings(max_examples=20, deadline=None)
@given(st.floats(0, 8), st.floats(0, 8))
def test_more_entropy_allows_less(low, high):
    assert sanity_cutoff(max(low, high)) <= sanity_cutoff(min(low, high))


def test_bad_input_is_refused_with_a_remedy():
    with pytest.raises(ParameterError, match="1000 samples of each of 1000 restarts"):
        assess_restarts(np.zeros(10, np.uint8), 1.0, 1)
    with pytest.raises(ParameterError, match="initial entropy of 2"):
        assess_restarts(np.zeros(N, np.uint8), 2.0, 1)
