"""Chances: P against width and volts, and from pulse to pulse."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from labctl_sim import profile
from labctl_sim.macrospin.drive import rectangular
from labctl_sim.macrospin.trials import run, switching_probability

from .look import ACCENT, DOTS, FEW, HOLLOW, INK, SECOND, off
from .truth import exact, precessional

PULSES = 6  # of a row without resets


def width(figure: Figure, trials: int) -> None:
    """P against the width at the critical volts: the engine's points on the curve that needs no sampling."""
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1))
    layer = precessional()
    volts = float(layer.critical_volts[0])
    fine = np.linspace(0, 6e-9, 601)
    left.plot(1e9 * fine, exact(layer, volts, fine), color=ACCENT, label="Fokker-Planck")
    widths = np.arange(0.2, 6.05, 0.2) * 1e-9
    found, error = np.array([
        np.ravel(switching_probability(layer, rectangular(volts, w), trials=trials, seed=6 + i, step_seconds=1e-12))
        for i, w in enumerate(widths.tolist())
    ]).T  # fmt: skip
    truth = exact(layer, volts, widths)
    left.errorbar(1e9 * widths, found, error, color=INK, label="engine", **DOTS)
    off(right, 1e9 * widths, found, truth, np.sqrt(np.maximum(truth * (1 - truth), 1 / trials) / trials))
    left.set(xlabel="pulse width (ns)", ylabel="P(AP)", ylim=(-0.03, 1.14))
    right.set_xlabel("pulse width (ns)")
    left.legend(ncols=2, loc="upper right")


def switching_map(figure: Figure, trials: int) -> None:
    """P over volts and width for the long-pulse junction; circles are engine points in the same colours."""
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1))
    layer = profile.load("vcma_long_pulse").nominal.layer
    few = trials < FEW
    volts, widths = np.linspace(0.8 if few else 0.6, 1.1, 3 if few else 41), np.linspace(0.05, 20, 400) * 1e-9
    chance = np.array([exact(layer, v, widths) for v in volts.tolist()])
    image = left.pcolormesh(1e9 * widths, volts, chance, cmap="RdBu_r", vmin=0, vmax=1, shading="gouraud")
    figure.colorbar(image, ax=left, label="P(AP)", pad=0.02)
    points = [(v, w) for v in (0.65, 0.75, 0.85, 0.95, 1.05) for w in (2e-9, 5e-9, 10e-9, 15e-9)]
    points = points[-2:] if few else points
    found = np.array([
        float(switching_probability(layer, rectangular(v, w), trials=trials, seed=40 + i, step_seconds=1e-12)[0][0])
        for i, (v, w) in enumerate(points)
    ])  # fmt: skip
    truth = np.array([float(exact(layer, v, np.array([w]))[0]) for v, w in points])
    place = np.array(points)
    left.scatter(1e9 * place[:, 1], place[:, 0], c=found, cmap="RdBu_r", vmin=0, vmax=1, s=34, ec=INK, lw=0.8)
    left.axhline(float(layer.critical_volts[0]), color=INK, lw=0.8, ls="--")
    off(right, place[:, 0], found, truth, np.sqrt(np.maximum(truth * (1 - truth), 1 / trials) / trials))
    left.set(xlabel="pulse width (ns)", ylabel="pulse amplitude (V)", xticks=[0, 5, 10, 15, 20])
    right.set_xlabel("pulse amplitude (V)")


def toggling(figure: Figure, trials: int) -> None:
    """Correlation of the states after pulses without resets between, against that of a chain of two states."""
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    layer = precessional()
    volts = float(layer.critical_volts[0])
    widths = np.array([0.5, 0.7, 0.8, 0.84, 0.88, 0.92, 0.97, 1.05, 1.19]) * 1e-9
    chance = exact(layer, volts, widths)
    count, found = trials * (PULSES - 1), []
    for i, w in enumerate(widths.tolist()):
        spins: Any = "thermal"
        states = []
        for pulse in range(PULSES):
            end = run(
                layer, rectangular(volts, w), trials=trials, seed=100 + 10 * i + pulse, start=spins,
                step_seconds=2e-12, thermalise_seconds=0.5e-9, relax_seconds=2e-9,
            )  # fmt: skip
            spins = end.magnetisation
            states.append(1.0 - 2.0 * end.states[0])
        s = np.array(states)
        found.append((np.mean(s[1:] * s[:-1]), np.mean(s[2:] * s[:-2])))
    one, two = np.array(found).T
    p = np.linspace(0, 1, 100)
    left.plot(p, 1 - 2 * p, color=ACCENT, label="lag 1: 1 − 2p")
    left.plot(p, (1 - 2 * p) ** 2, color=SECOND, label="lag 2: (1 − 2p)²")
    rho = 1 - 2 * chance
    error = np.sqrt(np.maximum(1 - rho**2, 4 / count) / count)
    left.errorbar(chance, one, error, color=INK, label="engine, lag 1", **DOTS)
    left.errorbar(chance, two, error, color=INK, label="engine, lag 2", **HOLLOW)
    left.set(xlabel="P(switch) of one pulse, Fokker-Planck", ylabel="correlation of states", ylim=(-1.08, 1.08))
    left.legend(loc="lower left")
    off(right, 1e9 * widths, one, rho, error)
    right.set_xlabel("pulse width (ns)")
