"""A noise of its own for each instrument: what the others read, and how often, does not change it."""

from __future__ import annotations

import zlib
from typing import cast

import numpy as np

NOISE_OF_ROLES = 1  # in the spawn key; 0 and so on are what ``spawn`` gives away


class Noises:
    """Generators by role, from the seed of ``world`` and the role's name alone."""

    def __init__(self, world: np.random.Generator) -> None:
        self._world = world
        self._known: dict[str, np.random.Generator] = {}

    def of(self, role: str) -> np.random.Generator:
        """The generator of one instrument, the same one each time."""
        if role not in self._known:
            bits = self._world.bit_generator
            seed = cast(np.random.SeedSequence, bits.seed_seq)  # what else, ``spawn`` would not have taken
            key = (*seed.spawn_key, NOISE_OF_ROLES, zlib.crc32(role.encode()))
            child = np.random.SeedSequence(seed.entropy, spawn_key=key)
            self._known[role] = np.random.Generator(type(bits)(child))
        return self._known[role]
