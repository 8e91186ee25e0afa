"""The backend as VISA: sessions, terminations, timeouts without waiting, locks, faults, and third-party users."""

import threading
import time

import numpy as np
import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyvisa.constants import AccessModes, BufferOperation, StatusCode

from labctl.core.errors import PartNotFound, StationError
from labctl_sim.stations import demo

SMU = "GPIB0::24::INSTR"
SCOPE = "TCPIP0::192.0.2.18::inst0::INSTR"


def fails(code, action, *arguments):
    with pytest.raises(pyvisa.VisaIOError) as caught:
        action(*arguments)
    assert caught.value.error_code == code


def test_a_station_is_named_or_is_a_file():
    for name in ("demo", str(demo())):
        manager = pyvisa.ResourceManager(f"sim:{name}@labctl")
        try:
            assert manager.list_resources() == (
                "USB0::0x0957::0x4108::SIM00001::INSTR", SMU, "TCPIP0::192.0.2.17::inst0::INSTR", SCOPE,
            )  # fmt: skip
            with manager.open_resource("gpib::24") as smu:
                assert "MODEL 2400" in smu.query("*IDN?")
            fails(StatusCode.error_resource_not_found, manager.open_resource, "GPIB0::25::INSTR")
        finally:
            manager.close()


def test_an_unknown_station_says_what_is_known():
    with pytest.raises(PartNotFound, match="demo"):
        pyvisa.ResourceManager("sim:dmeo@labctl")
    with pytest.raises(StationError, match="sim:<station name>@labctl"):
        pyvisa.ResourceManager("nonsense@labctl")


def test_managers_share_a_world_until_it_is_closed(station):
    spec = f"sim:{station()}@labctl"
    first, second = pyvisa.ResourceManager(spec), pyvisa.ResourceManager(spec)
    assert first.visalib is second.visalib
    world = first.visalib.world
    first.open_resource(SMU).write(":SOUR:VOLT 0.05")
    assert float(second.open_resource(SMU).query(":SOUR:VOLT?")) == 0.05
    second.close()
    third = pyvisa.ResourceManager(spec)
    try:
        assert third.visalib.world is not world
        assert float(third.open_resource(SMU).query(":SOUR:VOLT?")) == 0.0
    finally:
        third.close()


def test_a_closed_world_is_named_as_such(station):
    manager = pyvisa.ResourceManager(f"sim:{station()}@labctl")
    library = manager.visalib
    manager.close()
    with pytest.raises(StationError, match="ResourceManager"):
        _ = library.world


def test_without_a_seed_every_opening_is_another_noise(tmp_path, opened):
    path = tmp_path / "copy.toml"
    path.write_text(demo().read_text(encoding="utf-8"), encoding="utf-8")
    draws, states = [], []
    for _ in range(2):
        bench = opened(path)
        draws.append(bench.world.noise.random())
        states.append(bench.world.array.states.copy())
        bench.manager.close()
    assert draws[0] != draws[1]
    np.testing.assert_array_equal(*states)  # the wafer is the same


def test_each_session_has_its_own_output(bench):
    other = bench.manager.open_resource(SMU)
    bench.smu.write("*OPC?")
    other.write(":SOUR:FUNC?")
    assert other.read() == "VOLT\n"
    assert bench.smu.read() == "1\n"


def test_reads_stop_at_the_end_the_count_or_the_termination(bench):
    smu = bench.smu
    smu.write("*IDN?")
    assert smu.read_bytes(9) == b"KEITHLEY "
    assert smu.last_status == StatusCode.success_max_count_read
    smu.read_termination = "/"
    assert smu.read().endswith("14:20:11")
    assert smu.last_status == StatusCode.success_termination_character_read
    smu.read_termination = None
    assert smu.read() == "A02  /S/K\n"
    smu.read_termination = "\n"
    assert smu.query("*OPC?") == "1"


def test_a_message_may_come_in_pieces(bench):
    bench.smu.send_end = False
    bench.smu.write_raw(b"*ID")
    bench.smu.send_end = True
    bench.smu.write_raw(b"N?\n")
    assert "MODEL 2400" in bench.smu.read()


def test_a_timeout_costs_virtual_time_only(bench):
    clock = bench.library.clock
    bench.smu.timeout = 60_000
    before, wall = clock.now(), time.monotonic()
    fails(StatusCode.error_timeout, bench.smu.read)
    assert clock.now() - before == pytest.approx(60)
    assert time.monotonic() - wall < 1.0
    assert bench.smu.query(":SYST:ERR?") == '-420,"Query UNTERMINATED"\n'


def test_clear_and_flush_discard(bench):
    for discard in (bench.smu.clear, lambda: bench.smu.flush(BufferOperation.discard_read_buffer)):
        bench.smu.write("*IDN?")
        discard()
        assert bench.smu.query("*OPC?") == "1\n"


def test_an_exclusive_session_keeps_others_out(bench):
    bench.smu.lock_excl()
    fails(StatusCode.error_resource_locked, bench.manager.open_resource, SMU)
    bench.smu.unlock()
    other = bench.manager.open_resource(SMU, access_mode=AccessModes.exclusive_lock)
    fails(StatusCode.error_resource_locked, bench.smu.query, "*IDN?")
    other.close()
    assert bench.smu.query("*OPC?") == "1\n"


