"""Whatever is sent to a simulated instrument: no exception comes out, and after a device clear it answers ``*IDN?``.

At least 20,000 messages per instrument: hypothesis draws some messages and a seed, and each example sends a batch of
changed copies of these, of the instrument's golden transcript and of its command table.
"""

import re
import time

import numpy as np
import pytest
import pyvisa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labctl.bench.transcript import parse
from labctl_sim import transcripts
from labctl_sim.scpi import ScpiPanel
from labctl_sim.stations import demo

PULSER, SMU = "USB0::0x0957::0x4108::SIM00001::INSTR", "GPIB0::24::INSTR"
MATRIX, DIGITIZER = "TCPIP0::192.0.2.17::inst0::INSTR", "TCPIP0::192.0.2.18::inst0::INSTR"
MODELS = {
    "keithley2400": ("smu", SMU, "labctl_sim.keithley2400:Keithley2400"),
    "keithley2636b": ("smu", SMU, "labctl_sim.keithley2636b:Keithley2636B"),
    "keithley7001": ("matrix", MATRIX, "labctl_sim.keithley7001:Keithley7001"),
    "keithley707b": ("matrix", MATRIX, "labctl_sim.keithley707b:Keithley707B"),
    "keysight81160a": ("pulser", PULSER, "labctl_sim.keysight81160a:Keysight81160A"),
    "pg1074": ("pulser", PULSER, "labctl_sim.pg1074:PG1074"),
    "redpitaya": ("digitizer", DIGITIZER, "labctl_sim.redpitaya:RedPitaya"),
    "tektronixmso": ("digitizer", DIGITIZER, "labctl_sim.tektronixmso:TektronixMSO"),
}
EXAMPLES, BATCH = 80, 250
assert EXAMPLES * BATCH >= 20_000
LONG = 1_000_000
THOROUGH = ("Keithley2400", "Keithley707B")
PATIENCE_SECONDS = 20.0  # wall time for one message of 1 MB, on a slow and busy machine

PARTS = [
    b";", b";:", b":", b"?", b",", b" ", b"*", b"#", b"#0", b"#210", b"#9999999999", b'"', b"'", b"(", b")",
    b"(@1!1!1:9)", b"\n", b"\r\n", b"\x00", b"\xff", b"-", b"1E999", b"NAN", b"INF", b"-0", b"1e-320",
    b"#HFFFFFFFFFFFFFFFFFFFF", b"MIN", b"MAX", b"DEF", b"ON", b"2147483647", b"99999999999999999999", b"V", b"ns",
    b"%", b"=", b"..", b"nil", b"function", b"end", b"{}", b"[[", b"--", b"*RST", b"*TRG", b"*OPC?", b"*IDN?", b"*WAI",
    b"{" * 50,
]  # fmt: skip


