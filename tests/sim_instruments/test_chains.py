"""Two-state chains against the loop that they stand for, and against the law of their chances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from labctl_sim import chains
from labctl_sim.chains import chain, linked, outcomes
from labctl_sim.converter import Converter
from labctl_sim.waveform import Capture

FALSE_ALARM = 1e-6  # of each statistical test with another seed; with the fixed seeds there is none


def rng(seed=1):
    return np.random.Generator(np.random.SFC64(seed))


@given(st.integers(0, 1), st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_known_outcomes_are_linked_as_one_by_one(state, pairs):
    slow = [state]
    for pair in pairs:
        slow.append(int(pair[slow[-1]]))
    if_p, if_ap = np.array(pairs).T[:, :, None]
    np.testing.assert_array_equal(linked(state, if_p, if_ap), slow)


@pytest.mark.parametrize(
    ("up", "down"),
    [([0.5], [0.5]), ([0.497], [0.502]), ([0.9], [0.95]), ([0.02], [0.03]), ([0.3, 0.9], [0.1, 0.8])],
)
def test_a_chain_follows_the_law_of_its_chances(up, down):
    n, steps = 300_000, len(up)
    states = chain(1, np.array(up), np.array(down), n, rng(2))
    assert states[0] == 1
    assert states.size == 1 + n * steps
    # Pairs of steps that do not overlap, given the state before them: chi-square of 3 degrees of freedom each.
    for step in range(steps):
        first, then = (np.array([up, down])[:, (step + k) % steps] for k in range(2))
        begin, middle, end = (states[step + k :: 2 * steps][: n // 2 - 1] for k in range(3))
        for state in (0, 1):
            here = begin == state
            counts = np.bincount(2 * middle[here] + end[here], minlength=4)
            one = [1 - first[state] if after == state else first[state] for after in (0, 1)]
            two = [1 - then[after] if last == after else then[after] for after in (0, 1) for last in (0, 1)]
            expected = np.repeat(one, 2) * two * counts.sum()
            assert ((counts - expected) ** 2 / expected).sum() < chi2.isf(FALSE_ALARM, 3)


def test_a_chain_of_many_pieces_goes_on_where_the_last_one_ended(monkeypatch):
    # In a step that never changes anything, and one that always does.
    monkeypatch.setattr(chains, "AT_ONCE", 7)
    assert chain(1, np.zeros(1), np.zeros(1), 50, rng()).all()
    np.testing.assert_array_equal(chain(1, np.ones(1), np.ones(1), 50, rng()), np.arange(51) % 2 ^ 1)


def test_draws_are_finer_than_their_first_bits(monkeypatch):
    # All first bits are those of the chance, so that the others decide: as often as they say.
    n, chance = 200_000, (0x4000 + 0.3) / 2**16
    monkeypatch.setattr(chains, "words", lambda count, _: np.full(count, 0x4000, np.uint16))
    if_p, if_ap = outcomes(np.array([chance]), np.array([1 - chance]), n, rng(3))
    assert if_p.mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / n))  # 5 sigma: 6e-7
    np.testing.assert_array_equal(if_p, if_ap)  # the same draw: where they do not differ it decides alike


@pytest.mark.parametrize(
    ("noise", "zero", "levels"), [(1e-3, 0.0, (0.01, 0.02)), (0.02, -30.0, (0.0,)), (1e-4, 0.3, (0.0,))]
)
def test_a_converter_draws_the_law_of_rounded_noise(noise, zero, levels):
    n = 400_000
    capture = Capture(np.zeros(1), 1, 1e-3, zero, noise)
    assert Converter.suits(len(levels), capture)
    which = np.arange(n, dtype=np.uint16) % len(levels)
    drawn = Converter(np.array(levels), capture).draw(which, rng(4)).astype(int)
    for number, level in enumerate(levels):
        # The peer adds noise and rounds. Two samples of equal size, counts of 20 and more: chi-square.
        other = np.clip(np.rint((level + noise * rng(5 + number).standard_normal(n)) / 1e-3 + zero), -128, 127)
        a = np.bincount(drawn[which == number] + 128, minlength=256)
        b = np.bincount(other.astype(int) + 128, minlength=256)
        often = a + b >= 20
        expected = (a + b) * (a.sum() / (a.sum() + n))
        share = n / (a.sum() + n)
        found = ((a - expected)[often] ** 2 / (expected[often] * share)).sum()
        assert found < chi2.isf(FALSE_ALARM, max(int(often.sum()) - 1, 1))
        assert (a + b)[~often].sum() < 20 * 30
