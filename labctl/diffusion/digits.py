"""Handwritten digits from drawn bits: what a procedure calls."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from labctl.core.bits import BitSource
from labctl.core.errors import ParameterError
from labctl.core.procedure import Progress
from labctl.diffusion import images as pictures
from labctl.diffusion import noise as noise_module
from labctl.diffusion.denoisers import CLASSES, DIGITS28_SHA256, NULL_CLASS, SIDE, load_digits28
from labctl.diffusion.guidance import Guided
from labctl.diffusion.noise import NoiseSource
from labctl.diffusion.samplers import OnStep, draws_needed, trajectory, transitions

Sampler = Literal["ddpm", "ddim"]

# At 1 (no guidance) three in four pictures are taken for the digit asked for, at 2 more than nine in ten: model card.
GUIDANCE = 2.0


@dataclass(frozen=True)
class Sample:
    """Pictures, float32 (n, 28, 28) from 0 (black) to 1 (white), and the account of how they came to be."""

    images: NDArray[np.float32]
    bits_used: int
    manifest: dict[str, Any]

    def png(self, columns: int = 10) -> bytes:
        """All pictures in one PNG, ``columns`` to a row, with the manifest inside."""
        return pictures.png(pictures.grid(self.images, columns), self.manifest)


def bits_needed(n_images: int, sampler: Sampler, steps: int, eta: float = 0.0) -> int:
    """How many bits ``sample`` will spend, exactly.

    >>> bits_needed(1, "ddpm", 50)
    627200
    >>> bits_needed(1, "ddim", 50)
    12544

    Raises ParameterError as ``sample`` would.
    """
    return noise_module.bits_needed((n_images, 1, SIDE, SIDE), draws_needed(steps, _eta(sampler, eta)))


def sampling(
    bits: BitSource,
    labels: Sequence[int | None],
    sampler: Sampler,
    steps: int,
    eta: float = 0.0,
    *,
    guidance: float = GUIDANCE,
    draw_ids: Sequence[int | str] = (),
) -> Generator[Progress, None, Sample]:
    """Draw one digit per label, None for any, yielding after each step; the generator's value is the Sample.

    In a procedure: ``sample = yield from sampling(...)``. Closing the generator stops it between two steps.
    ``eta`` is for ddim only; ``guidance`` 1 is the plain model, more is plainer digits and less variety.
    ``draw_ids`` go into the manifest: whose bits they are, the ledger knows.

    Raises ParameterError for a label, sampler, step count or eta that does not exist, NotEnoughBits.
    """
    wrong = [label for label in labels if label is not None and not 0 <= label < CLASSES]
    if wrong or not labels:
        raise ParameterError(f"the labels {list(labels)} were asked for; each is 0 to 9, or None, and one is the least")
    plan = transitions(steps, _eta(sampler, eta))
    noise = NoiseSource(bits)
    classes = torch.tensor([NULL_CLASS if label is None else label for label in labels], dtype=torch.int64)
    shape = (len(labels), 1, SIDE, SIDE)
    model = Guided(load_digits28(), guidance)
    result = torch.empty(0)
    for done, x in enumerate(trajectory(model, noise, shape, plan, labels=classes, clip=1.0), start=1):
        result = x
        yield Progress(done, steps)
    images = pictures.unit_images(result)
    manifest: dict[str, Any] = {
        "sampler": sampler,
        "steps": steps,
        "eta": _eta(sampler, eta),
        "guidance": guidance,
        "labels": list(labels),
        "draw_ids": list(draw_ids),
    }
    return Sample(images, noise.bits_used, manifest | _account(images, noise))


def sample(
    bits: BitSource,
    labels: Sequence[int | None],
    sampler: Sampler,
    steps: int,
    eta: float = 0.0,
    *,
    guidance: float = GUIDANCE,
    on_step: OnStep | None = None,
    draw_ids: Sequence[int | str] = (),
) -> Sample:
    """Draw one digit per label, None for any; ``on_step`` hears (done, total) after each step. See ``sampling``."""
    running = sampling(bits, labels, sampler, steps, eta, guidance=guidance, draw_ids=draw_ids)
    while True:
        try:
            progress = next(running)
        except StopIteration as finished:
            result: Sample = finished.value
            return result
        if on_step is not None:
            on_step(progress.done, progress.total)


def _account(images: NDArray[np.float32], noise: NoiseSource) -> dict[str, Any]:
    """What a manifest says besides the request: what the pictures were made of, and with."""
    return {
        "model": "digits28",
        "model_sha256": DIGITS28_SHA256,
        "noise": noise.method,
        "noise_table_sha256": noise_module.table_sha256(),
        "bits_used": noise.bits_used,
        "bits_per_image": noise.bits_used // len(images),
        "bits_sha256": noise.spent_sha256,
        "origins": [str(origin) for origin in noise.origins],
        "images_sha256": pictures.digest(images),
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
    }


def _eta(sampler: Sampler, eta: float) -> float:
    """The share of noise that ``sampler`` adds: ddpm all of it."""
    if sampler not in {"ddpm", "ddim"}:
        raise ParameterError(f"there is no sampler {sampler!r}; known are: ddpm, ddim")
    if sampler == "ddpm" and eta not in {0.0, 1.0}:
        raise ParameterError(f"ddpm has no eta of {eta}: it always adds all of its noise; for less, choose ddim")
    return 1.0 if sampler == "ddpm" else eta
