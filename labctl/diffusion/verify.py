"""Is this picture what its manifest says? Replay the bits and compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.core.bits import BitSource
from labctl.core.errors import LabError
from labctl.diffusion import digits

COMPARED = ("model_sha256", "noise_table_sha256", "bits_used", "bits_sha256", "images_sha256")


class NotVerified(LabError):
    """The replay did not give what the manifest says."""


def verify(manifest: Mapping[str, Any], bits: BitSource) -> digits.Sample:
    """Draw the pictures of ``manifest`` again from ``bits``, a replay of its draw, and return them if they agree.

    Raises NotVerified, naming what differs first, and NotEnoughBits.
    """
    labels, sampler, steps, eta = (manifest[key] for key in ("labels", "sampler", "steps", "eta"))
    again = digits.sample(bits, labels, sampler, steps, eta, guidance=manifest["guidance"])
    for key in COMPARED:
        if again.manifest[key] != manifest[key]:
            raise NotVerified(
                f"the manifest says {key} {manifest[key]}, the replay gave {again.manifest[key]}. "
                f"It was made with torch {manifest['torch']} on {manifest['threads']} threads, "
                f"this is {again.manifest['torch']} on {again.manifest['threads']}: if only images_sha256 differs, "
                "replay on the same version, thread count and kind of processor"
            )
    return again
