"""The samplers against what can be worked out by hand: data that are one Gaussian.

For x0 ~ N(mu, s2) the best noise prediction is linear in x, so a sampler is an affine map of its noise, and its law is
a recursion of two numbers. The recursions here are the textbook's (arXiv 2006.11239 algorithm 2, arXiv 2010.02502
equation 12), written in another form than the code under test.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from labctl.core.errors import NotEnoughBits, ParameterError
from labctl.diffusion.noise import NoiseSource
from labctl.diffusion.samplers import ddim, ddpm, draws_needed
from labctl.diffusion.schedule import cosine_alpha_bars, timesteps

MU, S2 = 0.3, 0.25
SHAPE = (4, 1, 2, 2)
BYTES = 2 * math.prod(SHAPE)


def best_prediction(x, t, labels):
    kept = cosine_alpha_bars()[int(t[0])]
    return math.sqrt(1 - kept) * (x - math.sqrt(kept) * MU) / (kept * S2 + 1 - kept)


def ddpm_law(steps):
    """Mean and variance of x0 by algorithm 2, and the noise's gain at each draw."""
    levels = cosine_alpha_bars()[timesteps(steps)]
    mean, gains = 0.0, [1.0]
    for here, below in zip(levels, [*levels[1:], 1.0], strict=True):
        alpha = here / below
        slope = (1 - (1 - alpha) / (here * S2 + 1 - here)) / math.sqrt(alpha)
        offset = (1 - alpha) / (here * S2 + 1 - here) * math.sqrt(here) * MU / math.sqrt(alpha)
        mean = slope * mean + offset
        gains = [slope * gain for gain in gains]
        if below < 1:
            gains.append(math.sqrt((1 - below) / (1 - here) * (1 - alpha)))
    return mean, gains


def ddim_law(steps):
    """The same for DDIM without noise: x / sqrt(kept) moves by the change of sqrt(1 / kept - 1) times the noise."""
    levels = cosine_alpha_bars()[timesteps(steps)]
    mean, gain = 0.0, 1.0
    for here, below in zip(levels, [*levels[1:], 1.0], strict=True):
        change = math.sqrt(1 / below - 1) - math.sqrt(1 / here - 1)
        pull = math.sqrt(1 - here) / (here * S2 + 1 - here)
        mean, gain = (
            math.sqrt(below) * (mean / math.sqrt(here) + change * pull * (mean - math.sqrt(here) * MU)),
            math.sqrt(below) * gain * (1 / math.sqrt(here) + change * pull),
        )
    return mean, [gain]


def response(run, draws, given_bits, seeded_bits):
    """What ``run`` makes of noise: the result without any, float64, and its gain for each draw.

    Inverting all bits of a draw turns its sign, so half a difference is that draw's part: nothing is left to chance.
    """
    data = seeded_bits(11).read(8 * BYTES * draws).packed
    blocks = [data[i * BYTES : (i + 1) * BYTES] for i in range(draws)]
    base = run(NoiseSource(given_bits(data))).double()
    gains, rest = [], base.clone()
    for k, block in enumerate(blocks):
        inverted = bytes(255 - byte for byte in block)
        turned = run(NoiseSource(given_bits(b"".join([*blocks[:k], inverted, *blocks[k + 1 :]])))).double()
        noise = NoiseSource(given_bits(block)).randn(SHAPE).double()
        part = (base - turned) / 2
        gains.append(float((part * noise).sum() / (noise * noise).sum()))
        assert torch.allclose(part, gains[-1] * noise, atol=2e-4)
        rest -= part
    return rest, gains


@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_ddpm_follows_the_closed_form_for_gaussian_data(steps, given_bits, seeded_bits):
    mean, gains = ddpm_law(steps)
    rest, found = response(
        lambda noise: ddpm(best_prediction, noise, SHAPE, steps, clip=None), steps, given_bits, seeded_bits
    )
    assert found == pytest.approx(gains, abs=2e-4)
    assert rest.numpy() == pytest.approx(mean, abs=5e-4)


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 100])
def test_ddim_follows_the_closed_form_for_gaussian_data(steps, given_bits, seeded_bits):
    mean, gains = ddim_law(steps)
    rest, found = response(
        lambda noise: ddim(best_prediction, noise, SHAPE, steps, clip=None), 1, given_bits, seeded_bits
    )
    assert found == pytest.approx(gains, abs=2e-4)
    assert rest.numpy() == pytest.approx(mean, abs=5e-4)


