"""What a current at one node does to the volts of all: the inverse of a network's conductances, without a subtraction.

Nodes joined by a very good conductor and held to ground by a poor one are the difference of nearly equal numbers in a
matrix of conductances, but not in what it was made of. Kept as couplings between nodes and to ground, all of them
positive, they are eliminated by sums and products alone, and every element of the inverse keeps its digits.
(Grassmann, Taksar and Heyman, 1985 [MEM], by blocks.)
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from labctl.crossbar.reduction import Floats

MOST_AMPLIFIED = 1e3
"""How many times an error in the conductances may grow where the quick way is taken; 1e-16 becomes 1e-13."""


def inverse(coupling: Floats, ground: Floats) -> Floats:
    """Volts of each node per ampere forced into each: float64 (k, k), ohm.

    ``coupling``: (k, k) siemens between nodes, symmetric, at least 0, of which the diagonal is ignored; ``ground``:
    (k,) siemens from each node to ground. Infinite for nodes that nothing holds.
    """
    size = ground.size
    if size < 2:
        return 1 / ground.reshape(size, size)
    quick = _factored(coupling, ground)
    if quick is not None:
        return quick
    half = size // 2
    across = coupling[:half, half:]
    near = inverse(coupling[:half, :half], ground[:half] + across.sum(axis=1))
    shares = near @ across
    far = inverse(coupling[half:, half:] + across.T @ shares, ground[half:] + ground[:half] @ shares)
    mutual = shares @ far
    return np.block([[near + mutual @ shares.T, mutual], [mutual.T, far]])


def _factored(coupling: Floats, ground: Floats) -> Floats | None:
    """The same by Cholesky's factor, or None where that would lose digits."""
    matrix = -coupling
    spots = np.diag_indices_from(matrix)
    matrix[spots] = 0.0
    own = ground - matrix.sum(axis=1)
    matrix[spots] = own
    factor, failed = lapack.dpotrf(matrix, lower=True)
    if failed:
        return None
    lower, _ = lapack.dpotri(factor, lower=True)
    result: Floats = lower + lower.T
    result[spots] /= 2
    # an error of one part in own is at most this part of an element, as the matrix has no positive one off its diagonal
    return result if (result @ own).max() <= MOST_AMPLIFIED else None
