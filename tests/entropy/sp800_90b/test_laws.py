"""What must hold for any data: names of symbols do not matter, both forms of each loop agree, definitions are met."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.bits import Bits, Origin
from labctl.core.errors import ParameterError
from labctl.entropy import sp800_90b
from labctl.entropy.sp800_90b.compression import compression
from labctl.entropy.sp800_90b.counts import collision, markov, most_common_value
from labctl.entropy.sp800_90b.dictionary import lz78y
from labctl.entropy.sp800_90b.lag import lag
from labctl.entropy.sp800_90b.markov_models import multi_mmc
from labctl.entropy.sp800_90b.prediction import prediction
from labctl.entropy.sp800_90b.suffixes import common_prefixes
from labctl.entropy.sp800_90b.symbols import Symbols
from labctl.entropy.sp800_90b.tuples import count_repeats, tuples
from labctl.entropy.sp800_90b.windows import multi_mcw

FEW = settings(max_examples=60, deadline=None)


@st.composite
def sequences(draw, most=255, longest=400):
    """Of few symbols or many, short or long, with repeats thrown in."""
    size = draw(st.integers(1, most))
    start = draw(st.lists(st.integers(0, size), min_size=20, max_size=longest))
    times = draw(st.integers(1, 4))
    return np.array(start * times + draw(st.lists(st.integers(0, size), max_size=30)), np.uint8)


def slow_repeats(values):
    """For each length: how often the commonest string occurs, and the number of pairs of equal ones."""
    text, most, pairs = bytes(values), [], []
    for length in itertools.count(1):
        counts = Counter(text[i : i + length] for i in range(len(text) - length + 1))
        if not counts or max(counts.values()) < 2:
            return most, pairs
        most.append(max(counts.values()))
        pairs.append(sum(math.comb(c, 2) for c in counts.values()))
    raise AssertionError


@FEW
@given(sequences())
def test_repeats_are_counted_as_a_slow_count_does(values):
    found = count_repeats(common_prefixes(Symbols.of(values)))
    assert [x[1:].tolist() for x in found] == list(slow_repeats(values))


@FEW
@given(sequences(), st.booleans())
def test_loops_and_arrays_agree(values, long):
    symbols = Symbols.of(np.tile(values, 20) if long else values)
    for estimator in (tuples, multi_mcw, lag, multi_mmc, lz78y):
        assert estimator(symbols, numba=True) == estimator(symbols, numba=False)


@FEW
@given(sequences(most=30), st.permutations(range(256)))
def test_names_of_symbols_do_not_matter_where_no_tie_is_broken_by_them(values, names):
    renamed = np.array(names, np.uint8)[values]
    for estimator in (most_common_value, tuples, lag, multi_mcw):
        assert estimator(Symbols.of(values)) == estimator(Symbols.of(renamed))


@FEW
@given(st.lists(st.integers(0, 1), min_size=20, max_size=500))
def test_zeros_and_ones_can_change_places(values):
    bits = np.array(values, np.uint8)
    if bits.min() == bits.max():
        return
    for estimator in (most_common_value, collision, markov, lag, tuples):
        one, other = estimator(Symbols.of(bits, 1)), estimator(Symbols.of(1 - bits, 1))
        for a, b in zip(np.atleast_1d(one), np.atleast_1d(other), strict=True):
            assert a.applicable == b.applicable
            assert a.min_entropy == b.min_entropy or a.min_entropy == pytest.approx(b.min_entropy, abs=1e-12)


@FEW
@given(st.lists(st.integers(0, 1), min_size=3, max_size=5000))
def test_collisions_are_found_one_after_the_other(values):
    v = total = i = 0
    while i + 1 < len(values):
        step = 2 if values[i] == values[i + 1] else 3
        if i + step > len(values):
            break
        v, total, i = v + 1, total + step, i + step
    found = collision(Symbols.of(values, 1))
    assert (found.found["v"], found.found["sum"]) == (v, total) if found.applicable else v < 2


@FEW
@given(sequences())
def test_every_estimate_is_between_none_and_all_of_the_bits(values):
    for estimate in sp800_90b.estimates(Symbols.of(values)):
        assert estimate.reason if estimate.min_entropy is None else 0 <= estimate.min_entropy <= 8


@FEW
@given(st.integers(2, 10**6), st.floats(0, 1), st.integers(0, 60), st.integers(2, 256))
def test_more_hits_or_longer_runs_never_mean_more_entropy(n, share, run, size):
    hits = int(share * n)
    h = prediction("x", hits, n, run, size).min_entropy
    assert prediction("x", min(hits + 1, n), n, run, size).min_entropy <= h + 1e-12 or hits == 0
    assert prediction("x", hits, n, run + 1, size).min_entropy <= h + 1e-12


@FEW
@given(st.integers(1, 8), st.binary(min_size=8, max_size=60))
def test_packed_bits_and_their_symbols_are_the_same_source(width, data):
    bits = Bits.of_bytes(data, Origin.SIMULATED)
    symbols = Symbols.of(bits, width)
    assert len(symbols) == 8 * len(data) // width
    assert symbols.bitstring().raw.tolist() == bits.unpack()[: len(symbols) * width].tolist()


REFUSED = {
    "nothing": ([], None, "no symbols"),
    "fractions": ([0.0, 1.0], None, "symbols are integers"),
    "text": (["0", "1"], None, "symbols are integers"),
    "negative": ([0, -1], None, "found -1 to 0"),
    "wide": ([0, 256], None, "found 0 to 256"),
    "wider than said": ([0, 4], 2, "needs 3 bits"),
    "no bits": ([0, 1], 0, "1 to 8"),
    "nine bits": ([0, 1], 9, "1 to 8"),
    "a matrix": ([[0, 1], [1, 0]], None, "flatten"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_with_a_remedy(case):
    samples, bits, says = REFUSED[case]
    with pytest.raises(ParameterError, match=says):
        sp800_90b.assess(samples, bits)


def test_what_is_measured_never_raises_what_the_model_claims():
    values = np.random.default_rng(1).integers(0, 4, 2000)
    measured = sp800_90b.assess(values, 2).min_entropy
    assert sp800_90b.assess(values, 2, claimed=0.25).min_entropy == 0.25
    assert sp800_90b.assess(values, 2, claimed=2.0).min_entropy == measured
    with pytest.raises(ParameterError, match="cannot be less than 0"):
        sp800_90b.assess(values, 2, claimed=-1.0)


def test_without_numba_installed_everything_works(monkeypatch):
    values = np.random.default_rng(2).integers(0, 5, 6000)
    fast = sp800_90b.assess(values)
    monkeypatch.setattr("labctl.entropy.sp800_90b.fast.available", lambda: False)
    assert sp800_90b.assess(values) == fast


def test_what_cannot_be_estimated_is_not_applicable():
    found = {e.name: e for e in sp800_90b.assess([0, 1, 1], 1).original}
    assert {name for name, e in found.items() if e.applicable} == {"most common value", "Markov", "LRS", "lag"}
    assert "6012 are needed" in found["compression"].reason
    assert not sp800_90b.assess([0, 1, 1], 1).enough


@pytest.mark.parametrize("value", [0, 1, 200])
def test_a_source_that_never_changes_has_no_entropy(value):
    assert sp800_90b.assess(np.full(10_000, value)).min_entropy == 0


def test_compression_knows_a_certain_source_from_a_perfect_one():
    assert compression(Symbols.of(np.zeros(12_000, int), 1)).min_entropy == 0
    # each word equally far away, 64 back, is more than chance gives
    cycle = np.unpackbits(np.tile(np.arange(64, dtype=np.uint8), 40)[:, None], axis=1)[:, 2:].ravel()
    assert compression(Symbols.of(cycle, 1)).min_entropy == 1
