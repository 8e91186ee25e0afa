"""Energy of a pulse: with the live resistance, of the two states, and the least there is."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from labctl_sim import profile
from labctl_sim.junction import Junctions
from labctl_sim.macrospin.drive import rectangular
from labctl_sim.macrospin.trials import energy_joules
from labctl_sim.pulse_energy import landauer_joules, pulse_energy_joules

from .look import ACCENT, DOTS, INK, QUIET, SECOND, Floats, ticks


def live(one: Junctions, z: Floats, volts: Floats) -> Floats:
    """Siemens of one junction along trajectories, as `energy_joules` asks for them."""
    return one.conductance(z, np.broadcast_to(volts, z.shape))


def energy(figure: Figure, trials: int) -> None:
    """Joule heat of a pulse with the live resistance, between the lines of the two states and above Landauer's."""
    for axes, name, volts in zip(
        figure.subplots(1, 2, sharey=True), ("vcma_precessional", "vcma_long_pulse"), (1.494, 0.9), strict=True
    ):
        one = profile.load(name).nominal
        widths = np.array([0.3, 0.6, 1, 2, 5, 10, 20]) * 1e-9
        fine = np.geomspace(0.2e-9, 30e-9, 20)
        conducted = [
            [float(pulse_energy_joules(one, rectangular(volts, w), np.array([s])).conducted_joules[0]) for w in fine]
            for s in (0, 1)
        ]
        axes.plot(1e9 * fine, conducted[0], color=ACCENT, label=r"$V^2t/R$, P")
        axes.plot(1e9 * fine, conducted[1], "--", color=ACCENT, label=r"$V^2t/R$, AP")
        found = np.array([
            np.ravel(energy_joules(
                one.layer, rectangular(volts, w), partial(live, one),
                trials=trials, seed=80, record_every=10,
            ))
            for w in widths.tolist()
        ])  # fmt: skip
        axes.errorbar(
            1e9 * widths,
            found.mean(axis=1),
            found.std(axis=1) / math.sqrt(trials),
            color=INK,
            label="engine, live $R(m_z, V)$",
            **DOTS,
        )
        charge = float(pulse_energy_joules(one, rectangular(volts, 1e-9), np.zeros(1, np.uint8)).charging_joules[0])
        for joules, colour, words in (
            (charge, SECOND, r"charging the barrier, $CV^2/2$"),
            (landauer_joules(300.0), QUIET, r"Landauer, $kT\,\ln 2$ at 300 K"),
        ):
            axes.axhline(joules, color=colour)
            axes.text(0.22, joules * 1.35, words, color=INK, fontsize=8)
        axes.set(
            xscale="log", yscale="log", xlabel="pulse width (ns)", title=f"{name}, {volts:g} V", ylim=(1e-21, 1e-11)
        )
        ticks(axes, np.array([0.3, 1, 3, 10, 30]))
    figure.axes[0].set_ylabel("energy of a pulse (J)")
    figure.axes[0].legend(loc="upper left")
