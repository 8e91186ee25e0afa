"""Plots of results as PNG bytes, for the report."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from labctl.core.bits import Bits
from labctl.procedures import fits

INK, ACCENT, SECOND, QUIET = "#1b2733", "#0b6e99", "#c2571a", "#8a97a3"


def switching_curve(points: pd.DataFrame, found: pd.DataFrame, title: str) -> bytes:
    """Measured switching probability with its 68 % intervals, and every fit that converged."""
    canvas, axes = blank(6.4, 4.0)
    rate = points["p_switch"].astype(float)
    axes.errorbar(
        points["volts"],
        rate,
        yerr=[rate - points["p_low"], points["p_high"] - rate],
        fmt="o",
        color=INK,
        ms=4,
        capsize=2,
        lw=1,
        label=f"measured, {int(points['trials'].iloc[0])} pulses each",
    )
    fine = np.linspace(float(points["volts"].min()), float(points["volts"].max()), 400)
    for (_, fit), colour, style in zip(found.iterrows(), (ACCENT, SECOND), ("-", "--"), strict=False):
        model = fits.MODELS[str(fit["model"])]
        label = (
            f"{fit['model']} fit: {1e3 * fit['centre_volts']:.1f} ± {1e3 * fit['centre_volts_error']:.1f} mV, "
            f"{fit['slope_per_volt']:.1f} ± {fit['slope_per_volt_error']:.1f} V⁻¹"
        )
        axes.plot(
            fine, model.law(fine, *(float(fit[name]) for name in model.names)), style, color=colour, lw=1.5, label=label
        )
    axes.set_xlabel("pulse amplitude at the junction (V)")
    axes.set_ylabel("switching probability")
    axes.set_ylim(-0.02, max(0.55, 1.05 * float(points["p_high"].max())))
    axes.legend(frameon=False, fontsize=8, loc="best")
    axes.set_title(title, fontsize=10, loc="left")
    return png(canvas)


def switching_family(curves: Mapping[float, pd.DataFrame], title: str) -> bytes:
    """Measured switching probability against volts, one colour for each pulse width in seconds, with 68 % intervals.

    Lines join the points and are no model.
    """
    canvas, axes = blank(6.4, 4.0)
    axes.axhline(0.5, color=QUIET, lw=1, zorder=0)
    for place, (width, points) in enumerate(sorted(curves.items())):
        rate = points["p_switch"].astype(float)
        bars = [rate - points["p_low"], points["p_high"] - rate]
        colour = colormaps["viridis"](0.9 * place / max(len(curves) - 1, 1))
        style = {"fmt": "o-", "ms": 2.2, "lw": 0.8, "elinewidth": 0.8, "color": colour}
        axes.errorbar(points["volts"], rate, yerr=bars, label=f"{1e9 * width:g} ns", **style)
    axes.set_xlabel("pulse amplitude at the junction (V)")
    axes.set_ylabel("switching probability")
    axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, fontsize=8, loc="best", title="pulse width", title_fontsize=8)
    axes.set_title(title, fontsize=10, loc="left")
    return png(canvas)


def bit_raster(bits: Bits, title: str, width: int = 256, height: int = 96) -> bytes:
    """The first ``width * height`` bits as a picture, a dark pixel for each 1."""
    values = bits.unpack()[: width * height]
    rows = values.size // width
    canvas, axes = blank(6.4, 2.9)
    axes.imshow(values[: rows * width].reshape(rows, width), cmap="binary", interpolation="nearest", aspect="auto")
    axes.set_xlabel("bit within line")
    axes.set_ylabel("line")
    axes.set_title(title, fontsize=10, loc="left")
    return png(canvas)


def conductance_map(junctions: pd.DataFrame, title: str) -> bytes:
    """Conductance of every junction, in microsiemens, with the value written into each cell."""
    grid = 1e6 * junctions.pivot_table(index="row", columns="col", values="siemens").to_numpy(dtype=float)
    canvas, axes = blank(5.6, 4.4)
    image = axes.imshow(grid, cmap="viridis", interpolation="nearest")
    middle = (float(np.nanmin(grid)) + float(np.nanmax(grid))) / 2
    if grid.size <= 256:
        for row, col in np.ndindex(grid.shape):
            colour = "white" if grid[row, col] < middle else "black"
            axes.text(col, row, f"{grid[row, col]:.1f}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xlabel("bit line")
    axes.set_ylabel("word line")
    axes.set_xticks(range(grid.shape[1]))
    axes.set_yticks(range(grid.shape[0]))
    canvas.colorbar(image, ax=axes, label="conductance (µS)", fraction=0.046, pad=0.04)
    axes.set_title(title, fontsize=10, loc="left")
    return png(canvas)


def junction_bias(blocks: pd.DataFrame, title: str) -> bytes:
    """Share of ones per junction with a two-sigma bar, beside 1/2."""
    totals = blocks.assign(n=blocks["n"].astype(float), ones=blocks["ones"].astype(float)).groupby(["row", "col"])
    sums = totals[["n", "ones"]].sum()
    share = sums["ones"] / sums["n"]
    canvas, axes = blank(6.4, 2.9)
    axes.axhline(0.5, color=QUIET, lw=1)
    axes.errorbar(range(len(share)), share, yerr=1.0 / np.sqrt(sums["n"]), fmt="o", color=ACCENT, capsize=2, ms=4)
    axes.set_xticks(range(len(share)))
    axes.set_xticklabels([f"({row}, {col})" for row, col in share.index], fontsize=7)
    axes.set_xlabel("junction (word line, bit line)")
    axes.set_ylabel("share of ones")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_title(title, fontsize=10, loc="left")
    return png(canvas)


def blank(width: float, height: float):  # type: ignore[no-untyped-def]  # matplotlib's own types are the contract here
    """A figure of so many inches, and its axes."""
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.tick_params(labelsize=8)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def png(figure: Figure) -> bytes:
    """The figure as a file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
