"""How all pictures look, and the marks that they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

INK, ACCENT, SECOND, QUIET = "#1b2733", "#0b6e99", "#c2571a", "#8a97a3"
STYLE: Any = {
    "font.size": 8.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
DOTS: dict[str, Any] = {"fmt": "o", "ms": 3.2, "lw": 0.9, "capsize": 1.6}
HOLLOW: dict[str, Any] = {**DOTS, "mfc": "white"}
FEW = 1_000  # below, it is a test: less is drawn, too


def off(axes: Axes, x: Floats, found: Floats, truth: Floats, error: Floats, **style: Any) -> None:
    """How many standard errors the points lie from the truth, with chi squared."""
    z = (found - truth) / error
    axes.axhspan(-1, 1, color=QUIET, alpha=0.22, lw=0)
    axes.axhline(0, color=QUIET, lw=0.8)
    axes.plot(x, z, "o", color=INK, ms=3.2, **style)
    axes.set_ylim(-max(4.0, float(np.abs(z).max()) + 0.5), max(4.0, float(np.abs(z).max()) + 0.5))
    axes.set_ylabel("engine − exact (σ)")
    axes.set_title(f"χ² = {np.sum(z**2):.1f} of {z.size}, p = {stats.chi2.sf(np.sum(z**2), z.size):.2f}")


def ticks(axes: Axes, places: Floats) -> None:
    """Plain numbers on a logarithmic axis."""
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()
