"""What must hold for any bits: definitions taken literally, symmetries, and that nothing is ever raised."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labctl.entropy import sp800_22
from labctl.entropy.sp800_22 import Parameters, Profile, Sequence, Status
from labctl.entropy.sp800_22.complexity import complexities
from labctl.entropy.sp800_22.longest_run import class_probabilities
from labctl.entropy.sp800_22.rank import ranks_of
from labctl.entropy.sp800_22.spectral import peaks_below
from labctl.entropy.sp800_22.templates import aperiodic, non_overlapping_template, overlapping_classes

SHORT = Parameters(
    block_frequency_length=20,
    non_overlapping_length=3,
    overlapping_length=4,
    approximate_entropy_length=2,
    serial_length=3,
    linear_complexity_length=50,
    excursion_cycles=1,
)


def bits(least=1, most=3000):
    """Fair, unfair and periodic bits of any length."""
    seeded = st.tuples(st.integers(0, 2**32), st.sampled_from((0.5, 0.5, 0.02, 0.97)))
    lengths = st.integers(least, most)
    chance = st.builds(
        lambda n, how: (np.random.default_rng(how[0]).random(n) < how[1]).astype(np.uint8), lengths, seeded
    )
    period = st.lists(st.integers(0, 1), min_size=1, max_size=9)
    periodic = st.builds(lambda n, p: np.resize(np.array(p, np.uint8), n), lengths, period)
    return chance | periodic | hnp.arrays(np.uint8, st.integers(least, max(least, 200)), elements=st.integers(0, 1))


def sequence(values):
    return Sequence(np.packbits(values), len(values))


def p_values(values, parameters=SHORT, tests=None):
    return {(r.test, r.variant): r.p_value for r in sp800_22.run(sequence(values), parameters, tests)}


@given(bits(), st.sampled_from((sp800_22.NIST, SHORT, Parameters(profile=Profile.EXACT))))
@settings(deadline=None)
def test_any_bits_have_every_result_and_no_exception(values, parameters):
    results = sp800_22.run(sequence(values), parameters)
    assert len(results) == (188 if parameters is not SHORT else 44)
    for result in results:
        if result.status is Status.NOT_APPLICABLE:
            assert result.p_value is None
            assert result.reason
        else:
            assert 0 <= result.p_value <= 1
            assert (result.status is Status.FAILED) == (result.p_value < 0.01)
            assert not result.reason


# what may be done to the bits without these tests noticing
COMPLEMENT = ("frequency", "block_frequency", "runs", "cumulative_sums", "universal", "approximate_entropy", "serial")
REVERSAL = ("frequency", "runs", "approximate_entropy", "serial")
ROTATION = ("frequency", "approximate_entropy", "serial")


@given(bits(least=8), st.integers(0, 3000))
def test_symmetries(values, turn):
    found = p_values(values)
    for names, other in (
        (COMPLEMENT, 1 - values),
        (REVERSAL, values[::-1]),
        (ROTATION, np.roll(values, turn)),
    ):
        for key, p_value in p_values(other, tests=names).items():
            assert p_value == pytest.approx(found[key], abs=1e-9), (names, key)
    back = p_values(values[::-1], tests=["cumulative_sums"])
    assert back[("cumulative_sums", "forward")] == pytest.approx(found[("cumulative_sums", "reverse")], abs=1e-12)
    mirrored = p_values(1 - values, tests=["random_excursions", "random_excursions_variant"])
    for (test, state), p_value in mirrored.items():
        assert p_value == pytest.approx(found[(test, f"{-int(state):+d}")], abs=1e-9)


@given(bits(), st.integers(1, 700))
def test_sequences_are_cut_at_any_bit(values, n):
    packed = np.packbits(values)
    whole = np.unpackbits(packed)
    if n > whole.size:
        return
    for index, part in enumerate(sp800_22.split(packed, n)):
        assert (part.bits == whole[index * n : (index + 1) * n]).all()
    assert index + 1 == whole.size // n


@given(bits())
def test_views_are_what_they_say(values):
    it, n = sequence(values), len(values)
    ring = np.resize(values, n + 32)
    weights = 1 << np.arange(15, -1, -1)
    assert (it.windows == [int(ring[k : k + 16] @ weights) for k in range(n)]).all()
    assert (it.walk == np.cumsum(2 * values.astype(int) - 1)).all()
    assert it.ones == values.sum()
    for length in (1, 5, 16, 18):
        patterns = [int("".join(map(str, ring[k : k + length])), 2) for k in range(n)]
        assert (it.patterns(length) == np.bincount(patterns, minlength=1 << length)).all()


def berlekamp_massey(values):
    c, b, size, last, behind = 1, 1, 0, -1, 0
    for k, value in enumerate(values):
        behind = behind << 1 | value  # bit i is the value i steps back
        if (c & behind & ((1 << (size + 1)) - 1)).bit_count() % 2:
            t, c = c, c ^ b << (k - last)
            if 2 * size <= k:
                size, last, b = k + 1 - size, k, t
    return size


@given(st.integers(1, 130), st.integers(1, 90), st.integers(0, 2**32), st.sampled_from((0.5, 0.05)))
def test_complexity_is_that_of_berlekamp_and_massey(blocks, length, seed, share):
    values = (np.random.default_rng(seed).random((blocks, length)) < share).astype(np.uint8)
    assert complexities(values).tolist() == [berlekamp_massey(row.tolist()) for row in values]


def rank_by_columns(rows):
    rows, rank = list(rows), 0
    for column in range(32):
        hit = next((k for k in range(rank, 32) if rows[k] >> column & 1), None)
        if hit is None:
            continue
        rows[rank], rows[hit] = rows[hit], rows[rank]
        rows[rank + 1 :] = [row ^ rows[rank] if row >> column & 1 else row for row in rows[rank + 1 :]]
        rank += 1
    return rank


@given(st.integers(0, 2**32), st.integers(1, 33))
def test_rank_is_that_of_elimination_by_columns(seed, inner):
    rng = np.random.default_rng(seed)
    products = rng.integers(0, 2, (4, 32, inner)) @ rng.integers(0, 2, (4, inner, 32)) % 2
    rows = np.packbits(products.astype(np.uint8), axis=2).view(">u4")[:, :, 0].astype(np.uint32)
    expected = [rank_by_columns(matrix.tolist()) for matrix in rows]
    assert ranks_of(rows.T.copy()).tolist() == expected


@given(bits(least=80), st.integers(2, 9))
def test_templates_are_counted_as_by_a_scan_that_jumps_over_each_find(values, length):
    block = len(values) // 8
    found = non_overlapping_template(sequence(values), Parameters(non_overlapping_length=length))
    mean = (block - length + 1) / 2**length
    variance = block * (1 / 2**length - (2 * length - 1) / 4**length)
    for template, p_value in list(zip(aperiodic(length), found, strict=True))[::7]:
        text = f"{template:0{length}b}"
        counts = ["".join(map(str, values[k * block : (k + 1) * block])).count(text) for k in range(8)]
        chi2 = sum((count - mean) ** 2 / variance for count in counts)
        # Q(4, x) in closed form
        half = chi2 / 2
        expected = math.exp(-half) * sum(half**k / math.factorial(k) for k in range(4))
        assert p_value == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 4000), st.integers(0, 2**32))
def test_peaks_are_those_of_the_plain_transform(n, seed):
    signal = np.random.default_rng(seed).integers(0, 2, 2 * n) * 2.0 - 1
    power = np.abs(np.fft.fft(signal)[:n]) ** 2
    line = 2.995732274 * 2 * n
    assert peaks_below(signal, line) == np.count_nonzero(power < line)


@given(st.integers(8, 300), st.integers(1, 5), st.integers(1, 6))
def test_chances_of_runs_add_up(length, first, classes):
    chances = class_probabilities(length, first, first + classes)
    assert sum(chances) == pytest.approx(1, abs=1e-12)
    assert min(chances) >= 0


@pytest.mark.parametrize("length", [2, 5, 9, 16])
def test_chances_of_templates_have_the_right_mean(length):
    # by the symmetry of bits the chance of none is that of no run of ones as long
    chances = overlapping_classes(length)
    assert sum(chances) == pytest.approx(1, abs=1e-12)
    assert chances[0] == pytest.approx(class_probabilities(1032, length - 1, length)[0], abs=1e-13)


@pytest.mark.parametrize("count", list(enumerate([2, 4, 6, 12, 20, 40, 74, 148, 148, 148], start=2)))
def test_there_are_as_many_templates_as_nist_has(count):
    assert len(aperiodic(count[0])) == count[1]
