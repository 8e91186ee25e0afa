"""The verdict on SP 800-22: how often perfect bits fail, and that biased ones do."""

import numpy as np
import pytest

from labctl.entropy.certify import Asked, Piece, Suite, examine
from labctl.entropy.files import BitFile
from labctl.entropy.findings import Findings
from labctl.entropy.sp800_22 import Profile, Status
from labctl.entropy.verdict import judge, overall


def verdict(rng, n, count, profile=Profile.STS, ones=0.5):
    asked = Asked((Suite.SP800_22,), profile)
    findings = Findings(asked, [Piece(Suite.SP800_22, i, BitFile(None, n), 0, n) for i in range(count)])
    for i in range(count):
        packed = np.packbits(rng.random(n) < ones) if ones != 0.5 else rng.integers(0, 256, n // 8, np.uint8)
        findings.add(examine(Suite.SP800_22, i, packed, n, asked))
    return judge(findings)[0]


@pytest.mark.parametrize("profile", Profile)
@pytest.mark.parametrize(("n", "count", "repeats"), [(1000, 1, 100), (8000, 1, 40), (8000, 40, 1), (100_000, 1, 20)])
def test_perfect_bits_pass(n, count, repeats, profile):
    # Each certification fails by chance once in a thousand at most: 0.3 of all 322, and the seed is fixed.
    rng = np.random.default_rng(n + count)
    assert {verdict(rng, n, count, profile).status for _ in range(repeats)} == {Status.PASSED}


@pytest.mark.slow
@pytest.mark.parametrize(("n", "count", "repeats"), [(100_000, 1, 1000), (1_000_000, 100, 3)])
def test_perfect_bits_fail_once_in_a_thousand(n, count, repeats):
    # Five or more of 1,000 at 1e-3 each: 0.4 %; one or more of 3: 0.3 %. The seed is fixed.
    rng = np.random.default_rng(20261124)
    failed = sum(verdict(rng, n, count).status is not Status.PASSED for _ in range(repeats))
    assert failed < (5 if repeats == 1000 else 1)


@pytest.mark.parametrize(
    ("n", "count", "ones"), [(1000, 1, 0.7), (8000, 1, 0.55), (100_000, 1, 0.51), (8000, 40, 0.51)]
)
def test_a_bias_fails(n, count, ones):
    assert verdict(np.random.default_rng(1), n, count, ones=ones).status is Status.FAILED


def test_one_dead_sequence_among_good_ones_fails():
    asked = Asked((Suite.SP800_22,))
    findings = Findings(asked, [Piece(Suite.SP800_22, i, BitFile(None, 8000), 0, 8000) for i in range(30)])
    rng = np.random.default_rng(1)
    for i in range(30):
        packed = rng.integers(0, 256, 1000, np.uint8) if i != 17 else np.zeros(1000, np.uint8)
        findings.add(examine(Suite.SP800_22, i, packed, 8000, asked))
    assert overall(judge(findings)) is Status.FAILED
