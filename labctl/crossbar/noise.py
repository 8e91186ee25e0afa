"""How much the read noise of the cells moves the currents that a network multiplies out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from labctl.core.errors import ParameterError
from labctl.crossbar import checks
from labctl.crossbar.network import Network
from labctl.crossbar.reduction import Floats


def read_noise_variance(effective: ArrayLike, volts: ArrayLike, relative_sigma: ArrayLike) -> Floats:
    """Variance of the sensed currents, float64 (P, n), square amperes, for volts (P, m); one product.

    ``effective``: (n, m) of ``Network.effective``; ``relative_sigma``: a number or (m, n), the independent noise of
    each cell's conductance as a share of it. It takes a cell's share of the current, as the network sees it, for its
    sensitivity: variance_j = sum over i of volts_i^2 (sigma_ij K_ji)^2. Against ``exact_read_noise_variance`` sigma is
    right to 0.3 % at 32 x 32 and 1.5 % at 64 x 64 cells of 10 kohm on wires of 1 ohm per cell; what is neglected grows
    with rows * cols * wire / cell resistance.
    """
    matrix, drive = np.asarray(effective, np.float64), np.atleast_2d(np.asarray(volts, np.float64))
    sigma = _sigma(relative_sigma, (matrix.shape[1], matrix.shape[0]))
    if drive.ndim != 2 or drive.shape[1] != matrix.shape[1]:
        raise ParameterError(f"the volts have shape {drive.shape}; this array needs (P, {matrix.shape[1]})")
    result: Floats = drive**2 @ (sigma * matrix.T) ** 2
    return result


def exact_read_noise_variance(network: Network, volts: ArrayLike, relative_sigma: ArrayLike) -> Floats:
    """The same to first order in sigma without any other neglect: float64 (P, n) for the bottom ends.

    The sensitivity of a sensed current to a cell is the cell's volts times its volts per volt at the sensing end (the
    adjoint network's); m n products per vector and output, where the estimate takes m.
    """
    drive = checks.vectors(network.rows, network.cols, left=volts)
    transfer = network.cell_transfer
    weighed = _sigma(relative_sigma, network.conductance_siemens.shape) * network.conductance_siemens
    adjoint = transfer[:, -network.cols :] * weighed.reshape(-1, 1)
    result: Floats = (drive @ transfer.T) ** 2 @ adjoint**2
    return result


def _sigma(relative: ArrayLike, shape: tuple[int, ...]) -> Floats:
    sigma = np.asarray(relative, np.float64)
    if sigma.shape not in ((), shape) or not (np.isfinite(sigma) & (sigma >= 0)).all():
        raise ParameterError(
            f"relative_sigma has shape {sigma.shape} and values from {sigma.min(initial=np.inf):.3g} to "
            f"{sigma.max(initial=-np.inf):.3g}; it must be 0 or more, one number or one per cell {shape}"
        )
    return np.broadcast_to(sigma, shape)
