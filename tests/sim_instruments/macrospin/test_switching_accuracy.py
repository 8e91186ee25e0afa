"""How far the switching table may be off, for junctions as different as a profile's are: what its docstring states."""

from dataclasses import replace

import numpy as np
import pytest

from labctl_sim import profile
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.fokker_planck import brown, switched, well
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.macrospin.shipped import nominal_layer, shipped_set
from labctl_sim.macrospin.sphere import Sphere
from labctl_sim.macrospin.switching import SwitchingTable

LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)


def errors(table, layer, volts, shape, seconds, count, exact):
    """Table less truth, (N, 2, count): each junction at its own ``volts`` (N,), tops up to ``seconds``."""
    off = []
    for index in range(layer.devices):
        off.append(-exact(layer.only(slice(index, index + 1)), float(volts[index]), seconds, shape, count))
    for each in range(count):
        flips = table.flips(layer, volts, shape.half_seconds + seconds * (each + 1) / count)
        for one, up, down in zip(off, flips.up, flips.down, strict=True):
            one[:, each] += up, down
    return np.array(off)


def off_by(name, volts, edge, seconds, junctions, seed, exact):
    """(worst, rms) of that many junctions of a profile at random ``volts`` (lowest, highest)."""
    rng = np.random.default_rng(seed)
    layer = profile.load(name).junctions(junctions, rng).layer
    table = SwitchingTable(nominal_layer(name), edge, store=Store(shipped=[shipped_set(name)]))
    given = rng.uniform(*volts, junctions)
    found = errors(table, layer, given, Shape.trapezoid(edge, edge), seconds, 24, exact)
    return np.abs(found).max(), np.sqrt((found**2).mean())


# Volts as the shipped columns have them, so that the table itself costs no computing.
SHIPPED = [
    ("vcma_long_pulse", (0.55, 1.0), 1e-9, 24e-9, 0.005, 0.001),
    ("vcma_long_pulse", (0.55, 1.0), 0.0, 24e-9, 0.005, 0.001),
    ("vcma_precessional", (1.30, 1.70), 70e-12, 9.6e-9, 0.008, 0.0015),
    ("stt_smart", (0.07, 0.38), 0.0, 9.6e-9, 0.005, 0.0005),
]


@pytest.mark.parametrize(("name", "volts", "edge", "seconds", "worst", "rms"), SHIPPED)
def test_a_few_junctions_of_each_profile_are_as_good_as_stated(name, volts, edge, seconds, worst, rms, exact):
    found = off_by(name, volts, edge, seconds, 4, 5, exact)
    assert found[0] < worst
    assert found[1] < rms


@pytest.mark.slow
@pytest.mark.parametrize("seed", [61, 62])
@pytest.mark.parametrize(("name", "volts", "edge", "seconds", "worst", "rms"), SHIPPED)
def test_a_wafer_of_each_profile_is_as_good_as_stated(name, volts, edge, seconds, worst, rms, seed, exact):
    found = off_by(name, volts, edge, seconds, 32, seed, exact)
    assert found[0] < worst
    assert found[1] < rms


@pytest.mark.slow
@pytest.mark.parametrize("part", [(0.6, 0.8), (0.8, 1.0), (1.0, 1.19)])
def test_precessional_junctions_far_from_the_critical_volts(part, exact):
    """Barriers from some kT to none: columns that are not shipped."""
    critical = float(nominal_layer("vcma_precessional").critical_volts[0])
    found = off_by("vcma_precessional", np.array(part) * critical, 70e-12, 9.6e-9, 16, 63, exact)
    assert found[0] < 0.008
    assert found[1] < 0.0015


@pytest.mark.slow
@pytest.mark.parametrize("seed", [4, 104])
def test_interpolation_between_junctions_is_as_good_as_stated(seed, exact):
    """Diameter 2 %, interface anisotropy 0.6 %, in-plane field 3 %, stray field 0.3 mT (1 sigma)."""
    rng = np.random.default_rng(seed)
    count = 24
    layer = replace(
        LAYER,
        diameter_meters=50e-9 * (1 + 0.02 * rng.standard_normal(count)),
        interface_anisotropy_joules_per_square_meter=0.32e-3 * (1 + 0.006 * rng.standard_normal(count)),
        bx_tesla=0.03 * (1 + 0.03 * rng.standard_normal(count)),
        bz_tesla=3e-4 * rng.standard_normal(count),
    )
    table = SwitchingTable(LAYER, edge_seconds=0.3e-9)
    off = errors(table, layer, 0.98 * layer.critical_volts, Shape.trapezoid(0.3e-9, 0.3e-9), 11.7e-9, 39, exact)
    assert np.abs(off).max() < 0.005
    assert np.sqrt(np.mean(np.square(off))) < 0.001


def test_low_damping_agrees_with_a_solution_that_shares_no_code_with_the_columns():
    """stt_smart (damping 0.016), 3 ns at 0.125 V: Brown's equation at degree 60, marched by `fokker_planck` alone."""
    layer, volts, seconds = nominal_layer("stt_smart"), 0.125, 3e-9
    own, sphere = Scales.of(layer), Sphere.of(60)
    rest, damping, unit = float(own.stability[0]), float(own.damping[0]), float(own.neel_seconds[0])
    still = (0.0, 0.0, 0.0)
    pulse = brown(sphere, rest, still, damping, float(own.spin_per_volt[0]) * volts)
    before, after = well(sphere, rest, still), brown(sphere, rest, still, damping)
    right = switched(sphere, before, pulse, [seconds / unit], after, 2e-9 / unit)[0]
    table = SwitchingTable(layer, store=Store(shipped=[shipped_set("stt_smart")]))
    assert right == pytest.approx(0.4039, abs=1e-4)
    assert table.flips(layer, np.array([volts]), seconds).up[0] == pytest.approx(right, abs=5e-4)
