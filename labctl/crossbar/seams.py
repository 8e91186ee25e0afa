"""Joining tiles of an array pairwise: the nodes on the seam between two are eliminated, for all pairs at once.

The ports of a tile are counted around it, so that what stays of two joined tiles is three runs of ports, not six: top
from right to left, left from top to bottom, bottom from left to right, right from bottom to top.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labctl.crossbar.reduction import Floats

COLUMNS, ROWS = 1, 0  # the axis along which tiles are joined
Spots = tuple[
    tuple[tuple[slice, ...], tuple[slice, ...]],
    tuple[tuple[slice, ...], tuple[slice, ...]],
    tuple[slice, slice],
]


@dataclass(frozen=True)
class Seam:
    """One joining of tiles a and b, for all pairs of a level at once.

    ``inverse``: (R, C, s, s) of the seam's own admittance; ``across``: (R, C, s, p), minus the seam's volts per volt
    at each port of the joined tile. The slices say where the ports of a and b are: ``kept`` in the tile, ``place`` in
    the joined one, and ``shared``, on the seam.
    """

    inverse: Floats
    across: Floats
    kept: tuple[tuple[slice, ...], tuple[slice, ...]]
    place: tuple[tuple[slice, ...], tuple[slice, ...]]
    shared: tuple[slice, slice]
    ports: tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """Tiles joined in groups of ``count`` along ``axis`` by ``seams``, in the order in which ``pairs`` names them."""

    axis: int
    count: int
    seams: tuple[Seam, ...]


def pairs(count: int) -> list[tuple[int, int, int]]:
    """In which order ``count`` neighbours become one: (first, second, the number that both get then)."""
    left, found, number = list(range(count)), [], count
    while len(left) > 1:
        joined = []
        for a, b in zip(left[::2], left[1::2], strict=False):
            found.append((a, b, number))
            joined.append(number)
            number += 1
        left = joined + left[len(left) - len(left) % 2 :]
    return found


def part(tiles: Floats, axis: int, count: int, number: int) -> Floats:
    """The tiles that are number ``number`` in their group of ``count``, as a view."""
    return tiles[number::count] if axis == ROWS else tiles[:, number::count]


def join(tiles: Floats, axis: int, count: int, height: int, width: int) -> tuple[Floats, Stage]:
    """Join tiles of ``height`` x ``width`` in groups of ``count``."""
    parts = [part(tiles, axis, count, number) for number in range(count)]
    sizes = [(height, width)] * count
    seams = []
    for a, b, _ in pairs(count):
        ports, seam = _seam(parts[a], parts[b], axis, sizes[a], sizes[b])
        seams.append(seam)
        parts.append(ports)
        joined = list(sizes[a])
        joined[axis] += sizes[b][axis]
        sizes.append((joined[0], joined[1]))
    return parts[-1], Stage(axis, count, tuple(seams))


def up(stages: Sequence[Stage], tiles: Floats) -> tuple[Floats, list[Floats]]:
    """Currents forced into the ports of the first stage's tiles (R, C, p, P), as currents into those of the last.

    Also the volts that they cause at each seam with all ports at 0 V, for ``down``.
    """
    lifted = []
    for stage in stages:
        parts = [part(tiles, stage.axis, stage.count, number) for number in range(stage.count)]
        for seam, (a, b, _) in zip(stage.seams, pairs(stage.count), strict=True):
            seam_amps = parts[a][:, :, seam.shared[0]] + parts[b][:, :, seam.shared[1]]
            lifted.append(seam.inverse @ seam_amps)
            ports = np.swapaxes(seam.across, 2, 3) @ -seam_amps
            for tile, kept, place in zip((parts[a], parts[b]), seam.kept, seam.place, strict=True):
                for source, target in zip(kept, place, strict=True):
                    ports[:, :, target] += tile[:, :, source]
            parts.append(ports)
        tiles = parts[-1]
    return tiles, lifted


def down(stages: Sequence[Stage], tiles: Floats, lifted: list[Floats]) -> Floats:
    """From the volts of the ports of the last stage's tiles those of the first one; ``lifted``: of ``up``, or empty."""
    known = list(lifted)
    for stage in reversed(stages):
        order = pairs(stage.count)
        parts: list[Floats] = [np.empty(0)] * (stage.count + len(order))
        parts[-1] = tiles
        shape = list(tiles.shape[:2])
        shape[stage.axis] *= stage.count
        for seam, (a, b, joined) in zip(reversed(stage.seams), reversed(order), strict=True):
            ports = parts[joined]
            volts = seam.across @ -ports
            if known:
                volts += known.pop()
            for child, kept, place, shared, count in zip(
                (a, b), seam.kept, seam.place, seam.shared, seam.ports, strict=True
            ):
                parts[child] = np.empty((*ports.shape[:2], count, ports.shape[3]))
                parts[child][:, :, shared] = volts
                for target, source in zip(kept, place, strict=True):
                    parts[child][:, :, target] = ports[:, :, source]
        tiles = np.empty((*shape, *parts[0].shape[2:]))
        for number in range(stage.count):
            part(tiles, stage.axis, stage.count, number)[...] = parts[number]
    return tiles


