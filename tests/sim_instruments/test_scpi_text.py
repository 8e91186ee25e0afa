"""The text of SCPI as laws: every spelling of a header, number, string, block or channel list means what it should."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl_sim import scpi_text
from labctl_sim.sources import to_verify
from labctl_sim.status import InstrumentFault

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def refused(code, read, *arguments):
    with pytest.raises(InstrumentFault) as caught:
        read(*arguments)
    assert caught.value.code == code


def any_case(text):
    return st.lists(st.booleans(), min_size=len(text), max_size=len(text)).map(
        lambda upper: "".join(letter.upper() if up else letter.lower() for letter, up in zip(text, upper, strict=True))
    )


@st.composite
def spellings(draw):
    """A header of [SOURce#]:VOLTage#[:LEVel[:IMMediate]]:AMPLitude, spelled in one of the ways that there are."""
    nodes = [draw(st.sampled_from(["VOLT", "VOLTAGE"])) + draw(st.sampled_from(["", "1", "12"]))]
    if draw(st.booleans()):
        nodes.insert(0, draw(st.sampled_from(["SOUR", "SOURCE"])) + draw(st.sampled_from(["", "1"])))
    if draw(st.booleans()):
        nodes.append(draw(st.sampled_from(["LEV", "LEVEL"])))
        if draw(st.booleans()):
            nodes.append(draw(st.sampled_from(["IMM", "IMMEDIATE"])))
    if draw(st.booleans()):
        nodes.append(draw(st.sampled_from(["AMPL", "AMPLITUDE"])))
    return draw(st.sampled_from(["", ":"])) + draw(any_case(":".join(nodes)))


@given(spellings(), st.sampled_from(["1.5", "+1.5", "1500E-3", "15 e-1", "1.5V", "1500 mv", "0.0015KV", "1500000uV"]))
@QUICK
def test_every_spelling_of_a_setting_is_that_setting(box, header, value):
    box.write("VOLT 0")
    box.write(f"{header} {value}")
    assert float(box.query(f"{header}?")) == 1.5
    assert box.query("SYST:ERR?").startswith("+0")


@pytest.mark.parametrize(
    "header", ["VOL", "VOLTA", "SOURC:VOLT", "VOLT:IMM", "VOLT:LEV:LEV", "SOUR", "VOLT:AMPLI", "LEV"]
)
def test_nothing_between_short_and_long_is_known(box, header):
    box.write(f"{header} 1")
    assert box.query("SYST:ERR?").startswith("-113")


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("VOLT:LEV 2;AMPL?", "2.0"),  # the path is where the last header was
        ("VOLT:LEV:IMM 2;AMPL?", "2.0"),
        ("VOLT:LEV 2;*CLS;AMPL?", "2.0"),  # common commands leave it there
        ("VOLT:LEV 2;:VOLT:AMPL?", "2.0"),
        ("VOLT:LEV 2;VOLT?", None),
        ("VOLT:LEV 2;*OPC?;LEV?", "1;2.0"),
    ],
)  # fmt: skip
def test_the_path_goes_with_the_headers(box, message, reply):
    if reply is None:
        box.write(message)
        assert box.query("SYST:ERR?").startswith("-113")
    else:
        got = box.query(message).split(";")
        assert [float(part) for part in got] == [float(part) for part in reply.split(";")]


@given(
    st.floats(-1e30, 1e30), st.sampled_from(["", "K", "M", "U", "N", "MA", "G", "P"]), st.sampled_from(["V", "S", "A"])
)
@QUICK
def test_numbers_with_multipliers_and_units(value, prefix, unit):
    factor = {"": 1, "K": 1e3, "M": 1e-3, "U": 1e-6, "N": 1e-9, "MA": 1e6, "G": 1e9, "P": 1e-12}[prefix]
    assert scpi_text.number(f"{value!r} {prefix}{unit}", unit) == pytest.approx(value * factor, rel=1e-12)


@given(st.integers(0, 2**60))
@QUICK
def test_numbers_in_other_bases(value):
    for text in (f"#H{value:X}", f"#h{value:x}", f"#Q{value:o}", f"#B{value:b}"):
        assert scpi_text.number(text) == float(value)


