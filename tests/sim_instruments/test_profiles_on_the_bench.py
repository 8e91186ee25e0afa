"""Each kind of junction that we ship, behind the front panels: what a source-meter and a digitizer make of it."""

import itertools

import numpy as np
import pytest

from labctl_sim.junction import OPEN, SHORTED, STUCK_AP, STUCK_P

CELL = 8 + 2
KINDS = ["vcma_long_pulse", "vcma_precessional", "stt_smart", "superparamagnetic", "seed_paper_unverified"]


def cycle(volts, samples, interval, read):
    """A pulse of ``samples`` after 20 ns, then a read plateau from 100 to 300 ns, then rest: 400 ns."""
    wave = np.zeros(round(400e-9 / interval))
    begin, top, bottom = (round(t / interval) for t in (20e-9, 100e-9, 300e-9))
    wave[begin : begin + samples], wave[top:bottom] = volts, read
    return wave


def shots(bench, volts, samples, interval, count, read=-0.1, scale=0.01):
    """The states that ``count`` cycles leave the kept cell in, uint8, and that before them."""
    bench.route(pulser=1, digitizer=10)
    bench.program(cycle(volts / 2, samples, interval, read / 2), interval, count)
    bench.pulser.write(":VOLT1:HIGH 2;LOW -2")
    bench.arm(count, 150e-9, samples=8, scale=scale)
    before = bench.world.array.states[CELL]
    bench.pulser.write("*TRG")
    volts = np.abs(bench.fetch(count).mean(axis=1))
    array = bench.world.array
    by_state = [1e4 * abs(read) * array.conductance(np.full(64, s, np.uint8), np.full(64, read))[CELL] for s in (0, 1)]
    assert bench.pulser.query(":SYST:ERR?").startswith("+0,")
    return before, (volts < np.mean(by_state)).astype(int)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_the_conductance_that_its_states_have(station, opened, kind):
    bench = opened(station(profile=f'"{kind}"'))
    bench.route(smu=0)
    nplc = 1 if kind == "superparamagnetic" else 0.01
    bench.smu.write(f"*RST;:SENS:CURR:PROT 1E-4;:FORM:ELEM CURR;:SENS:CURR:NPLC {nplc};:SOUR:VOLT 0.02;:OUTP ON")
    array = bench.world.array
    for _ in range(50):
        before = array.states.copy()
        found = float(bench.smu.query(":READ?"))
        if (before == array.states).all():  # it may have been disturbed, in the kinds that do not keep their states
            break
    if kind == "superparamagnetic":
        up, down = bench.world.physics.rates(array.junctions, bench.world.point().cell_volts)
        assert (1 / (up + down) < 1e-5).all()
        z = (down - up) / (down + up)
    else:
        z = 1.0 - 2.0 * array.states
    siemens = array.conductance(z, np.full(64, 0.02))[:8].sum()
    # Lines and relays take less than 1 %. The mean of a telegraph signal over 20 ms is good to a few parts in 1,000.
    assert found == pytest.approx(0.02 * siemens, rel=0.012)


def test_a_slow_telegraph_signal_jumps_from_reading_to_reading(station, opened, tmp_path):
    (tmp_path / "slow.toml").write_text(
        'name = "slow"\nbehaviour = "telegraph"\nbase = "superparamagnetic"\n\n'
        "[interface_anisotropy_joules_per_square_meter]\n"
        'value = 0.00032\nunit = "J/m^2"\nsource = "chosen for states that last a second"\nstatus = "assumed"\n',
        encoding="utf-8",
    )
    bench = opened(station(profile='"slow.toml"'))
    bench.route(smu=0)
    bench.smu.write("*RST;:SENS:CURR:PROT 1E-4;:FORM:ELEM CURR;:SENS:CURR:NPLC 0.1;:SOUR:VOLT 0.001;:OUTP ON")
    array = bench.world.array
    levels, seen = [], []
    for _ in range(60):
        bench.library.clock.sleep(1.0)
        before = array.states[:8].copy()
        found = float(bench.smu.query(":READ?")) / 0.001  # a millivolt: at 20 mV the current holds the state
        after = array.states[:8].copy()
        seen.append(after)
        if (before == after).all():
            levels.append(found / array.conductance(array.states, np.full(64, 0.001))[:8].sum())
    moves = sum(int((a != b).any()) for a, b in itertools.pairwise(seen))
    assert moves > 20
    assert len(levels) > 20
    np.testing.assert_allclose(levels, 1.0, rtol=0.012)


