"""What is refused, and what is too short, is said in sentences."""

import numpy as np
import pytest

from labctl.core.bits import Bits, Origin
from labctl.core.errors import ParameterError
from labctl.entropy import sp800_22
from labctl.entropy.sp800_22 import Parameters, Profile, Sequence, Status

EXACT = Parameters(profile=Profile.EXACT)


def test_no_bits_are_refused():
    with pytest.raises(ParameterError, match="0 bits was given; give at least one"):
        sp800_22.run(Bits(b"", 0, Origin.SIMULATED))


@pytest.mark.parametrize(
    ("packed", "n", "says"),
    [
        (np.zeros(4), 32, "packed bits"),
        ([0, 1], 16, "packed bits"),
        (np.zeros((2, 2), np.uint8), 32, "packed bits"),
        (np.zeros(3, np.uint8), 32, "32 bits are 4 bytes, but there are 3"),
        (np.array([255], np.uint8), 5, "unused bits"),
    ],
)
def test_what_is_not_packed_bits_is_refused(packed, n, says):
    with pytest.raises(ParameterError, match=says):
        Sequence(packed, n)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"block_frequency_length": 0},
        {"non_overlapping_length": 17},
        {"overlapping_length": 1},
        {"approximate_entropy_length": 0},
        {"serial_length": 30},
        {"linear_complexity_length": 6000},
        {"universal_length": 5},
        {"fft_divisor": 0.0},
        {"excursion_cycles": 0},
    ],
)
def test_parameters_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Parameters(**wrong)


def test_an_unknown_test_is_refused_with_a_list():
    with pytest.raises(ParameterError, match=r"no test 'monobit'; choose from frequency, block_frequency"):
        sp800_22.run(Bits.of([0, 1], Origin.SIMULATED), tests=["monobit"])


# the least n that each test takes, as the C computes it and as the standard recommends
LEAST = {
    "frequency": (1, 100),
    "block_frequency": (128, 128),
    "cumulative_sums": (1, 100),
    "runs": (2, 100),
    "longest_run": (128, 128),
    "rank": (1024, 38_912),
    "fft": (2, 1000),
    "non_overlapping_template": (72, 72),
    "overlapping_template": (1032, 1_000_000),
    "universal": (387_840, 387_840),
    "approximate_entropy": (1, 2**16),
    "serial": (1, 2**19),
    "linear_complexity": (500, 1_000_000),
}


@pytest.mark.parametrize("test", LEAST)
@pytest.mark.parametrize("parameters", [sp800_22.NIST, EXACT], ids=["sts", "exact"])
def test_a_test_needs_so_many_bits_and_no_more(test, parameters):
    least = LEAST[test][parameters.exact]
    enough = np.random.default_rng(1).integers(0, 256, (least + 7) // 8, dtype=np.uint8)
    enough = np.packbits(np.unpackbits(enough)[:least])
    if least == 2:
        enough = np.array([0x80], np.uint8)
    assert all(r.status is not Status.NOT_APPLICABLE for r in sp800_22.run(Sequence(enough, least), parameters, [test]))
    if least > 1:
        few = np.packbits(np.unpackbits(enough)[: least - 1])
        for result in sp800_22.run(Sequence(few, least - 1), parameters, [test]):
            assert result.status is Status.NOT_APPLICABLE
            assert str(least - 1) in result.reason or "one bit" in result.reason or "all 1" in result.reason


def test_a_walk_that_seldom_returns_is_not_a_failure():
    results = sp800_22.run(Bits.of(np.ones(10_000), Origin.SIMULATED), tests=["random_excursions"])
    assert {result.status for result in results} == {Status.NOT_APPLICABLE}
    assert "0 again" not in results[0].reason
    assert "1 cycles" in results[0].reason


def test_the_exact_profile_can_be_told_to_compute_all_the_same():
    short = Bits.of([1, 0, 1, 1, 0, 1, 0, 1, 0, 1], Origin.SIMULATED)
    lax = Parameters(profile=Profile.EXACT, minimums=False)
    assert sp800_22.run(short, EXACT, ["frequency"])[0].status is Status.NOT_APPLICABLE
    assert sp800_22.run(short, lax, ["frequency"])[0].p_value == pytest.approx(0.527089, abs=6e-7)
