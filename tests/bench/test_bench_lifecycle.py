"""A bench, opened and left: reads first, rests last, and the first error is the error."""

import json
import os
from dataclasses import replace
from threading import Event

import pytest

from labctl.bench.bench import make_safe, open_bench
from labctl.bench.guarded import GuardedPulser, GuardedSourceMeter
from labctl.bench.journal import Journal, left_open, read_journal
from labctl.bench.station import load_station, parse_station
from labctl.core.bits import Origin
from labctl.core.clock import WallClock
from labctl.core.device import Line
from labctl.core.errors import (
    InstrumentError,
    InstrumentGone,
    InstrumentTimeout,
    JournalError,
    ParameterError,
    StationError,
)


def rests(log):
    """The steps of the way to safety in a log, in order."""
    return [entry for entry in log if entry.endswith((".safe", "_points"))]


def test_roles_are_what_procedures_ask_for(station, world):
    with open_bench(station) as bench:
        roles = bench.roles()
        assert sorted(roles) == ["array", "clock", "devices", "digitizer", "origin", "pulser", "smu"]
        assert isinstance(roles["pulser"], GuardedPulser)
        assert isinstance(roles["smu"], GuardedSourceMeter)
        assert isinstance(bench.clock, WallClock)
        assert set(roles["devices"]) == {"smu", "pulser", "matrix", "digitizer"}
        assert not hasattr(roles["devices"]["pulser"], "hold")
        with pytest.raises(StationError, match=r"no 'magnet'; its instruments are: digitizer, matrix, pulser, smu"):
            bench.device("magnet")


def test_opening_only_looks_and_leaving_brings_to_rest_in_order(station, world):
    with open_bench(station) as bench:
        assert bench.found_live == ()
        assert world.log == [
            "smu.open",
            "pulser.open",
            "matrix.open",
            "digitizer.open",
            "smu.is_quiet",
            "pulser.is_quiet",
        ]
        world.log.clear()
    assert rests(world.log) == ["pulser.safe", "smu.safe", "matrix.close_points", "digitizer.safe"]


@pytest.mark.parametrize("role", ["pulser", "smu"])
def test_a_source_found_live_is_at_rest_before_anything_else(station, world, tmp_path, role):
    entry = replace(station.instruments[role], options={"live": True})
    station = replace(station, instruments={**station.instruments, role: entry})
    with open_bench(station, journal=tmp_path / "j.jsonl") as bench:
        assert bench.found_live == (role,)
        assert rests(world.log)[:2] == ["pulser.safe", "smu.safe"]
        assert bench.provenance()["found_live"] == [role]
        assert bench.provenance()["found"] == {role: {"live": True}, "matrix": {"live": False}}
    events = [event["event"] for event in read_journal(tmp_path / "j.jsonl")]
    assert events[:3] == ["opened", "found live", "safe"]


def test_every_step_is_written_down_before_it_is_taken(station, world, tmp_path, monkeypatch):
    path = tmp_path / "home" / "j.jsonl"
    write = Journal.write

    def noting(self, event, /, **details):
        write(self, event, **details)
        world.log.append(f"journal:{json.loads(path.read_text().splitlines()[-1]).get('step', event)}")

    monkeypatch.setattr(Journal, "write", noting)
    with open_bench(station, journal=path):
        world.log.clear()
    steps = [entry for entry in world.log if entry.startswith("journal:") or entry in rests(world.log)]
    assert steps == [
        "journal:pulser to rest",
        "pulser.safe",
        "journal:smu to rest",
        "smu.safe",
        "journal:all lines to ground",
        "matrix.close_points",
        "journal:digitizer to rest",
        "digitizer.safe",
        "journal:at rest",
    ]


STEPS = [("pulser", "safe"), ("smu", "safe"), ("matrix", "closed"), ("matrix", "close_points"), ("digitizer", "safe")]


@pytest.mark.parametrize("step", STEPS)
def test_a_failing_step_stops_no_other_and_is_raised(station, world, step):
    with pytest.raises(InstrumentTimeout, match="first"), open_bench(station):  # noqa: PT012 - the block is the bench's
        world.fail[step] = [InstrumentTimeout("first"), InstrumentTimeout("second")]
        world.log.clear()
    for role in ("pulser", "smu", "digitizer"):
        assert f"{role}.safe" in world.log
    assert "matrix.closed" in world.log


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_once_is_taken_again(station, world, step):
    with open_bench(station) as bench:
        world.fail[step] = [InstrumentTimeout("busy")]
        bench.safe()


