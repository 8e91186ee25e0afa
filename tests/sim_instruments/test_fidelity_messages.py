"""The fidelity checklist, points 1 to 13: message exchange, parser, errors. The list: docs/simulated-bench.md."""

import numpy as np
import pytest
import pyvisa
from pyvisa.constants import EventMechanism, EventType, StatusCode


def errors(resource):
    """Everything in an SCPI error queue, oldest first, as codes."""
    codes = []
    while code := int(resource.query(":SYST:ERR?").partition(",")[0]):
        codes.append(code)
    return codes


def silent(resource, milliseconds=50):
    patience, resource.timeout = resource.timeout, milliseconds
    with pytest.raises(pyvisa.VisaIOError) as caught:
        resource.read()
    assert caught.value.error_code == StatusCode.error_timeout
    resource.timeout = patience


@pytest.fixture
def smu(bench):
    bench.smu.write("*RST;*CLS")
    return bench.smu


# 1 -- line ends and pieces


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("role", ["smu", "pulser", "matrix", "digitizer"])
def test_01_any_line_end_will_do(bench, role, end):
    resource = getattr(bench, role)
    resource.write_raw(b"*CLS" + end)
    resource.write_raw(b"*OPC?" + end)
    assert resource.read() == "1\n"


def test_01_a_message_may_come_byte_by_byte(smu):
    smu.send_end = False
    for byte in b":SOUR:VOLT 0.0":
        smu.write_raw(bytes([byte]))
    smu.send_end = True
    smu.write_raw(b"5\n")
    assert float(smu.query(":SOUR:VOLT?")) == 0.05


# 2 -- one response at a time


def test_02_a_new_message_discards_the_unread_response(smu):
    smu.write("*IDN?")
    assert smu.query("*OPC?") == "1\n"
    assert errors(smu) == [-410]


def test_02_reading_when_nothing_was_asked_is_unterminated(smu):
    silent(smu)
    assert errors(smu) == [-420]


def test_02_responses_beyond_the_buffer_are_a_deadlock(smu):
    smu.write("*IDN?;" * 10_000)
    smu.clear()
    assert -430 in errors(smu)
    assert "2400" in smu.query("*IDN?")


# 3 -- device clear, serial poll, trigger, service request


def test_03_serial_poll_tells_of_messages_errors_and_requests(smu):
    assert smu.read_stb() & 0b1110100 == 0
    smu.write("*IDN?")
    assert smu.read_stb() & 16
    smu.clear()
    assert not smu.read_stb() & 16
    smu.write("*ESE 32;*SRE 32;*NONSENSE")
    assert smu.read_stb() & 0b1100100 == 0b1100100
    smu.write("*CLS")
    assert smu.read_stb() & 0b1100100 == 0


@pytest.mark.parametrize("trigger", [lambda smu: smu.assert_trigger(), lambda smu: smu.write("*TRG")])
def test_03_bus_trigger_and_trg_are_one(smu, trigger):
    trigger(smu)
    assert errors(smu) == [-211]  # nobody was waiting
    smu.write(":SOUR:VOLT 0.01;:OUTP ON;:ARM:SOUR BUS;:READ?")
    trigger(smu)
    assert float(smu.read().split(",")[0]) == pytest.approx(0.01, abs=1e-4)


def test_03_a_service_request_wakes_who_waits_for_it(smu):
    smu.write("*ESE 32;*SRE 32")
    smu.enable_event(EventType.service_request, EventMechanism.queue)
    smu.write("*NONSENSE")
    smu.wait_on_event(EventType.service_request, 1000)
    assert smu.read_stb() & 64
    smu.disable_event(EventType.service_request, EventMechanism.queue)


# 4 -- registers


def test_04_reading_esr_clears_it_and_stb_does_not(smu):
    smu.write("*NONSENSE")
    assert int(smu.query("*STB?")) & 4
    assert int(smu.query("*STB?")) & 4
    assert int(smu.query("*ESR?")) & 32
    assert int(smu.query("*ESR?")) == 0


@pytest.mark.parametrize("role", ["smu", "pulser", "matrix"])
def test_04_cls_clears_events_and_errors_but_no_enables(bench, role):
    resource = getattr(bench, role)
    resource.write("*ESE 60")
    resource.write("*SRE 32")
    resource.write("*NONSENSE")
    resource.write("*CLS")
    assert int(float(resource.query("*ESR?"))) == 0
    assert int(float(resource.query("*ESE?"))) == 60
    assert int(float(resource.query("*SRE?"))) == 32
    assert not resource.read_stb() & 4


@pytest.mark.parametrize("role", ["smu", "pulser", "matrix", "digitizer"])
def test_04_power_on_is_set_at_the_start_and_opc_when_asked(bench, role):
    resource = getattr(bench, role)
    assert int(float(resource.query("*ESR?"))) & 128
    resource.write("*OPC")
    assert int(float(resource.query("*ESR?"))) == 1
    resource.write("*WAI")
    assert float(resource.query("*TST?").split()[-1]) == 0


