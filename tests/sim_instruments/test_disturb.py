"""What reading and half-selecting do to cells that nobody means: escape at the volts of their node, through the bench.

The noise seed is fixed; the false-alarm rates stated are those of another seed.
"""

import numpy as np
import pytest

from labctl_sim.macrospin.escape import Escape
from labctl_sim.macrospin.layer import BOLTZMANN

SOURCE = ":SOUR:VOLT:RANG 2;:SENS:CURR:PROT 1E-2;:SOUR:VOLT {:.4f}"


@pytest.fixture(scope="module")
def escape():
    return Escape.load()


def rates(escape, bench, volts):
    """Escape from P and from AP at ``volts``, (2, 64) in 1/s, from the layer's own numbers."""
    layer = bench.world.array.junctions.layer
    per_tesla = layer.of("saturation_amps_per_meter") * layer.volume_cubic_meters / BOLTZMANN / 300
    across, along = per_tesla * layer.of("bx_tesla"), per_tesla * layer.of("bz_tesla")
    return np.array(
        escape.rates(layer.stability(volts), across, along, layer.of("damping"), layer.neel_seconds)
    )  # fmt: skip


def held(bench, volts):
    """The volts of all cells, (64,), in P under the source-meter's ``volts``."""
    bench.world.put(0)
    bench.smu.write(SOURCE.format(volts) + ";:OUTP ON")
    found = bench.world.point().cell_volts.copy()
    bench.smu.write(":OUTP OFF")
    return found


def exposed(bench, volts, repeats, seconds, before=lambda: None):
    """How often each cell is AP, (64,), after a time from P under ``volts``; and that time, ``before`` included."""
    bench.smu.write(SOURCE.format(volts))
    found, clock = np.zeros(64, int), bench.library.clock
    for _ in range(repeats):
        bench.world.put(0)
        bench.smu.write(":OUTP ON")
        began = clock.now()
        before()
        clock.sleep(seconds)
        seen = clock.now() - began
        bench.smu.write(":OUTP OFF")
        found += bench.world.array.states
    assert bench.smu.query(":SYST:ERR?").startswith("0,")
    return found, seen


def agree(found, rates, repeats, seconds):
    """Two-state relaxation of every cell: 4.5 deviations for all (7e-6), chi-square of each with 1e-6 or less.

    And 3 % of all: a neighbour that has gone over to AP leaves the others a millivolt more.
    """
    total = rates.sum(axis=0)
    chance = rates[0] / total * -np.expm1(-total * seconds)
    expected, spread = repeats * chance, repeats * chance * (1 - chance)
    assert expected.sum() > 60
    assert abs((found - expected).sum()) < 4.5 * np.sqrt(spread.sum()) + 0.03 * expected.sum()
    assert ((found - expected) ** 2 / spread).sum() < 45


@pytest.mark.parametrize(("volts", "exposure"), [(0.46, 0.3), (0.49, 0.1), (0.52, 0.3)])
def test_a_read_disturbs_at_the_rate_of_its_volts(bench, escape, volts, exposure):
    repeats, cells = 100, slice(8, 16)
    bench.route(smu=1)
    rate = rates(escape, bench, held(bench, volts))[:, cells]
    found, seconds = exposed(bench, volts, repeats, exposure / rate[0].mean())
    agree(found[cells], rate, repeats, seconds)
    assert found.sum() == found[cells].sum()  # the other word lines are grounded at both ends


def test_a_read_of_the_other_polarity_disturbs_nothing(bench):
    bench.route(smu=1)
    assert exposed(bench, -0.5, 3, 1e6)[0].sum() == 0


WORD, BIT = 3, 5


def select(bench, share):
    """Pulser on the word line, ground on the bit line; the other word lines, and for a half bit lines, on the SMU."""
    rows = dict.fromkeys(range(16), "H") | {line: "B" for line in range(8) if line != WORD} | {WORD: "A"}
    if share == 2:
        rows |= {8 + line: "B" for line in range(8) if line != BIT}
    columns = [(1, number) for number in range(1, 13)] + [(2, number) for number in range(1, 5)]
    points = [f"{slot}{rows[line]}{number:02d}" for line, (slot, number) in enumerate(columns)]
    bench.matrix.write(f'channel.exclusiveclose("{",".join(points)}")')
    assert float(bench.matrix.query("print(errorqueue.count)")) == 0


def test_half_selected_cells_escape_at_half_the_volts(bench, escape):
    """V on the selected word line for 20 ns, V/2 on all other lines for good, 0 V on the selected bit line."""
    repeats, volts, column = 80, 0.94, np.array([8 * line + BIT for line in range(8) if line != WORD])
    select(bench, 2)
    pulse = np.zeros(400)
    pulse[10:30] = volts
    bench.program(pulse, 1e-9, 5)
    rate = rates(escape, bench, held(bench, volts / 2))[:, column]
    found, seconds = exposed(bench, volts / 2, repeats, 0.25 / rate[0].mean(), lambda: bench.pulser.write("*TRG"))
    agree(found[column], rate, repeats, seconds)
    # Coins at V in the selected cell; its row sees V/2 for 20 ns and -V/2 for the rest, all other cells nothing.
    assert found[8 * WORD + BIT] == pytest.approx(repeats / 2, abs=4.5 * np.sqrt(repeats) / 2)
    assert found.sum() == found[column].sum() + found[8 * WORD + BIT]


def test_at_a_third_of_the_volts_nothing_happens_in_that_time(bench, escape):
    select(bench, 3)
    seconds = 0.25 / rates(escape, bench, np.full(64, 0.94 / 2))[0].mean()
    volts = held(bench, 0.94 / 3)
    assert (volts.reshape(8, 8).mean(axis=1) > 0.3).sum() == 7
    # All rates together make a flip in 20 repeats once in more than 300 noise seeds.
    assert rates(escape, bench, volts)[0].sum() * seconds * 20 < 3e-3
    assert exposed(bench, 0.94 / 3, 20, seconds)[0].sum() == 0