@pytest.mark.parametrize("step", STEPS)
def test_a_lost_connection_is_opened_again_for_the_second_try(station, world, step):
    with open_bench(station) as bench:
        before = bench._adapters[step[0]].connection
        world.fail[step] = [InstrumentGone("connection lost")]
        bench.safe()
        assert bench._adapters[step[0]].connection is not before


@pytest.mark.parametrize("step", STEPS)
def test_the_error_of_the_body_stays_the_error(station, world, step):
    with pytest.raises(ParameterError, match="mine") as caught, open_bench(station):  # noqa: PT012 - the bench's block
        world.fail[step] = [InstrumentTimeout("first"), InstrumentTimeout("second")]
        raise ParameterError("mine")
    assert any("first" in note for note in caught.value.__notes__)


def test_all_failures_are_told_the_first_as_the_error(station, world):
    with open_bench(station) as bench:
        for step in STEPS:
            world.fail[step] = [InstrumentTimeout(f"{step} 1"), InstrumentTimeout(f"{step} 2")]
        with pytest.raises(InstrumentTimeout, match=r"'pulser', 'safe'\) 1") as caught:
            bench.safe()
        assert [note for note in caught.value.__notes__ if "smu" in note]
        assert [note for note in caught.value.__notes__ if "digitizer" in note]
        world.fail.clear()


def test_instruments_stay_connected_when_a_source_cannot_be_brought_to_rest(station, world):
    with open_bench(station) as bench:
        bench.roles()["array"].route({"pulser": Line("word", 0)})
        world.log.clear()
        world.fail["pulser", "safe"] = [InstrumentTimeout("1"), InstrumentTimeout("2")]
        with pytest.raises(InstrumentTimeout):
            bench.safe()
        assert "matrix.close_points" in world.log
        assert "matrix.open_points" not in world.log


def test_ctrl_c_on_the_way_to_safety_is_obeyed_after_the_last_step(station, world):
    with open_bench(station) as bench:
        world.fail["pulser", "safe"] = [KeyboardInterrupt()]
        world.log.clear()
        with pytest.raises(KeyboardInterrupt):
            bench.safe()
        assert "digitizer.safe" in world.log


