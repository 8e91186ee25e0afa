"""Samples in a long pulse follow the junction: through the whole bench, against trajectories and between the two paths.

The noise seed is fixed; the false-alarm rates stated are those of another seed.
"""

import numpy as np
import pytest

from labctl_sim.macrospin.drive import rectangular
from labctl_sim.macrospin.trials import switching_probability

CELL = 8 + 2
INTERVAL = 1e-9
FAST = """name = "fast"
behaviour = "telegraph"
base = "superparamagnetic"

[parallel_ohms]
value = 20e3
unit = "ohm"
source = "chosen to fit the demo's amplifier"
status = "assumed"
"""


@pytest.fixture
def reads(station, opened, tmp_path):
    """States that samples 20 ns apart see, (shots, samples), in a flat top of 20 ns more than they take."""
    (tmp_path / "fast.toml").write_text(FAST, encoding="utf-8")

    def run(profile, physics, volts, shots, samples, scale):
        bench = opened(station(profile=f'"{profile}"', array_seed=f"2407\nphysics = '{physics}'"))
        bench.route(pulser=1, digitizer=10)
        length = 20 * samples + 20
        wave = np.zeros(length + 200)
        wave[100 : 100 + length] = volts
        bench.program(wave, INTERVAL, shots)
        bench.arm(shots, 120e-9, samples=samples, scale=scale)
        bench.pulser.write("*TRG")
        amps = np.abs(bench.fetch(shots, samples)) / 1e4
        array = bench.world.array
        levels = [abs(volts) * array.conductance(np.full(64, s, np.uint8), np.full(64, volts))[CELL] for s in (0, 1)]
        return (amps < np.mean(levels)).astype(int), array.junctions.only(CELL).layer

    return run


@pytest.mark.parametrize(("physics", "shots"), [("table", 4000), ("engine", 400)])
@pytest.mark.parametrize("volts", [0.1, pytest.param(-0.1, marks=pytest.mark.slow)])
def test_a_read_of_a_fast_junction_shows_what_the_read_makes_of_it(reads, physics, shots, volts):
    """Some 30 % are AP before it, nearly all or nearly none from 100 ns on.

    Trajectories are counted after 2 ns at 0 V. Five standard errors and 0.004 of the table: false alarm 6e-7 each.
    """
    states, layer = reads("fast.toml", physics, volts, shots, 15, 0.02)
    start = int(volts < 0)
    flips, _ = switching_probability(layer, rectangular(volts, 300e-9), trials=4000, seed=4, start=start)
    truth = abs(start - float(flips[0]))
    assert abs(truth - (volts > 0)) < 0.01
    late = states[:, 5:].mean(axis=1)
    assert late.mean() == pytest.approx(truth, abs=5 * max(late.std(), 0.02) / np.sqrt(shots) + 0.004)


def test_samples_of_one_read_belong_to_one_history(reads):
    """5 kT of barrier, so that the state lasts some 130 ns: shares and jumps between samples, table and trajectories.

    Five standard errors of the 800 reads (each weighed as one) and 0.02, what a rate that is 8 % off makes: false alarm
    below 6e-7 for each of the numbers.
    """
    table, _ = reads("vcma_long_pulse", "table", 0.65, 20_000, 10, 0.2)
    engine, _ = reads("vcma_long_pulse", "engine", 0.65, 800, 10, 0.2)
    for lag in (1, 3):
        jumps = [(states[:, lag:] != states[:, :-lag]).mean(axis=1) for states in (table, engine)]
        error = np.hypot(*(each.std() / np.sqrt(each.size) for each in jumps))
        assert jumps[1].mean() == pytest.approx(jumps[0].mean(), abs=5 * error + 0.02)
    assert 0.05 < (table[:, 1:] != table[:, :-1]).mean() < 0.15  # 0.5 if each were a draw of its own
    assert 0.25 < (table[:, -1] != table[:, 0]).mean() < 0.45
    np.testing.assert_allclose(engine.mean(axis=0), table.mean(axis=0), atol=5 * 0.5 / np.sqrt(800) + 0.02)


def test_what_is_seen_last_is_what_the_next_shot_begins_with(reads):
    """At rest this junction keeps its state for years, and each pulse begins with 20 ns that show it already."""
    states, _ = reads("vcma_long_pulse", "table", 0.65, 4000, 10, 0.2)
    same = (states[1:, 0] == states[:-1, -1]).mean()
    # 20 ns at 130 ns change some 8 % before the first sample, and as many after the last one.
    assert same == pytest.approx(0.84, abs=0.05)
