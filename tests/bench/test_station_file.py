"""A station file: what it says, and every mistake in it at once."""

import hashlib
import math
import tomllib

import pytest

from labctl.bench.station import load_station, parse_station
from labctl.core.errors import PartNotFound, StationError


def test_everything_that_stands_in_the_file_is_read(station, station_text):
    assert station.name == "bench"
    assert list(station.instruments) == ["smu", "pulser", "matrix", "digitizer"]
    assert (station.array.rows, station.array.cols) == (2, 3)
    assert [str(contact) for contact in station.wiring.bit_lines] == ["1-03", "1-04", "2-01"]
    assert station.wiring.rows == {"pulser": 1, "smu": 2, "digitizer": 3, "ground": 8}
    assert station.wiring.sense_ohms == 1e4
    assert station.limits.pulse_width_seconds == 100e-9
    assert station.timeout_seconds == 5.0
    assert station.text == station_text
    assert station.digest == hashlib.sha256(station_text.encode()).hexdigest()


def test_what_is_left_out_has_the_cautious_value(station_text, tmp_path):
    text = station_text.replace("pulser_termination_ohms = 50.0\n", "")
    assert parse_station(text, tmp_path / "s.toml").wiring.pulser_termination_ohms == math.inf


def test_the_library_may_name_the_file_itself(station_text, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(station_text.replace('"@sim"', '"sim:{station}@labctl"'), encoding="utf-8")
    assert load_station(path).visa_library == f"sim:{path.resolve()}@labctl"


def test_other_keys_of_an_instrument_are_its_drivers_options(station_text, tmp_path):
    text = station_text.replace('driver = "bench_fakes:Meter"', 'driver = "bench_fakes:Meter"\nnplc = 0.1')
    assert parse_station(text, tmp_path / "s.toml").instruments["smu"].options == {"nplc": 0.1}


def test_the_simulated_bench_has_a_table_of_its_own(station_text, tmp_path):
    parse_station(station_text + '[simulation]\nprofile = "x"\nanything = 1\n', tmp_path / "s.toml")


def test_the_sampler_station_has_no_instruments():
    station = load_station("sampler")
    assert station.name == "sampler"
    assert not station.instruments
    assert station.array is station.wiring is station.limits is None


MISTAKES = [
    ('name = "bench"', "", 'name: is missing; add e.g. name = "s"'),
    ('name = "bench"', "name = 7", "name: is 7; write a text"),
    (
        'name = "bench"',
        'name = "b"\ntimeout_seconds = -1',
        "timeout_seconds: is -1; it must be a finite number above 0",
    ),
    ('name = "bench"', 'name = "b"\nlimit = 1', "limit: is not known here; did you mean 'limits'?"),
    ('driver = "bench_fakes:Meter"', 'driver = "keithley2401"', "[instruments.smu] driver: there is no driver named"),
    ('driver = "bench_fakes:Meter"', 'driver = "keithley2401"', "keysight81160a, pg1074, tektronixmso"),
    ('driver = "bench_fakes:Meter"', "", "[instruments.smu] driver: is missing"),
    ('address = "GPIB0::8::INSTR"', "address = 8", "[instruments.smu] address: is 8; write a text"),
    ('address = "ASRL1::INSTR"', 'address = "gpib0::8::instr"', "is also that of [instruments.smu]"),
    ("[instruments.smu]", "[instruments.array]", "this role is the bench's own"),
    ("[instruments.matrix]", "[instruments.mux]", "needs a switch matrix to reach it; add [instruments.matrix]"),
    ("rows = 2\n", "rows = 3\n", "word_lines: has 2 entries, but [array] rows = 3"),
    ("cols = 3", "cols = 0", "[array] cols: is 0; write a whole number from 1"),
    ("cols = 3", "cols = 3.0", "[array] cols: is 3.0; write a whole number"),
    ("[array]\nrows = 2\ncols = 3", "", "[array] is missing"),
    ('"1-01", "1-02"', '"1-1", "1A02"', "[wiring] word_lines: '1-1' is no matrix column"),
    ('"1-01", "1-02"', '"1-01", "1-00"', "'1-00' is no matrix column"),
    ('"1-01", "1-02"', '"1-01", "1-01"', '"1-01" stands there twice'),
    ('"1-01", "1-02"', '"1-01", "1-03"', '"1-03" is a word line as well'),
    ('["1-01", "1-02"]', '"1-01"', "word_lines: must be a list"),
    ('pulser = "A", ', "", "[wiring] rows: pulser is missing"),
    (', ground = "H"', "", "[wiring] rows: ground is missing"),
    ('smu = "B"', 'smu = "A"', "row A is given twice"),
    ('smu = "B"', 'smu = "b"', "smu = 'b' is no matrix row"),
    ('smu = "B"', 'smu = "B", magnet = "D"', "'magnet' is no instrument of this station"),
    ("pulser_termination_ohms = 50.0", "pulser_termination_ohms = 0", "[wiring] pulser_termination_ohms: is 0"),
    ("pulser_termination_ohms = 50.0", "pulser_terminator_ohms = 50", "did you mean 'pulser_termination_ohms'?"),
    ("pulser_termination_ohms = 50.0", "pulser_attenuation_db = -3.0", "at least 0"),
    ("dc_volts = 0.25", "dc_volts = -0.25", "[limits] dc_volts: is -0.25"),
    ("dc_volts = 0.25", "dc_volts = inf", "[limits] dc_volts: is inf; it must be a finite number"),
    ("dc_volts = 0.25", "dc_volts = nan", "[limits] dc_volts: is nan"),
    ("dc_volts = 0.25", "dc_volts = true", "[limits] dc_volts: is True; write a number"),
    ("dc_volts = 0.25", 'dc_volts = "0.25"', "[limits] dc_volts: is '0.25'; write a number"),
    ("dc_volts = 0.25", "dc_volts = 0.75", "above the limit of a pulse"),
    ("amps = 2.0e-3", "", "[limits] amps: is missing"),
    ("[limits]", "[limit]", "[limits] is missing; nothing may be sourced"),
    ("[wiring]", "[wires]", "[wiring] is missing"),
]


@pytest.mark.parametrize(("right", "wrong", "complaint"), MISTAKES)
def test_a_mistake_is_named_with_its_place_and_remedy(station_text, tmp_path, right, wrong, complaint):
    assert right in station_text
    with pytest.raises(StationError) as caught:
        parse_station(station_text.replace(right, wrong), tmp_path / "s.toml")
    assert complaint in str(caught.value)
    assert "s.toml has " in str(caught.value)


def test_all_mistakes_are_told_at_once(station_text, tmp_path):
    text = (
        station_text.replace('smu = "B"', 'smu = "b"')
        .replace("dc_volts = 0.25", "dc_volts = -1")
        .replace("cols", "columns")
    )
    with pytest.raises(StationError) as caught:
        parse_station(text, tmp_path / "s.toml")
    for part in ("4 mistakes", "[array] cols: is missing", "did you mean 'cols'", "no matrix row", "dc_volts: is -1"):
        assert part in str(caught.value)


def test_what_is_no_toml_is_told_with_its_line(tmp_path):
    path = tmp_path / "s.toml"
    path.write_text('name = "a"\nname =\n', encoding="utf-8")
    with pytest.raises(StationError, match=r"s\.toml is no valid TOML.*line 2"):
        load_station(path)


def test_a_file_that_is_not_there_and_a_name_that_nobody_knows(tmp_path):
    with pytest.raises(StationError, match="there is no station file"):
        load_station(tmp_path / "none.toml")
    with pytest.raises(
        PartNotFound, match=r"no station named 'nowhere'; known are: .*sampler.*path of its \.toml file"
    ):
        load_station("nowhere")


def test_the_toml_of_these_tests_is_toml(station_text):
    assert tomllib.loads(station_text)
