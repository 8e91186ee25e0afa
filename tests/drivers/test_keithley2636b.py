"""The 2636B driver: by script, on the simulated instrument, and over a network."""

import pytest
from pymeasure.test import expected_protocol

from labctl.bench.bench import open_bench
from labctl.bench.station import load_station
from labctl.core.device import Line, Reading, SourceMeter
from labctl.core.errors import InstrumentError, StationError
from labctl_drivers.keithley2636b import Keithley2636B

IDN = ("*IDN?", "Keithley Instruments Inc., Model 2636B, 1234567, 3.3.5")
NONE = ("print(errorqueue.count)", "0.00000e+00")
MEASURE = (
    "local i, v = smua.measure.iv() "
    'print(string.format("%.9e,%.9e,%.9e,", v, i, timer.measure.t()) .. tostring(smua.source.compliance))'
)


def is_on(on, smu="smua"):
    return (f"print({smu}.source.output)", f"{float(on):.5e}")


def function(volts, smu="smua"):
    return (f"print({smu}.source.func)", f"{float(volts):.5e}")


def told(*settings):
    return [pair for setting in settings for pair in ((f"smua.{setting}", None), NONE)]


def asked(name, value, smu="smua"):
    return (f'print(string.format("%.9e", {smu}.{name}))', f"{value:.9e}")


def off(kind="v"):
    return [function(kind == "v"), *told(f"source.level{kind} = 0.000000000e+00", "source.output = 0"), is_on(0)]


def prepared(volts):
    return told(
        f"source.func = {volts}",
        "sense = 0",
        "source.offmode = 0",
        "source.offfunc = 1",
        "source.offlimiti = 1.000000000e-03",
        "source.highc = 0",
        "measure.filter.enable = 0",
        "measure.rel.enablei = 0",
        "measure.rel.enablev = 0",
        "measure.count = 1",
        "measure.delay = -1",
        "measure.autozero = 2",
        "measure.nplc = 1.000000000e+00",
    )


def limited(kind, limit, found=None):
    return [
        *told(f"source.limit{kind} = {limit:.9e}", f"measure.autorange{kind} = 1"),
        asked(f"source.limit{kind}", limit if found is None else found),
    ]


def level(kind, value):
    return [*told(f"source.level{kind} = {value:.9e}"), asked(f"source.level{kind}", value)]


TURNED_ON = [*told("source.output = 1"), is_on(1)]
AT_A_TENTH = [
    *off(),
    *prepared(1),
    *limited("i", 1e-5),
    *told("source.rangev = 2.000000000e-01"),
    *level("v", 0.1),
    *TURNED_ON,
]


def at_rest(smu, *steps, volts=0.0):
    found = [is_on(0, smu)]
    if steps:
        measured = asked("measure.v()", volts, smu)
        found = [is_on(1, smu), function(1, smu), measured, *[asked("source.levelv", volts, smu)] * 2]
    return [
        (f"{smu}.abort()", None),
        *found,
        *[(f"{smu}.source.levelv = {step:.9e}", None) for step in steps],
        *[(f"{smu}.source.{name} = 0", None) for name in ("levelv", "leveli", "output")],
        ("errorqueue.clear()", None),
        is_on(0, smu),
    ]


def test_a_level_is_set_measured_changed_and_turned_off(over):
    pairs = [
        IDN,
        *AT_A_TENTH,
        (MEASURE, "1.000020000e-01,1.234500000e-11,7.282600000e+02,false"),
        *level("v", 0.0),
        is_on(0, "smub"),
        is_on(1),
        is_on(1),
        function(1),
        asked("source.levelv", 0.0),
        *off(),
        is_on(0, "smub"),
        is_on(0),
    ]
    with over(Keithley2636B, "smu", "keithley2636b", pairs) as smu:
        assert isinstance(smu, SourceMeter)
        assert smu.apply_volts(0.1, 1e-5) == 0.1
        reading = smu.measure()
        assert reading.volts == pytest.approx(0.1, abs=1e-4)
        assert abs(reading.amps) < 1e-9
        assert not reading.in_compliance
        assert smu.apply_volts(0.0, 1e-5) == 0.0
        assert smu.is_quiet()
        smu.off()
        assert smu.is_quiet()
        with pytest.raises(InstrumentError, match="output off"):
            smu.measure()


