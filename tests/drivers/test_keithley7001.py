"""The 7001 driver and the count of the 707B: by script, on the simulated instrument, and over a network."""

import pytest
from pymeasure.test import expected_protocol

from labctl.core.device import CountsRelays, Crosspoint, SwitchMatrix
from labctl.core.errors import InstrumentError
from labctl_drivers.keithley707b import Keithley707B
from labctl_drivers.keithley7001 import Keithley7001, Keithley7002

IDN = "KEITHLEY INSTRUMENTS INC.,MODEL 700{},0123456,A10  /B01"
OK = (":SYST:ERR?", '0,"No error"')
A, B = Crosspoint(1, 1, 1), Crosspoint(1, 2, 12)


def moved(command, *closed):
    return [(command, None), OK, ("*OPC?", "1"), (":ROUT:CLOS:STAT?", f"(@{','.join(closed)})")]


@pytest.mark.parametrize("driver", [Keithley7001, Keithley7002])
def test_relays_close_and_open_and_are_as_told(over, driver):
    number = driver.models[0][-1]
    pairs = [
        ("*IDN?", IDN.format(number)),
        *moved(":ROUT:CLOS (@1!1!1,1!2!12)", "1!1!1", "1!2!12"),
        *moved(":ROUT:OPEN (@1!1!1)", "1!2!12"),
        (":ROUT:CLOS:STAT?", "(@1!2!12)"),
        ("*CLS", None),
        ("*IDN?", IDN.format(number)),
        ("*CLS", None),
        ("*IDN?", IDN.format(number)),
        (":ROUT:CLOS:STAT?", "(@1!2!12)"),
        *moved(":ROUT:OPEN (@1!2!12)"),
    ]
    with over(driver, "matrix", f"keithley700{number}", pairs) as matrix:
        assert isinstance(matrix, SwitchMatrix)
        assert not isinstance(matrix, CountsRelays)
        matrix.close_points([B, A, A])
        matrix.open_points([A])
        matrix.open_points([])
        assert matrix.snapshot() == {"closed": "1!2!12"}
        matrix.safe()
        matrix.safe()
        assert matrix.closed() == {B}
        matrix.open_points([B])


def test_a_list_with_a_channel_that_is_not_there_moves_nothing(over):
    pairs = [
        ("*IDN?", IDN.format(1)),
        (":ROUT:CLOS (@1!1!1,9!1!1)", None),
        (":SYST:ERR?", '-222,"Parameter data out of range"'),
        OK,
        (":ROUT:CLOS:STAT?", "(@)"),
    ]
    with over(Keithley7001, "matrix", "keithley7001", pairs) as matrix:
        with pytest.raises(InstrumentError, match="was refused: -222"):
            matrix.close_points([A, Crosspoint(9, 1, 1)])
        assert matrix.closed() == frozenset()


def test_a_relay_that_did_not_move_is_named():
    pairs = [("*IDN?", IDN.format(1)), *moved(":ROUT:CLOS (@1!1!1,1!2!12)", "1!2!12")]
    with (
        expected_protocol(Keithley7001, pairs) as matrix,
        pytest.raises(InstrumentError, match="1!1!1 did not move"),
    ):
        matrix.close_points([A, B])


def test_the_707b_counts_its_closures(over):
    none = ("print(errorqueue.count)", "0.00000e+00")
    pairs = [
        ("*IDN?", "Keithley Instruments Inc., Model 707B, 1234567, 01.40c"),
        ('print(channel.getcount("1A01,1B12"))', "0,0"),
        ('channel.close("1A01")', None),
        none,
        ('channel.open("1A01")', None),
        none,
        ('print(channel.getcount("1A01,1B12"))', "1,0"),
    ]
    with over(Keithley707B, "matrix", "keithley707b", pairs) as matrix:
        assert isinstance(matrix, CountsRelays)
        before = matrix.counts([A, B])
        matrix.close_points([A])
        matrix.open_points([A])
        after = matrix.counts([A, B])
        assert {point: after[point] - before[point] for point in (A, B)} == {A: 1, B: 0}
        assert matrix.counts([]) == {}
