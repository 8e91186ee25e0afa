"""Raw sockets: where a message ends in a stream, and what rubbish does."""

import re
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl_sim.framing import Framing

IDENTITY = "MYLAB,BOX,SIM0001,box"
FRONTS = ["hislip", "sockets"]
LONGEST = 1 << 20


def test_messages_may_come_in_any_pieces(serve):
    port = int(re.search(r"(\d+)::SOCKET", serve().sockets["box"])[1])
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = b"ECHO? 1\r\nECHO? 2\nDATA #15\n;\n'\"\nECHO? '#9\nDATA?\n"
        expected = b"1\n2\n'#9\n#15\n;\n'\"\n"
        for byte in stream:
            raw.sendall(bytes([byte]))
        got = b""
        while len(got) < len(expected):
            got += raw.recv(100)
        assert got == expected


@given(
    st.lists(
        st.one_of(
            st.sampled_from([b"*IDN?", b"VOLT 1;VOLT?", b"DISP 'a # 1'", b'TEXT "x"', b"A '", b"#", b"a #x"]),
            st.binary(max_size=40).map(lambda data: b"DATA #2%02d" % len(data) + data),
        ),
        max_size=6,
    ),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_framing_finds_the_same_messages_however_they_are_cut(messages, data):
    stream = b"".join(message + b"\n" for message in messages)
    framing, at, found = Framing(LONGEST), 0, []
    while at < len(stream):
        step = data.draw(st.integers(1, 30))
        found += framing.feed(stream[at : at + step])
        at += step
    assert found == [message + b"\n" for message in messages]


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("front", FRONTS)
def test_rubbish_hurts_nobody_else(rubbish_bench, front, rubbish):
    served, box = rubbish_bench
    port = int(re.search(r"(\d+)::(SOCKET|INSTR)", getattr(served, front)["box"])[1])
    with socket.create_connection(("127.0.0.1", port), 5) as raw:
        raw.sendall(rubbish)
    assert box.query("*IDN?") == IDENTITY


@pytest.fixture
def rubbish_bench(serve, dial):
    served = serve()
    return served, dial(served, role="box")


@given(
    st.lists(
        st.one_of(
            st.integers(0, 60).map(lambda n: b"VOLT 1;" * n),
            st.binary(max_size=200).map(lambda data: b"DATA #3%03d" % len(data) + data + b";VOLT 2"),
            st.integers(0, 200).map(lambda n: b"TEXT? '" + b"#9;" * n + b"'"),
            st.integers(1, 200).map(lambda n: b"a" * n + b"#3999"),
        ),
        max_size=6,
    ),
    st.integers(1, 300),
    st.integers(1, 100),
)
@settings(max_examples=200, deadline=None)
def test_of_messages_that_are_too_long_the_head_is_left(messages, longest, step):
    stream = b"".join(message + b";VOLT 3\n" for message in messages)
    framing, found = Framing(longest), []
    for at in range(0, len(stream), step):
        found += framing.feed(stream[at : at + step])
    assert found == [(message + b";VOLT 3\n")[: longest + 1] for message in messages]
