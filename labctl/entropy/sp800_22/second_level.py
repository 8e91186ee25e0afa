"""Many sequences of one source: the share that passes, and whether the P-values are uniform (rev. 1a, 4.2).

In the profile ``sts-2.1.2`` rows are those of NIST's finalAnalysisReport.txt, oddities included; docs/certify.md names
them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc
from scipy.stats import binom

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError
from labctl.entropy.sp800_22.multiplicity import holm
from labctl.entropy.sp800_22.parameters import NIST, Parameters
from labctl.entropy.sp800_22.result import Result, Status
from labctl.entropy.sp800_22.sequence import Sequence
from labctl.entropy.sp800_22.suite import run

UNIFORM = 0.0001
"""Below this, P-values are not taken to be uniform (4.2.2)."""
FEWEST = 55
"""P-values that uniformity needs to be judged at all (4.2.2); the C begins at 10."""
_EXCURSIONS = ("random_excursions", "random_excursions_variant")


@dataclass(frozen=True)
class Row:
    """One test and variant over all sequences.

    ``bins`` counts P-values in tenths, ``uniformity`` is the P-value of their chi-squared (None if too few), ``passed``
    of ``sequences`` lie at alpha or above and should lie between ``least`` and ``most``. ``not_applicable`` sequences
    are beside these. ``chance`` is that of a perfect source having a share as odd as this, by the binomial law, both
    tails. ``status`` is failed if the share or the uniformity is.
    """

    test: str
    variant: str
    bins: tuple[int, ...]
    uniformity: float | None
    passed: int
    sequences: int
    least: float
    most: float
    not_applicable: int
    chance: float
    status: Status


@dataclass(frozen=True)
class Summary:
    """All rows, and what they amount to.

    A perfect source is expected to fail ``expected_failures`` rows by chance, so failed rows alone say little.
    ``holm`` is the least of all rows' P-values (share and uniformity), adjusted for their number. It is the one number
    to judge by: the chance that a perfect source yields one or more as small is no greater.
    """

    rows: tuple[Row, ...]
    expected_failures: float
    holm: float

    @property
    def failures(self) -> int:
        """How many rows failed."""
        return sum(row.status is Status.FAILED for row in self.rows)


def split(packed: NDArray[np.uint8], n: int, count: int | None = None) -> Iterator[Sequence]:
    """``count`` sequences of ``n`` bits (None: as many as there are), one after the other.

    ``packed`` may be memory-mapped: only one sequence is read at a time.
    """
    if n < 1:
        raise ParameterError(f"sequences of {n} bits were asked for; choose 1000000 or so")
    there = 8 * packed.size // n
    if not there or (count is not None and not 1 <= count <= there):
        raise ParameterError(
            f"{'any' if count is None else count} sequences of {n} bits were asked for, and {8 * packed.size} bits "
            f"hold {there}; choose shorter sequences or collect more bits"
        )
    for index in range(there if count is None else count):
        begin, end = index * n, (index + 1) * n
        block = packed[begin // 8 : (end + 7) // 8]
        if n % 8:
            block = np.packbits(np.unpackbits(block)[begin % 8 :][:n])
        yield Sequence(np.ascontiguousarray(block), n)


def run_many(sequences: Iterable[Bits | Sequence], parameters: Parameters = NIST) -> tuple[tuple[Result, ...], ...]:
    """All results of each sequence."""
    return tuple(run(sequence, parameters) for sequence in sequences)


def summarise(results: Iterable[tuple[Result, ...]], parameters: Parameters = NIST) -> Summary:
    """The rows of the final report for ``results`` of many sequences."""
    return summarise_columns(
        {
            (column[0].test, column[0].variant): np.array([result.p_value for result in column], float)
            for column in zip(*results, strict=True)
        },
        parameters,
    )


def summarise_columns(columns: Mapping[tuple[str, str], NDArray[np.float64]], parameters: Parameters = NIST) -> Summary:
    """The same from P-values by test and variant, (sequences,) each; NaN is not applicable."""
    if not columns:
        raise ParameterError("no sequences were given to sum up; give 55 or more")
    rows = tuple(_row(*named, p_values, parameters) for named, p_values in columns.items())
    judged = [row for row in rows if row.sequences and row.status is not Status.NOT_APPLICABLE]
    chances = [row.chance for row in judged] + [row.uniformity for row in judged if row.uniformity is not None]
    expected = sum(
        _outside(row.sequences, row.least, row.most, parameters.alpha) + UNIFORM * (row.uniformity is not None)
        for row in judged
    )
    return Summary(rows, expected, float(holm(np.array(chances)).min()) if chances else 1.0)


def _row(test: str, variant: str, found: NDArray[np.float64], parameters: Parameters) -> Row:
    alpha, exact = parameters.alpha, parameters.exact
    p_values = found[~np.isnan(found)]
    lacking = found.size - p_values.size
    if not exact:
        p_values = _as_the_c_reads(p_values, lacking, test)
    size = p_values.size
    bins = np.bincount(np.minimum((p_values * 10).astype(np.int64), 9), minlength=10)
    passed = int(np.count_nonzero(p_values >= alpha))
    spread = 3 * math.sqrt((1 - alpha) * alpha * size)
    least, most = (1 - alpha) * size - spread, (1 - alpha) * size + spread
    if not exact:
        least, most = math.trunc(least), math.trunc(most)
    uniformity = _uniformity(bins, exact)
    failed = size and (not least <= passed <= most or (uniformity is not None and uniformity < UNIFORM))
    none = lacking == found.size
    return Row(
        test=test,
        variant=variant,
        bins=tuple(bins.tolist()),
        uniformity=uniformity,
        passed=passed,
        sequences=size,
        least=least,
        most=most,
        not_applicable=lacking,
        chance=_two_tails(size - passed, size, alpha),
        status=Status.NOT_APPLICABLE if none else Status.FAILED if failed else Status.PASSED,
    )


def _as_the_c_reads(p_values: NDArray[np.float64], lacking: int, test: str) -> NDArray[np.float64]:
    """P-values as the C has them in its report: printed with six digits and read back as single precision."""
    read = np.array([f"{p_value:.6f}" for p_value in p_values], np.float32).astype(float)
    # A P-value that is lacking stands there as 0: a failure, but for the excursions, which drop every 0.
    return read[read > 0] if test in _EXCURSIONS else np.concatenate((read, np.zeros(lacking)))


def _uniformity(bins: NDArray[np.int64], exact: bool) -> float | None:
    size = int(bins.sum())
    if size < (FEWEST if exact else 10):
        return None
    # The C divides by whole numbers, and expects 5 of 55 P-values in each tenth.
    expected = size / 10 if exact else size // 10
    return float(gammaincc(9 / 2, float(((bins - expected) ** 2 / expected).sum()) / 2))


def _two_tails(failures: int, size: int, alpha: float) -> float:
    """Twice the smaller tail of the binomial law, no more than 1."""
    below, above = binom.cdf(failures, size, alpha), binom.sf(failures - 1, size, alpha)
    return float(min(1.0, 2 * below, 2 * above))


def _outside(size: int, least: float, most: float, alpha: float) -> float:
    """Chance that fewer than ``least`` or more than ``most`` of ``size`` perfect sequences pass."""
    return float(binom.cdf(math.ceil(least) - 1, size, 1 - alpha) + binom.sf(math.floor(most), size, 1 - alpha))
