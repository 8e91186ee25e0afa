"""Sixteen bits make one normal deviate: its law, its order, its price."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from labctl.core.bits import Bits, Origin
from labctl.core.errors import NotEnoughBits, ParameterError
from labctl.diffusion.noise import NoiseSource, bits_needed, icdf16_table, table_sha256


def test_the_table_is_odd_rising_and_has_mean_0_and_variance_1():
    table = icdf16_table().astype(np.float64)
    assert len(table) == 65536
    assert (np.diff(table) > 0).all()
    assert (table == -table[::-1]).all()
    assert math.fsum(table) == 0.0
    assert abs(math.fsum(table**2) / 65536 - 1) <= 1e-8
    assert abs(math.fsum(table**4) / 65536 - 3) <= 1e-3
    assert 4.3 < table[-1] < 4.5


def test_the_table_keeps_within_a_code_of_the_normal_law():
    # Kolmogorov's distance: the law's steps are 2^-16 high, so at best half of that.
    cdf = norm.cdf(icdf16_table().astype(np.float64))
    steps = np.arange(65537) / 65536
    assert max(np.abs(cdf - steps[1:]).max(), np.abs(cdf - steps[:-1]).max()) <= 2**-16


def test_the_table_is_the_one_that_past_manifests_name():
    assert table_sha256() == "723a394acd0887a9b6e3a2d6ca094566b7e4c7c55793126d96034382c0a5657b"


@given(st.lists(st.integers(0, 5), max_size=4).map(tuple))
def test_a_draw_costs_exactly_16_bits_per_deviate(shape):
    class Counting:
        asked = 0

        def read(self, n_bits):
            self.asked += n_bits
            return Bits.of_bytes(bytes(n_bits // 8), Origin.SIMULATED)

    source = Counting()
    noise = NoiseSource(source)
    assert noise.randn(shape).shape == torch.Size(shape)
    noise.randn(shape)
    assert noise.bits_used == source.asked == bits_needed(shape, draws=2) == 32 * math.prod(shape)


def test_bits_are_read_first_bit_first_and_fill_tensors_in_c_order(given_bits):
    codes = [0x0000, 0x7FFF, 0x8000, 0xFFFF, 0x0102, 0xFE00]
    drawn = NoiseSource(given_bits(b"".join(code.to_bytes(2, "big") for code in codes))).randn((2, 3))
    assert drawn.dtype == torch.float32
    assert drawn.flatten().tolist() == [float(icdf16_table()[code]) for code in codes]


def test_two_draws_are_one_long_draw(seeded_bits):
    whole = NoiseSource(seeded_bits(1)).randn((10, 7))
    halves = NoiseSource(seeded_bits(1))
    assert torch.equal(whole, torch.cat([halves.randn((4, 7)), halves.randn((6, 7))]))


def test_noise_that_runs_out_is_an_error_and_spends_nothing(given_bits):
    noise = NoiseSource(given_bits(bytes(7)))
    noise.randn((3,))
    with pytest.raises(NotEnoughBits):
        noise.randn((1,))
    assert noise.bits_used == 48


def test_a_source_that_hands_out_fewer_bits_is_caught():
    class Short:
        def read(self, n_bits):
            return Bits.of_bytes(bytes(n_bits // 8 - 2), Origin.HARDWARE)

    with pytest.raises(NotEnoughBits, match="handed out 16"):
        NoiseSource(Short()).randn((2,))


def test_an_unknown_method_says_which_are_known(given_bits):
    with pytest.raises(ParameterError, match="icdf16"):
        NoiseSource(given_bits(b""), method="ziggurat")


def test_origins_and_the_hash_of_what_was_spent_are_kept(given_bits):
    data = bytes(range(8))
    noise = NoiseSource(given_bits(data, Origin.HARDWARE))
    assert noise.origins == ()
    noise.randn((4,))
    assert noise.origins == (Origin.HARDWARE,)
    assert noise.spent_sha256 == Bits.of_bytes(data, Origin.HARDWARE).sha256()


def test_a_k_diffusion_noise_sampler_follows_its_x(seeded_bits):
    noise = NoiseSource(seeded_bits(2))
    sample = noise.noise_sampler(torch.zeros((2, 3), dtype=torch.float64))
    first, second = sample(14.6, 7.0), sample(7.0, 0.0)
    assert first.shape == second.shape == (2, 3)
    assert first.dtype == torch.float64
    assert not torch.equal(first, second)
    assert noise.bits_used == 2 * 96


@pytest.mark.parametrize("e", [0.0, 1e-4, 1e-3, -1e-3])
def test_a_bias_of_the_bits_moves_the_mean_by_3_75_times_itself(e):
    # Exactly, over all 65,536 codes: no sampling, no false alarms.
    ones = np.bitwise_count(np.arange(65536, dtype=np.uint16)).astype(np.float64)
    chance = (0.5 + e) ** ones * (0.5 - e) ** (16 - ones)
    table = icdf16_table().astype(np.float64)
    mean = float(chance @ table)
    assert mean == pytest.approx(3.75 * e, rel=2e-3, abs=1e-12)
    assert float(chance @ table**2) - mean**2 == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("e", [0.0, 0.01, -0.02])
def test_a_biased_source_shows_in_the_noise_as_predicted(seeded_bits, e):
    # 2^16 deviates: the mean has a standard error of 1/256. Fixed seed; 5 errors, false alarm 6e-7 for a new seed.
    drawn = NoiseSource(seeded_bits(3, 0.5 + e)).randn((65536,), torch.float64)
    assert float(drawn.mean()) == pytest.approx(3.75 * e, abs=5 / 256)