@pytest.fixture(scope="module", params=MODELS)
def instrument(request, tmp_path_factory):
    """One instrument on a bench, kept for all examples: its resource, its panel, and texts that it understands."""
    role, address, name = MODELS[request.param]
    head, mark, rest = demo().read_text(encoding="utf-8").partition("[simulation.models]")
    rest = re.sub(rf'(?m)^{role} = ".*"$', f'{role} = "{name}"', rest, count=1)
    path = tmp_path_factory.mktemp("fuzz") / "station.toml"
    path.write_text(head.replace("array_seed", "noise_seed = 1\narray_seed") + mark + rest, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    panel = next(device.panel for device in manager.visalib._bench.devices.values() if device.role == role)
    yield manager.open_resource(address, timeout=10), panel, known(request.param, panel)
    manager.close()


def known(model, panel):
    """The requests of the golden transcript, and every command of the instrument's table in its long form."""
    golden = parse(getattr(transcripts, model)().read_text(), model)
    texts = [step.data for section in golden.sections for step in section.steps if step.kind == ">"]
    if isinstance(panel, ScpiPanel):
        headers = [re.sub(r"[\[\]]", "", one.pattern).replace("#", "1").upper().encode() for one in panel.table()]
        texts += [text + end for text in headers for end in (b"?", b" 1", b" ON", b" MAX", b" 1E-3")]
    return texts


def changed(text, seeds, dice):
    """A near miss: ``text`` with one to three small mistakes."""
    data = bytearray(text)
    for _ in range(dice.integers(1, 4)):
        at = int(dice.integers(0, len(data) + 1))
        match dice.integers(0, 7):
            case 0:
                del data[at : at + int(dice.integers(1, 4))]
            case 1:
                data[at:at] = PARTS[dice.integers(len(PARTS))]
            case 2:
                data[at:at] = dice.bytes(int(dice.integers(1, 9)))
            case 3:
                data[at:] = bytes(data[at:]).swapcase()
            case 4:
                data += b";" + seeds[dice.integers(len(seeds))]
            case 5:
                data += PARTS[dice.integers(len(PARTS))]
            case 6:
                data[at:] = seeds[dice.integers(len(seeds))][at:]
    return bytes(data)


def is_well(resource, panel):
    """No mistake of ours was hidden; after a device clear it answers, and only what it was asked now."""
    assert getattr(panel, "mistakes", []) == []
    resource.clear()
    resource.write("*RST")
    resource.write("*CLS")
    answer = resource.query("*IDN?")
    assert "SIM" in answer or "REDPITAYA" in answer.upper()


@pytest.mark.slow
@given(
    seed=st.integers(0, 2**32),
    drawn=st.lists(st.one_of(st.binary(min_size=1, max_size=60), st.text(max_size=20).map(str.encode)), max_size=4),
)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_message_gets_an_exception_out_of_an_instrument_or_wedges_it(instrument, seed, drawn):
    resource, panel, texts = instrument
    dice = np.random.Generator(np.random.SFC64(seed))
    seeds = [*texts, *drawn]
    for number in range(BATCH):
        text = drawn[number] if number < len(drawn) else changed(seeds[dice.integers(len(seeds))], seeds, dice)
        resource.write_raw(text + b"\n" if number % 2 else text)
        match dice.integers(0, 40):
            case 0:
                try:
                    resource.read_raw()
                except pyvisa.VisaIOError as error:
                    assert error.error_code == pyvisa.constants.StatusCode.error_timeout  # noqa: PT017
            case 1:
                resource.read_stb()
            case 2:
                resource.assert_trigger()
            case 3:
                resource.clear()
    is_well(resource, panel)


LINES = {
    "letters": b"A" * LONG,
    "colons": b":" * LONG,
    "semicolons": b";" * LONG,
    "commas": b":SOUR:VOLT " + b"1," * (LONG // 2),
    "digits": b":SOUR:VOLT " + b"1" * LONG,
    "spaces": b" " * LONG,
    "quotes": b"'\"" * (LONG // 2),
    "brackets": b"(" * LONG,
    "hashes": b":DATA #" + b"#" * LONG,
    "an unterminated block": b":DATA1:DAC VOLATILE,#9999999999" + b"\x00;\n" * (LONG // 3),
    "an endless block": b":DATA1:DAC VOLATILE,#0" + b"\x00;\n" * (LONG // 3),
    "newlines": b"\n" * LONG,
    "noise": np.random.Generator(np.random.SFC64(5)).bytes(LONG),
    "queries": (b"*IDN?" + b" " * 100 + b";") * (LONG // 106),
}


@pytest.mark.slow
def test_a_megabyte_is_survived(instrument):
    resource, panel, _ = instrument
    # the parser is one for all of a dialect: the slow lines need not be sent to everyone
    kinds = LINES if type(panel).__name__ in THOROUGH else ("letters", "semicolons", "an unterminated block", "noise")
    for kind in kinds:
        began = time.monotonic()
        resource.write_raw(LINES[kind] + b"\n")
        assert time.monotonic() - began < PATIENCE_SECONDS, kind
        is_well(resource, panel)


RUNAWAYS = [
    "while true do end",
    "x = string.rep('x', 1e10)",
    "function f() return f() + 1 end f()",
    "t = {} while true do t[#t + 1] = 'x' .. #t end",
    "print(string.rep('x', 1e6), nil, {}, print)",
    "x = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) print(x[1])",
    "while true do pcall(error, 'again') end",
    "os.exit() io.open('/etc/passwd')",
    "reset = nil errorqueue = nil print = nil *IDN?",
]


@pytest.mark.slow
def test_scripts_without_end_are_stopped(instrument):
    resource, panel, _ = instrument
    if type(panel).__name__ not in THOROUGH or isinstance(panel, ScpiPanel):
        resource.write(";".join(RUNAWAYS[1:]))
        is_well(resource, panel)
        return
    for script in RUNAWAYS:
        began = time.monotonic()
        resource.write(script)
        assert time.monotonic() - began < PATIENCE_SECONDS, script
        is_well(resource, panel)
