"""Counting a template: non-overlapping and overlapping (SP 800-22 rev. 1a, 2.7 and 2.8)."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.special import gammaincc, gammaln

from labctl.entropy.sp800_22.classes import chi_squared
from labctl.entropy.sp800_22.parameters import Parameters
from labctl.entropy.sp800_22.result import NotApplicable, Outcome
from labctl.entropy.sp800_22.sequence import EIGHTHS, Sequence, folded

MOST_TEMPLATES = 148
"""The C stops there; of longer templates it takes every so many."""
OVERLAPPING_BLOCK = 1032


@cache
def aperiodic(length: int) -> tuple[int, ...]:
    """The templates of ``length`` bits that cannot overlap themselves, ascending, as many as the C takes."""
    found = tuple(value for value in range(1 << length) if not _overlaps_itself(value, length))
    # From length 10 on the C computes the step as a whole number, so that at 10 it takes the first 148 of 284.
    step = max(len(found) // MOST_TEMPLATES, 1)
    return found[::step][:MOST_TEMPLATES]


def _overlaps_itself(value: int, length: int) -> bool:
    return any(value >> shift == value & ((1 << (length - shift)) - 1) for shift in range(1, length))


def template_names(parameters: Parameters) -> tuple[str, ...]:
    """The templates' bits."""
    length = parameters.non_overlapping_length
    return tuple(f"{value:0{length}b}" for value in aperiodic(length))


def non_overlapping_template(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Does each template occur as often as it should in each eighth?"""
    length, block = parameters.non_overlapping_length, sequence.n // EIGHTHS
    if block < length:
        return NotApplicable(f"an eighth of {sequence.n} bits is no longer than the template of {length}")
    # A template that cannot overlap itself is found as often without overlap as with it, so one count of all windows
    # serves every template. Only windows that reach into the next block must come off again.
    counts = folded(sequence.eighths[:EIGHTHS], length)
    starts = np.arange(1, EIGHTHS + 1)[:, None] * block - np.arange(1, length)
    reaching = sequence.windows[starts] >> (16 - length)
    np.subtract.at(counts, (np.arange(EIGHTHS)[:, None], reaching), 1)
    found = counts[:, list(aperiodic(length))]
    mean = (block - length + 1) / 2**length
    variance = block * (1 / 2**length - (2 * length - 1) / 4**length)
    chi2 = ((found - mean) ** 2 / variance).sum(axis=0)
    return tuple(gammaincc(EIGHTHS / 2, chi2 / 2).tolist())


def overlapping_template(sequence: Sequence, parameters: Parameters) -> Outcome:
    """Do runs of ones as long as the template occur as often as they should in blocks of 1032?"""
    length, blocks = parameters.overlapping_length, sequence.n // OVERLAPPING_BLOCK
    if not blocks:
        return NotApplicable(f"{sequence.n} bits make no block of {OVERLAPPING_BLOCK}")
    windows = sequence.windows[: blocks * OVERLAPPING_BLOCK].reshape(blocks, OVERLAPPING_BLOCK)
    inside = windows[:, : OVERLAPPING_BLOCK - length + 1]
    found = np.count_nonzero(inside >= (0xFFFF0000 >> length & 0xFFFF), axis=1)
    counts = np.bincount(np.minimum(found, 5), minlength=6)
    expected = overlapping_classes(length) if parameters.exact else _approximate_classes(length)
    return (float(gammaincc(5 / 2, chi_squared(counts, expected) / 2)),)


def _approximate_classes(length: int) -> tuple[float, ...]:
    """Chances of 0, 1, 2, 3, 4 and more occurrences as the C has them, by the standard's formula (3.8)."""
    eta = (OVERLAPPING_BLOCK - length + 1) / 2**length / 2
    chances = [math.exp(-eta)]
    for u in range(1, 5):
        k = np.arange(1, u + 1)
        logs = k * math.log(eta) - gammaln(k + 1) + gammaln(u) - gammaln(k) - gammaln(u - k + 1)
        chances.append(float(np.exp(logs - eta - u * math.log(2)).sum()))
    return (*chances, 1 - sum(chances))


@cache
def overlapping_classes(length: int) -> tuple[float, ...]:
    """Chances of 0, 1, 2, 3, 4 and more occurrences of ``length`` ones in 1032 bits, exactly."""
    # chances[run, found]: of the ones just behind us, no further than needed, and of the occurrences so far.
    chances = np.zeros((length + 1, 6))
    chances[0, 0] = 1.0
    for _ in range(OVERLAPPING_BLOCK):
        after = np.zeros_like(chances)
        after[0] = chances.sum(axis=0) / 2
        after[1:length] = chances[: length - 1] / 2
        hit = chances[length - 1 :].sum(axis=0) / 2
        after[length, 1:] = hit[:-1]
        after[length, 5] += hit[5]
        chances = after
    return tuple(chances.sum(axis=0).tolist())
