"""The SCPI switch systems 7001 and 7002: lists, states, errors, and relays in the shared world."""

import pytest
import pyvisa

STATION = """
[instruments.matrix]
address = "GPIB0::7::INSTR"
[instruments.smu]
address = "GPIB0::26::INSTR"
[array]
rows = 1
cols = 1
[wiring]
word_lines = ["1-01"]
bit_lines = ["2-10"]
rows = { smu = "B", ground = "D" }
[simulation]
profile = "vcma_long_pulse"
array_seed = 5
noise_seed = 1
[simulation.models]
matrix = "labctl_sim.keithley7001:MODEL"
smu = "labctl_sim.keithley2636b:Keithley2636B"
"""
NO_ERROR = '0,"No error"'


@pytest.fixture
def opened(tmp_path):
    managers = []

    def start(model="Keithley7001"):
        path = tmp_path / f"{model}.toml"
        path.write_text(STATION.replace("MODEL", model), encoding="utf-8")
        manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
        managers.append(manager)
        return manager

    yield start
    for manager in managers:
        manager.close()


@pytest.fixture
def switch(opened):
    return opened().open_resource("GPIB0::7::INSTR", read_termination="\n")


@pytest.mark.parametrize("model", ["7001", "7002"])
def test_identity(opened, model):
    switch = opened(f"Keithley{model}").open_resource("GPIB0::7::INSTR")
    assert switch.query("*IDN?").startswith(f"KEITHLEY INSTRUMENTS INC.,MODEL {model},SIM")


@pytest.mark.parametrize("root", ["", ":", ":ROUT:", "rout:", ":ROUTe:"])
def test_close_adds_and_open_removes(switch, root):
    switch.write(f"{root}CLOS (@1!1!1,1!2!2)")
    switch.write(f"{root}CLOSE (@2!4!10)")
    assert switch.query(f"{root}CLOS:STAT?") == "(@1!1!1,1!2!2,2!4!10)"
    switch.write(f"{root}OPEN (@ 1!1!1 )")
    assert switch.query(f"{root}CLOS? (@1!1!1,1!2!2,2!4!10)") == "0,1,1"
    assert switch.query(f"{root}OPEN? (@1!1!1,1!2!2)") == "1,0"
    switch.write(f"{root}OPEN ALL")
    assert switch.query(f"{root}CLOS:STAT?") == "(@)"
    assert switch.query(":SYST:ERR?") == NO_ERROR


def test_ranges_span_every_dimension(switch):
    switch.write(":CLOS (@1!1!1:1!2!3)")
    assert switch.query(":CLOS:STAT?") == "(@1!1!1,1!1!2,1!1!3,1!2!1,1!2!2,1!2!3)"
    whole = (
        "(@ 1!1!1:1!1!10,1!2!1:1!2!10,1!3!1:1!3!10,1!4!1:1!4!10,2!1!1:2!1!10,2!2!1:2!2!10,2!3!1:2!3!10,2!4!1:2!4!10)"
    )
    states = switch.query(f":CLOS? {whole}").split(",")
    assert (len(states), states.count("1")) == (80, 6)


def test_compounds_move_the_path(switch):
    switch.write(":rout:open all; clos (@1!1!1);:CLOS (@1!1!2);*ESE 1")
    assert switch.query(":CLOS:STAT?;:SYST:ERR?") == f"(@1!1!1,1!1!2);{NO_ERROR}"


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (":CLOS (@3!1!1)", '-222,"Parameter data out of range"'),
        (":CLOS (@1!1!1,1!5!1)", '-222,"Parameter data out of range"'),
        (":CLOS (@1!1!11)", '-222,"Parameter data out of range"'),
        (":CLOS", '-109,"Missing parameter"'),
        (":CLOS (@1!1!1),(@1!1!2)", '-108,"Parameter not allowed"'),
        (":CLOS:STAT (@1!1!1)", '-113,"Undefined header"'),
        (":NONS:ENSE (@1!1!1)", '-113,"Undefined header"'),
        (":FCH (@1!1!3);:CLOS (@1!1!2,1!1!3)", '-221,"Settings conflict"'),
        ("*TRG", '-211,"Trigger ignored"'),
    ],
)
def test_errors_move_nothing_and_drop_the_rest(switch, message, error):
    switch.write(f"{message};:CLOS (@2!1!1)")
    assert switch.query(":SYST:ERR?") == error
    assert switch.query(":SYST:ERR?") == NO_ERROR
    assert switch.query(":CLOS:STAT?") == "(@)"


@pytest.mark.parametrize("bad", ["(@1!1)", "(1!1!1)", "1!1!1", "(@1!1!1", "(@a!b!c)", "ALL"])
def test_what_is_no_channel_list(switch, bad):
    switch.write(f":CLOS {bad}")
    assert switch.query(":SYST:ERR?").startswith("-1")
    assert switch.query(":CLOS:STAT?") == "(@)"


def test_the_queue_is_ten_deep(switch):
    for _ in range(12):
        switch.write(":NONS")
    errors = [switch.query(":STAT:QUE?") for _ in range(11)]
    assert errors[-2:] == ['-350,"Queue overflow"', NO_ERROR]


def test_memories_and_reset(switch):
    switch.write(":CLOS (@1!1!1);:MEM:SAVE M5;:OPEN ALL;:MEM:REC M5")
    assert switch.query(":CLOS:STAT?") == "(@1!1!1)"
    switch.write("*RST")
    assert switch.query(":CLOS:STAT?") == "(@)"
    switch.write(":MEM:REC M101")
    assert switch.query(":SYST:ERR?").startswith("-222")


def test_relays_are_in_the_world(opened):
    manager = opened()
    world = manager.visalib.world
    switch = manager.open_resource("GPIB0::7::INSTR", read_termination="\n")
    smu = manager.open_resource("GPIB0::26::INSTR", read_termination="\n")
    before = world.now()
    switch.write(":CLOS (@1!2!1,2!4!10)")  # the source-meter's row to the word line, the bit line to ground
    assert world.now() - before == pytest.approx(3e-3)
    smu.write("smua.source.levelv = 0.02 smua.source.output = 1")
    assert 1e3 < float(smu.query("print(smua.measure.r())")) < 1e6
    switch.write(":OPEN ALL;CLOS (@1!2!1,2!4!10)")  # as labs send it, and hot
    assert world.hot_switches == 2
    switch.write(":CONF:STIM 0.5;:OPEN ALL")
    assert switch.query("*OPC?") == "1"
