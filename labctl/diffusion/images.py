"""Pictures as they leave: grey values, one grid, a PNG that carries its manifest, and a digest to verify it by."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

MANIFEST_KEY = "labctl-manifest"


def unit_images(samples: Tensor) -> NDArray[np.float32]:
    """Grey values from 0 (black) to 1 (white): float32 (n, height, width), from (n, 1, height, width) in -1 to 1."""
    values: NDArray[np.float32] = ((samples[:, 0] + 1) / 2).clamp(0.0, 1.0).numpy()
    return values


def grey_levels(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The same pictures in 256 grey levels, rounded: uint8 (n, height, width)."""
    return np.rint(images * 255).astype(np.uint8)


def grid(images: NDArray[np.float32], columns: int, gap_pixels: int = 2) -> NDArray[np.uint8]:
    """All pictures on one black sheet, row by row, ``columns`` to a row: uint8 (height, width)."""
    count, height, width = images.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap_pixels) - gap_pixels, columns * (width + gap_pixels) - gap_pixels), np.uint8)
    for index, picture in enumerate(grey_levels(images)):
        top, left = (index // columns) * (height + gap_pixels), (index % columns) * (width + gap_pixels)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def png(sheet: NDArray[np.uint8], manifest: Mapping[str, Any], scale: int = 4) -> bytes:
    """A PNG of ``sheet``, each pixel ``scale`` pixels wide, with ``manifest`` as JSON in an iTXt chunk."""
    text = PngInfo()
    text.add_itxt(MANIFEST_KEY, json.dumps(manifest, sort_keys=True), zip=True)
    buffer = io.BytesIO()
    Image.fromarray(np.kron(sheet, np.ones((scale, scale), np.uint8))).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def read_manifest(content: bytes) -> dict[str, Any]:
    """The manifest in a PNG made by ``png``; KeyError if it carries none."""
    with Image.open(io.BytesIO(content)) as picture:
        manifest: dict[str, Any] = json.loads(picture.info[MANIFEST_KEY])
    return manifest


def digest(images: NDArray[np.float32]) -> str:
    """Hex SHA-256 of the shape and the grey levels: equal for equal pictures, whatever file they are in.

    Grey levels rather than floats, so that a difference nobody can see is no difference.
    """
    levels = grey_levels(images)
    return hashlib.sha256(repr(levels.shape).encode() + levels.tobytes()).hexdigest()