def test_ranges_and_limits_change_at_zero_and_a_current_is_limited_in_volts(over):
    pairs = [
        IDN,
        *AT_A_TENTH,
        *level("v", 0.0),
        *limited("i", 1e-4),
        *told("source.rangev = 2.000000000e+00"),
        *level("v", 0.5),
        *off(),
        *prepared(0),
        *limited("v", 0.25),
        *told("source.rangei = 1.000000000e-06"),
        *level("i", 1e-6),
        *TURNED_ON,
        (MEASURE, "2.500000000e-01,1.000000000e-12,1.000000000e+00,true"),
        *off("i"),
    ]
    with over(Keithley2636B, "smu", "keithley2636b", pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        smu.apply_volts(0.5, 1e-4)
        assert smu.apply_amps(1e-6, 0.25) == 1e-6
        reading = smu.measure()  # into nothing: all relays are open
        assert reading.volts == pytest.approx(0.25, abs=1e-3)
        assert reading.in_compliance
        smu.off()


def test_safe_brings_both_channels_to_rest_and_may_be_called_twice(over):
    pairs = [
        IDN,
        *AT_A_TENTH,
        *at_rest("smub"),
        *at_rest("smua", 0.05, 0.0, volts=0.1),
        *at_rest("smub"),
        *at_rest("smua"),
    ]
    with over(Keithley2636B, "smu", "keithley2636b", pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        smu.safe()
        smu.safe()


def test_what_it_refuses_is_raised_with_its_code(over):
    pairs = [IDN, ("smua.source.levelv = 300", None), ("print(errorqueue.count)", "1.00000e+00")]
    pairs += [("print(errorqueue.next())", "1.10100e+03\tParameter Too Big\t2.00000e+01\t1.00000e+00")]
    with (
        over(Keithley2636B, "smu", "keithley2636b", pairs) as smu,
        pytest.raises(InstrumentError, match=r"levelv = 300' was refused: \+1101, Parameter Too Big"),
    ):
        smu.command("smua.source.levelv = 300")


def test_a_limit_that_reads_back_otherwise_stops_before_the_output_goes_on():
    pairs = [IDN, *off(), *prepared(1), *limited("i", 1e-5, found=1e-1)]
    with (
        expected_protocol(Keithley2636B, pairs) as smu,
        pytest.raises(InstrumentError, match=r"limit was set to 1e-05 A but reads back 0\.1 A"),
    ):
        smu.apply_volts(0.1, 1e-5)


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ("1.0e-01,9.91e+37,1.0e+00,false", Reading(0.1, None, False, 1.0)),
        ("1.0e-01,1.0e-05,1.0e+00,true", Reading(0.1, 1e-5, True, 1.0)),
        ("1.0e-01,1.0e-05,1.0e+00", None),
        ("1.0e-01,nil,1.0e+00,true", None),
        ("", None),
    ],
)
def test_readings(reply, reading):
    with expected_protocol(Keithley2636B, [IDN, *AT_A_TENTH, (MEASURE, reply)]) as smu:
        smu.apply_volts(0.1, 1e-5)
        if reading is not None:
            assert smu.measure() == reading
        else:
            with pytest.raises(InstrumentError, match=r"measure\.iv|values where"):
                smu.measure()


def test_an_output_that_was_found_on_is_not_quiet_even_at_zero():
    """A sweep may have ended at a level that ``levelv`` does not show; and the other channel may be on the sample."""
    with expected_protocol(Keithley2636B, [IDN, is_on(0, "smub"), is_on(1), is_on(1, "smub")]) as smu:
        assert not smu.is_quiet()
        assert not smu.is_quiet()


def test_the_way_down_begins_at_what_stands_there_not_at_what_is_programmed():
    """A sweep ended at 0.1 V and is held; ``levelv`` says 5 V: no step may go above 0.1 V."""
    found = [is_on(1), function(1), asked("measure.v()", 0.1), *[asked("source.levelv", 5.0)] * 2]
    down = [(f"smua.source.levelv = {step:.9e}", None) for step in (0.05, 0.0)]
    own = at_rest("smua")
    pairs = [IDN, *at_rest("smub"), own[0], *found, *down, *own[2:]]
    with expected_protocol(Keithley2636B, pairs) as smu:
        smu.safe()


def test_a_channel_that_it_does_not_have_is_refused():
    with pytest.raises(StationError, match='it has "a" and "b"'), expected_protocol(Keithley2636B, [], channel="c"):
        pass


def through_the_bench(driver, tmp_path):
    demo = load_station("demo")
    path = tmp_path / f"{driver}.toml"
    path.write_text(demo.text.replace('"keithley2400"', f'"{driver}"'))
    with open_bench(load_station(path)) as bench:
        roles = bench.roles()
        roles["array"].route({"smu": Line("word", 0)})
        roles["smu"].apply_volts(0.05, 1e-3)
        return roles["smu"].measure()


def test_it_measures_what_the_2400_measures(tmp_path):
    """The same array, its bit lines on ground: the current into a word line, to the 0.1 % of both instruments."""
    one, other = (through_the_bench(driver, tmp_path) for driver in ("keithley2400", "keithley2636b"))
    assert other.amps == pytest.approx(one.amps, rel=2e-3)
    assert abs(one.amps) > 1e-6
