"""Joining tiles of an array pairwise: the nodes on the seam between two are eliminated, for all pairs at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labctl.crossbar.reduction import Floats

COLUMNS, ROWS = 1, 0  # the axis along which tiles are joined


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


def _seam(a: Floats, b: Floats, axis: int, a_size: tuple[int, int], b_size: tuple[int, int]) -> tuple[Floats, Seam]:
    a_left, a_right, a_top, a_bottom = _sides(*a_size)
    b_left, b_right, b_top, b_bottom = _sides(*b_size)
    if axis == COLUMNS:
        left, right, top, bottom = _sides(a_size[0], a_size[1] + b_size[1])
        cut = a_size[1]
        shared = a_right, b_left
        kept = (a_left, a_top, a_bottom), (b_right, b_top, b_bottom)
        place = (left, _first(top, cut), _first(bottom, cut)), (right, _rest(top, cut), _rest(bottom, cut))
    else:
        left, right, top, bottom = _sides(a_size[0] + b_size[0], a_size[1])
        cut = a_size[0]
        shared = a_bottom, b_top
        kept = (a_left, a_right, a_top), (b_left, b_right, b_bottom)
        place = (_first(left, cut), _first(right, cut), top), (_rest(left, cut), _rest(right, cut), bottom)

    own = a[:, :, shared[0], shared[0]] + b[:, :, shared[1], shared[1]]
    inverse = _inverse(own)
    coupling = np.empty((*own.shape[:2], own.shape[-1], bottom.stop))
    for tile, sides, spots, seam in ((a, kept[0], place[0], shared[0]), (b, kept[1], place[1], shared[1])):
        for source, target in zip(sides, spots, strict=True):
            coupling[..., target] = tile[:, :, seam, source]
    across: Floats = inverse @ coupling
    joined: Floats = -(np.swapaxes(coupling, 2, 3) @ across)
    for tile, sides, spots in ((a, kept[0], place[0]), (b, kept[1], place[1])):
        for source, target in zip(sides, spots, strict=True):
            for other_source, other_target in zip(sides, spots, strict=True):
                joined[:, :, target, other_target] += tile[:, :, source, other_source]
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


def _sides(height: int, width: int) -> tuple[slice, slice, slice, slice]:
    """Where the left, right, top and bottom ports of a tile lie."""
    cuts = (0, height, 2 * height, 2 * height + width, 2 * height + 2 * width)
    return slice(0, cuts[1]), slice(cuts[1], cuts[2]), slice(cuts[2], cuts[3]), slice(cuts[3], cuts[4])


def _first(side: slice, cut: int) -> slice:
    return slice(side.start, side.start + cut)


def _rest(side: slice, cut: int) -> slice:
    return slice(side.start + cut, side.stop)
