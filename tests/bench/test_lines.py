"""Where keys stand in a TOML file."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.bench.lines import line_of
from labctl.bench.station import parse_station
from labctl.core.errors import StationError

VALUES = (
    "1",
    '"a # b"',
    "[1,\n  # between\n 2]",
    '"""\n[table]\nkey = 1\n"""',
    "{ a = 1, b = { c = 2 } }",
    "'''\n\n'''",
)
BETWEEN = ("", "# key = 1", "\t")


@st.composite
def documents(draw):
    """A document, and the line on which each key's statement begins."""
    lines, places, table = [], {}, ()
    for number in range(draw(st.integers(1, 12))):
        lines += draw(st.lists(st.sampled_from(BETWEEN), max_size=2))
        if draw(st.booleans()):
            table = (f"t{number}", "inner")[: draw(st.integers(1, 2))]
            lines.append(f"[{'.'.join(table)}]")
            places |= {table[:depth]: len(lines) for depth in (1, 2)[: len(table)]}
        value = draw(st.sampled_from(VALUES))
        places[(*table, f"k{number}")] = len(lines) + 1
        if value[0] == "{":
            places[(*table, f"k{number}", "b", "c")] = len(lines) + 1
        lines += f"k{number} = {value}".split("\n")
    return draw(st.sampled_from(("\n", "\r\n"))).join(lines) + draw(st.sampled_from(("", "\n"))), places


@given(documents())
def test_every_key_is_found_where_its_statement_begins(drawn):
    text, places = drawn
    tomllib.loads(text)
    assert {path: line_of(text, path) for path in places} == places
    for path, line in places.items():
        assert line_of(text, (*path, "missing")) == line
    assert line_of(text, ("missing", "k0")) is None


@pytest.mark.parametrize(
    ("said", "instead", "says"),
    [
        ('address = "GPIB0::8::INSTR"', "address = 8", "[instruments.smu] address: is 8"),
        ('"1-01", "1-02"', '"1-1",\n"1-02"', "[wiring] word_lines: '1-1' is no matrix column"),
        ("amps = ", "ampere = ", "[limits] ampere: is not known here"),
        ('driver = "bench_fakes:Meter"', "", "[instruments.smu] driver: is missing"),
        ('driver = "bench_fakes:Meter"', 'driver = "x"', "[instruments.smu] driver: there is no driver"),
    ],
)
def test_a_mistake_in_a_station_file_is_told_with_its_line(station_text, tmp_path, said, instead, says):
    text = station_text.replace(said, instead, 1)
    changed = instead.split("\n")[0] or "[instruments.smu]"
    line = next(number for number, each in enumerate(text.split("\n"), 1) if changed in each)
    with pytest.raises(StationError) as caught:
        parse_station(text, tmp_path / "s.toml")
    assert f"  line {line}: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("exclusions", "says"),
    [
        ('"pulser"', "must be a list of lists"),
        ('["pulser", "smu"]', "'pulser' is no list of two instruments"),
        ('[["pulser", "pulser"]]', "is no list of two instruments or more"),
        ('[["pulser", "matrix"]]', "'matrix' has no row of the matrix"),
    ],
)
def test_exclusions_that_cannot_be_meant_are_refused(station_text, tmp_path, exclusions, says):
    text = station_text.replace("[wiring]\n", f"[wiring]\nexclusions = {exclusions}\n", 1)
    with pytest.raises(StationError, match="exclusions: ") as caught:
        parse_station(text, tmp_path / "s.toml")
    assert says in str(caught.value)


def test_exclusions_are_sets_of_roles(station_text, tmp_path):
    text = station_text.replace("[wiring]\n", '[wiring]\nexclusions = [["pulser", "smu"]]\n', 1)
    assert parse_station(text, tmp_path / "s.toml").wiring.exclusions == (frozenset({"pulser", "smu"}),)
