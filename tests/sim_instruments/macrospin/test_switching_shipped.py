"""The columns that come with a profile: used as they are, so that the demo's pulses cost no computing."""

import numpy as np
import pytest

from labctl_sim import profile
from labctl_sim.macrospin import lattice
from labctl_sim.macrospin.cache import Store, name_of, read_set
from labctl_sim.macrospin.lattice import Lattice
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.macrospin.shipped import nominal_layer, shipped_set
from labctl_sim.macrospin.switching import SwitchingTable

STALE = (
    "the profile's numbers (or the columns' version) have changed: make the set again with "
    "python -m labctl_sim.macrospin.shipped vcma_long_pulse --volts 0.5 1.06 --edges 0 70e-12 1e-9"
)


def wafer(seed):
    rng = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed)))
    return profile.load("vcma_long_pulse").junctions(64, rng).layer


def test_the_set_is_that_of_the_profile_as_it_is():
    point = Lattice(nominal_layer("vcma_long_pulse"), Store()).point(Shape.trapezoid(1e-9, 1e-9), 0, 1, np.zeros(6))
    assert name_of(point.key()) in read_set(shipped_set("vcma_long_pulse")), STALE


@pytest.mark.parametrize("edge", [0.0, 1e-9])
def test_the_demo_s_pulses_need_no_new_column(edge, monkeypatch):
    def computed(*_):
        raise AssertionError(STALE)

    monkeypatch.setattr(lattice, "column", computed)
    table = SwitchingTable(
        nominal_layer("vcma_long_pulse"), edge, store=Store(shipped=[shipped_set("vcma_long_pulse")])
    )
    for seed in (2407, 1):
        layer = wafer(seed)
        for volts in np.arange(0.45, 1.001, 0.05):
            for width in (1e-9, 20e-9, 100e-9):
                flips = table.flips(layer, np.full(64, volts), width)
                assert np.isfinite(flips.up).all()
    one = table.flips(nominal_layer("vcma_long_pulse"), np.array([0.9]), 20e-9)
    assert one.up[0] == pytest.approx(0.5, abs=1e-3)
