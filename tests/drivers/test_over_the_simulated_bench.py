"""The same drivers, through pyvisa, on instruments that answer for themselves: the simulated bench."""

import math

import numpy as np
import pytest

from labctl.bench.bench import open_bench
from labctl.bench.station import load_station
from labctl.core.bits import Origin
from labctl.core.device import Acquisition, Digitizer, Line, PulseGenerator, SourceMeter, SwitchMatrix
from labctl.core.errors import EnvelopeError, InstrumentError, InstrumentTimeout
from labctl.core.pulses import Phase, PhaseKind, PulsePlan

PLAN = PulsePlan(
    (
        Phase(PhaseKind.STOCHASTIC, 0.6, 20e-9, 1e-9, 100e-9),
        Phase(PhaseKind.READ, 0.1, 200e-9, 1e-9, 100e-9),
    )
)
READ = Acquisition(delay_seconds=160e-9, sample_interval_seconds=20e-9, samples=6, full_scale_volts=0.24)


@pytest.fixture
def bench():
    with open_bench(load_station("demo")) as opened:
        yield opened


@pytest.fixture
def raw(bench):
    """The drivers themselves, without guards."""
    return bench._devices


def test_each_instrument_plays_its_role_and_is_known_as_simulated(bench, raw):
    for role, kind in (
        ("pulser", PulseGenerator),
        ("smu", SourceMeter),
        ("matrix", SwitchMatrix),
        ("digitizer", Digitizer),
    ):
        assert isinstance(raw[role], kind)
        identity = raw[role].identify()
        assert identity.model in type(raw[role]).models
        assert identity.serial.startswith("SIM")
        assert raw[role].errors() == []
        assert raw[role].snapshot()
        assert raw[role].capabilities()
    assert bench.origin == Origin.SIMULATED


def test_a_plan_comes_back_as_it_was_asked_within_a_code(raw):
    played = raw["pulser"].program(PLAN)
    for asked, made in zip(PLAN.phases, played.phases, strict=True):
        assert made.volts == pytest.approx(asked.volts, abs=2e-3)
        assert made.width_seconds == pytest.approx(asked.width_seconds)
    assert played.period_seconds == pytest.approx(PLAN.period_seconds)


def test_a_plan_survives_reprogramming_longer_and_shorter(raw):
    pulser = raw["pulser"]
    for widths in (1, 50, 3):
        plan = PulsePlan(tuple(Phase(p.kind, p.volts, widths * p.width_seconds, 1e-9, 1e-7) for p in PLAN.phases))
        assert pulser.program(plan).period_seconds == pytest.approx(plan.period_seconds)
    assert pulser.errors() == []


def test_a_pulser_is_quiet_until_it_fires_and_after_off(raw):
    pulser = raw["pulser"]
    pulser.program(PLAN)
    assert pulser.is_quiet()
    pulser.fire(10)
    assert not pulser.is_quiet()
    pulser.off()
    assert pulser.is_quiet()
    assert pulser.hold(0.1) == pytest.approx(0.1, abs=1e-3)
    assert not pulser.is_quiet()
    assert pulser.hold(0.0) == 0.0
    assert pulser.is_quiet()
    pulser.safe()
    pulser.safe()
    assert pulser.is_quiet()


def test_a_source_meter_sources_reads_and_rests(raw):
    smu = raw["smu"]
    with pytest.raises(InstrumentError):
        smu.measure()
    assert smu.apply_volts(0.1, 1e-4) == pytest.approx(0.1, abs=1e-4)
    reading = smu.measure()
    assert reading.volts == pytest.approx(0.1, abs=1e-3)
    assert not reading.in_compliance
    assert not smu.is_quiet()
    assert smu.snapshot()["limit_amps"] == pytest.approx(1e-4, rel=0.01), "reading it changed the compliance"
    for limit in (1e-6, 1e-3, 1e-9, 1e-2):
        smu.apply_volts(0.05, limit)
    assert smu.apply_amps(0.0, 0.25) == 0.0
    smu.measure()
    smu.off()
    assert smu.is_quiet()
    smu.apply_volts(0.0, 1e-4)
    assert smu.is_quiet()
    smu.safe()
    smu.safe()
    assert smu.errors() == []