def test_a_journal_that_cannot_be_written_keeps_no_source_on_and_lets_nothing_start(station, world, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(JournalError, match="file"), open_bench(station, journal=blocked / "j.jsonl"):
        pytest.fail("the bench was given out")
    assert rests(world.log) == ["pulser.safe", "smu.safe", "matrix.close_points", "digitizer.safe"]


def test_a_disk_that_fills_up_keeps_no_source_on(station, world, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    with pytest.raises(JournalError, match="No space left"), open_bench(station, tmp_path / "j.jsonl"):  # noqa: PT012 - the bench's block
        world.log.clear()
        monkeypatch.setattr("os.fsync", full)
    assert rests(world.log) == ["pulser.safe", "smu.safe", "matrix.close_points", "digitizer.safe"]


@pytest.mark.parametrize("role", ["smu", "pulser", "matrix", "digitizer"])
def test_an_instrument_that_cannot_be_opened_is_named_and_all_others_are_left_at_rest(station, world, role):
    world.fail[role, "open"] = [InstrumentTimeout("no answer")]
    with (
        pytest.raises(InstrumentGone, match=rf"{role} at .*::INSTR cannot be opened"),
        open_bench(station),
    ):
        pass
    everything = ["pulser.safe", "smu.safe", "matrix.close_points", "digitizer.safe"]
    assert rests(world.log) == [step for step in everything if not step.startswith(role)]


def test_a_bench_that_was_left_open_is_brought_to_rest_before_anything_else(station, world, tmp_path, caplog):
    path = tmp_path / "j.jsonl"
    Journal(path, WallClock()).begin()
    with open_bench(station, path) as bench:
        assert rests(world.log) == ["pulser.safe", "smu.safe", "matrix.close_points", "digitizer.safe"]
        assert bench.left_open
        assert bench.provenance()["left_open"]
        assert left_open(path)["pid"] == os.getpid()
    assert "was left open" in caplog.text
    assert left_open(path) is None
    world.log.clear()
    with open_bench(station, path) as bench:
        assert not bench.left_open
        assert rests(world.log) == []


@pytest.mark.parametrize(("role", "what"), [("smu", "safe"), ("matrix", "closed"), ("digitizer", "open")])
def test_a_bench_counts_as_open_until_every_instrument_has_come_to_rest(station, world, tmp_path, role, what):
    path = tmp_path / "j.jsonl"
    failing = [InstrumentTimeout("1"), InstrumentTimeout("2"), InstrumentTimeout("3"), InstrumentTimeout("4")]
    world.fail[role, what] = failing
    with pytest.raises((InstrumentTimeout, InstrumentGone)), open_bench(station, path):
        pass
    assert left_open(path) is not None
    world.fail.clear()
    with open_bench(station, path):
        pass
    assert left_open(path) is None


@pytest.mark.parametrize("role", ["pulser", "smu", "digitizer"])
@pytest.mark.parametrize("heals", [True, False])
def test_a_step_that_hangs_keeps_no_other_from_being_taken(station, world, monkeypatch, role, heals):
    monkeypatch.setattr("labctl.bench.rest.LEAST_STEP_SECONDS", 0.1)
    monkeypatch.setattr("labctl.bench.rest.CUT_SECONDS", 0.05)
    released = Event()

    def hang(self):
        world.log.append(f"{self.name}.safe")
        if self.name == role and not (heals and world.log.count(f"{role}.safe") > 1):
            released.wait(10)

    station = replace(station, timeout_seconds=0.01)
    monkeypatch.setattr("bench_fakes.Digitizer.safe", hang)
    monkeypatch.setattr("bench_fakes.Pulser.safe", hang)
    monkeypatch.setattr("bench_fakes.Meter.safe", hang)
    if heals:
        with open_bench(station):
            pass
    else:
        with (
            pytest.raises(InstrumentTimeout, match=rf"{role} hangs: '{role} to rest' was not over"),
            open_bench(station),
        ):
            pass
    released.set()
    for other in ("pulser", "smu", "digitizer"):
        assert f"{other}.safe" in world.log
    assert "matrix.close_points" in world.log


def test_a_source_that_says_it_is_at_rest_and_is_not_is_told(station, world, monkeypatch):
    monkeypatch.setattr("bench_fakes.Meter.safe", lambda self: None)
    complaint = "smu was brought to rest and still reports a live output"
    with pytest.raises(InstrumentError, match=complaint), open_bench(station) as bench:
        bench._devices["smu"].live = True


def test_making_safe_names_every_instrument_that_is_not_and_rests_all_others(station, world, tmp_path):
    assert make_safe(station, tmp_path / "j.jsonl") == []
    world.fail["smu", "open"] = [InstrumentTimeout("off")]
    world.fail["digitizer", "safe"] = [InstrumentTimeout("1"), InstrumentTimeout("2")]
    world.log.clear()
    failures = make_safe(station, tmp_path / "j.jsonl")
    assert [failure.role for failure in failures] == ["smu", "digitizer"]
    assert rests(world.log)[:2] == ["pulser.safe", "matrix.close_points"]
    assert left_open(tmp_path / "j.jsonl") is not None


def test_an_address_that_is_none_is_told_apart(station_text, world, tmp_path):
    station = parse_station(station_text.replace("GPIB0::8::INSTR", "nonsense"), tmp_path / "s.toml")
    with pytest.raises(InstrumentGone, match="smu: 'nonsense' is no VISA address"), open_bench(station):
        pass


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ('"bench_fakes:Meter"', '"bench_fakes:Meter"\nnlpc = 1', r"does not take these options \(.*nlpc"),
        ('"bench_fakes:Meter"', '"collections:OrderedDict"', "does not take these options"),
        ('"bench_fakes:Digitizer"', '"bench_fakes:UnguardableSource"', "so it is not opened"),
        ('"bench_fakes:Matrix"', '"bench_fakes:Digitizer"', "is no switch matrix"),
        ('"@sim"', '"@nobackend"', "pip install pyvisa-nobackend"),
        ('"@sim"', '"/no/such/library.so@ivi"', "NI-VISA"),
    ],
)
def test_a_station_that_cannot_be_opened_says_why(station_text, world, tmp_path, right, wrong, complaint):
    station = parse_station(station_text.replace(right, wrong), tmp_path / "s.toml")
    with pytest.raises(StationError, match=complaint), open_bench(station):
        pass


@pytest.mark.parametrize(
    ("library", "serial", "origin"),
    [
        ("", "MY1", Origin.HARDWARE),
        ("@ivi", "MY1", Origin.HARDWARE),
        ("@py", "MY1", Origin.HARDWARE),
        ("@py", "SIM0001", Origin.SIMULATED),
        ("@sim", "MY1", Origin.SIMULATED),
        ("bench.yaml@sim", "MY1", Origin.SIMULATED),
        ("bench.yaml@labctl", "MY1", Origin.SIMULATED),
        ("@sim", "SIM0001", Origin.SIMULATED),
        ("sim:demo@labctl", "MY1", Origin.SIMULATED),
        ("replay:tape.jsonl@labctl", "MY1", Origin.RECORDED),
        ("replay:tape.jsonl@labctl", "SIM0001", Origin.SIMULATED),
    ],
)
def test_the_origin_of_bits_is_never_nobler_than_their_bench(station, world, library, serial, origin):
    entry = replace(station.instruments["digitizer"], options={"serial": serial})
    station = replace(station, instruments={**station.instruments, "digitizer": entry})
    with open_bench(station) as bench:
        bench.station = replace(station, visa_library=library)
        assert bench.origin == origin


