"""Two-state chains of many steps, solved without a loop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Floats, States


def chain(state: int, up: Floats, down: Floats, cycles: int, rng: np.random.Generator) -> States:
    """A two-state chain of ``cycles`` rounds through steps of flip chances ``up``, ``down`` (steps,).

    Returns uint8 (1 + cycles * steps,): ``state``, then the state after each step. One draw decides each step.
    """
    draw = rng.random((cycles, up.size))
    return linked(state, draw < up, draw < 1 - down)


def linked(state: int, if_p: NDArray[np.bool_], if_ap: NDArray[np.bool_]) -> States:
    """A chain of known outcomes: whether each step (cycles, steps) ends in AP if it finds P, and if it finds AP.

    Returns uint8 (1 + cycles * steps,): ``state``, then the state after each step. For all but a few steps the outcome
    is the same from either state, so the chain is solved without a loop.
    """
    open_ = (if_p != if_ap).ravel()  # it keeps the state or toggles it
    value = np.r_[bool(state), if_p.ravel() & ~open_]
    if open_.any():
        last = np.arange(value.size, dtype=np.int64)
        last[1:][open_] = 0
        np.maximum.accumulate(last, out=last)
        turns = np.cumsum(np.r_[False, open_ & if_p.ravel()], dtype=np.int64)
        value = value[last] ^ ((turns - turns[last]) & 1).astype(bool)
    states: States = value.astype(np.uint8)
    return states
