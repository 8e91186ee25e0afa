"""Spins drawn from the law of equilibrium, in one well or in both, so that a run need not wait for it.

    p(z, phi) ~ exp(Delta z^2 + zeta z + xi sqrt(1 - z^2) cos(phi - phi0)),   zeta, xi = Ms volume B_z, B_transverse/kT

z by inversion of its own law (Delta z^2 + zeta z + ln I0), phi by rejection (Best and Fisher, Appl. Stat. 28, 152
(1979)). Drawn from the counter, so a trial's start does not depend on the trials beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e

from labctl_sim.macrospin import counter
from labctl_sim.macrospin.layer import BOLTZMANN, FreeLayer

Floats = NDArray[np.float64]

BOTH = 2  # beside 0 and 1 as a start: either well, as often as equilibrium has it
POINTS = 513
COLDEST = 1e-3  # kelvin; at 0 K every spin begins at the median of this law, which is the well's bottom


def draw(
    layer: FreeLayer, field: Floats, volts: Floats, wells: NDArray[np.uint8], seed: int, device: int, trial: int
) -> Floats:
    """Unit vectors float64 (3, N, trials) for ``wells`` uint8 (N, trials); ``device``, ``trial`` number the first ones.

    ``field`` (3, N) tesla and ``volts`` (N,) are those that hold before the drive begins.
    """
    cold = layer.of("temperature_kelvin") == 0
    thermal = BOLTZMANN * np.maximum(layer.of("temperature_kelvin"), COLDEST)
    moment = layer.of("saturation_amps_per_meter") * layer.volume_cubic_meters / thermal
    delta = layer.anisotropy(volts) * layer.volume_cubic_meters / thermal
    across, azimuth = moment * np.hypot(field[0], field[1]), np.arctan2(field[1], field[0])
    devices, trials = np.broadcast_arrays(
        device + np.arange(wells.shape[0])[:, None], trial + np.arange(wells.shape[1])[None, :]
    )
    four = counter.words(seed, counter.START, devices.ravel(), trials.ravel(), 0)
    place, well = (counter.uniforms(word).reshape(wells.shape) for word in four[:2])
    place[cold] = 0.5
    z = np.empty(wells.shape)
    for row, wanted in enumerate(wells):
        chosen = wanted
        sides = {
            state: half(delta[row], (1 - 2 * state) * moment[row] * field[2, row], across[row])
            for state in (0, 1)
            if (chosen != 1 - state).any()
        }
        if (chosen == BOTH).any():
            share = 1 / (1 + np.exp(np.clip(sides[1][2] - sides[0][2], -700, 700)))
            chosen = np.where(chosen == BOTH, well[row] >= share, chosen)
        for state, (points, cumulative, _) in sides.items():
            depth = np.interp(place[row], cumulative, points) ** 2
            z[row] = np.where(chosen == state, (1 - 2 * state) * (1 - depth), z[row])
    sine = np.sqrt(np.maximum(0, 1 - z**2))
    phi = von_mises((across[:, None] * sine).ravel(), seed, devices.ravel(), trials.ravel()).reshape(z.shape)
    phi[cold] = 0.0
    phi += azimuth[:, None]
    return np.stack([sine * np.cos(phi), sine * np.sin(phi), z])


def half(delta: float, along: float, across: float) -> tuple[Floats, Floats, float]:
    """Of one hemisphere: points u with z = 1 - u^2, their cumulative law, and the logarithm of its weight."""
    low, high = 0.0, 1.0
    for _ in range(3):  # close in on where the law is, however cold
        u = np.linspace(low, high, POINTS)
        z = 1 - u**2
        sine = u * np.sqrt(1 + z)  # sqrt(1 - z^2) without loss near the pole
        with np.errstate(divide="ignore"):
            law = delta * z**2 + along * z + np.log(i0e(across * sine)) + across * sine + np.log(2 * u)
        inside = np.flatnonzero(law > law.max() - 45)
        if inside.size > POINTS // 8:
            break
        low, high = u[max(inside[0] - 1, 0)], u[min(inside[-1] + 1, POINTS - 1)]
    density = np.exp(law - law.max())
    cumulative = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(u))])
    return u, cumulative / cumulative[-1], float(law.max() + np.log(cumulative[-1]))


def von_mises(kappa: Floats, seed: int, devices: NDArray[np.int64], trials: NDArray[np.int64]) -> Floats:
    """Angles about 0 with density ~ exp(kappa cos phi), one for each (device, trial)."""
    result = np.zeros(kappa.shape)
    left = np.arange(kappa.size)
    attempt = 0
    while left.size:
        attempt += 1
        four = counter.words(seed, counter.START, devices[left], trials[left], attempt)
        u1, u2, u3 = (counter.uniforms(word) for word in four[:3])
        # kappa = 0 would divide by zero; 1e-6 is flat to a part in a million.
        k = np.maximum(kappa[left], 1e-6)
        tau = 1 + np.sqrt(1 + 4 * k**2)
        rho = (tau - np.sqrt(2 * tau)) / (2 * k)
        r = (1 + rho**2) / (2 * rho)
        z = np.cos(np.pi * u1)
        cosine = (1 + r * z) / (r + z)
        c = k * (r - cosine)
        taken = (c * (2 - c) > u2) | (np.log(c / u2) + 1 - c >= 0)
        angle = np.sign(u3 - 0.5) * np.arccos(np.clip(cosine, -1, 1))
        result[left[taken]] = angle[taken]
        left = left[~taken]
    return result
