"""How many parameters a command takes: of what is too much nothing happens, and it is said."""

import pytest

BARE = ["*RST 5", "*CLS 5", "*OPC 5", "*WAI 5", "*TRG 5", "*IDN? 5", "*OPC? 5", "*ESR? 5", "*STB? 5", "*ESE? 5"]


@pytest.mark.parametrize("message", [*BARE, "WORD? 1", "STAR 1", "SYST:ERR? 1", "STAT:OPER? 1"])
def test_a_parameter_too_many_is_refused_and_nothing_done(boxes, message):
    bench = boxes()
    box = bench.open()
    box.write("VOLT 2;*ESE 4;*CLS")
    box.write(message)
    assert box.query("SYST:ERR?;:SYST:ERR?;:VOLT?;*ESE?") == (
        '-108,"Parameter not allowed";+0,"No error";+2.00000000E+00;4'
    )
    assert box.query("*ESR?") == "32"


@pytest.mark.parametrize("role", ["smu", "pulser", "digitizer"])
@pytest.mark.parametrize("message", ["*RST 5", "*OPC 5", "*IDN? 5"])
def test_every_model_refuses_it(bench, role, message):
    resource = getattr(bench, role)
    resource.write("*CLS")
    resource.write(message)
    events = int(resource.query("*ESR?"))
    assert events & 32
    assert not events & 1


@pytest.mark.parametrize(
    ("ask", "code"),
    [("5", -108), ("MIN,MAX", -108), ("FULL", -224), ("INF", -224), ("#11a", -104), ("'MIN'", -108), ("-1", -108)],
)
@pytest.mark.parametrize(("role", "header"), [("smu", ":SOUR:VOLT"), ("pulser", ":VOLT1:HIGH"), ("pulser", ":FREQ1")])
def test_a_query_knows_limits_and_defaults_and_no_other_level(bench, role, header, ask, code):
    resource = getattr(bench, role)
    resource.write(f"*CLS;{header}? {ask}")
    assert resource.query(":SYST:ERR?;*ESR?").startswith(f"{code},")
    low, high, now = (float(resource.query(f"{header}?{word}")) for word in (" MIN", " max", ""))
    assert low <= now < high


def test_the_request_bit_cannot_be_enabled(bench, box):
    box.write("*SRE 64")
    assert box.query("*SRE?") == "0"
    box.write("*SRE 255")
    assert box.query("*SRE?") == "191"
    bench.matrix.write("*SRE 255")
    assert float(bench.matrix.query("*SRE?")) == 191
