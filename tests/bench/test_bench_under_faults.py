"""The simulated bench with instruments that hang or vanish, at any moment: it ends at rest, or says why not."""

import pytest

from labctl.bench.bench import open_bench
from labctl.bench.journal import read_journal
from labctl.bench.station import load_station, parse_station
from labctl.core.device import Acquisition, Line
from labctl.core.errors import InstrumentError, InstrumentGone, InstrumentTimeout
from labctl.core.pulses import Phase, PhaseKind, PulsePlan

PLAN = PulsePlan(
    (
        Phase(PhaseKind.STOCHASTIC, 0.6, 20e-9, 1e-9, 100e-9),
        Phase(PhaseKind.READ, 0.1, 200e-9, 1e-9, 100e-9),
    )
)
ROLES = ("pulser", "smu", "matrix", "digitizer")


def faulty(tmp_path, role, kind, after, messages):
    text = load_station("demo").text
    # nobody waits for an instrument that hangs on purpose
    text = text.replace('name = "demo"', 'name = "faulty"\ntimeout_seconds = 0.5', 1)
    text += (
        f'[[simulation.faults]]\ndevice = "{role}"\nkind = "{kind}"\nafter_messages = {after}\nmessages = {messages}\n'
    )
    path = tmp_path / "faulty.toml"
    path.write_text(text, encoding="utf-8")
    return parse_station(text, path)


def measure(bench):
    roles = bench.roles()
    roles["array"].route({"pulser": Line("word", 0), "digitizer": Line("bit", 0)})
    roles["pulser"].program(PLAN)
    roles["digitizer"].configure(Acquisition(160e-9, 20e-9, 6, 0.24))
    roles["digitizer"].arm(20)
    roles["pulser"].fire(20)
    roles["digitizer"].fetch()
    roles["pulser"].off()
    roles["array"].route({"smu": Line("word", 0)})
    for millivolts in range(5):
        roles["smu"].apply_volts(1e-3 * millivolts, 1e-3)
        roles["smu"].measure()


@pytest.mark.parametrize("after", [3, 8, 20, 40])
@pytest.mark.parametrize("kind", ["hang", "vanish"])
@pytest.mark.parametrize("role", ROLES)
def test_a_passing_fault_at_any_moment_leaves_the_bench_at_rest(tmp_path, role, kind, after):
    station = faulty(tmp_path, role, kind, after, messages=1)
    with open_bench(station) as bench:
        told = ""
        try:
            measure(bench)
        except InstrumentError as error:
            told = str(error)
        assert role in told or not told, "the error names another instrument"
        bench.safe()
        devices = bench._devices
        assert devices["pulser"].is_quiet()
        assert devices["smu"].is_quiet()
        assert devices["matrix"].closed() == station.wiring.grounds()


@pytest.mark.parametrize("role", ROLES)
def test_an_instrument_that_hangs_for_good_is_told_and_the_others_rest(tmp_path, role):
    station = faulty(tmp_path, role, "hang", 4, messages=10_000)
    journal = tmp_path / "journal.jsonl"
    with pytest.raises(InstrumentTimeout, match=role), open_bench(station, journal=journal) as bench:
        measure(bench)
    taken = [event["step"] for event in read_journal(journal) if event["event"] == "safe"]
    assert list(dict.fromkeys(taken))[:2] == ["pulser to rest", "smu to rest"]
    failed = {event["step"].split()[0] for event in read_journal(journal) if event["event"] == "failed"}
    assert failed == ({role} if role != "matrix" else {"all"})


@pytest.mark.parametrize("role", ROLES)
def test_an_instrument_that_is_gone_at_opening_is_named_with_its_address(tmp_path, role):
    station = faulty(tmp_path, role, "hang", 0, messages=10_000)
    with pytest.raises(InstrumentGone, match=f"{role} at {station.instruments[role].address}"), open_bench(station):
        pass
