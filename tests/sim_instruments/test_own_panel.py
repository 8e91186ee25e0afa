"""The README's own panel, found by its import string and wired by the station file."""

import re
import sys
from pathlib import Path

import pytest
import pyvisa

README = Path(__file__).parents[2] / "sim_instruments" / "README.md"
IMPORTS = """
from labctl_sim.faces import Thevenin
from labctl_sim.scpi import Command, Number, ScpiPanel
"""


def test_the_readmes_battery_drives_a_line(station, tmp_path, monkeypatch):
    code = re.search(r"```python\n(   class Battery.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    (tmp_path / "mylab_battery.py").write_text(IMPORTS + re.sub("(?m)^   ", "", code), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    path = station(
        smu='"mylab_battery:Battery"',
    )
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    try:
        battery = manager.open_resource("GPIB0::24::INSTR")
        assert battery.query("*IDN?") == "MYLAB,BATTERY,SIM0007,1\n"
        manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR").write('channel.close("1B01,1H09")')
        battery.write("VOLT 100 mV")
        assert float(battery.query("MEAS:CURR?")) > 1e-6
        battery.write("VOLT 5")
        assert battery.query("SYST:ERR?") == '-222,"Data out of range"\n'
        assert float(battery.query("VOLT?")) == pytest.approx(0.1)
    finally:
        manager.close()
        sys.modules.pop("mylab_battery", None)
