"""The envelope of an opened bench: ways around it that were open once, and the one way that is left, by name."""

import math
from dataclasses import replace

import pytest

from labctl.bench.bench import open_bench
from labctl.bench.journal import read_journal
from labctl.bench.station import load_station, parse_station
from labctl.core.device import Line
from labctl.core.errors import EnvelopeError, StationError
from labctl.core.pulses import Phase, PhaseKind, PulsePlan


def plan(volts):
    return PulsePlan((Phase(PhaseKind.STOCHASTIC, volts, 20e-9, 1e-9, 200e-9),))


@pytest.fixture
def bench(tmp_path):
    with open_bench(load_station("demo"), journal=tmp_path / "j.jsonl") as bench:
        yield bench


def test_a_loaded_plan_is_not_fired_beside_another_source(bench):
    bench.roles()["array"].route({"pulser": Line("word", 0), "smu": Line("bit", 0)})
    pulser, smu = bench.device("pulser"), bench.device("smu")
    pulser.program(plan(0.9))
    pulser.off()
    smu.apply_volts(-0.2, 1e-3)
    with pytest.raises(EnvelopeError, match="while these sources are live"):
        pulser.fire(1)
    with pytest.raises(EnvelopeError, match="across a junction"):
        pulser.hold(0.2)
    smu.off()
    pulser.fire(1)


def test_volts_on_a_bit_line_have_the_other_sign(bench):
    pulser, array = bench.device("pulser"), bench.roles()["array"]
    pulser.program(plan(0.9))
    array.route({"pulser": Line("bit", 0)})
    with pytest.raises(EnvelopeError, match=r"limit of 0\.5 V"):
        pulser.fire(1)
    array.route({"pulser": Line("word", 0)})
    pulser.fire(1)


def test_there_is_no_firing_what_was_not_checked(bench):
    with pytest.raises(EnvelopeError, match=r"call program\(\) first"):
        bench.device("pulser").fire(1)


def test_an_override_is_in_the_journal_and_ends_with_its_block_or_its_time(bench):
    limits = replace(bench.station.limits, pulse_positive_volts=1.2)
    pulser = bench.device("pulser")
    with bench.override("Ada Lovelace", "find where it breaks", limits, 1.0):
        events = read_journal(bench._journal.path)
        assert events[-1]["event"] == "override"
        assert events[-1]["name"] == "Ada Lovelace"
        assert events[-1]["limits_pulse_positive_volts"] == 1.2
        pulser.program(plan(1.1))
        pulser.fire(1)
        bench.clock.sleep(2.0)
        with pytest.raises(EnvelopeError):
            pulser.fire(1)
    with pytest.raises(EnvelopeError):
        pulser.program(plan(1.1))
    assert read_journal(bench._journal.path)[-1]["event"] == "override ended"
    assert bench.provenance()["overrides"][0]["reason"] == "find where it breaks"


@pytest.mark.parametrize(
    ("name", "reason", "seconds", "changes"),
    [
        ("", "because", 1.0, {}),
        ("Ada", "  ", 1.0, {}),
        ("Ada", "because", math.inf, {}),
        ("Ada", "because", math.nan, {}),
        ("Ada", "because", 1.0, {"amps": math.nan}),
        ("Ada", "because", 1.0, {"dc_volts": 2.0}),
    ],
)
def test_an_override_needs_a_name_a_reason_an_end_and_sound_limits(bench, name, reason, seconds, changes):
    limits = replace(bench.station.limits, **changes)
    with pytest.raises(EnvelopeError), bench.override(name, reason, limits, seconds):
        pass


def test_an_override_needs_a_journal():
    with open_bench(load_station("demo")) as bench, pytest.raises(EnvelopeError, match="without a journal"):
        bench.override("Ada", "because", bench.station.limits, 1.0).__enter__()


@pytest.mark.parametrize(
    ("added", "complaint"),
    [
        ("shorter_pulses = 3", "must be a list of tables"),
        ("shorter_pulses = [{ width_seconds = 1e-6, positive_volts = 2.0, negative_volts = 2.0 }]", "shortest first"),
        ("shorter_pulses = [{ width_seconds = 1e-9, positive_volts = 0.9, negative_volts = 2.0 }]", "allows less"),
        ("shorter_pulses = [{ width_seconds = 1e-9, positive_volts = 2.0 }]", "negative_volts: is missing"),
        ("dc_negative_volts = 0.6", "dc_negative_volts: is 0.6, above the limit of a pulse"),
        ("dose_volt_seconds = 0", "dose_volt_seconds: is 0"),
    ],
)
def test_limits_that_cannot_be_are_refused(station_text, tmp_path, added, complaint):
    with pytest.raises(StationError, match=complaint):
        parse_station(f"{station_text}\n{added}\n", tmp_path / "s.toml")
