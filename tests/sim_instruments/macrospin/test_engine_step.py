"""The engine's step follows from the junction: fine enough that both paths of the bench give the same chances."""

from dataclasses import replace

import numpy as np
import pytest

from labctl_sim import profile
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.coefficients import FINE_RADIANS, LONGEST_STEP_SECONDS, fine_step
from labctl_sim.macrospin.drive import rectangular
from labctl_sim.macrospin.layer import GAMMA
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.macrospin.shipped import nominal_layer, shipped_set
from labctl_sim.macrospin.switching import SwitchingTable
from labctl_sim.macrospin.trials import switching_probability
from labctl_sim.physics import Physics

PULSES = [
    ("vcma_long_pulse", 0.8, 1.5e-9),
    ("vcma_long_pulse", 0.75, 4e-9),
    ("vcma_precessional", 1.494, 0.85e-9),
    ("vcma_precessional", 1.4, 3e-9),
    ("stt_smart", 0.15, 3e-9),
    ("stt_smart", 0.27, 1e-9),
    ("stt_smart", -0.27, 1e-9),
]


@pytest.mark.parametrize(("name", "volts", "seconds"), PULSES)
def test_table_and_engine_give_each_profile_s_junctions_the_same_chances(name, volts, seconds):
    """6,000 cycles from either state: four standard errors, 0.005 of the table and 0.002 of the step.

    A false alarm has a chance below 6e-5 x 2 for each pulse.
    """
    rng = np.random.default_rng(12)
    kind = profile.load(name)
    junction = kind.junctions(1, rng)
    table = SwitchingTable(nominal_layer(name), store=Store(shipped=[shipped_set(name)]))
    wave, lengths = np.array([0.0, volts, 0.0]), np.array([5e-9, seconds, 20e-9])
    cycles = 6_000
    found = [p for p in Physics(table, "engine").parts(junction, 0, wave, wave, lengths) if p.sample is not None]
    assert len(found) == 1
    after = found[0].sample(cycles, rng)
    for chance, share in ((found[0].up[0], (after[0] == 1).mean()), (found[0].down[0], (after[1] == 0).mean())):
        sigma = np.sqrt(max(chance * (1 - chance), 1e-4) / cycles)
        assert share == pytest.approx(chance, abs=4 * sigma + 0.007)


@pytest.mark.slow
@pytest.mark.parametrize(("volts", "seconds"), [(0.15, 3e-9), (0.2, 2e-9), (0.27, 1e-9)])
def test_the_step_costs_no_more_than_stated_where_the_damping_is_small(volts, seconds, exact):
    """Against the Fokker-Planck equation, 200,000 trials: four standard errors (false alarm 6e-5 each) and 0.002."""
    layer = nominal_layer("stt_smart")
    right = exact(layer, volts, seconds, Shape())[0, 0]
    pulse, step = rectangular(volts, seconds), fine_step(layer, np.array([volts]))
    options = {"step_seconds": step, "thermalise_seconds": 0.0, "relax_seconds": 3e-9}
    found, error = switching_probability(layer, pulse, trials=200_000, seed=3, **options)
    assert found[0] == pytest.approx(right, abs=4 * error[0] + 0.002)


@pytest.mark.parametrize("name", ["vcma_long_pulse", "vcma_precessional", "stt_smart", "superparamagnetic"])
def test_the_step_turns_no_spin_too_far_and_is_no_longer_than_it_was(name):
    layer = nominal_layer(name)
    volts = np.array([-0.3, 0.3])
    step = fine_step(layer, volts)
    assert 1e-13 < step <= LONGEST_STEP_SECONDS
    field = 2 * layer.anisotropy(0.0) / layer.of("saturation_amps_per_meter")
    assert GAMMA * field[0] * step < 1.02 * FINE_RADIANS
    stronger = replace(layer, bx_tesla=1.0)
    assert fine_step(stronger, volts) < step
