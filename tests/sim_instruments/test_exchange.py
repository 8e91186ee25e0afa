"""IEEE 488.2: how messages are exchanged, what waits for what, and what the status byte says meanwhile."""

import time

import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

IDENTITY = "MYLAB,BOX,SIM0001,box"


def errors(box):
    found = []
    while (entry := box.query("SYST:ERR?")) != '+0,"No error"':
        found.append(int(entry.partition(",")[0]))
    return found


def silent(box):
    with pytest.raises(pyvisa.VisaIOError):
        box.read()


def test_power_on_is_told_once(box):
    assert box.query("*ESR?;*ESR?") == "128;0"


def test_a_new_message_before_the_response_was_read_interrupts(box):
    box.write("*IDN?")
    assert box.query("*OPC?") == "1"
    assert errors(box) == [-410]


def test_reading_what_nobody_asked_for_is_unterminated(box):
    silent(box)
    assert errors(box) == [-420]
    assert box.query("*ESR?") == "132"


def test_a_reply_that_is_late_was_asked_for(boxes):
    bench = boxes()
    box = bench.open(timeout=1000)
    bench.library.faults.inject("box", "slow", delay_seconds=5.0)
    box.write("*IDN?")
    silent(box)
    assert errors(box) == [-410]


def test_polling_in_virtual_time_ends(boxes):
    bench = boxes()
    box = bench.open()
    box.write("*CLS;STAR;*OPC")
    polls = 0
    while box.query("*ESR?") != "1":
        polls += 1
    assert 3 < polls < 20
    box.write("*ESE 1;*SRE 32;STAR;*OPC")
    while not box.read_stb() & 64:
        polls += 1
    assert polls < 40
    assert 2 <= bench.library.clock.now() < 4


@pytest.mark.parametrize("rest", ["*IDN?;", "*IDN?;VOLT 2;"])
def test_responses_that_fit_nowhere_are_a_deadlock_and_the_settings_still_happen(box, rest):
    box.write(rest * 4000 + "VOLT 3")
    assert float(box.query("VOLT?")) == 3
    assert errors(box) == [-430]


def test_a_long_response_alone_is_no_deadlock(box):
    box.write_raw(b"DATA #7" + b"1000000" + bytes(1_000_000) + b"\n")
    box.write("DATA?;*OPC?")
    box.read_termination = None
    assert len(box.read_bytes(9 + 1_000_000 + 3)) == 1_000_012
    box.read_termination = "\n"
    assert errors(box) == []


def test_nothing_can_follow_an_indefinite_response(box):
    box.write("DATA #13abc;:DATA:ENDL?;*OPC?;VOLT 1")
    assert box.read() == "#0abc"
    assert float(box.query("VOLT?")) == 0  # the rest was dropped
    assert errors(box) == [-440]


def test_an_error_drops_the_rest_of_its_message_and_keeps_its_replies(box):
    assert box.query("*OPC?;NONSENSE;*IDN?;:VOLT 1") == "1"
    assert float(box.query("VOLT?")) == 0
    assert errors(box) == [-113]


def test_the_error_queue_is_as_deep_as_the_model_has_it(box):
    for _ in range(9):
        box.write("NONSENSE")
    assert errors(box) == [-113] * 4 + [-350]
    assert int(box.query("*ESR?")) & 8


def test_masks_survive_cls_and_events_do_not(box):
    box.write("*ESE 60;*SRE 32;NONSENSE")
    assert box.query("*STB?") == str(4 + 32 + 64)
    box.write("*CLS")
    assert box.query("*STB?;*ESE?;*SRE?;*ESR?") == "0;60;32;0"
    box.write("*ESE 256")
    assert errors(box) == [-222]


def test_message_available_is_the_response_of_this_session(boxes):
    bench = boxes()
    one, two = bench.open(), bench.open()
    one.write("*IDN?")
    assert (one.read_stb() & 16, two.read_stb() & 16) == (16, 0)
    assert one.read() == IDENTITY
    assert one.read_stb() & 16 == 0
    assert one.query("*OPC?;*STB?") == "1;16"  # the 1 is in the queue already


def test_a_register_is_summed_up_in_its_bit(boxes):
    bench = boxes()
    box = bench.open()
    register = next(iter(bench.library._bench.devices.values())).panel.status.registers[128]
    box.write("STAT:OPER:ENAB 4")
    register.update(4)
    assert box.query("*STB?;:STAT:OPER:COND?;EVEN?;EVEN?;ENAB?;:STAT:OPER?") == "128;4;4;0;4;0"


def test_opc_waits_for_what_is_pending(box):
    box.write("*CLS;STARt;*OPC")
    assert box.query("*ESR?") == "0"
    assert box.query("STARt;*OPC?") == "1"
    assert int(box.query("*ESR?")) & 1
    box.write("STARt;*OPC;*CLS")  # which cancels it
    assert box.query("*OPC?;*ESR?") == "1;0"


