"""The MSO driver, exchange by exchange."""

import numpy as np
import pytest
from pymeasure.adapters.protocol import ProtocolAdapter
from pymeasure.test import expected_protocol

from labctl.core.device import Acquisition, Digitizer
from labctl.core.errors import InstrumentError, InstrumentTimeout
from labctl_drivers.tektronix_events import failures
from labctl_drivers.tektronixmso import TektronixMSO

IDN = "TEKTRONIX,MSO54,C012345,CF:91.1CT FV:1.44"
ERRORS = ("*ESR?", "0")
WANTED = Acquisition(delay_seconds=1e-6, sample_interval_seconds=10e-9, samples=4, full_scale_volts=0.5)


def configured(script, settings=(), xzero="1.0E-6"):
    exchange = script(IDN, ERRORS).set(
        "HEADer OFF",
        "ACQuire:STATE OFF",
        "CH1:TERmination 5.000000000e+01",
        "CH1:POSition 0",
        "CH1:OFFSet 0",
        "CH1:SCAle 5.000000000e-02",
        "HORizontal:MODE MANual",
        "HORizontal:SAMPLERate 1.000000000e+08",
        "HORizontal:RECOrdlength 4",
        "HORizontal:POSition 0",
        "HORizontal:DELay:MODe ON",
        "HORizontal:FASTframe:STATE ON",
        "TRIGger:A:EDGE:SOUrce AUX",
        "TRIGger:A:MODe NORMal",
        "ACQuire:MODe SAMple",
        "ACQuire:STOPAfter SEQuence",
        "DATa:SOUrce CH1",
        "DATa:ENCdg RIBinary",
        "DATa:WIDth 1",
        "DATa:STARt 1",
        "DATa:STOP 4",
        "HORizontal:DELay:TIMe 1.000000000e-06",
    )
    exchange.ask("WFMOutpre:XZEro?", xzero)
    if xzero != "1.0E-6":
        return exchange
    return (
        exchange.ask("HORizontal:RECOrdlength?", "4")
        .ask("WFMOutpre:BYT_Nr?", "1")
        .ask("WFMOutpre:YMUlt?", "2.0E-3")
        .ask("WFMOutpre:YOFf?", "0.0")
        .ask("WFMOutpre:YZEro?", "1.0E-2")
        .ask("WFMOutpre:XINcr?", "1.0E-8")
        .ask("CH1:SCAle?", "5.0E-2")
    )


def armed(script, frames=3):
    return (
        configured(script)
        .ask("HORizontal:FASTframe:MAXFRames?", "15625000")
        .set(f"HORizontal:FASTframe:COUNt {frames}")
        .ask("HORizontal:FASTframe:COUNt?", str(frames))
        .set("DATa:FRAMESTARt 1", f"DATa:FRAMESTOP {frames}", "ACQuire:STATE ON")
        .ask("ACQuire:STATE?", "1")
    )


def test_it_is_a_digitizer():
    with expected_protocol(TektronixMSO, [("*IDN?", IDN)]) as scope:
        assert isinstance(scope, Digitizer)


def test_configure_returns_what_reads_back(script):
    with expected_protocol(TektronixMSO, configured(script).pairs) as scope:
        assert scope.configure(WANTED) == WANTED


def test_a_record_that_starts_elsewhere_is_moved_once_and_then_refused(script):
    exchange = configured(script, xzero="0.98E-6").set("HORizontal:DELay:TIMe 1.020000000e-06")
    exchange.ask("WFMOutpre:XZEro?", "0.9E-6")
    with (
        expected_protocol(TektronixMSO, exchange.pairs) as scope,
        pytest.raises(InstrumentError, match="starts 9e-07 s after the trigger"),
    ):
        scope.configure(WANTED)


def test_a_block_may_hold_every_byte_value(script):
    data = bytes([10, 13, 35, 59, 0, 255, 128, 127, 10, 10, 1, 2])
    exchange = armed(script).ask("*OPC?", "1").ask("ACQuire:NUMFRAMESACQuired?", "3")
    exchange.ask("CURVe?", b"#212" + data + b"\n")
    with expected_protocol(TektronixMSO, exchange.pairs) as scope:
        scope.configure(WANTED)
        scope.arm(3)
        frames = scope.fetch()
    assert frames.counts.tobytes() == data
    assert frames.counts.shape == (3, 4)
    assert frames.counts.dtype == np.int8
    # volts = (count - yoff) * ymult + yzero
    assert frames.mean_volts()[0] == pytest.approx((10 + 13 + 35 + 59) / 4 * 2e-3 + 1e-2)