def test_the_precessional_junction_turns_half_way_and_all_the_way_round(station, opened, solved):
    """0.595 ns are half a turn about 30 mT, 1.19 ns a whole one."""
    bench = opened(station(profile='"vcma_precessional"'))
    count, volts = 4000, 1.494
    bench.world.array.states[:] = 0
    bench.route(pulser=1, digitizer=10)
    bench.pulser.write(":FUNC1 DC;:VOLT1:OFFS 0.1;:OUTP1 ON")
    share = bench.world.point().cell_volts[CELL] / 0.1
    found = []
    for samples in (1, 2):
        _, states = shots(bench, volts, samples, 0.595e-9, count, read=-0.4, scale=0.01)
        found.append((states[1:] != states[:-1]).mean())
        cell = bench.world.array.junctions.only(CELL)
        told = solved(cell, [np.round(volts / 2 * 8191) / 8191 * 2 * share], [samples * 0.595e-9], 0)
        # 5 sigma of 4,000, and 0.01 for interpolation, 0.5 % of the volts and a stray field: false alarm 6e-7.
        assert found[-1] == pytest.approx(told, abs=5 * np.sqrt(told * (1 - told) / count) + 0.01)
    half, whole = found
    assert half > whole + 0.2


def test_spin_torque_writes_the_state_that_the_sign_says(station, opened):
    bench = opened(station(profile='"stt_smart"'))
    for volts, state in ((0.35, 1), (-0.35, 0), (0.35, 1)):
        before, states = shots(bench, volts, 8, 1e-9, 50, read=-0.02, scale=0.03)
        assert (states == state).all(), (before, volts)
    _, states = shots(bench, 0.26, 1, 1e-9, 50, read=-0.02, scale=0.03)
    assert (states == 1).all()  # from AP no positive pulse leads away


def test_defects_of_the_wafer_never_move(station, opened, tmp_path):
    parts = [
        f'[{kind}_fraction]\nvalue = 0.12\nunit = "1"\nsource = "chosen, to have some of each"\nstatus = "assumed"\n'
        for kind in ("stuck_p", "stuck_ap", "shorted", "open")
    ]
    (tmp_path / "bad.toml").write_text(
        'name = "bad"\nbehaviour = "faulty"\nbase = "vcma_long_pulse"\n\n' + "\n".join(parts), encoding="utf-8"
    )
    bench = opened(station(profile='"bad.toml"'))
    array = bench.world.array
    defects = array.junctions.defects.copy()
    assert set(range(5)) == set(defects.tolist())
    assert (array.states[defects == STUCK_P] == 0).all()
    assert (array.states[defects == STUCK_AP] == 1).all()
    before = array.states.copy()
    for word in range(8):
        bench.route(pulser=word, digitizer=10)
        bench.program(np.r_[np.zeros(10), np.full(20, 0.9), np.zeros(370)], 1e-9, 999)
        bench.pulser.write("*TRG")
        assert bench.pulser.query("*OPC?").strip().endswith("1")
    np.testing.assert_array_equal(array.states[defects != 0], before[defects != 0])
    assert (array.states[defects == 0] != before[defects == 0]).any()
    siemens = array.conductance(array.states, np.full(64, 0.01))
    assert siemens[defects == SHORTED].min() > 1e-3
    assert siemens[defects == OPEN].max() < 1e-9


