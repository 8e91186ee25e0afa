"""By which path a bit is made: table or trajectories agree, and the station file and the provenance say which."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from labctl.bench.bench import open_bench
from labctl.bench.station import load_station
from labctl.bench.visa import Visa
from labctl.core.errors import StationError
from labctl_sim.bench import open_bench as simulate

INTERVAL = 1e-9
CELL = 8 + 2


def shot(volts, width):
    """A pulse at 10 ns, a read plateau from 50 to 150 ns; upright edges."""
    wave = np.zeros(200)
    wave[10 : 10 + width] = volts
    wave[50:150] = -0.2
    return wave


def switched(bench, volts, width, shots):
    """How often the kept cell changed its state, after P and after AP: (chances, shots each)."""
    bench.route(pulser=1, digitizer=10)
    bench.world.put(0)
    bench.program(shot(volts, width), INTERVAL, shots)
    bench.arm(shots, 80e-9, samples=3)
    bench.pulser.write("*TRG")
    amps = -bench.fetch(shots, 3).mean(axis=1)
    states = (amps < (amps.max() + amps.min()) / 2).astype(int)
    before, after = states[:-1], states[1:]
    return [(SimpleNamespace(p=(after != before)[before == s].mean(), n=(before == s).sum())) for s in (0, 1)]


@pytest.mark.parametrize(("volts", "width"), [(0.75, 2), (0.9, 1)])
def test_the_engine_and_the_table_switch_alike(station, opened, volts, width):
    table = switched(opened(station()), volts, width, 40_000)
    engine = switched(opened(station(array_seed="2407\nphysics = 'engine'")), volts, width, 4000)
    for one, other in zip(table, engine, strict=True):
        sigma = np.sqrt(one.p * (1 - one.p) * (1 / one.n + 1 / other.n))
        # 5 sigma and 0.006 of interpolation: false alarm 6e-7 each with another seed, none with this one.
        assert other.p == pytest.approx(one.p, abs=5 * sigma + 0.006)
        assert 0.02 < one.p < 0.98


def test_trajectories_are_those_of_the_noise_seed(station, opened):
    first, again, other = (
        switched(opened(station(noise_seed=seed, array_seed="2407\nphysics = 'engine'")), 0.8, 2, 300)
        for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(("value", "words"), [('"tabel"', ["'tabel'", "table, engine"]), ("1", ["physics"])])
def test_an_unknown_path_is_refused(station, value, words):
    with pytest.raises(StationError) as caught:
        simulate(station(array_seed=f"2407\nphysics = {value}"))
    for word in ["[simulation] physics", *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(("physics", "says"), [("table", "switching table"), ("engine", "macrospin LLG")])
def test_the_provenance_of_a_run_says_what_made_its_bits(station, physics, says):
    path = station(array_seed=f"2407\nphysics = '{physics}'")
    with open_bench(load_station(str(path))) as bench:
        told = json.loads(json.dumps(bench.provenance()))["library"]
    assert told["profile"] == "vcma_long_pulse"
    assert told["physics"] == physics
    assert says in told["switching"]
    assert told["array_seed"] == 2407
    assert told["clock"] == "virtual"


def test_a_library_that_says_nothing_has_no_provenance():
    assert Visa(None, 1.0).provenance == {}
    assert Visa(SimpleNamespace(visalib=SimpleNamespace()), 1.0).provenance == {}
    assert Visa(SimpleNamespace(visalib=SimpleNamespace(provenance={"a": 1})), 1.0).provenance == {"a": 1}