def test_threads_with_their_own_sessions_never_mix(bench):
    wrong = []

    def ask(address, expected):
        resource = bench.manager.open_resource(address)
        for _ in range(300):
            if expected not in resource.query("*IDN?"):
                wrong.append(address)

    jobs = [threading.Thread(target=ask, args=pair) for pair in ((SMU, "2400"), (SCOPE, "MSO54")) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert wrong == []


FAULT = """
[[simulation.faults]]
device = "smu"
kind = "{kind}"
after_messages = 2
messages = {messages}
"""


def test_a_hang_answers_nothing_for_a_while(station, opened):
    bench = opened(station(FAULT.format(kind="hang", messages=3)))
    smu, clock = bench.smu, bench.library.clock
    smu.write(":SOUR:VOLT 0.1")
    assert smu.query("*OPC?") == "1\n"
    before = clock.now()
    fails(StatusCode.error_timeout, smu.query, "*OPC?")
    assert clock.now() - before == pytest.approx(smu.timeout / 1000)
    smu.write(":SOUR:VOLT 0.2")
    fails(StatusCode.error_timeout, smu.query, ":SOUR:VOLT?")
    assert float(smu.query(":SOUR:VOLT?")) == 0.1  # well again; what it did not hear, it did not do
    assert smu.query(":SYST:ERR?").startswith("0,")


def test_a_vanished_instrument_comes_back_when_reopened(station, opened):
    bench = opened(station(FAULT.format(kind="vanish", messages=1)))
    smu, other = bench.smu, bench.manager.open_resource(SMU)
    smu.write(":SOUR:VOLT 0.1")
    assert smu.query("*OPC?") == "1\n"
    for action, *arguments in ((smu.write, "*CLS"), (smu.read,), (smu.read_stb,), (smu.clear,), (other.query, "*IDN?")):
        fails(StatusCode.error_connection_lost, action, *arguments)
    assert "MODEL 54" not in bench.digitizer.query("*IDN?")
    smu.close()
    again = bench.manager.open_resource(SMU)
    assert float(again.query(":SOUR:VOLT?")) == 0.1


def test_plain_pyvisa_sim_files_still_work(tmp_path):
    path = tmp_path / "lamp.yaml"
    path.write_text(
        """
spec: "1.1"
devices:
  lamp:
    eom: {"GPIB INSTR": {q: "\\n", r: "\\n"}}
    dialogues: [{q: "*IDN?", r: "LAMP,1,2,3"}]
resources:
  "GPIB0::8::INSTR": {device: lamp}
"""
    )
    manager = pyvisa.ResourceManager(f"{path}@labctl")
    try:
        lamp = manager.open_resource("GPIB0::8::INSTR", write_termination="\n", read_termination="\n")
        assert lamp.query("*IDN?") == "LAMP,1,2,3"
        with pytest.raises(StationError, match="pyvisa-sim"):
            _ = manager.visalib.world
        lamp.close()
    finally:
        manager.close()


def test_pymeasure_works_on_it_unchanged(bench):
    from pymeasure.adapters import VISAAdapter

    adapter = VISAAdapter(SMU, visa_library=bench.library)
    adapter.write("*IDN?")
    assert adapter.read_bytes(8) == b"KEITHLEY"
    assert adapter.read().strip().endswith("/S/K")
    scope = VISAAdapter(SCOPE, visa_library=bench.library)
    scope.write("*OPC?")
    assert scope.read_bytes(-1) == b"1\n"
    pulser = VISAAdapter("USB0::0x0957::0x4108::SIM00001::INSTR", visa_library=bench.library)
    pulser.connection.write_binary_values(
        ":DATA1:DAC VOLATILE,", list(range(10, 30)), datatype="h", is_big_endian=True, termination="\n"
    )
    pulser.write(":SYST:ERR?")
    assert pulser.read().strip() == '+0,"No error"'


def test_pymeasures_own_keithley_driver_sees_a_keithley(bench):
    from pymeasure.instruments.keithley import Keithley2400

    bench.route(smu=0)
    smu = Keithley2400(SMU, visa_library=bench.library)
    assert "MODEL 2400" in smu.id
    smu.source_voltage = -0.05
    smu.compliance_current = 1e-4
    smu.source_enabled = True
    assert bench.world.point().volts["smu"] == pytest.approx(-0.05)
    assert smu.check_errors() == []


@pytest.fixture(scope="module")
def lasting():
    manager = pyvisa.ResourceManager("sim:demo@labctl")
    yield manager
    manager.close()


WORDS = st.sampled_from(
    [":SOUR", "VOLT", ":", ";", "?", "*", "#", "#210", "#0", '"', "'", "1E", "-", "MAX", "channel.close(",
     "print(", ")", "(",
     "1A01", ",", "\n", "CURV?", "ACQ:STATE ON", ":READ?", "*OPC?", ":INIT", "*TRG",
     ":ARM:SOUR BUS", ":OUTP ON", " ", "=", ".."]
).map(str.encode)  # fmt: skip


@pytest.mark.parametrize(
    "address", ["USB0::0x0957::0x4108::SIM00001::INSTR", SMU, "TCPIP0::192.0.2.17::inst0::INSTR", SCOPE]
)
@given(st.lists(st.one_of(WORDS, st.binary(max_size=20)), max_size=12).map(b"".join))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_message_wedges_a_panel(lasting, address, message):
    with lasting.open_resource(address) as resource:
        resource.write_raw(message)
        resource.clear()
        resource.write("*CLS")
        assert "SIM000" in resource.query("*IDN?")
