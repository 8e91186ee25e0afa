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
        ("rows", "9", ["9 rows", "8 word_lines"]),
        ("profile", '"none"', ["'none'", "vcma_long_pulse"]),
        ("profile", None, ["'profile' is missing"]),
        ("digitizer", None, ["[simulation.models] has no 'digitizer'"]),
        ("bit_lines", '["1-09", "x"]', ["'x'", "1-09"]),
        ("word_lines", '["1-01", "1-01"]', ["two lines on one slot-column"]),
        ("pulser_termination_ohms", "0.0", ["above 0"]),
        ("array_seed", '"seven"', ["seven"]),
    ],
)
def test_what_is_wrong_is_named(station, key, value, words):
    refused(station(**{key: value}), StationError, *words)


def test_an_unknown_panel_is_named(station):
    refused(station(matrix='"keithley708x"'), PartNotFound, "keithley708x", "keithley707b")


@pytest.mark.parametrize(
    "fault", ['device = "smu"\nkind = "explode"', 'device = "magnet"\nkind = "hang"', 'kind = "hang"']
)
def test_a_fault_needs_a_device_and_a_kind(station, fault):
    refused(station(f"\n[[simulation.faults]]\n{fault}\n"), StationError, "fault" if "device" in fault else "device")


def test_a_missing_file_and_a_broken_one(tmp_path):
    refused(tmp_path / "absent.toml", StationError, "absent.toml", "check the path")
    (tmp_path / "broken.toml").write_text("[[")
    refused(tmp_path / "broken.toml", StationError, "not TOML")


def test_a_profile_may_stand_beside_the_station(station, tmp_path, opened):
    from labctl_sim import profile

    shipped = (profile.Path(profile.__file__).parent / "profiles" / "vcma_long_pulse.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(shipped.replace("value = 30e3", "value = 3e3"), encoding="utf-8")
    bench = opened(station(profile='"mine.toml"'))
    assert 2e3 < bench.world.array.junctions.parallel_ohms.mean() < 4e3
