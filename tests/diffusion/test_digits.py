"""Digits out of bits: what is drawn, what it costs, and that no other chance had a hand in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from labctl.core.bits import Origin
from labctl.core.errors import NotEnoughBits, ParameterError
from labctl.diffusion import checkpoint, denoisers, digits, images
from labctl.diffusion.guidance import Guided
from labctl.diffusion.verify import NotVerified, verify

LABELS = [digit for digit in range(10) for _ in range(2)]
TEMPLATES = Path(__file__).parent.parent / "data" / "digit_templates.npz"


@pytest.fixture(scope="module", params=[pytest.param("ddpm", marks=pytest.mark.slow), "ddim"])
def twenty(request, seeded_bits):
    return digits.sample(seeded_bits(2), LABELS, request.param, 50)


def test_sampled_digits_look_like_the_digits_asked_for(twenty):
    with np.load(TEMPLATES, allow_pickle=False) as file:
        templates = file["templates"].astype(np.float64).reshape(10, -1, 784) / 255
    pictures = twenty.images.reshape(20, 1, 1, 784)
    nearest = ((pictures - templates) ** 2).sum(-1).min(-1).argmin(-1)
    # Of real digits nine in ten pass. Fixed seed; seeds 1 to 4 gave 0.85 to 1.0, so rounding is no matter.
    assert (nearest == LABELS).mean() >= 0.8, nearest


def test_pictures_are_ink_on_paper_and_all_different(twenty):
    assert twenty.images.shape == (20, 28, 28)
    assert twenty.images.dtype == np.float32
    assert 0.0 <= twenty.images.min() <= twenty.images.max() <= 1.0
    # The digits learnt from have a mean of 0.131, and a paper that is black.
    assert 0.09 < twenty.images.mean() < 0.18
    assert float(np.median(twenty.images)) < 0.02
    assert len({picture.tobytes() for picture in twenty.images}) == 20


def test_the_manifest_accounts_for_every_bit(twenty):
    manifest = twenty.manifest
    needed = digits.bits_needed(20, manifest["sampler"], 50)
    assert needed == {"ddpm": 50, "ddim": 1}[manifest["sampler"]] * 20 * 784 * 16
    assert twenty.bits_used == manifest["bits_used"] == needed
    assert manifest["bits_per_image"] * 20 == needed
    assert manifest["origins"] == ["simulated"]
    assert manifest["labels"] == LABELS
    assert manifest["images_sha256"] == images.digest(twenty.images)
    assert json.loads(json.dumps(manifest)) == manifest


def test_the_png_carries_its_manifest(twenty):
    content = twenty.png(columns=5)
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert images.read_manifest(content) == twenty.manifest


def test_a_grid_places_pictures_row_by_row_and_an_odd_one_last():
    three = np.stack([np.full((2, 3), value, np.float32) for value in (0.2, 0.6, 1.0)])
    sheet = images.grid(three, columns=2, gap_pixels=1)
    assert sheet.tolist() == [[51] * 3 + [0] + [153] * 3] * 2 + [[0] * 7] + [[255] * 3 + [0] * 4] * 2


@pytest.mark.parametrize(
    ("sampler", "eta"), [pytest.param("ddpm", 0.0, marks=pytest.mark.slow), ("ddim", 0.0), ("ddim", 0.5)]
)
def test_the_same_bits_give_the_same_pictures_and_others_give_others(sampler, eta, seeded_bits):
    first, again, other = (digits.sample(seeded_bits(seed), [4, None], sampler, 5, eta) for seed in (2, 2, 3))
    assert first.images.tobytes() == again.images.tobytes()
    assert first.manifest == again.manifest
    assert first.manifest["images_sha256"] != other.manifest["images_sha256"]


class NoOtherChance(TorchDispatchMode):
    """Raises on every operation that torch tags as drawing from a generator; meta tensors hold no values, so pass."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        leaves = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        if torch.Tag.nondeterministic_seeded in func.tags and not all(leaf.is_meta for leaf in leaves):
            raise AssertionError(f"{func} drew from torch's generator")
        return result


@pytest.mark.parametrize("draw", [lambda: torch.randn(2), lambda: torch.empty(2).normal_(), lambda: torch.randperm(3)])
def test_the_guard_against_other_chance_does_guard(draw):
    with pytest.raises(AssertionError, match="drew"), NoOtherChance():
        draw()


@pytest.mark.parametrize("sampler", ["ddpm", "ddim"])
def test_no_random_number_but_the_bits_enters_a_picture(sampler, seeded_bits):
    bits = seeded_bits(4)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002  # to see it untouched
    with NoOtherChance():
        digits.sample(bits, [7, None], sampler, 3)
    assert torch.equal(torch.get_rng_state(), torch_before)
    numpy_after = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(numpy_after[1], numpy_before[1])
    assert numpy_after[2:] == numpy_before[2:]


