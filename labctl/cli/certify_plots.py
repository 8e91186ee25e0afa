"""Plots of a certification as PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.stats import binom

from labctl.entropy.findings import Column
from labctl.entropy.sp800_22 import Row, Status
from labctl.figures import ACCENT, INK, QUIET, SECOND, blank, png

LAGS = 128
MOST_BITS = 1 << 22  # of a sequence, for the correlation


def p_values(found: NDArray[np.float64]) -> bytes:
    """Histogram in tenths, with the band in which a uniform count lies 99 times in 100."""
    canvas, axes = blank(6.4, 3.2)
    low, high = binom.interval(0.99, found.size, 0.1)
    axes.axhspan(low, high, color=QUIET, alpha=0.4, lw=0, zorder=0)
    axes.hist(found, bins=np.linspace(0, 1, 11).tolist(), color=ACCENT, edgecolor="white", alpha=0.85)
    axes.set_xlim(0, 1)
    axes.set_xlabel("P-value")
    axes.set_ylabel("how many")
    return png(canvas)


def proportions(rows: Sequence[Row], alpha: float) -> bytes:
    """Share of sequences that pass, per test; bands and dots."""
    names = list(dict.fromkeys(row.test for row in rows))
    canvas, axes = blank(6.4, 0.28 * len(names) + 1.1)
    for place, name in enumerate(names):
        own = [row for row in rows if row.test == name and row.status is not Status.NOT_APPLICABLE]
        if not own:
            axes.text(1 - alpha, place, "not applicable", ha="center", va="center", fontsize=8, color=QUIET)
            continue
        low, high = min(row.least / row.sequences for row in own), max(row.most / row.sequences for row in own)
        axes.barh(place, min(high, 1.0) - low, left=low, height=0.7, color=QUIET, alpha=0.3)
        shares = np.array([row.passed / row.sequences for row in own])
        wobble = np.linspace(-0.25, 0.25, len(own)) if len(own) > 1 else np.zeros(1)
        odd = np.array([row.status is Status.FAILED for row in own])
        axes.scatter(shares[~odd], place + wobble[~odd], s=6, color=INK, zorder=3)
        axes.scatter(shares[odd], place + wobble[odd], s=12, color=SECOND, zorder=3)
    axes.axvline(1 - alpha, color=INK, lw=0.8)
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("sequences that pass")
    return png(canvas)


def estimates(columns: Sequence[Column], claimed: float) -> bytes:
    """Min-entropy per bit, per estimator."""
    names = [column.test for column in columns]
    canvas, axes = blank(6.4, 0.28 * len(names) + 1.1)
    for place, column in enumerate(columns):
        colour = INK if column.test == "assessment" else ACCENT
        axes.scatter(column.numbers, np.full(column.numbers.size, place), s=14, color=colour, zorder=3)
    axes.axvline(claimed, color=SECOND, lw=1, label=f"claimed, {claimed:g}")
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names], fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("min-entropy (bits per bit)")
    axes.legend(frameon=False, fontsize=8, loc="lower left")
    return png(canvas)


def autocorrelation(packed: NDArray[np.uint8], n_bits: int) -> bytes:
    """Correlation at the lags 1 to 128, with the band of perfect bits."""
    count = min(n_bits, MOST_BITS)
    steps = np.unpackbits(packed, count=count).astype(np.float32) - 0.5
    steps -= steps.mean()
    lags = min(LAGS, count - 1)
    spectrum = rfft(steps, next_fast_len(count + lags))
    power = irfft(spectrum * spectrum.conj())[: lags + 1]
    values = power[1:] / power[0] if power[0] > 0 else np.ones(lags)
    canvas, axes = blank(6.4, 2.8)
    band = 2.576 / np.sqrt(count)
    axes.axhspan(-band, band, color=QUIET, alpha=0.25, lw=0)
    axes.vlines(np.arange(1, lags + 1), 0, values, color=ACCENT, lw=1.5)
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_xlabel("lag (bits)")
    axes.set_ylabel("correlation")
    return png(canvas)
