"""Nz - Nx of a disc from its aspect ratio thickness/diameter; Nx = Ny = (1 - Nz)/2."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import hyp2f1


def thin_ellipsoid(aspect: ArrayLike) -> NDArray[np.float64]:
    """First order of the flat ellipsoid, Nx = (pi/4) aspect (Osborn, Phys. Rev. 67, 351 (1945)); for aspect < 0.1.

    The parameter set of Zhang 2020 (K_eff 5.82e4 J/m^3) is built on it.
    """
    result: NDArray[np.float64] = 1 - 0.75 * np.pi * np.asarray(aspect, np.float64)
    return result


def cylinder(aspect: ArrayLike) -> NDArray[np.float64]:
    """The magnetometric factor of a uniformly magnetised cylinder (Tandon et al., JMMM 271, 9 (2004)).

    Nz = 1 + 4/(3 pi aspect) - 2F1(-1/2, 1/2; 2; -1/aspect^2), 0.3116 at aspect 1; for aspect > 1e-3, below which the
    difference of large numbers loses digits (1e-7 at 1e-3). A disc of aspect 0.022 has
    Nz - Nx = 0.901, the flat ellipsoid 0.948: the difference is a fifth of a perpendicular layer's K_eff.
    """
    ratio = np.asarray(aspect, np.float64)
    axial = 1 + 4 / (3 * np.pi * ratio) - hyp2f1(-0.5, 0.5, 2.0, -1 / ratio**2)
    result: NDArray[np.float64] = 1.5 * axial - 0.5
    return result