def test_wai_holds_what_follows_it_and_then_that_happens_in_order(boxes):
    bench = boxes()
    box, clock = bench.open(), bench.library.clock
    start = clock.now()
    box.write("STARt;*WAI;:VOLT 1")
    box.write("VOLT 2")
    box.write("VOLT?")
    assert clock.now() == start
    assert float(box.read()) == 2
    assert clock.now() == pytest.approx(start + 1)
    assert errors(box) == []


def test_a_response_that_comes_later_can_be_interrupted(box):
    box.write("WAIT?;*OPC?")
    assert box.query("*OPC?") == "1"
    assert errors(box) == [-410]
    box.write("*TRG")
    silent(box)


def test_each_session_gets_the_later_response_that_it_asked_for(boxes):
    bench = boxes()
    one, two, other = (bench.open() for _ in range(3))
    one.write("WAIT?;ECHO? one")
    two.write("ECHO? two;:WAIT?")
    assert other.query("*IDN?") == IDENTITY
    other.assert_trigger()
    assert two.read() == "two;triggered"
    assert one.read() == "triggered;one"
    assert errors(other) == []


def test_device_clear_forgets_what_was_waited_for(box):
    box.write("WAIT?")
    box.clear()
    box.write("*TRG")
    assert box.query("*OPC?") == "1"
    assert errors(box) == []


def test_settings_are_saved_and_recalled(box):
    box.write("VOLT 2;*SAV 1;VOLT 3;*RCL 1")
    assert float(box.query("VOLT?")) == 2
    box.write("*RCL 3")
    assert errors(box) == [-222]


def test_our_own_mistake_is_an_error_of_the_instrument(boxes):
    bench = boxes()
    box = bench.open()
    box.write("MIST?;VOLT 1")
    assert errors(box) == [-310]
    panel = next(iter(bench.library._bench.devices.values())).panel
    assert [type(mistake) for mistake in panel.mistakes] == [ZeroDivisionError]


MEGA = 10_000_000
LESS = MEGA // 5  # of what takes a step of Python per few bytes
LONG = {
    "letters": b"A" * MEGA,
    "colons": b":" * MEGA,
    "semicolons": b";" * MEGA,
    "newlines": b"\n" * MEGA,
    "commas": b"VOLT " + b"," * MEGA,
    "values": b"VOLT " + b"1," * (MEGA // 2),
    "digits": b"VOLT " + b"1" * MEGA + b"!",
    "exponent": b"VOLT 1E" + b"9" * MEGA,
    "hex": b"VOLT #H" + b"F" * MEGA,
    "quotes": b"TEXT? " + b"'" * (LESS + 1),
    "both quotes": b"TEXT? " + b"'\"" * (LESS // 2),
    "quotes in lines": b"'\"\n" * (LESS // 60),
    "parentheses": b"CHAN? " + b"(" * LESS,
    "channels": b"CHAN? (@" + b"1!1!1," * (LESS // 6) + b")",
    "a range": b"CHAN? (@1!1!1:999999999!999999999!999999999)",
    "hashes": b"DATA " + b"#," * (LESS // 2),
    "blocks": b"DATA " + b"#11a," * (LESS // 5),
    "an unterminated block": b"DATA #9999999999" + b"\n" * 1000,
    "spaces": b" " * MEGA,
    "zeros": bytes(MEGA),
    "queries": b"*OPC?;" * (LESS // 60),
    "lines": b"*OPC?\n" * (LESS // 60),
}


@pytest.mark.parametrize("what", LONG)
def test_no_line_is_too_long(box, what):
    start = time.process_time()
    box.write_raw(LONG[what])
    assert time.process_time() - start < 8  # it takes 0.01 to 1 s here: it does not grow faster than the line
    box.clear()
    assert box.query("*IDN?") == IDENTITY


WORDS = (
    b"*IDN? *OPC? *WAI *ESE *SRE? *RCL *SAV *TRG *CLS *RST : ; , ? # ' \" ( @ ! ) VOLT SOUR2 :LEV DATA DATA? #13abc "
    b"#0 #9 CHAN? (@1!1!1:1!2!2) ECHO? TEXT? 1E3 MAX -5 mV 1E999 #HFF #B2 WAIT? STAR STAT:OPER:ENAB"
)
PARTS = st.one_of(
    st.sampled_from([*WORDS.split(), b" ", b"\n"]),
    st.binary(max_size=8),
)


@given(st.lists(PARTS, max_size=15).map(b"".join))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_is_a_mistake_of_ours_or_wedges_it(box, message):
    box.write_raw(message)
    box.clear()
    box.write("*CLS")
    assert box.query("*IDN?") == IDENTITY
    device = box.visalib._bench.devices["GPIB0::7::INSTR"]
    assert device.panel.mistakes == []
