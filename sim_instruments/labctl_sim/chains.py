"""Two-state chains of many steps, solved without a loop: the states are the carries of one addition.

A step that ends in AP whatever it finds generates a carry, one that keeps the state propagates it, one that ends in P
absorbs it. So the states are the carries of the sum of two numbers of as many bits as there are steps, and long numbers
are what processors add fast. Where a step toggles, the states from there on are counted the other way round.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Floats, States

Outcomes = NDArray[np.bool_]

COARSE, FINE = 16, 32  # bits of a draw: the first decide nearly always, the others when these are those of the chance
AT_ONCE = 1 << 17  # cycles, so that what is worked on stays in the processor's cache


def chain(state: int, up: Floats, down: Floats, cycles: int, rng: np.random.Generator) -> States:
    """A two-state chain of ``cycles`` rounds through steps of flip chances ``up``, ``down`` (steps,).

    Returns uint8 (1 + cycles * steps,): ``state``, then the state after each step. One draw decides each step.
    """
    states = np.empty(1 + cycles * up.size, np.uint8)
    states[0] = state
    for begin in range(0, cycles, AT_ONCE):
        part = linked(int(states[begin * up.size]), *outcomes(up, down, min(AT_ONCE, cycles - begin), rng))
        states[begin * up.size : begin * up.size + part.size] = part
    return states


def outcomes(up: Floats, down: Floats, cycles: int, rng: np.random.Generator) -> tuple[Outcomes, Outcomes]:
    """Whether each step ends in AP if it finds P, and if it finds AP: bool (cycles, steps) each, by the same draws.

    ``up``, ``down`` (steps,) are good to 2^-48.
    """
    draws = words(cycles * up.size, rng).reshape(cycles, up.size)
    found = np.empty((2, cycles, up.size), np.bool_)
    edges = [
        [divmod(int(chance * 2.0 ** (COARSE + FINE)), 1 << FINE) for chance in np.clip(chances, 0.0, 1.0)]
        for chances in (up, 1 - down)
    ]
    for step, pair in enumerate(zip(*edges, strict=True)):
        draw = draws[:, step]
        for which, (coarse, _) in enumerate(pair):
            np.less(draw, coarse, out=found[which, :, step])
        close = np.flatnonzero((draw == pair[0][0]) | (draw == pair[1][0]))
        more = rng.integers(0, 1 << FINE, close.size)
        for which, (coarse, fine) in enumerate(pair):
            same = draw[close] == coarse
            found[which, close[same], step] = more[same] < fine
    return found[0], found[1]


def words(count: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Draws of 16 bits, uint16 (count,): four from each of the generator's words."""
    drawn: NDArray[np.uint16] = rng.integers(0, 1 << 64, -(-count // 4), np.uint64).view(np.uint16)[:count]
    return drawn


def linked(state: int, if_p: Outcomes, if_ap: Outcomes) -> States:
    """A chain of known outcomes: whether each step (cycles, steps) ends in AP if it finds P, and if it finds AP.

    Returns uint8 (1 + cycles * steps,): ``state``, then the state after each step.
    """
    generates, propagates = if_p.ravel(), if_ap.ravel()
    toggles = generates & ~propagates
    turned = None
    if toggles.any():
        turned = np.empty(toggles.size + 1, np.bool_)
        turned[0] = False
        np.logical_xor.accumulate(toggles, out=turned[1:])
        # Seen from the turned side "P" is AP, before the step and after it.
        swap = (generates ^ propagates) & turned[:-1]
        generates, propagates = generates ^ swap ^ turned[1:], propagates ^ swap ^ turned[1:]
    first, second = (int.from_bytes(np.packbits(bits, bitorder="little"), "little") for bits in (generates, propagates))
    carries = (first + second + state) ^ first ^ second
    count = if_p.size + 1
    packed = np.frombuffer(carries.to_bytes(count // 8 + 1, "little"), np.uint8)
    states: States = np.unpackbits(packed, count=count, bitorder="little")
    if turned is not None:
        states ^= turned.view(np.uint8)
    return states