def test_relays_do_what_they_are_told(bench, raw):
    matrix, wiring = raw["matrix"], bench.station.wiring
    points = sorted(wiring.grounds())
    matrix.close_points(points)
    assert matrix.closed() == frozenset(points)
    matrix.open_points(points[:1])
    assert matrix.closed() == frozenset(points[1:])
    matrix.safe()
    assert matrix.closed() == frozenset(points[1:])


def test_a_block_of_frames_is_complete_and_tells_the_current(bench):
    roles = bench.roles()
    pulser, digitizer, array = roles["pulser"], roles["digitizer"], roles["array"]
    array.route({"pulser": Line("word", 0), "digitizer": Line("bit", 0)})
    pulser.program(PLAN)
    got = digitizer.configure(READ)
    assert got.samples == READ.samples
    assert abs(got.delay_seconds - READ.delay_seconds) <= READ.sample_interval_seconds
    digitizer.arm(500)
    pulser.fire(500)
    frames = digitizer.fetch()
    assert frames.counts.shape == (500, READ.samples)
    assert frames.clipped() == 0
    amps = frames.mean_volts() / array.sense_ohms
    ohms = 0.1 / np.abs(amps.mean())
    assert 1e3 < ohms < 1e7, "a junction, not an open and not a short"


def test_missed_triggers_are_told_with_how_many_came(bench):
    roles = bench.roles()
    pulser, digitizer = roles["pulser"], roles["digitizer"]
    roles["array"].route({"pulser": Line("word", 0), "digitizer": Line("bit", 0)})
    pulser.program(PLAN)
    digitizer.configure(READ)
    digitizer.arm(10)
    pulser.fire(7)
    with pytest.raises(InstrumentTimeout, match="7 of 10 frames"):
        digitizer.fetch()
    digitizer.arm(3)
    pulser.fire(3)
    assert digitizer.fetch().counts.shape == (3, READ.samples)


def test_the_source_meter_sees_the_junction_it_is_routed_to(bench):
    roles = bench.roles()
    smu, array = roles["smu"], roles["array"]
    array.route({"smu": Line("word", 0)})
    smu.apply_volts(0.1, 1e-3)
    reading = smu.measure()
    smu.off()
    assert reading.amps is not None
    assert 1e-8 < abs(reading.amps) < 1e-3


def test_a_generator_and_its_voltmeter_agree_on_a_line(bench):
    """The set-up of a crossbar read: drive from the generator, 0 A from the source-meter as its voltmeter."""
    roles = bench.roles()
    pulser, smu, array = roles["pulser"], roles["smu"], roles["array"]
    array.route({"pulser": Line("word", 0), "smu": Line("word", 0)})
    smu.apply_amps(0.0, 0.25)
    pulser.hold(0.1)
    reading = smu.measure()
    pulser.off()
    smu.off()
    assert reading.volts is not None
    # below the unloaded value, which is an upper bound, by what the junctions of the line draw from 50 ohm
    assert 0.05 < reading.volts < 0.1 + 2e-3


def test_routing_refuses_live_sources_and_works_after_off(bench):
    roles = bench.roles()
    array, pulser = roles["array"], roles["pulser"]
    array.route({"pulser": Line("word", 0)})
    pulser.hold(0.1)
    with pytest.raises(EnvelopeError, match="live output"):
        array.route({"pulser": Line("word", 1)})
    pulser.off()
    array.route({"pulser": Line("word", 1)})


def test_leaving_the_bench_leaves_it_at_rest(bench):
    roles = bench.roles()
    roles["array"].route({"pulser": Line("word", 0)})
    roles["pulser"].hold(0.2)
    bench.safe()
    assert bench._devices["pulser"].is_quiet()
    assert bench._devices["matrix"].closed() == bench.station.wiring.grounds()


def test_readings_are_numbers_or_none(bench):
    smu = bench.roles()["smu"]
    smu.apply_volts(0.0, 1e-6)
    reading = smu.measure()
    for value in (reading.volts, reading.amps):
        assert value is None or math.isfinite(value)
