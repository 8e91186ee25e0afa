"""The denoiser: a small class-conditional U-Net that says which noise is in a 28 x 28 picture."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from labctl.diffusion import checkpoint

DIGITS28 = Path(__file__).parent / "weights" / "digits28.npz"
DIGITS28_SHA256 = "37cbc4b6289a54780853db0d2b49a90e3a49052bb041bff193a3728dd26c1f6d"
CLASSES = 10
NULL_CLASS = CLASSES
SIDE = 28


class ResBlock(nn.Module):
    """Two convolutions with a way around them; the embedding scales and shifts the normalised middle."""

    def __init__(self, channels_in: int, channels_out: int, embedding: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.film = nn.Linear(embedding, 2 * channels_out)
        self.norm2 = nn.GroupNorm(8, channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1)
        self.around = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Features (n, channels_out, height, width) from ``x`` (n, channels_in, height, width)."""
        hidden = self.conv1(functional.silu(self.norm1(x)))
        scale, shift = self.film(embedding)[:, :, None, None].chunk(2, dim=1)
        hidden = self.conv2(functional.silu(self.norm2(hidden) * (1 + scale) + shift))
        result: Tensor = self.around(x) + hidden
        return result


class Attention(nn.Module):
    """Every place looks at every other; written out, since the fused kernel is tagged as a random operation."""

    def __init__(self, channels: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Features of the same shape as ``x`` (n, channels, height, width)."""
        n, channels, height, width = x.shape
        per_head = channels // self.heads
        q, k, v = self.qkv(self.norm(x)).reshape(n, 3, self.heads, per_head, height * width).unbind(1)
        weights = torch.softmax(q.transpose(-1, -2) @ k / math.sqrt(per_head), dim=-1)
        mixed = (v @ weights.transpose(-1, -2)).reshape(n, channels, height, width)
        result: Tensor = x + self.out(mixed)
        return result


class UNet28(nn.Module):
    """Noise prediction for 28 x 28 pictures: a 2 x 2 space-to-depth stem, 14 x 14 and 7 x 7 levels, one attention."""

    def __init__(self, base: int = 48, embedding: int = 192) -> None:
        super().__init__()
        self.time = nn.Sequential(nn.Linear(64, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.label = nn.Embedding(CLASSES + 1, embedding)
        self.stem = nn.Conv2d(4, base, 3, padding=1)
        self.fine_in = nn.ModuleList([ResBlock(base, base, embedding) for _ in range(2)])
        self.down = nn.Conv2d(base, 2 * base, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList([ResBlock(2 * base, 2 * base, embedding) for _ in range(2)])
        self.attention = Attention(2 * base)
        self.up = nn.Conv2d(2 * base, base, 3, padding=1)
        self.fine_out = nn.ModuleList([ResBlock(2 * base, base, embedding), ResBlock(base, base, embedding)])
        self.norm = nn.GroupNorm(8, base)
        self.head = nn.Conv2d(base, 4, 3, padding=1)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """The noise in ``x``: (n, 1, 28, 28), for training steps ``t`` (n,) and ``labels`` int64 (n,).

        Labels are 0 to 9, or ``NULL_CLASS`` for "any digit".
        """
        embedding = functional.silu(self.time(sinusoids(t)) + self.label(labels))
        fine = self.stem(functional.pixel_unshuffle(x, 2))
        for block in self.fine_in:
            fine = block(fine, embedding)
        coarse = self.coarse[0](self.down(fine), embedding)
        coarse = self.coarse[1](self.attention(coarse), embedding)
        up = self.up(functional.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        hidden = torch.cat([up, fine], dim=1)
        for block in self.fine_out:
            hidden = block(hidden, embedding)
        result: Tensor = functional.pixel_shuffle(self.head(functional.silu(self.norm(hidden))), 2)
        return result


def sinusoids(t: Tensor, width: int = 64) -> Tensor:
    """Sines and cosines of the training step at periods from 2 pi to about 2e4 pi: float32 (n, width)."""
    rates = torch.exp(torch.arange(width // 2, dtype=torch.float32) * (-math.log(10_000.0) / (width // 2)))
    angles = t.to(torch.float32)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def load_digits28() -> UNet28:
    """The digit denoiser that labctl ships, in float32 and ready to sample; its model card stands beside its weights.

    Raises WeightsError when the file is missing or is not the one that ``DIGITS28_SHA256`` names.
    """
    with torch.device("meta"):  # no memory and no random initial weights: the file has them all
        model = UNet28()
    model.load_state_dict(checkpoint.read(DIGITS28, DIGITS28_SHA256), assign=True)
    return model.requires_grad_(False).eval()
