"""HiSLIP: through the real PyVISA-py client, and byte by byte where that has no words for it."""

import re
import socket
import struct
import time

import pytest
from pyvisa_py.protocols import hislip as client_hislip

IDENTITY = "MYLAB,BOX,SIM0001,box"
HEADER = struct.Struct("!2sBBIQ")


def test_serial_poll_and_device_clear(serve, dial):
    box = dial(serve())
    box.write("*ESE 32;*SRE 48")
    assert box.query("*OPC?") == "1"
    assert box.read_stb() == 0
    box.write("NONSENSE")
    assert box.query("*OPC?") == "1"
    assert box.read_stb() == 4 + 32 + 64
    assert box.read_stb() == 4 + 32
    box.write("*IDN?")
    time.sleep(0.05)
    assert box.read_stb() & 16
    assert box.read() == IDENTITY
    assert box.read_stb() & 16 == 0
    box.write("WAIT?")
    box.clear()
    assert box.query("*IDN?") == IDENTITY


def test_a_query_before_the_last_response_was_read_interrupts(serve, dial):
    box = dial(serve())
    box.write("*IDN?")
    assert box.query("*OPC?") == "1"
    assert box.query("SYST:ERR?") == '-410,"Query INTERRUPTED"'


# -- byte by byte


class Client:
    """A client that, unlike PyVISA-py, listens to what it is told on the asynchronous channel."""

    def __init__(self, served, name="hislip0"):
        port = int(re.search(r",(\d+)::", served.hislip["box"])[1])
        self.sync, self.channel = (socket.create_connection(("127.0.0.1", port), 5) for _ in range(2))
        self.number = 0
        self.send(self.sync, 0, 0, 0x0100 << 16 | 0x4141, name.encode())
        self.session = self.receive(self.sync)[2] & 0xFFFF
        self.send(self.channel, 17, 0, self.session)
        assert self.receive(self.channel)[0] == 18

    def send(self, channel, kind, control=0, parameter=0, payload=b""):
        channel.sendall(HEADER.pack(b"HS", kind, control, parameter, len(payload)) + payload)

    def receive(self, channel):
        prologue, kind, control, parameter, length = HEADER.unpack(self.exactly(channel, 16))
        assert prologue == b"HS"
        return kind, control, parameter, self.exactly(channel, length)

    def exactly(self, channel, count):
        data = b""
        while len(data) < count:
            more = channel.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def write(self, text, delivered=1, kind=7):
        self.number += 2
        self.send(self.sync, kind, delivered, self.number, text)

    def ask(self, kind, control=0, parameter=0, payload=b""):
        self.send(self.channel, kind, control, parameter, payload)
        return self.receive(self.channel)

    def close(self):
        self.sync.close()
        self.channel.close()


@pytest.fixture
def client(serve):
    clients = []

    def start(served, name="hislip0"):
        clients.append(Client(served, name))
        return clients[-1]

    yield start
    for one in clients:
        one.close()


@pytest.mark.parametrize("name", ["hislip0", "HISLIP0", "box", "hislip_box", ""])
def test_an_instrument_has_a_number_and_a_role(serve, client, name):
    one = client(serve(), name)
    one.write(b"*IDN?\n")
    assert one.receive(one.sync) == (7, 0, one.number, IDENTITY.encode() + b"\n")


def test_unknown_instruments_sessions_and_words_are_refused(serve, client):
    served = serve()
    port = int(re.search(r",(\d+)::", served.hislip["box"])[1])
    for first, expected in (
        (HEADER.pack(b"HS", 0, 0, 0x01004141, 4) + b"lamp", b"hislip0 (box)"),
        (HEADER.pack(b"HS", 17, 0, 4711, 0), b"begins with Initialize"),
        (HEADER.pack(b"HS", 7, 0, 0, 0), b"begins with Initialize"),
        (b"GET / HTTP/1.1\r\n", b"'HS'"),
    ):
        with socket.create_connection(("127.0.0.1", port), 5) as stranger:
            stranger.sendall(first)
            answer = b""
            while more := stranger.recv(1000):
                answer += more
        assert answer[:3] == b"HS\x02"
        assert expected in answer
    one = client(served)
    one.send(one.sync, 99)
    assert one.receive(one.sync)[:2] == (3, 1)
    assert one.ask(99)[:2] == (3, 1)
    one.write(b"*OPC?\n")
    assert one.receive(one.sync)[3] == b"1\n"