def test_a_barrier_wears_out_under_pulses_and_breaks_for_ever(bench):
    """The dose of a burst is that of its pulses one by one; what has reached its strength is a short."""
    array = bench.world.array
    bench.route(pulser=1, digitizer=10)
    wave = np.r_[np.zeros(10), np.full(20, 0.95), np.zeros(370)]
    bench.program(wave, 1e-9, 1000)
    assert array.wear.dose[8:16].max() < 1e-20
    bench.pulser.write("*TRG")
    assert bench.pulser.query("*OPC?").strip().endswith("1")
    once = array.wear.dose[8:16].copy()
    endurance = array.junctions.endurance
    expected = 1000 * 20e-9 / endurance.lifetime_seconds(np.full(64, 0.95))[8:16]
    np.testing.assert_allclose(once, expected, rtol=0.3)  # 40 times what wires take of the volts: 0.6 %
    bench.pulser.write("*TRG")
    assert bench.pulser.query("*OPC?").strip().endswith("1")
    np.testing.assert_allclose(array.wear.dose[8:16], 2 * once, rtol=0.05)  # and what the states change in the load
    array.wear.dose[10] = endurance.breakdown_strength[10] - once[2] / 2
    bench.pulser.write("*TRG")
    assert bench.pulser.query("*OPC?").strip().endswith("1")
    assert np.flatnonzero(array.broken).tolist() == [10]
    assert array.conductance(array.states, np.zeros(64))[10] == pytest.approx(1 / 300)
    bench.world.put(0)
    assert array.broken[10]


def test_a_junction_that_broke_keeps_its_state_and_draws_no_more_bits(bench):
    bench.route(pulser=1, digitizer=10)
    assert bench.world.array.stress(np.full(64, 2.0))
    bench.world.put(1)
    bench.program(np.r_[np.zeros(10), np.full(20, 0.9), np.zeros(370)], 1e-9, 100)
    bench.pulser.write("*TRG")
    bench.library.clock.sleep(1.0)
    assert bench.world.array.states.all()


def test_the_station_s_temperature_is_that_of_its_junctions(station, opened):
    found = {}
    for kelvin in (None, 300, 350):
        bench = opened(station(array_seed="1" if kelvin is None else f"1\ntemperature_kelvin = {kelvin}"))
        bench.world.put(1)
        bench.route(smu=0)
        bench.smu.write("*RST;:SENS:CURR:PROT 1E-4;:FORM:ELEM CURR;:SOUR:VOLT 0.02;:OUTP ON")
        found[kelvin] = float(bench.smu.query(":READ?"))
        assert bench.library.provenance["temperature_kelvin"] == (kelvin or 300)
    assert found[300] == found[None]
    # 50 K at -0.03 % per kelvin of R_P and -0.15 % of TMR (1.0 at 300 K) for junctions in AP; noise is below 0.3 %.
    ratio = (1 - 3e-4 * 50) * (1 + (1 - 1.5e-3 * 50)) / 2
    assert found[350] / found[300] == pytest.approx(1 / ratio, rel=5e-3)


def test_what_is_beyond_the_physics_is_said_by_a_tsp_instrument_too(station, opened, tmp_path):
    # A barrier that stands what it should not, so that -10 V reach a junction whose Delta they raise beyond 300.
    lasting = "".join(
        f'[{name}]\nvalue = 1e3\nunit = "V"\nsource = "chosen, to last"\nstatus = "assumed"\n'
        for name in ("breakdown_volts", "breakdown_reference_volts")
    )
    (tmp_path / "lasting.toml").write_text(f'base = "vcma_long_pulse"\n{lasting}', encoding="utf-8")
    bench = opened(station(profile='"lasting.toml"'))
    bench.smu.write(":SOUR:VOLT:RANG 20;:SOUR:VOLT -10;:SENS:CURR:PROT 1;:OUTP ON")
    with pytest.raises(AssertionError):
        bench.route(smu=0)
    number, text, *_ = bench.matrix.query("print(errorqueue.next())").split("\t")
    assert float(number) == -286
    assert "a stability beyond 300 kT" in text
    assert "check units and volts" in text
