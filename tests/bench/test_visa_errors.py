"""What pyvisa raises leaves as ours, with role, address and remedy."""

import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labctl.bench.visa import open_visa, translated
from labctl.core.clock import WallClock
from labctl.core.errors import EnvelopeError, InstrumentError, InstrumentGone, InstrumentTimeout

UNDECODABLE = UnicodeDecodeError("ascii", b"\xff\xfe", 0, 1, "ordinal not in range(128)")


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (pyvisa.VisaIOError(StatusCode.error_timeout), InstrumentTimeout, "timeout_seconds"),
        (pyvisa.VisaIOError(StatusCode.error_connection_lost), InstrumentGone, "its cable"),
        (pyvisa.VisaIOError(StatusCode.error_resource_not_found), InstrumentGone, "its power"),
        (pyvisa.VisaIOError(StatusCode.error_nonsupported_operation), InstrumentError, "cannot do that"),
        (pyvisa.errors.InvalidSession(), InstrumentGone, "cannot be reached"),
        (ConnectionResetError("reset by peer"), InstrumentGone, "reset by peer"),
        (RuntimeError("protocol synchronization error"), InstrumentGone, "protocol synchronization error"),
        (AssertionError(), InstrumentGone, "AssertionError"),
        (NotImplementedError("no clear here"), InstrumentError, "this VISA library cannot do that"),
        (UNDECODABLE, InstrumentError, "not text"),
        (EnvelopeError("ours"), EnvelopeError, "ours"),
    ],
)
def test_translations(error, kind, words):
    with pytest.raises(kind, match=words) as caught, translated("smu", "GPIB0::24::INSTR"):
        raise error
    assert type(caught.value) is kind
    if error is not caught.value:
        assert str(caught.value).startswith("smu at GPIB0::24::INSTR")
        assert caught.value.__cause__ is error


@pytest.fixture
def line():
    """A serial line to pyvisa-sim's own demonstration device."""
    visa = open_visa("@sim", timeout_seconds=0.05)
    adapter = visa.open("dmm", "ASRL1::INSTR")
    yield adapter
    adapter.close()
    visa.close()


def test_a_reply_comes_without_its_termination(line):
    line.connection.write_termination = "\r\n"
    line.write("?IDN")
    assert line.read() == "LSG Serial #1234"


def test_a_reply_that_does_not_come_is_a_timeout(line):
    with pytest.raises(InstrumentTimeout, match=r"dmm at ASRL1::INSTR did not answer in time"):
        line.read()


def test_a_connection_closed_twice_is_closed_and_a_closed_one_is_gone(line):
    line.close()
    line.close()
    with pytest.raises(InstrumentGone):
        line.write("?IDN")


def test_a_reopened_connection_works_under_the_same_adapter(line):
    line.close()
    line.reopen()
    test_a_reply_comes_without_its_termination(line)


def test_two_benches_share_a_library_and_the_last_one_closes_it():
    first, second = open_visa("@sim"), open_visa("@sim")
    one, two = first.open("a", "ASRL1::INSTR"), second.open("b", "GPIB0::8::INSTR")
    one.close()
    first.close()
    two.connection.write_termination = "\r\n"
    two.write("?IDN")  # still open
    two.close()
    second.close()


def test_without_a_clock_of_its_own_a_library_runs_on_wall_time():
    visa = open_visa("@sim")
    assert isinstance(visa.clock, WallClock)
    visa.close()
