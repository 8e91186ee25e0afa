"""One time step of one spin: Heun's scheme for the stochastic LLG equation, in Cartesian components.

    dm/dt = -gamma/(1 + alpha^2) [ m x B + alpha m x (m x B) ],    B = b + k m_z z + m x s + thermal field

The same noise enters predictor and corrector, which makes the result Stratonovich's, as Brown's field demands.
Everything here is a turn per step: fields already times gamma dt/(1 + alpha^2), so numbers of order 0.01.

The functions take arrays (NumPy, float32 or float64) or scalars (a compiled kernel, float32) alike. They use additions
and products in a fixed order and nothing else, so that float32 results do not depend on who carries them out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# Of 15/8 - 5/4 s + 3/8 s^2, which is 1/sqrt(s) to third order about 1, for a sum of length 2; exact in float32.
_C0, _C1, _C2 = np.float32(0.9375), np.float32(-0.15625), np.float32(0.01171875)

# Three-point noise from five bits: -a, 0, a with probabilities 5/32, 22/32, 5/32 and a^2 = 3.2. Mean, variance and
# third moment are those of N(0,1), the fourth is 3.2 instead of 3. Heun's scheme is of weak order one, which two points
# would do for (Kloeden, Platen, "Numerical solution of stochastic differential equations", 1992, section 14.1; from
# memory, verify); at a deviation of 0.01 rad per step the fourth cumulant counts 1e-10 beside the drift.
_EDGE = np.int32(11 << 27)
WEAK_AMPLITUDE = float(np.sqrt(3.2))


def slope(mx: Any, my: Any, mz: Any, bx: Any, by: Any, bz: Any, a: Any, sx: Any, sy: Any, sz: Any, torque: Any) -> Any:
    """-(m x B) - alpha m x (m x B) of a field that is already complete, but for the spin torque m x s."""
    if torque:
        bx = bx + (my * sz - mz * sy)
        by = by + (mz * sx - mx * sz)
        bz = bz + (mx * sy - my * sx)
    fx = bx + a * (my * bz - mz * by)
    fy = by + a * (mz * bx - mx * bz)
    fz = bz + a * (mx * by - my * bx)
    return mz * fy - my * fz, mx * fz - mz * fx, my * fx - mx * fy


def heun(
    mx: Any, my: Any, mz: Any, bx: Any, by: Any, bz: Any, k: Any, a: Any, sx: Any, sy: Any, sz: Any, torque: Any
) -> Any:
    """Twice the spin after one step, before its length is put right; ``b`` holds applied and thermal field."""
    ux, uy, uz = slope(mx, my, mz, bx, by, bz + k * mz, a, sx, sy, sz, torque)
    nx, ny, nz = mx + ux, my + uy, mz + uz
    vx, vy, vz = slope(nx, ny, nz, bx, by, bz + k * nz, a, sx, sy, sz, torque)
    return mx + nx + vx, my + ny + vy, mz + nz + vz


def towards_unit(mx: Any, my: Any, mz: Any) -> Any:
    """Half of it, with its length put right without a root: an error e of the squared length becomes 5/16 e^3.

    Heun's scheme lengthens a spin that turns by an angle w in a step by e = w^4/4, so 1e-8 to 1e-3.
    """
    square = mx * mx + my * my + mz * mz
    scale = _C0 + square * (_C1 + _C2 * square)
    return mx * scale, my * scale, mz * scale


def three_point(word: Any) -> Any:
    """-1, 0 or 1 from the five uppermost bits of a uint32 word, as float32; to be scaled by `WEAK_AMPLITUDE`."""
    signed = np.int32(word)
    return np.float32(signed >= _EDGE) - np.float32(signed < -_EDGE)


def weak_step(
    mx: Any,
    my: Any,
    mz: Any,
    bx: Any,
    by: Any,
    bz: Any,
    k: Any,
    a: Any,
    sigma: Any,
    sx: Any,
    sy: Any,
    sz: Any,
    torque: Any,
    word: Any,
) -> Any:
    """One float32 step with three-point noise from the upper half of a word; ``sigma`` holds the noise's amplitude."""
    bx = bx + sigma * three_point(word)
    by = by + sigma * three_point(np.uint32(word << np.uint32(5)))
    bz = bz + sigma * three_point(np.uint32(word << np.uint32(10)))
    mx, my, mz = heun(mx, my, mz, bx, by, bz, k, a, sx, sy, sz, torque)
    return towards_unit(mx, my, mz)
