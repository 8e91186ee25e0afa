"""The suite T_irn: its layout, its limits, its one retry."""

import numpy as np
import pytest

from labctl.core.bits import Bits, Origin
from labctl.core.errors import ParameterError
from labctl.entropy import ais31, sp800_90b
from labctl.entropy.ais31 import LONG, ROUND, SHORT


def bits_of(values):
    return Bits.of(values, Origin.SIMULATED)


@pytest.fixture(scope="module")
def ideal():
    return np.unpackbits(np.random.Philox(key=41).random_raw(ROUND // 32).astype("<u8").view(np.uint8))


@pytest.mark.slow
def test_each_test_has_its_own_bits(ideal):
    # fixed seed; ideal bits fail a round once in 67 times
    suite = ais31.t_irn(bits_of(ideal[:ROUND]))
    assert suite.passed
    ones, poker, mmc, lz = suite.rounds[0]
    assert ones.value == ideal[:SHORT].sum()
    assert poker.value == ais31.poker_statistic(ideal[SHORT : 2 * SHORT])
    third, fourth = ideal[2 * SHORT : 2 * SHORT + LONG], ideal[2 * SHORT + LONG : ROUND]
    by_name = [{e.name: e.min_entropy for e in sp800_90b.assess(x, 1).original} for x in (third, fourth)]
    assert (mmc.value, lz.value) == (by_name[0]["MultiMMC"], by_name[1]["LZ78Y"])


def test_a_round_that_fails_is_repeated_once_with_new_bits(ideal):
    bad = ideal[:ROUND].copy()
    bad[:SHORT] = np.arange(SHORT) % 3 == 0
    alone = ais31.t_irn(bits_of(bad))
    assert not alone.passed
    assert alone.needs_retry
    assert [r.name for r in alone.rounds[0] if not r.passed] == ["T1 monobit"]
    again = ais31.t_irn(bits_of(np.concatenate((bad, ideal[ROUND:]))))
    assert len(again.rounds) == 2
    assert again.passed
    assert not again.needs_retry


def test_bits_that_can_be_predicted_fail():
    values = np.arange(ROUND) % 2
    failed = [r.name for r in ais31.t_irn(bits_of(values)).rounds[0] if not r.passed]
    assert failed == ["T2 poker", "T3 MultiMMC", "T4 LZ78Y"]


def test_too_few_bits_are_refused():
    with pytest.raises(ParameterError, match="takes 2040000"):
        ais31.t_irn(bits_of(np.zeros(1000, int)))


# 5,000 nibbles: as even as they can be, all alike, and one of each pair
@pytest.mark.parametrize(("nibbles", "x"), [([0], 75_000.0), ([0, 15], 35_000.0), (list(range(16)), 0.0)])
def test_the_poker_statistic(nibbles, x):
    values = np.unpackbits(np.resize(np.array(nibbles, np.uint8), (4992 if x == 0 else 5000))[:, None], axis=1)[:, 4:]
    assert ais31.poker_statistic(values.ravel()) == x
