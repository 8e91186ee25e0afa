"""A bench, opened and left: reads first, rests last, and the first error is the error."""

import json
from dataclasses import replace

import pytest

from labctl.bench.bench import open_bench
from labctl.bench.guarded import GuardedPulser, GuardedSourceMeter
from labctl.bench.journal import Journal, read_journal
from labctl.bench.station import load_station, parse_station
from labctl.core.bits import Origin
from labctl.core.clock import WallClock
from labctl.core.device import Line
from labctl.core.errors import InstrumentGone, InstrumentTimeout, ParameterError, StationError


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
    assert read_journal(tmp_path / "j.jsonl")[0]["event"] == "found live"


def test_every_step_is_written_down_before_it_is_taken(station, world, tmp_path, monkeypatch):
    path = tmp_path / "home" / "j.jsonl"
    write = Journal.write

    def noting(self, event, /, **details):
        write(self, event, **details)
        world.log.append(f"journal:{json.loads(path.read_text().splitlines()[-1])['step']}")

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


def test_a_journal_that_cannot_be_written_keeps_no_source_on(station, world, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match="file"), open_bench(station, journal=blocked / "j.jsonl"):
        world.log.clear()
    assert rests(world.log) == ["pulser.safe", "smu.safe", "matrix.close_points", "digitizer.safe"]


def test_an_instrument_that_cannot_be_opened_is_named_and_the_others_are_left_at_rest(station, world):
    world.fail["matrix", "open"] = [InstrumentTimeout("no answer")]
    with (
        pytest.raises(InstrumentGone, match=r"matrix at TCPIP0::localhost::inst0::INSTR cannot be opened"),
        open_bench(station),
    ):
        pass
    assert rests(world.log) == ["pulser.safe", "smu.safe"]


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


def test_a_torn_journal_is_read_up_to_the_tear(tmp_path):
    path = tmp_path / "j.jsonl"
    assert read_journal(path) == []
    Journal(path, WallClock()).write("safe", step="one")
    with path.open("a") as file:
        file.write('{"event": "sa')
    assert [event["step"] for event in read_journal(path)] == ["one"]


def test_a_station_without_instruments_needs_no_visa_library(tmp_path):
    path = tmp_path / "queue.toml"
    path.write_text('name = "queue"\nvisa_library = "@a_backend_that_is_not_there"\n')
    with open_bench(load_station(str(path))) as bench:
        assert set(bench.roles()) == {"devices", "origin", "clock"}
        assert bench.origin is Origin.SIMULATED