@pytest.mark.parametrize(
    ("reply", "complaint"),
    [
        (b"#18" + bytes(8) + b"\n", "12 bytes, 8 came"),
        (b"#212" + bytes(9), "announced 12 bytes and brought 9"),
        (b"1.0\n", "block header"),
        (b"#0abc\n", "block header"),
        (b"#2xx\n", "gives its length"),
    ],
)
def test_a_short_or_torn_block_is_an_error(script, reply, complaint):
    exchange = armed(script).ask("*OPC?", "1").ask("ACQuire:NUMFRAMESACQuired?", "3").ask("CURVe?", reply)
    scope = TektronixMSO(ProtocolAdapter(exchange.pairs))
    scope.configure(WANTED)
    scope.arm(3)
    with pytest.raises(InstrumentError, match=complaint):
        scope.fetch()
    assert scope.adapter.connection.clear.called or complaint.startswith("12 bytes")


def test_a_sequence_that_was_stopped_is_an_error(script):
    exchange = armed(script).ask("*OPC?", "1").ask("ACQuire:NUMFRAMESACQuired?", "2")
    with expected_protocol(TektronixMSO, exchange.pairs) as scope:
        scope.configure(WANTED)
        scope.arm(3)
        with pytest.raises(InstrumentError, match="stopped after 2 of 3"):
            scope.fetch()


class Hanging(ProtocolAdapter):
    """A connection on which ``*OPC?`` never answers."""

    def _write(self, command, **kwargs):
        if command == "*OPC?":
            raise InstrumentTimeout("no answer")
        super()._write(command, **kwargs)


def test_a_missed_trigger_says_how_many_frames_came(script):
    exchange = armed(script).ask("ACQuire:NUMFRAMESACQuired?", "2").write("ACQuire:STATE OFF")
    scope = TektronixMSO(Hanging(exchange.pairs))
    scope.configure(WANTED)
    scope.arm(3)
    scope.adapter.connection.timeout = 5000.0
    with pytest.raises(InstrumentTimeout, match=r"2 of 3 frames were triggered within 30 s; check the trigger cable"):
        scope.fetch()
    assert scope.adapter.connection.clear.called
    assert scope.adapter.connection.timeout == 5000.0


def test_the_frame_count_is_sent_only_when_it_changes(script):
    exchange = armed(script).set("ACQuire:STATE ON").ask("ACQuire:STATE?", "1")
    with expected_protocol(TektronixMSO, exchange.pairs) as scope:
        scope.configure(WANTED)
        scope.arm(3)
        scope.arm(3)


def test_more_frames_than_fit_are_refused(script):
    exchange = configured(script).ask("HORizontal:FASTframe:MAXFRames?", "100")
    with expected_protocol(TektronixMSO, exchange.pairs) as scope:
        scope.configure(WANTED)
        with pytest.raises(InstrumentError, match="1 to 100"):
            scope.arm(101)


@pytest.mark.parametrize("method", ["arm", "fetch"])
def test_steps_out_of_order_are_refused(method):
    with expected_protocol(TektronixMSO, [("*IDN?", IDN)]) as scope, pytest.raises(InstrumentError, match="call "):
        getattr(scope, method)(*([1] if method == "arm" else []))


def test_replies_with_headers_are_read_all_the_same():
    with expected_protocol(TektronixMSO, [("*IDN?", IDN), ("CH1:SCAle?", ":CH1:SCALE 1.0E-1")]) as scope:
        assert scope.number("CH1:SCAle?") == 0.1


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ('0,"No events to report - queue empty"', []),
        ('401,"Power on; "', []),
        (
            '113,"Undefined header; CH9:SCA",402,"Operation complete; ",222,"Data out of range; CH1:SCA ""x"""',
            ["113, Undefined header; CH9:SCA", '222, Data out of range; CH1:SCA ""x""'],
        ),
    ],
)
def test_notices_are_not_errors(reply, found):
    assert failures(reply) == found


def test_a_refusal_is_read_from_the_event_queue():
    exchange = [("*IDN?", IDN), ("CH9:SCAle 1", None), ("*ESR?", "32"), ("ALLEv?", '113,"Undefined header; CH9:SCA"')]
    with expected_protocol(TektronixMSO, exchange) as scope, pytest.raises(InstrumentError, match="113, Undefined"):
        scope.command("CH9:SCAle 1")
