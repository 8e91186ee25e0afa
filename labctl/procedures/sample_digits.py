"""Handwritten digits from random bits: the reverse process of a diffusion model, fed by the ledger."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval, Len

from labctl.core.bits import BitBank, BitBuffer
from labctl.core.procedure import Artifact, Items, Record

Label = Annotated[int, Interval(ge=0, le=9)] | None


@dataclass(frozen=True)
class SampleDigits:
    """Draw bits from the ledger and turn them into one 28 x 28 image per entry of `labels`.

    A label is the digit to write; null lets the bits choose. `sampler` "ddpm" spends fresh bits in every one of
    `steps` steps, "ddim" (with `eta` 0) only on the starting noise. Every random number comes from the drawn bits, so
    the same draw gives the same images, bit for bit. Simulated bits are refused unless `accept_simulated` is true.

    Yields one record of kind "sample" (draw_id, bits_used, ...) and the artifacts digits.png, images.npz (float32,
    (n, 28, 28), 0 to 1) and manifest.json.
    """

    labels: Annotated[tuple[Label, ...], Len(1, 1000)] = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    sampler: Literal["ddpm", "ddim"] = "ddpm"
    steps: Annotated[int, Interval(ge=1, le=1000)] = 50
    eta: Annotated[float, Interval(ge=0, le=1)] = 0.0
    columns: Annotated[int, Interval(ge=1, le=100)] = 10
    accept_simulated: bool = False

    def run(self, bank: BitBank) -> Items:
        """Yield progress, the record and the artifacts."""
        from labctl.diffusion import digits  # noqa: PLC0415 - torch takes seconds to import; listing procedures must not

        needed = digits.bits_needed(len(self.labels), self.sampler, self.steps, self.eta)
        drawn = bank.draw_bits(
            needed,
            purpose=f"{len(self.labels)} digits, {self.sampler}, {self.steps} steps",
            accept_simulated=self.accept_simulated,
        )
        sample = yield from digits.sampling(
            BitBuffer(drawn.bits), self.labels, self.sampler, self.steps, self.eta, draw_ids=[drawn.draw_id]
        )
        yield Record.of(
            "sample",
            draw_id=drawn.draw_id,
            origin=str(drawn.bits.origin),
            images=len(self.labels),
            bits_used=sample.bits_used,
            bits_per_image=sample.bits_used // len(self.labels),
            sampler=self.sampler,
            steps=self.steps,
        )
        yield Artifact("digits.png", "image/png", sample.png(self.columns))
        packed = io.BytesIO()
        np.savez_compressed(
            packed, images=sample.images, labels=np.array([-1 if x is None else x for x in self.labels])
        )
        yield Artifact("images.npz", "application/octet-stream", packed.getvalue())
        yield Artifact("manifest.json", "application/json", json.dumps(sample.manifest, indent=2, default=str).encode())
