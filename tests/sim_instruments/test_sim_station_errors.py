"""A station file that cannot be simulated is refused with what is wrong and where."""

import pytest
import pyvisa

from labctl.core.errors import PartNotFound, StationError


def refused(path, error, *words):
    with pytest.raises(error) as caught:
        pyvisa.ResourceManager(f"sim:{path}@labctl")
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("rows", "9", ["[array] rows = 9", "8 entries"]),
        ("profile", '"none"', ["'none'", "vcma_long_pulse"]),
        ("profile", None, ["[simulation] profile: is missing"]),
        ("digitizer", None, ["[simulation.models] digitizer: is missing"]),
        ("bit_lines", '["1-09", "x"]', ["'x'", "1-01"]),
        ("word_lines", '["1-01", "1-01"]', ["stands there twice"]),
        ("pulser_termination_ohms", "0.0", ["above 0", "pulser_termination_ohms"]),
        ("array_seed", '"seven"', ["seven"]),
        ("array_seed", "1\nclok = 'real'", ["clok", "did you mean 'clock'"]),
        ("array_seed", "1\ntemperature_kelvin = -5", ["temperature_kelvin", "above 0"]),
        ("array_seed", "1\ntemperature_kelvin = true", ["temperature_kelvin", "310.0"]),
        ("array_seed", "1\ntemperature_kelvin = 900", ["temperature_kelvin = 900", "vcma_long_pulse", "two states"]),
        ("array_seed", "-1", ["array_seed", "whole number from 0"]),
        ("rows", '"x"', ["[array] rows"]),
        ("array_seed", "1\nline_farads = -1e-12", ["line_farads", "-1e-12", "at least 0", "100e-12"]),
        ("array_seed", "1\nline_farads = nan", ["line_farads", "nan", "at least 0", "100e-12"]),
        ("array_seed", "1\nline_farads = 100", ["line_farads", "100", "1e-08", "100e-12"]),
        ("array_seed", "1\namplifier_hertz = 0", ["amplifier_hertz", "above 0", "10e6"]),
    ],
)
def test_what_is_wrong_is_named(station, key, value, words):
    refused(station(**{key: value}), StationError, *words)


def test_an_unknown_panel_is_named(station):
    refused(station(matrix='"keithley708x"'), PartNotFound, "keithley708x", "keithley707b")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ('device = "smu"\nkind = "explode"', ["'explode'", "hang"]),
        ('device = "magnet"\nkind = "hang"', ["'magnet'", "digitizer"]),
        ('kind = "hang"', ["a fault needs device"]),
        ('device = "smu"\nkind = "hang"\nmesages = 3', ["'mesages'", "after_messages"]),
        ('device = "smu"\nkind = "hang"\nmessages = "3"', ["messages = '3'", "whole number"]),
        ('device = "smu"\nkind = "hang"\nmessages = 3.5', ["messages = 3.5", "whole number"]),
        ('device = "smu"\nkind = "hang"\nmessages = -1', ["messages = -1", "from 0"]),
        ('device = "smu"\nkind = "hang"\ndelay_seconds = true', ["delay_seconds = True"]),
    ],
)
def test_what_is_wrong_with_a_fault_is_named(station, fault, words):
    refused(station(f"\n[[simulation.faults]]\n{fault}\n"), StationError, *words)


def test_one_table_of_faults_is_not_a_list_of_them(station):
    text = '\n[simulation.faults]\ndevice = "smu"\nkind = "hang"\n'
    refused(station(text), StationError, "[[simulation.faults]]")


def test_every_mistake_is_named_at_once(station):
    refused(station(profile=None, matrix=None, rows="9"), StationError, "3 mistakes", "profile", "matrix", "[array]")


def test_an_unknown_station_is_told_how_to_name_a_file():
    refused("dmeo", PartNotFound, "'dmeo'", "demo", ".toml")


def test_a_missing_file_and_a_broken_one(tmp_path):
    refused(tmp_path / "absent.toml", StationError, "absent.toml", "check the path")
    (tmp_path / "broken.toml").write_text("[[")
    refused(tmp_path / "broken.toml", StationError, "not TOML")
    (tmp_path / "broken.toml").write_bytes(b'name = "M\xfcnchen"')
    refused(tmp_path / "broken.toml", StationError, "not TOML")


def test_a_profile_may_stand_beside_the_station(station, tmp_path, opened):
    from labctl_sim import profile

    shipped = (profile.Path(profile.__file__).parent / "profiles" / "vcma_long_pulse.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(shipped.replace("value = 30e3", "value = 3e3"), encoding="utf-8")
    bench = opened(station(profile='"mine.toml"'))
    assert 2e3 < bench.world.array.junctions.parallel_ohms.mean() < 4e3
