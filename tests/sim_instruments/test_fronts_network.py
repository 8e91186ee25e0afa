"""The bench on network ports: through the real PyVISA-py client, and byte by byte where that has no words for it."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyvisa_py.protocols import hislip as client_hislip

from labctl.core.errors import StationError
from labctl_sim.bench import open_bench
from labctl_sim.faults import Fault
from labctl_sim.framing import Framing
from labctl_sim.serve import main, serving

IDENTITY = "MYLAB,BOX,SIM0001,box"
FRONTS = ["hislip", "sockets"]
HEADER = struct.Struct("!2sBBIQ")


@pytest.fixture
def serve(box_station):
    """Serves the two boxes until the test is over; opens sessions with them."""
    ends = []

    def start(clock="virtual", faults=()):
        context = serving(open_bench(box_station(), clock=clock, faults=faults))
        served = context.__enter__()
        ends.append(lambda: context.__exit__(None, None, None))
        return served

    yield start
    for end in reversed(ends):
        end()


@pytest.fixture(scope="module")
def manager():
    manager = pyvisa.ResourceManager("@py")
    yield manager
    manager.close()


@pytest.fixture
def dial(manager):
    """Opens a session through PyVISA-py."""
    sessions = []

    def dial(served, front="hislip", role="box", **options):
        options = {"read_termination": "\n", "write_termination": "\n", "timeout": 5000} | options
        sessions.append(manager.open_resource(getattr(served, front)[role], **options))
        return sessions[-1]

    yield dial
    for session in sessions:
        session.close()


def refused(code, action, *arguments):
    with pytest.raises(pyvisa.VisaIOError) as caught:
        action(*arguments)
    assert caught.value.error_code == code


@pytest.mark.parametrize("front", FRONTS)
def test_each_role_answers_at_its_address(serve, dial, front):
    served = serve()
    for role in ("box", "far"):
        assert dial(served, front, role).query("*IDN?") == f"MYLAB,BOX,SIM0001,{role}"
    one, two = dial(served, front), dial(served, front)
    one.write("VOLT 2")
    assert one.query("*OPC?") == "1"
    assert float(two.query("VOLT?")) == 2  # one instrument
    one.write("ECHO? one")
    assert (two.query("ECHO? two"), one.read()) == ("two", "one")  # and an output queue for each


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("size", [0, 1, 4096, 1 << 20, (1 << 24) + 5])
def test_blocks_of_every_byte_cross_in_both_directions(serve, dial, front, size):
    box = dial(serve(), front, chunk_size=1 << 22, timeout=30_000)
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    head = f"#{len(str(size))}{size}".encode()
    box.write_raw(b"DATA " + head + data + b"\n")
    box.write("DATA?")
    with box.read_termination_context(None):
        assert box.read_bytes(len(head) + size + 1) == head + data + b"\n"
    assert box.query("SYST:ERR?") == '+0,"No error"'


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("clock", ["virtual", "real", "scaled:5"])
def test_replies_that_take_their_time_come_by_themselves(serve, dial, front, clock):
    served = serve(clock)
    box, other = dial(served, front), dial(served, front)
    start = time.monotonic()
    assert box.query("TAKES? 0.2;:STARt;*OPC?") == "done;1"
    took = time.monotonic() - start
    assert {"virtual": 0, "real": 1.19, "scaled:5": 0.23}[clock] <= took
    assert took <= {"virtual": 1, "real": 4, "scaled:5": 1}[clock]
    box.write("WAIT?")
    time.sleep(0.1)  # two connections: who comes first is not said
    other.write("*TRG")
    assert box.read() == "triggered"


@pytest.mark.parametrize("front", FRONTS)
def test_threads_with_their_own_sessions_never_cross(serve, dial, front):
    served = serve()
    wrong = []

    def ask(box, number):
        for turn in range(150):
            if box.query(f"ECHO? {number}.{turn}") != f"{number}.{turn}":
                wrong.append((number, turn))

    threads = [threading.Thread(target=ask, args=(dial(served, front), number)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("front", FRONTS)
def test_a_connection_drops_in_the_middle_of_a_block(serve, dial, front):
    served = serve(faults=[Fault("box", "drop", after_messages=1), Fault("far", "truncate")])
    box = dial(served, front, read_termination=None, timeout=300)
    box.write_raw(b"DATA #3512" + bytes(512) + b"\n")
    box.write("DATA?")
    assert len(box.read_bytes(200)) == 200
    with pytest.raises((pyvisa.VisaIOError, OSError, RuntimeError)):
        box.read_bytes(318)
    assert dial(served, front).query("*IDN?") == IDENTITY
    if front == "hislip":  # on a raw socket nothing says that this is the end
        far = dial(served, front, "far", read_termination=None)
        assert far.query("*IDN?") == IDENTITY[:11]


# -- HiSLIP through PyVISA-py


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


# -- HiSLIP byte by byte


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


# -- raw sockets byte by byte


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
    framing, at, found = Framing(), 0, []
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


# -- the server as a program


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])  # noqa: S104 - to be refused
def test_other_machines_are_refused_with_a_sentence(box_station, host, capsys):
    with (
        pytest.raises(StationError, match=r"no passwords.*ssh -L"),
        serving(open_bench(box_station(), clock="virtual"), host),
    ):
        pass
    assert main([str(box_station()), "--host", host]) == 2
    assert "labctl: a simulated bench cannot be served" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(serve, box_station):
    served = serve()
    port = int(re.search(r"(\d+)::SOCKET", served.sockets["box"])[1])
    with (
        pytest.raises(StationError, match=rf"port {port}.*--socket-ports-from"),
        serving(open_bench(box_station()), socket_ports_from=port),
    ):
        pass


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--clock", "sundial"], "'sundial' is unknown"),
        (["--fault", "box:explode"], "no fault 'explode'"),
        (["--fault", "lamp:hang"], "there is no 'lamp'"),
    ],
)
def test_what_is_asked_wrongly_is_answered_in_a_sentence(box_station, capsys, words, sentence):
    assert main([str(box_station()), *words]) == 2
    assert sentence in capsys.readouterr().err


def ended_by_closing_stdin(server):
    server.stdin.close()


def ended_by_ctrl_c(server):
    server.send_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("command", "end"),
    [
        (["labctl_sim.serve", "--until-stdin-closes"], ended_by_closing_stdin),
        pytest.param(
            ["labctl", "sim", "serve"],
            ended_by_ctrl_c,
            marks=pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone there"),
        ),
    ],
)
def test_the_program_serves_until_it_is_ended(box_station, command, end):
    words = ["--socket-ports-from", "0", "--hislip-port", "0", "--clock", "virtual"]
    words += ["--fault", "box:identity,after_messages=1,detail=WRONG"]
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    server = subprocess.Popen(
        [sys.executable, "-m", *command, str(box_station()), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        table = dict(line.split()[0:3:2] for line in (server.stdout.readline() for _ in range(2)))
        assert "serving boxes0" in server.stdout.readline()
        box = pyvisa.ResourceManager("@py").open_resource(table["box"], read_termination="\n", write_termination="\n")
        assert [box.query("*IDN?") for _ in range(3)] == [IDENTITY, "WRONG", IDENTITY]
        box.close()
    finally:
        end(server)
        assert server.wait(10) == 0
        server.stdin.close()
        server.stdout.close()
