"""What holds for all tests."""

import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Columns that junctions need and that are not shipped are kept for this run alone, by its children, too."""
    from labctl_sim.macrospin.simd import cache_folder

    before = os.environ.get("LABCTL_CACHE")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder() or ""))  # compiled once, not in every worker
    os.environ["LABCTL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["LABCTL_CACHE"]
    else:
        os.environ["LABCTL_CACHE"] = before


@pytest.fixture(scope="session")
def solved():
    """P(AP) after a waveform on one junction, straight from the macrospin's Fokker-Planck equation: outside truth.

    ``solved(junction, volts, seconds, state)``: constant pieces (W,), then 2 ns of rest, averaged over the anisotropy
    that a cycle may find (five nodes; the simulator takes three).
    """
    import functools

    import numpy as np

    from labctl_sim.macrospin import fokker_planck as fp
    from labctl_sim.macrospin.layer import BOLTZMANN
    from labctl_sim.macrospin.sphere import Sphere

    sphere_for = functools.cache(Sphere.for_barrier)

    def chance(junction, volts, seconds, state, nodes=5):
        layer = junction.layer
        moment = layer.of("saturation_amps_per_meter") * layer.volume_cubic_meters
        moment /= BOLTZMANN * layer.of("temperature_kelvin")
        xi = tuple(float(moment[0] * layer.of(name)[0]) for name in ("bx_tesla", "by_tesla", "bz_tesla"))
        tau, damping = layer.neel_seconds[0], layer.of("damping")[0]
        places, weights = np.polynomial.hermite_e.hermegauss(nodes)
        total = 0.0
        for place, weight in zip(places, weights / weights.sum(), strict=True):
            shift = float(place * junction.cycle_stability[0])
            rest = float(layer.stability()[0]) + shift
            sphere = sphere_for(round(rest + 0.5))
            pieces = [
                (fp.brown(sphere, float(layer.stability(v)[0]) + shift, xi, damping), t / tau)
                for v, t in zip([*volts, 0.0], [*seconds, 2e-9], strict=True)
            ]
            total += weight * float(sphere.below() @ fp.through(pieces, fp.well(sphere, rest, xi, state)))
        return total

    return chance