def test_04_settings_are_saved_and_recalled(smu):
    smu.write(":SENS:CURR:NPLC 0.5;*SAV 1;*RST")
    assert float(smu.query(":SENS:CURR:NPLC?")) == 1
    smu.write("*RCL 1")
    assert float(smu.query(":SENS:CURR:NPLC?")) == 0.5


# 5 to 8 -- the parser


@pytest.mark.parametrize(
    "spelling",
    [
        ":SOUR:VOLT:LEV:IMM:AMPL {}",
        ":SOURCE:VOLTAGE {}",
        "source1:volt:level {}",
        ":sOuR1:VoLt {}",
        "SOUR:VOLT   {}",
    ],
)
@pytest.mark.parametrize("number", ["0.0125", "12.5E-3", "12.5mV", "1.25 E-2", ".0125 V", "+0.125e-1", "12500 uV"])
def test_05_08_spellings_of_one_and_the_same(smu, spelling, number):
    smu.write(spelling.format(number))
    assert errors(smu) == []
    assert float(smu.query(":SOUR:VOLT?")) == pytest.approx(0.0125)


def test_05_neither_short_nor_long_is_unknown(smu):
    for header in (":SOURC:VOLT", ":SOUR:VOLTA", ":SOUR2:VOLT:NOPE", ":SOUR VOLT 1:"):
        smu.write(f"{header} 0.01")
    assert len(errors(smu)) == 4
    assert float(smu.query(":SOUR:VOLT?")) == 0


def test_06_the_path_pointer_moves_with_headers_but_not_with_common_commands(smu):
    smu.write(":SENS:CURR:PROT 1E-3;NPLC 0.2;*WAI;RANG 1E-4;:SOUR:VOLT 0.01")
    assert errors(smu) == []
    assert smu.query(":SENS:CURR:PROT?;NPLC?;*OPC?;RANG?;:SOUR:VOLT?").split(";") == [
        "+1.000000E-03", "+2.000000E-01", "1", "+1.000000E-04", "+1.000000E-02\n",
    ]  # fmt: skip
    smu.write(":SENS:CURR:PROT 1E-3;SOUR:VOLT 0.02")  # looked for below SENSe:CURRent
    assert errors(smu) == [-113]
    assert float(smu.query(":SOUR:VOLT?")) == 0.01


def test_07_an_error_drops_the_rest_of_its_message_only(smu):
    smu.write(":SOUR:VOLT 0.01;:NONS;:SOUR:VOLT 0.02")
    assert float(smu.query(":SOUR:VOLT?")) == 0.01
    smu.write(":SOUR:VOLT 0.03")
    assert float(smu.query(":SOUR:VOLT?")) == 0.03
    assert errors(smu) == [-113]


def test_08_min_max_and_def_are_numbers(smu):
    for word, amps in (("MIN", -1.05), ("MAX", 1.05), ("DEF", 105e-6), ("maximum", 1.05)):
        assert float(smu.query(f":SENS:CURR:PROT? {word}")) == pytest.approx(amps)
    smu.write(":SENS:CURR:NPLC MAX")
    assert float(smu.query(":SENS:CURR:NPLC?")) == 10


@pytest.mark.parametrize(
    ("word", "value"),
    [("ON", 1), ("off", 0), ("1", 1), ("0", 0), ("#H1", 1), ("#B0", 0), ("#Q1", 1), ("0.4", 0), ("2", 1)],
)
def test_08_booleans(smu, word, value):
    smu.write(f":SYST:RSEN {1 - value};:SYST:RSEN {word}")
    assert int(smu.query(":SYST:RSEN?")) == value
    assert errors(smu) == []


def test_08_strings_take_either_quote(smu):
    for text in ("'VOLT','CURR'", '"VOLT","CURR"', "'volt:dc', \"current:dc\""):
        smu.write(f"*RST;:SENS:FUNC:OFF 'CURR';:SENS:FUNC {text}")
        assert smu.query(":SENS:FUNC?") == '"VOLT:DC","CURR:DC"\n'
    assert errors(smu) == []


def test_08_a_semicolon_in_quotes_ends_nothing(smu):
    smu.write(":SENS:FUNC 'a;b';:SOUR:VOLT 0.01")
    assert len(errors(smu)) == 1
    assert float(smu.query(":SOUR:VOLT?")) == 0


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("(@1!1!1)", "(@1!1!1)"),
        ("(@1!1!1,1!2!3)", "(@1!1!1,1!2!3)"),
        ("(@1!1!2:1!1!4)", "(@1!1!2,1!1!3,1!1!4)"),
        ("(@ 1!1!1 , 2!3!4 )", "(@1!1!1,2!3!4)"),
    ],
)
def test_08_channel_lists(station, opened, text, closed):
    matrix = opened(station(matrix='"labctl_sim.keithley7001:Keithley7001"')).matrix
    matrix.write(f":CLOS {text}")
    assert matrix.query(":CLOS:STAT?").strip() == closed
    matrix.write(":CLOS (@1!99!1);:OPEN ALL")
    assert len(errors(matrix)) == 1
    assert matrix.query(":CLOS:STAT?").strip() == closed


# 9 -- blocks