def test_a_request_for_service_is_told_at_once_and_once(serve, client, dial):
    served = serve()
    one, other = client(served), dial(served)
    one.write(b"*ESE 32;*SRE 32\n")
    other.query("*OPC?")
    other.write("NONSENSE")
    assert one.receive(one.channel)[:2] == (20, 4 + 32 + 64)
    assert one.ask(21, 1)[:2] == (22, 4 + 32 + 64)
    assert one.ask(21, 1)[:2] == (22, 4 + 32)
    assert other.read_stb() == 4 + 32 + 64  # PyVISA-py would stumble over the news, and asks


@pytest.mark.parametrize("clock", ["virtual", "scaled:10"])
def test_a_request_comes_when_an_operation_is_over(serve, client, clock):
    one = client(serve(clock))
    one.write(b"*CLS;*ESE 1;*SRE 32;STARt;*OPC\n")
    assert one.receive(one.channel)[:2] == (20, 32 + 64)


def test_a_trigger_message_triggers(serve, client):
    one = client(serve())
    one.write(b"WAIT?\n")
    query = one.number
    one.write(b"", kind=12)
    kind, _, parameter, text = one.receive(one.sync)
    assert (kind, text) == (7, b"triggered\n")
    assert parameter in (query, one.number)


def test_a_message_may_come_in_many_packets_and_go_in_many(serve, client):
    one = client(serve())
    assert one.ask(15, payload=struct.pack("!Q", 16 + 100))[0] == 16
    data = bytes(range(250))
    for part in (b"DA", b"TA #3", b"250" + data[:50], data[50:]):
        one.write(part, kind=6)
    one.write(b"\n")
    one.write(b"DATA?\n")
    kinds, got = [], b""
    while not kinds or kinds[-1] == 6:
        kind, _, parameter, payload = one.receive(one.sync)
        assert parameter == one.number
        assert len(payload) <= 100
        kinds.append(kind)
        got += payload
    assert kinds == [6, 6, 7]
    assert got == b"#3250" + data + b"\n"


def test_an_interrupted_client_is_told_on_both_channels(serve, client):
    one = client(serve())
    one.write(b"*IDN?\n")
    assert one.receive(one.sync)[0] == 7
    one.write(b"*OPC?\n", delivered=0)
    assert one.receive(one.sync)[0] == 13
    assert one.receive(one.channel)[0] == 14
    assert one.receive(one.sync)[3] == b"1\n"


def test_locks_keep_others_out(serve, client):
    served = serve()
    one, two = client(served), client(served)
    assert one.ask(24)[:3] == (25, 0, 0)
    assert one.ask(4, 1, 100)[:2] == (5, 1)
    assert two.ask(24)[:3] == (25, 1, 1)
    assert two.ask(4, 1, 20)[:2] == (5, 0)  # not in time
    two.write(b"*OPC?\n")
    two.sync.settimeout(0.1)
    with pytest.raises(TimeoutError):
        two.receive(two.sync)
    assert one.ask(4, 0)[:2] == (5, 1)
    two.sync.settimeout(5)
    assert two.receive(two.sync)[3] == b"1\n"
    assert one.ask(4, 0)[:2] == (5, 3)  # it has none
    for each in (one, two):
        assert each.ask(4, 1, 100, b"key")[:2] == (5, 1)
    assert two.ask(24)[:3] == (25, 0, 2)
    assert two.ask(4, 0)[:2] == (5, 2)
    one.close()
    deadline = time.monotonic() + 5
    while two.ask(24)[:3] != (25, 0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert two.ask(4, 1, 100)[:2] == (5, 1)


def test_device_clear_discards_what_is_under_way(serve, client):
    one = client(serve())
    one.write(b"WAIT?", kind=6)
    assert one.ask(19)[:2] == (23, 0)
    one.write(b"*IDN?\n")  # was on its way when the clear overtook it
    one.send(one.sync, 8)
    assert one.receive(one.sync)[:2] == (9, 0)
    one.write(b"*OPC?\n")
    assert one.receive(one.sync)[3] == b"1\n"


def test_pyvisa_pys_own_protocol_agrees(serve):
    port = int(re.search(r",(\d+)::", serve().hislip["far"])[1])
    one = client_hislip.Instrument("127.0.0.1", port=port, sub_address="hislip1", timeout=5)
    one.send(b"WAIT?\n")
    one.trigger()
    assert one.receive(100) == b"triggered\n"
    assert one.async_lock_request(1.0) == "success"
    assert one.async_lock_info() == 1
    assert one.async_lock_release() == "success"
    one.async_remote_local_control("justGTL")
    one.close()