@pytest.mark.parametrize(
    ("text", "unit", "code"),
    [
        ("1 OHM", "V", -131), ("1 XV", "V", -131), ("1 V", "", -138), ("1.2.3", "", -120), ("abc", "", -104),
        ("#HXY", "", -120), ("#B102", "", -120), ("#H", "", -120), ("#H1_0", "", -120), ("1E9999", "", -222),
        ("1" * 300, "", -124), ("1" * 300 + "!", "", -124), ("'1'", "", -104), (b"1", "", -104), ("NAN", "", -104),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(text, unit, code):
    refused(code, scpi_text.number, text, unit)


def test_mega_is_mega_only_for_hertz_and_ohm():
    assert [scpi_text.number(f"1 M{unit}", unit) for unit in ("HZ", "OHM", "V", "S")] == [1e6, 1e6, 1e-3, 1e-3]


@given(st.text(st.characters(codec="latin-1", exclude_characters="\n"), max_size=30), st.sampled_from("'\""))
@QUICK
def test_any_text_can_be_quoted(box, text, quote):
    box.write_raw(b"TEXT? " + f"{quote}{text.replace(quote, quote * 2)}{quote}".encode("latin-1") + b";*OPC?\n")
    assert box.read_raw() == text.encode("latin-1") + b";1\n"


@given(st.binary(max_size=300), st.booleans())
@QUICK
def test_any_bytes_come_back_from_a_block(box, data, endless):
    block = scpi_text.endless_block(data) if endless else scpi_text.block(data)
    box.write_raw(b"*CLS;DATA " + block + b"\n")
    box.write("DATA?;:DATA:ENDL?")
    with box.read_termination_context(None):
        reply = box.read_raw()
    assert reply == scpi_text.block(data) + b";" + scpi_text.endless_block(data) + b"\n"
    assert box.query("SYST:ERR?").startswith("+0")


@given(
    st.lists(
        st.tuples(*[st.integers(1, 4)] * 3).flatmap(
            lambda a: st.tuples(st.just(a), st.none() | st.tuples(*[st.integers(1, 4)] * 3))
        ),
        min_size=1,
        max_size=4,
    )
)
@QUICK
def test_channel_lists_with_ranges(items):
    def spell(place):
        return "!".join(map(str, place))

    text = ",".join(spell(a) + (f":{spell(b)}" if b else "") for a, b in items)
    expected = []
    for first, last in items:
        steps = [
            range(a, b + (1 if b >= a else -1), 1 if b >= a else -1) for a, b in zip(first, last or first, strict=True)
        ]
        expected += itertools.product(*steps)
    assert scpi_text.channels(f"(@{text})", 3) == expected


@pytest.mark.parametrize(
    "text", ["1!1!1", "(1!1!1)", "(@)", "(@1!1)", "(@1!1!1!1)", "(@1!1!a)", "(@1!1!1:)", "(@,)", "(@1!1!-1)"]
)
def test_what_is_no_channel_list_is_an_invalid_expression(text):
    refused(-171, scpi_text.channels, text, 3)


def test_a_channel_list_is_one_parameter(box):
    assert box.query("CHAN? (@1!1!1:1!1!2,2!3!4)") == "[(1,1,1),(1,1,2),(2,3,4)]"
    assert box.query("ECHO? (@1!1!1,2!2!2) , 'a,b' ,#13,,,") == "(@1!1!1,2!2!2)|'a,b'|b',,,'"


@pytest.mark.parametrize(("word", "value"), [("MIN", -5), ("maximum", 5), ("Def", 1), ("INF", None)])
def test_limits_are_words(box, word, value):
    box.write(f"VOLT {word}")
    if value is None:
        assert box.query("SYST:ERR?").startswith("-104")
    else:
        assert float(box.query("VOLT?")) == float(box.query(f"VOLT? {word}")) == value


def test_what_is_to_verify_can_be_listed(boxes):
    panel = boxes().library._bench.devices["GPIB0::7::INSTR"].panel
    unsure = {pattern: page for pattern, page in to_verify(panel).items() if page.startswith("BOX")}
    assert unsure == {"WORD": "BOX-8"}