def test_09_blocks_may_hold_newlines_and_semicolons(bench):
    block = np.array([0x0A0A, 0x003B, 0x0A3B, 0x0D0A] * 4, ">i2").tobytes()
    bench.pulser.write("*RST;*CLS")
    bench.pulser.write_raw(b":DATA1:DAC VOLATILE,#232" + block + b";:OUTP1?\n")
    assert bench.pulser.read() == "0\n"
    assert errors(bench.pulser) == []
    bench.pulser.write_raw(b":DATA1:DAC VOLATILE,#0" + block + b"\n")
    assert errors(bench.pulser) == []
    bench.pulser.write_raw(b":DATA1:DAC VOLATILE,#232" + block[:5] + b"\n")
    assert errors(bench.pulser) == [-161]


def test_09_blocks_come_back_definite_and_indefinite_in_either_order(bench, smu):
    smu.write(":SOUR:VOLT 0.05;:OUTP ON;:FORM:ELEM VOLT;:FORM:DATA SRE;:TRIG:COUN 3")
    for word, order in (("NORM", ">f4"), ("SWAP", "<f4")):
        smu.write(f":FORM:BORD {word};:READ?")
        raw = smu.read_raw()
        assert (raw[:2], raw[-1:], len(raw)) == (b"#0", b"\n", 15)
        np.testing.assert_allclose(np.frombuffer(raw[2:-1], order), 0.05, rtol=1e-3)


# 10 -- TSP


def parts(text):
    """What ``print`` wrote, numbers as numbers: how many digits is a setting."""
    return [float(part) if part[-1:].isdigit() else part for part in text.strip().split("\t")]


def test_10_tsp_is_lua(bench):
    def ask(text):
        return parts(bench.matrix.query(text))

    assert ask("print(1, 'a', nil, true, 2 ^ 10)") == [1, "a", "nil", "true", 1024]
    assert ask("local sum = 0 for i = 1, 4 do sum = sum + i end print(sum)") == [10]
    bench.matrix.write("t = {5, 6, x = 7} function double(n) return 2 * n end")
    assert ask("print(t[2], t.x, #t, double(t[1]))") == [6, 7, 2, 10]
    bench.matrix.write("format.asciiprecision = 6")
    assert bench.matrix.query("print(1 / 3)") == "3.33333e-01\n"
    bench.matrix.write("this is not Lua")
    bench.matrix.write("nobody.knows()")
    assert ask("print(errorqueue.count)") == [2]
    assert ask("print(errorqueue.next())")[0] == -285
    assert ask("print(errorqueue.next())")[0] == -286


# 11 to 13 -- errors


@pytest.mark.parametrize(
    ("message", "reply", "event"),
    [
        ("*NONSENSE", '-113,"Undefined header"', 32),
        (":SOUR:VOLT 999", '-222,"Parameter data out of range"', 16),
        (":SENS:CURR:PROT 1E-5;RANG 1", '+824,"Cannot exceed compliance range"', 16),
        ("*TRG", '-211,"Trigger ignored"', 16),
        ("*IDN?;*OPC?", None, 0),
    ],
)
def test_11_code_sign_text_and_class(smu, message, reply, event):
    smu.write(message)
    if reply is None:
        smu.read()
    assert int(smu.query("*ESR?")) == event
    assert smu.query(":SYST:ERR?").strip() == (reply or '0,"No error"')


@pytest.mark.parametrize(
    ("role", "ask", "none"),
    [
        ("smu", ":SYST:ERR?", '0,"No error"'),
        ("pulser", ":SYST:ERR?", '+0,"No error"'),
        ("digitizer", "*ESR?;ALLEV?", '0,"No events to report - queue empty"'),
    ],
)
def test_11_each_model_has_its_own_words(bench, role, ask, none):
    resource = getattr(bench, role)
    resource.write("*CLS")
    if role == "digitizer":
        resource.write("HEADER OFF")
    assert resource.query(ask).strip().rpartition(";")[2] == none


@pytest.mark.parametrize(("role", "depth"), [("smu", 10), ("pulser", 20)])
def test_11_the_queue_is_only_so_deep(bench, role, depth):
    resource = getattr(bench, role)
    resource.write("*CLS")
    for _ in range(depth + 5):
        resource.write("*NONSENSE")
    assert errors(resource) == [-113] * (depth - 1) + [-350]


def test_12_refused_means_unchanged_here_and_adjusted_there(bench, smu):
    smu.write(":SOUR:VOLT 0.01;:SOUR:VOLT 500")
    assert float(smu.query(":SOUR:VOLT?")) == 0.01
    assert errors(smu) == [-222]
    bench.pulser.write("*RST;:VOLT1:LOW 0;HIGH 1;*CLS;:VOLT1:HIGH 9")
    assert float(bench.pulser.query(":VOLT1:HIGH?")) == pytest.approx(5)
    assert errors(bench.pulser)[0] == -222


def test_13_what_the_real_one_rounds_silently(smu):
    """K24-386: the OVP has steps; a value between two is the lower one."""
    smu.write(":SOUR:VOLT:PROT 59")
    assert float(smu.query(":SOUR:VOLT:PROT?")) == 40
    assert errors(smu) == []
