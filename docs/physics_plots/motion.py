"""Motion without heat: precession, ring-down, and the error of the time step."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from labctl_sim.macrospin.drive import constant, rectangular
from labctl_sim.macrospin.layer import GAMMA
from labctl_sim.macrospin.trials import run, switching_probability

from .look import ACCENT, DOTS, INK, ticks
from .truth import AT_ONCE, exact, precessional


def precession(figure: Figure, trials: int) -> None:
    """Zero crossings of m_z at the critical volts and 0 K, hardly damped."""
    left, right = figure.subplots(1, 2)
    fields = np.array([10, 20, 30, 50, 75, 100]) * 1e-3
    found = []
    for field in fields:
        layer = replace(precessional(), temperature_kelvin=0.0, damping=1e-4, bx_tesla=field)
        drive, start = (
            constant(float(layer.critical_volts[0]), 4.3 * 2 * np.pi / (GAMMA * field)),
            np.zeros((1, trials, 3)),
        )
        start[..., 2] = 1
        end = run(layer, drive, trials=trials, seed=4, start=start, record_every=1, path="reference", **AT_ONCE)
        assert end.trajectories is not None  # noqa: S101 - it was asked for
        z = end.trajectories[0, 0, :, 2]
        falls = np.flatnonzero((z[:-1] > 0) & (z[1:] <= 0))
        crossings = end.seconds[falls] + 1e-12 * z[falls] / (z[falls] - z[falls + 1])
        found.append(np.diff(crossings).mean())
    fine = np.linspace(2e-3, 105e-3, 50)
    left.plot(1e3 * fine, GAMMA * fine / 2 / np.pi / 1e9, color=ACCENT, label=r"$\gamma B_x/2\pi$")
    left.plot(1e3 * fields, 1e-9 / np.array(found), "o", color=INK, ms=3.6, label="engine")
    right.plot(
        1e3 * fine, -1e6 * (GAMMA * fine * 1e-12) ** 2 / 6, color=ACCENT, label=r"Heun, $-(\omega\,dt)^2/6$, 1 ps"
    )
    right.plot(1e3 * fields, 1e6 * (np.array(found) * GAMMA * fields / 2 / np.pi - 1), "o", color=INK, ms=3.6)
    left.set(xlabel="$B_x$ (mT)", ylabel="frequency (GHz)", xlim=(0, 106), ylim=(0, None))
    right.set(xlabel="$B_x$ (mT)", ylabel="deviation of the period (ppm)", xlim=(0, 106))
    left.legend()
    right.legend()


def ring_down(figure: Figure, trials: int) -> None:
    """A spin let go 0.01 rad beside its well: what it does, and frequency and decay against the linear theory."""
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    right.axhline(0, color=ACCENT)
    dampings, deviations = (0.01, 0.02, 0.05, 0.1, 0.2), []
    for damping in dampings:
        layer = replace(precessional(), temperature_kelvin=0.0, damping=damping, bx_tesla=0.0)
        start = np.zeros((1, trials, 3))
        start[..., 0], start[..., 2] = 0.01, math.sqrt(1 - 1e-4)
        end = run(
            layer,
            constant(0.0, 0.5e-9),
            trials=trials,
            seed=5,
            start=start,
            record_every=1,
            path="reference",
            **AT_ONCE,
        )
        assert end.trajectories is not None  # noqa: S101 - it was asked for
        m, t = end.trajectories[0, 0], end.seconds
        omega = GAMMA * float(layer.anisotropy_field()[0]) / (1 + damping**2)
        turned = np.log(m[:, 0] + 1j * m[:, 1])
        slopes = np.polyfit(t, np.unwrap(turned.imag), 1)[0], np.polyfit(t, turned.real, 1)[0]
        deviations.append((slopes[0] / omega - 1, slopes[1] / (-damping * omega) - 1))
        if damping == 0.05:
            left.plot(
                1e9 * t, 10 * np.exp(-damping * omega * t) * np.cos(omega * t), color=ACCENT, label="linear theory"
            )
            left.plot(1e9 * t[::8], 1e3 * m[::8, 0], "o", color=INK, ms=2.6, label="engine")
    for values, style, name in zip(np.array(deviations).T, ("o", "s"), ("frequency", "decay rate"), strict=True):
        right.plot(dampings, 100 * values, style, color=INK, mfc=INK if style == "o" else "white", ms=3.8, label=name)
    left.set(xlabel="time (ns)", ylabel="$m_x$ (10⁻³)")
    right.set(xscale="log", xlabel="damping α", ylabel="deviation (%)")
    ticks(right, np.array(dampings))
    left.legend()
    right.legend()


def step(figure: Figure, trials: int) -> None:
    """P on a steep flank against the step; and the error of a cold trajectory, second order."""
    left, right = figure.subplots(1, 2)
    layer = precessional()
    volts = float(layer.critical_volts[0])
    steps = np.array([0.25, 0.5, 1.0, 2.0, 4.0]) * 1e-12
    truth = float(exact(layer, volts, np.array([0.9e-9]))[0])
    found, error = np.array([
        np.ravel(switching_probability(
            layer, rectangular(volts, 0.9e-9), trials=trials, seed=70, step_seconds=t, thermalise_seconds=0.0
        ))
        for t in steps.tolist()
    ]).T  # fmt: skip
    left.axhline(truth, color=ACCENT, label="Fokker-Planck")
    left.errorbar(1e12 * steps, found, error, color=INK, label="engine", **DOTS)
    left.set(xscale="log", xlabel="time step (ps)", ylabel="P(0.9 ns)", ylim=(truth - 0.01, truth + 0.01))
    left.legend()
    cold = replace(layer, temperature_kelvin=0.0)
    start = np.array([[[0.6, 0.0, 0.8]]])
    ends = {
        t: run(
            cold, constant(0.5, 0.2e-9), trials=1, seed=1, start=start, step_seconds=t, path="reference", **AT_ONCE
        ).magnetisation[0, 0]
        for t in (0.02e-12, *steps.tolist())
    }
    errors = np.array([np.linalg.norm(ends[t] - ends[0.02e-12]) for t in steps.tolist()])
    right.plot(1e12 * steps, errors[2] * (steps / steps[2]) ** 2, color=ACCENT, label="second order")
    right.plot(1e12 * steps, errors, "o", color=INK, ms=3.6, label="engine, 0 K")
    right.set(xscale="log", yscale="log", xlabel="time step (ps)", ylabel="error of m after 0.2 ns")
    right.legend()
    for axes in (left, right):
        ticks(axes, 1e12 * steps)
