"""Weights on disk: an .npz of float16 arrays, named by its SHA-256, with no pickle in it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from labctl.core.errors import LabError


class WeightsError(LabError):
    """The weights are missing, or they are not the ones that the model card describes."""


def pack(weights: Mapping[str, Tensor]) -> bytes:
    """The file's bytes; the same weights give the same bytes, for zip entries made by numpy bear no date."""
    buffer = io.BytesIO()
    arrays = {name: weight.detach().to(torch.float16).cpu().numpy() for name, weight in weights.items()}
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # the stub takes the names for `allow_pickle`
    return buffer.getvalue()


def unpack(content: bytes) -> dict[str, Tensor]:
    """The weights as float32 tensors, by name."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: torch.from_numpy(arrays[name].astype(np.float32)) for name in arrays.files}


def read(path: Path, sha256: str) -> dict[str, Tensor]:
    """The weights in ``path`` as float32 tensors, by name, after checking that the file is the one described.

    Raises WeightsError when the file is missing or has another SHA-256.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise WeightsError(f"there are no weights at {path}; reinstall labctl, or train them again") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise WeightsError(
            f"{path} should have SHA-256 {sha256}, but it has {found}; an image made with it could not be "
            "verified. Reinstall labctl, or pass the new file and its hash by name"
        )
    return unpack(content)