def test_provenance_is_plain_and_complete(station, world):
    with open_bench(station) as bench:
        told = json.loads(json.dumps(bench.provenance()))
    assert told["station"] == "bench"
    assert told["station_digest"] == station.digest
    assert told["instruments"]["smu"] == {
        "driver": "bench_fakes:Meter",
        "address": "GPIB0::8::INSTR",
        "vendor": "Acme",
        "model": "1",
        "serial": "MY1234",
        "firmware": "1.0",
    }
    assert {"python", "labctl", "numpy", "pyvisa", "pymeasure"} <= set(told["versions"])


def test_a_station_without_instruments_opens_and_makes_no_hardware_bits(tmp_path):
    station = parse_station('name = "empty"\nvisa_library = "@sim"', tmp_path / "s.toml")
    with open_bench(station) as bench:
        assert sorted(bench.roles()) == ["clock", "devices", "origin"]
        assert bench.origin == Origin.SIMULATED


def test_a_torn_line_hides_no_other_whichever_byte_the_crash_fell_on(tmp_path):
    path = tmp_path / "j.jsonl"
    assert read_journal(path) == []
    journal = Journal(path, WallClock())
    journal.begin()
    journal.write("safe", step="one")
    journal.write("at rest")
    whole = path.read_bytes()
    opened = whole.index(b"\n")
    for cut in range(0, len(whole) + 1, 3):
        path.write_bytes(whole[:cut])
        is_open = opened <= cut < len(whole) - 1  # a line that lacks only its end counts as well
        assert (left_open(path) is not None) == is_open
        journal.write("safe", step="two")
        assert read_journal(path)[-1]["step"] == "two"
        assert (left_open(path) is not None) == is_open


@pytest.mark.parametrize("ended", [True, False])
def test_a_journal_does_not_grow_for_ever_and_keeps_its_last_word(tmp_path, monkeypatch, ended):
    monkeypatch.setattr("labctl.bench.journal.MOST_BYTES", 2000)
    path = tmp_path / "j.jsonl"
    journal = Journal(path, WallClock())
    journal.begin()
    if ended:
        journal.write("at rest")
    for number in range(60):
        journal.write("safe", step=str(number))
        assert path.stat().st_size <= 2100
        assert (left_open(path) is None) == ended
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 5000
    kept = [*read_journal(path.with_suffix(".old.jsonl")), *read_journal(path)]
    assert [event["step"] for event in kept if "step" in event][-1] == "59"


def test_relays_are_counted_across_benches_and_a_worn_one_is_told(station, world, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("labctl.bench.relays.LIFE_CYCLES", 3)
    path = tmp_path / "j.jsonl"
    for _ in range(2):
        with open_bench(station, path) as bench:
            bench.roles()["array"].route({"pulser": Line("word", 0)})
            bench.roles()["array"].route({})
    assert json.loads((tmp_path / "j.relays.json").read_text())["1A01"] == 2
    with open_bench(station, path) as bench:
        bench.roles()["array"].route({"pulser": Line("word", 0)})
        told = bench.roles()["devices"]["matrix"].snapshot()
        assert told["most_relay_cycles"] >= 3
        assert bench.provenance()["relay_cycles"]["most_relay_cycles"] >= 3
    assert "relay 1A01 has closed 3 times" in caplog.text


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"1A01": "x"}'])
def test_a_damaged_count_of_relays_keeps_no_bench_closed(station, world, tmp_path, content):
    (tmp_path / "j.relays.json").write_text(content)
    with open_bench(station, tmp_path / "j.jsonl") as bench:
        bench.roles()["array"].route({"pulser": Line("word", 0)})
    assert json.loads((tmp_path / "j.relays.json").read_text())["1A01"] == 1


def test_a_station_without_instruments_needs_no_visa_library(tmp_path):
    path = tmp_path / "queue.toml"
    path.write_text('name = "queue"\nvisa_library = "@a_backend_that_is_not_there"\n')
    with open_bench(load_station(str(path))) as bench:
        assert set(bench.roles()) == {"devices", "origin", "clock"}
        assert bench.origin is Origin.SIMULATED