def _seam(a: Floats, b: Floats, axis: int, a_size: tuple[int, int], b_size: tuple[int, int]) -> tuple[Floats, Seam]:
    kept, place, shared = _columns(a_size, b_size) if axis == COLUMNS else _rows(a_size, b_size)
    own = a[:, :, shared[0], shared[0]] + b[:, :, shared[1], shared[1]]
    inverse = _inverse(own)
    tiles, size = own.shape[:2], own.shape[-1]
    single, shape = size == 1, (size, a.shape[-1] + b.shape[-1] - 2 * size)
    coupling = np.empty((*shape, *tiles)).transpose(2, 3, 0, 1) if single else np.empty((*tiles, *shape))
    for tile, sides, spots, seam in ((a, kept[0], place[0], shared[0]), (b, kept[1], place[1], shared[1])):
        for source, target in zip(sides, spots, strict=True):
            coupling[..., target] = tile[:, :, seam, source]
    # single nodes, of which there are most, are quicker tile by tile within each port than port by port in each tile
    across: Floats = inverse * coupling if single else inverse @ coupling
    ports = np.swapaxes(coupling, 2, 3)
    joined: Floats = ports * -across if single else ports @ -across
    for tile, sides, spots in ((a, kept[0], place[0]), (b, kept[1], place[1])):
        for source, target in zip(sides, spots, strict=True):
            for other_source, other_target in zip(sides, spots, strict=True):
                joined[:, :, target, other_target] += tile[:, :, source, other_source]
    if single:
        joined, across = np.ascontiguousarray(joined), np.ascontiguousarray(across)
    return joined, Seam(inverse, across, kept, place, shared, (a.shape[-1], b.shape[-1]))


def _inverse(matrices: Floats) -> Floats:
    """Of many small positive matrices, dominated by their diagonals; the smallest, of which there are most, by hand."""
    size = matrices.shape[-1]
    if size == 1:
        return np.reciprocal(matrices)
    if size > 2:
        return np.asarray(np.linalg.inv(matrices), np.float64)
    determinant = matrices[..., 0, 0] * matrices[..., 1, 1] - matrices[..., 0, 1] * matrices[..., 1, 0]
    inverse = -matrices / determinant[..., None, None]
    inverse[..., 0, 0] = matrices[..., 1, 1] / determinant
    inverse[..., 1, 1] = matrices[..., 0, 0] / determinant
    return inverse


def _columns(a_size: tuple[int, int], b_size: tuple[int, int]) -> Spots:
    """Where the ports of a and of b, to its right, are kept; where they lie in both together; where they touch."""
    (height, a_width), (_, b_width) = a_size, b_size
    a_rest, b_ports = 2 * a_width + height, 2 * (b_width + height)
    a_kept, a_place = slice(0, a_rest), slice(b_width, b_width + a_rest)
    b_kept = slice(0, b_width), slice(b_width + height, b_ports)
    b_place = slice(0, b_width), slice(b_width + a_rest, a_rest + b_ports - height)
    shared = slice(a_rest + height - 1, a_rest - 1, -1), slice(b_width, b_width + height)
    return ((a_kept,), b_kept), ((a_place,), b_place), shared


def _rows(a_size: tuple[int, int], b_size: tuple[int, int]) -> Spots:
    """The same for b below a."""
    (a_height, width), (b_height, _) = a_size, b_size
    corner, b_rest = width + a_height, width + 2 * b_height
    a_kept = slice(0, corner), slice(corner + width, 2 * corner)
    a_place = slice(0, corner), slice(corner + b_rest, corner + b_rest + a_height)
    b_kept, b_place = slice(width, width + b_rest), slice(corner, corner + b_rest)
    shared = slice(corner, corner + width), slice(width - 1, None, -1)
    return (a_kept, (b_kept,)), (a_place, (b_place,)), shared
