"""Scans of the SCPI switch systems, and the spellings that programs for them use."""

import pytest
import pyvisa
from pyvisa.constants import EventType

from labctl_sim.stations import demo

ADDRESS = "TCPIP0::192.0.2.17::inst0::INSTR"
NO_ERROR = '0,"No error"'


@pytest.fixture
def manager(tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(demo().read_text().replace('matrix = "keithley707b"', 'matrix = "keithley7001"'))
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    yield manager
    manager.close()


@pytest.fixture
def switch(manager):
    return manager.open_resource(ADDRESS, read_termination="\n", timeout=10_000)


def closed(switch):
    return switch.query(":CLOS:STAT?")


def test_a_scan_closes_one_channel_after_the_other(manager, switch):
    for line in (":open all", "*RST", ":scan (@1!1!1,1!1!2, 2!2!4)", ":trig:coun:auto on", ":trig:del 1", ":init"):
        switch.write(line)
    sleep = manager.visalib.clock.sleep
    sleep(0.5)
    seen = [closed(switch)]
    for _ in range(3):
        sleep(1.0)
        seen.append(closed(switch))
    assert seen == ["(@)", "(@1!1!1)", "(@1!1!2)", "(@2!2!4)"]
    assert switch.query(":SYST:ERR?") == NO_ERROR


def test_completion_comes_at_its_end(manager, switch):
    switch.write(":SCAN (@1!1!1,1!1!2);:TRIG:SOUR TIM;TIM 0.5;:ARM:LAY2:COUN 2;:INIT")
    before = manager.visalib.clock.now()
    assert switch.query("*OPC?") == "1"
    assert manager.visalib.clock.now() - before == pytest.approx(1.0, abs=0.2)
    assert closed(switch) == "(@1!1!2)"


def test_bus_triggers_step_it_and_abort_ends_it(switch):
    switch.write(":SCAN (@1!1!1,1!1!2,1!1!3);:TRIG:SOUR BUS;:INIT")
    assert closed(switch) == "(@)"
    switch.write("*TRG")
    assert closed(switch) == "(@1!1!1)"
    switch.assert_trigger()
    assert closed(switch) == "(@1!1!2)"
    switch.write(":INIT")
    assert switch.query(":SYST:ERR?") == '-213,"Init ignored"'
    switch.write(":ABOR;*TRG")
    assert switch.query(":SYST:ERR?") == '-211,"Trigger ignored"'
    assert closed(switch) == "(@1!1!2)"


def test_a_scan_for_ever_can_be_ended(switch):
    switch.write(":SCAN (@1!1!1,1!1!2);:ARM:COUN INF;:INIT")
    assert switch.query(":ARM:COUN?") == "+9.9E37"
    switch.clear()
    switch.write(":INIT:CONT OFF;:TRIG:SOUR IMM;:ARM:COUN 1;:INIT")
    assert switch.query("*OPC?;:SYST:ERR?") == f"1;{NO_ERROR}"


def test_without_a_list_there_is_no_scan(switch):
    switch.write(":INIT")
    assert switch.query(":SYST:ERR?") == '-221,"Settings conflict"'


def test_what_is_closed_by_hand_stays_closed(switch):
    switch.write(":CLOS (@2!4!1);:SCAN (@1!1!1,1!1!2);:INIT")
    assert switch.query("*OPC?") == "1"
    assert closed(switch) == "(@1!1!2,2!4!1)"


@pytest.mark.parametrize(
    "line",
    [":open all", "Open All", ":Route:open All", "*RST;:open all", ":OPEN (@1!1!01:1!1!3)", ":open (@ 1!1!1:1!1!3)"],
)
def test_spellings_of_open(switch, line):
    switch.write(":Route:Close (@ 1!1!1,1!1!2, 1!1!03)")
    assert switch.query(":CLOS? (@1!1!1:1!1!3)") == "1,1,1"
    switch.write(line)
    assert closed(switch) == "(@)"
    assert switch.query(":SYST:ERR?") == NO_ERROR


def test_cards_by_slot(switch):
    assert switch.query(":CONF:SLOT:CTYP?") == switch.query(":CONF:SLOT1:CTYP?") == "C7012"


def test_service_is_requested_by_the_end_of_a_scan(switch):
    switch.write("*CLS;*ESE 1;*SRE 32;:SCAN (@1!1!1,1!1!2);:TRIG:SOUR TIM;TIM 0.2;:INIT;*OPC")
    switch.enable_event(EventType.service_request, pyvisa.constants.EventMechanism.queue)
    switch.wait_on_event(EventType.service_request, 5000)
    assert switch.read_stb() & 96 == 96
    assert closed(switch) == "(@1!1!2)"
