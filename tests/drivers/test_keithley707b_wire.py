"""The 707B driver, exchange by exchange."""

import pytest
from pymeasure.test import expected_protocol

from labctl.core.device import Crosspoint, SwitchMatrix
from labctl.core.errors import InstrumentError
from labctl_drivers.keithley707b import Keithley707B

IDN = "Keithley Instruments Inc., Model 707B, 1234567, 01.40c"
ERRORS = ("print(errorqueue.count)", "0.00000e+00")


def test_it_is_a_switch_matrix():
    with expected_protocol(Keithley707B, [("*IDN?", IDN)]) as matrix:
        assert isinstance(matrix, SwitchMatrix)
        assert matrix.name == "Keithley 707B"


def test_points_move_in_one_command_and_none_at_all_when_there_are_none(script):
    exchange = script(IDN, ERRORS).set('channel.close("1A01,2H12")', 'channel.open("6C03")')
    with expected_protocol(Keithley707B, exchange.pairs) as matrix:
        matrix.close_points([Crosspoint(2, 8, 12), Crosspoint(1, 1, 1), Crosspoint(1, 1, 1)])
        matrix.open_points([Crosspoint(6, 3, 3)])
        matrix.open_points([])


@pytest.mark.parametrize(
    ("reply", "points"),
    [
        ("nil", []),
        ("1A01;1B02", [Crosspoint(1, 1, 1), Crosspoint(1, 2, 2)]),
        ("1A01, 6H12", [Crosspoint(1, 1, 1), Crosspoint(6, 8, 12)]),
    ],
)
def test_closed_is_what_the_mainframe_says(reply, points):
    with expected_protocol(Keithley707B, [("*IDN?", IDN), ('print(channel.getclose("allslots"))', reply)]) as matrix:
        assert matrix.closed() == frozenset(points)


def test_a_refusal_carries_code_and_text():
    exchange = [
        ("*IDN?", IDN),
        ('channel.close("1A01")', None),
        ("print(errorqueue.count)", "1.00000e+00"),
        ("print(errorqueue.next())", "1.11500e+03\tParameter error: slot is empty\t2.00000e+01\t1.00000e+00"),
    ]
    with (
        expected_protocol(Keithley707B, exchange) as matrix,
        pytest.raises(InstrumentError, match=r"1A01.*was refused: \+1115, Parameter error: slot is empty"),
    ):
        matrix.close_points([Crosspoint(1, 1, 1)])


def test_safe_moves_no_relay():
    with expected_protocol(Keithley707B, [("*IDN?", IDN), ("errorqueue.clear()", None), ("*IDN?", IDN)]) as matrix:
        matrix.safe()
