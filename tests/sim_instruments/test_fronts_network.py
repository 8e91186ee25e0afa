"""The bench on network ports, as PyVISA-py sees it: HiSLIP and raw sockets alike."""

import threading
import time

import pytest
import pyvisa

from labctl_sim.bench import open_bench
from labctl_sim.fault import Fault
from labctl_sim.serve import serving

IDENTITY = "MYLAB,BOX,SIM0001,box"
FRONTS = ["hislip", "sockets"]


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


def test_a_bench_ends_at_once_whoever_waits(box_station, network):
    """Ten clients that wait: for a lock that somebody has, and for a reply that is late."""
    bench = open_bench(box_station(), clock="real", faults=[Fault("far", "slow", delay_seconds=1000.0)])
    threads = threading.active_count()
    device = next(device for device in bench.devices.values() if device.role == "box")
    assert device.access.lock(object(), 0)
    with serving(bench) as served:
        addresses = [*[served.sockets["box"]] * 8, served.hislip["box"], served.sockets["far"]]
        boxes = [network.open_resource(one, write_termination="\n", timeout=5000) for one in addresses]
        for box in boxes:
            box.write("*IDN?\n*IDN?")
        time.sleep(0.3)
        assert threading.active_count() > threads + len(boxes)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert threading.active_count() == threads
    for box in boxes:
        box.close()


@pytest.mark.parametrize("front", FRONTS)
def test_a_message_that_is_too_long_is_thrown_away_whole_and_said(serve, dial, front, monkeypatch):
    served = serve()
    for device in served.bench.devices.values():
        monkeypatch.setattr(device.panel, "longest_message", 5000)
    box = dial(served, front, chunk_size=1 << 16)
    for long in (b"VOLT 1;" * 100_000, b"DATA #6500000" + b"\nVOLT 1\n" * 62_500, b"TEXT? '" + b"VOLT 1;" * 999 + b"'"):
        box.write_raw(b"VOLT 2;" + long + b"VOLT 3\n")
        assert box.query("SYST:ERR?") == '-363,"Input buffer overrun"'
        assert box.query("SYST:ERR?") == '+0,"No error"'
        assert float(box.query("VOLT?")) == 0
    box.write_raw(b"VOLT 2;" * 714 + b"\n")  # 4999 bytes
    assert float(box.query("VOLT?")) == 2
    assert box.query("SYST:ERR?") == '+0,"No error"'


def test_each_print_of_a_script_arrives_over_hislip(network, station):
    with serving(open_bench(station(), clock="virtual")) as served:
        matrix = network.open_resource(served.hislip["matrix"], read_termination="\n", write_termination="\n")
        matrix.write("for i = 1, 4 do print(i) end print('end')")
        told = matrix.read().split("\n")  # HiSLIP has one response for each message
        assert [float(text) for text in told[:4]] == [1, 2, 3, 4]
        assert told[4:] == ["end"]
        assert float(matrix.query("print(errorqueue.count)")) == 0
        matrix.close()