def test_ddim_with_all_of_its_noise_is_ddpm(seeded_bits):
    a = ddim(best_prediction, NoiseSource(seeded_bits(5)), SHAPE, 10, 1.0)
    b = ddpm(best_prediction, NoiseSource(seeded_bits(5)), SHAPE, 10)
    assert torch.equal(a, b)


def test_with_all_training_steps_the_law_of_the_data_comes_back(seeded_bits):
    mean, gains = ddpm_law(1000)
    assert mean == pytest.approx(MU, abs=2e-3)
    assert math.fsum(gain**2 for gain in gains) == pytest.approx(S2, rel=0.02)
    # And the sampler: 4,096 values, standard errors 0.0078 and 0.0055. Fixed seed; 5 errors, false alarm about 1e-6.
    x = ddpm(best_prediction, NoiseSource(seeded_bits(6)), (4096, 1, 1, 1), 1000, clip=None).double()
    assert float(x.mean()) == pytest.approx(MU, abs=5 * 0.0078)
    assert float(x.var()) == pytest.approx(S2, abs=5 * 0.0055)


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [1, 2, 7])
def test_the_noise_a_sampler_reads_is_known_beforehand(eta, steps, seeded_bits):
    noise = NoiseSource(seeded_bits(7))
    heard = []
    ddim(best_prediction, noise, SHAPE, steps, eta, on_step=lambda done, total: heard.append((done, total)))
    assert noise.bits_used == 8 * BYTES * draws_needed(steps, eta)
    assert draws_needed(steps, eta) == (steps if eta else 1)
    assert heard == [(done, steps) for done in range(1, steps + 1)]


def test_the_first_bits_go_to_the_first_picture(given_bits, seeded_bits):
    data = bytearray(seeded_bits(8).read(8 * BYTES).packed)
    base = ddim(best_prediction, NoiseSource(given_bits(bytes(data))), SHAPE, 4)
    data[: BYTES // 4] = bytes(BYTES // 4)
    other = ddim(best_prediction, NoiseSource(given_bits(bytes(data))), SHAPE, 4)
    assert (base != other).flatten(1).any(1).tolist() == [True, False, False, False]


def test_clipping_bounds_the_result(seeded_bits):
    x = ddpm(lambda x, t, labels: torch.zeros_like(x), NoiseSource(seeded_bits(9)), SHAPE, 10)
    assert float(x.abs().max()) <= 1.0


def test_noise_that_ends_halfway_ends_the_sampling(given_bits):
    with pytest.raises(NotEnoughBits):
        ddpm(best_prediction, NoiseSource(given_bits(bytes(3 * BYTES))), SHAPE, 5)


@pytest.mark.parametrize(("steps", "eta", "word"), [(0, 0.0, "1 to 1000"), (1001, 0.0, "1 to 1000"), (5, 1.5, "eta")])
def test_impossible_requests_are_refused_in_a_sentence(steps, eta, word, seeded_bits):
    noise = NoiseSource(seeded_bits(10))
    with pytest.raises(ParameterError, match=word):
        ddim(best_prediction, noise, SHAPE, steps, eta)
    assert noise.bits_used == 0


@pytest.mark.parametrize("steps", [1, 2, 50, 999, 1000])
def test_the_schedule_falls_from_signal_to_noise(steps):
    levels = cosine_alpha_bars()
    assert (np.diff(levels) < 0).all()
    assert 0 < levels[-1] < 1e-6
    assert 0.999 < levels[0] < 1
    visited = timesteps(steps)
    assert len(set(visited.tolist())) == steps
    assert visited[0] == 999
    assert steps == 1 or visited[-1] == 0
