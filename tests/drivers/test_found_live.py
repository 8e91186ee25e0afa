"""A source found live goes to zero in small steps before it is turned off, whoever left it on."""

import contextlib
import itertools

import pytest
import pyvisa

from labctl.bench.bench import open_bench
from labctl.bench.station import load_station
from labctl_drivers.base import RAMP_VOLTS, steps_to_zero

# every driver of a source belongs in here, with what somebody at the bench would do to leave it on: role, driver,
# messages, and what the source then gives with nothing at its terminals
LEFT_ON = {
    "2400 at 5 V": ("smu", "keithley2400", (":SOUR:VOLT:RANG 20", ":SOUR:VOLT 5", ":OUTP 1"), 5.0),
    "2400 at -0.12 V": ("smu", "keithley2400", (":SOUR:VOLT -0.12", ":OUTP 1"), -0.12),
    "2636B at 0.4 V": ("smu", "keithley2636b", ("smua.source.levelv = 0.4", "smua.source.output = 1"), 0.4),
    "2636B at 0.1 V, where a sweep ended, with 0.6 V programmed": (
        "smu",
        "keithley2636b",
        (
            "smua.source.rangev = 2 smua.source.levelv = 0.6 smua.source.output = 1",
            "smua.trigger.source.linearv(0, 0.1, 3) smua.trigger.source.action = smua.ENABLE smua.trigger.count = 3",
            "smua.trigger.endsweep.action = smua.SOURCE_HOLD smua.trigger.initiate() waitcomplete()",
        ),
        0.1,
    ),
    "81160A at 0.4 V": ("pulser", "keysight81160a", (":FUNC1 DC", ":VOLT1:OFFS 0.2", ":OUTP1 1"), 0.4),
    "81160A at -5 V": ("pulser", "keysight81160a", (":FUNC1 DC", ":VOLT1:OFFS -2.5", ":OUTP1 1"), -5.0),
}


@pytest.mark.parametrize("case", LEFT_ON)
def test_a_level_found_on_goes_down_in_small_steps(tmp_path, case):
    role, driver, messages, volts = LEFT_ON[case]
    demo = load_station("demo")
    text = demo.text.replace(f'"{demo.instruments[role].driver}"', f'"{driver}"')
    path = tmp_path / "station.toml"
    path.write_text(text)
    station = load_station(path)
    with contextlib.closing(pyvisa.ResourceManager(station.visa_library)) as manager:
        world, seen = manager.visalib.world, []
        resource = manager.open_resource(station.instruments[role].address)
        for message in messages:
            resource.write(message)
        assert world.is_live()
        show = world.show

        def showing(who, face):
            if who == role:
                seen.append(getattr(face, "volts", 0.0))
            show(who, face)

        seen.append(volts)
        world.show = showing
        with open_bench(station) as bench:
            assert bench.found_live == (role,)
            assert not world.is_live()
            assert role in bench.provenance()["found"]
    steps = [abs(before - after) for before, after in itertools.pairwise(seen)]
    assert max(steps) <= 2 * RAMP_VOLTS + 1e-3, "an open 50 ohm source shows twice what it is set to"
    assert seen[-1] == 0.0


@pytest.mark.parametrize(("level", "count"), [(0.0, 1), (0.05, 1), (-0.12, 3), (5.0, 100), (200.0, 200)])
def test_steps_end_at_zero_and_are_bounded(level, count):
    steps = steps_to_zero(level, 0.05)
    assert len(steps) == count
    assert steps[-1] == 0.0
    assert steps == sorted(steps, key=abs, reverse=True)


@pytest.mark.parametrize("level", [float("nan"), float("inf")])
def test_a_level_that_is_no_number_is_left_at_once(level):
    assert steps_to_zero(level, 0.05) == [0.0]