def test_a_source_that_runs_dry_gives_an_error_and_no_picture(given_bits):
    needed = digits.bits_needed(1, "ddpm", 4)
    data = bytes(range(256)) * (needed // 2048 + 1)
    with pytest.raises(NotEnoughBits):
        digits.sample(given_bits(data[: needed // 8 - 1]), [1], "ddpm", 4)
    assert digits.sample(given_bits(data[: needed // 8]), [1], "ddpm", 4).bits_used == needed


def test_a_procedure_can_follow_the_sampling_step_by_step(seeded_bits):
    def procedure():
        made = yield from digits.sampling(seeded_bits(5), [3], "ddim", 3, draw_ids=[17])
        assert made.manifest["draw_ids"] == [17]

    assert [(item.done, item.total) for item in procedure()] == [(1, 3), (2, 3), (3, 3)]


def test_a_listener_hears_each_step(seeded_bits):
    heard = []
    digits.sample(seeded_bits(5), [3], "ddim", 2, on_step=lambda done, total: heard.append((done, total)))
    assert heard == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        (([10], "ddpm", 5, 0.0), "labels"),
        (([], "ddpm", 5, 0.0), "labels"),
        (([1], "euler", 5, 0.0), "ddpm, ddim"),
        (([1], "ddpm", 5, 0.5), "eta"),
        (([1], "ddim", 5, -0.5), "eta"),
        (([1], "ddim", 0, 0.0), "1 to 1000"),
    ],
)
def test_impossible_requests_spend_no_bits(request_, word, given_bits):
    with pytest.raises(ParameterError, match=word):
        digits.sample(given_bits(b""), *request_[:3], eta=request_[3])


def test_a_picture_is_verified_by_its_replay_and_not_by_other_bits(seeded_bits, given_bits):
    data = seeded_bits(6).read(digits.bits_needed(2, "ddpm", 3)).packed
    made = digits.sample(given_bits(data, Origin.HARDWARE), [8, None], "ddpm", 3)
    assert made.manifest["origins"] == ["hardware"]
    assert verify(made.manifest, given_bits(data)).images.tobytes() == made.images.tobytes()
    with pytest.raises(NotVerified, match="bits_sha256"):
        verify(made.manifest, given_bits(bytes([data[0] ^ 1]) + data[1:]))
    with pytest.raises(NotVerified, match="images_sha256"):
        verify({**made.manifest, "images_sha256": "0" * 64}, given_bits(data))


def test_guidance_of_1_is_the_model_and_never_touches_unlabelled_pictures():
    model = denoisers.load_digits28()
    x, t = torch.linspace(-1, 1, 2 * 784).reshape(2, 1, 28, 28), torch.full((2,), 500.0)
    labels = torch.tensor([6, denoisers.NULL_CLASS])
    plain = model(x, t, labels)
    assert torch.equal(Guided(model, 1.0)(x, t, labels), plain)
    led = Guided(model, 2.0)(x, t, labels)
    assert torch.allclose(led[1], plain[1], atol=1e-5)
    assert not torch.allclose(led[0], plain[0], atol=1e-3)


def test_the_weights_are_the_ones_on_the_model_card_and_small():
    card = denoisers.DIGITS28.with_suffix(".md").read_text(encoding="utf-8")
    assert denoisers.DIGITS28_SHA256 in card
    parameters = sum(weight.numel() for weight in denoisers.load_digits28().parameters())
    assert f"{parameters:,}" in card
    assert denoisers.DIGITS28.stat().st_size < 2_000_000


def test_other_weights_and_no_weights_are_refused(tmp_path):
    path = tmp_path / "digits28.npz"
    with pytest.raises(checkpoint.WeightsError, match="no weights"):
        checkpoint.read(path, denoisers.DIGITS28_SHA256)
    path.write_bytes(denoisers.DIGITS28.read_bytes() + b"\0")
    with pytest.raises(checkpoint.WeightsError, match="SHA-256"):
        checkpoint.read(path, denoisers.DIGITS28_SHA256)


def test_weights_survive_the_file_to_half_precision_and_pack_to_the_same_bytes():
    weights = {"a": torch.linspace(-1, 1, 7), "b.c": torch.ones(2, 3)}
    content = checkpoint.pack(weights)
    back = checkpoint.unpack(content)
    assert list(back) == ["a", "b.c"]
    assert all(torch.allclose(back[name], weights[name], atol=5e-4) for name in weights)
    assert checkpoint.pack(back) == content


def test_the_room_can_be_entered_without_torch():
    code = "import sys, labctl.diffusion; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
