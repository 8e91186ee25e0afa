"""What a station file says of one instrument, and what cannot be built from it: refused, with role, model, options."""

import pytest
import pyvisa

from labctl.core.errors import StationError


def refused(path, *words):
    with pytest.raises(StationError) as caught:
        pyvisa.ResourceManager(f"sim:{path}@labctl")
    for word in (str(path), *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("model", ["keithley2400", "keithley2636b"])
@pytest.mark.parametrize("value", ['"fifty"', "0", "55", "true", "[50]", "nan"])
def test_the_mains_have_50_or_60_hertz(station, model, value):
    path = station(f"[simulation.options.smu]\nline_hertz = {value}\n", smu=f'"{model}"')
    refused(path, "'smu'", f"'{model}'", "line_hertz", "50 or 60")


def test_a_line_frequency_is_heeded(station, opened):
    bench = opened(station("[simulation.options.smu]\nline_hertz = 60\n"))
    assert bench.smu.query(":SYST:LFR?") == "60\n"


@pytest.mark.parametrize("model", ["os:getcwd", "builtins:print", "math:pi", "decimal:Decimal"])
def test_a_model_that_is_no_front_panel_is_named(station, model):
    refused(station(smu=f'"{model}"'), "'smu'", f"'{model}'", "[simulation.models]")


@pytest.mark.parametrize(
    ("role", "options", "model"),
    [("matrix", "slots = 5", "keithley707b"), ("matrix", 'rows = "many"', "keithley7001")],
)
def test_options_that_make_no_sense_are_shown(station, role, options, model):
    path = station(f"[simulation.options.{role}]\n{options}\n", matrix=f'"{model}"')
    refused(path, f"'{role}'", f"'{model}'", options.partition(" ")[0])


def test_options_of_a_role_are_a_table(station):
    refused(station("[simulation.options]\nsmu = 5\n"), "'smu'", "[simulation.options.smu]")


def test_a_second_matrix_is_refused_because_the_lines_are_wired_to_one(station):
    path = station()
    text = path.read_text(encoding="utf-8")
    text = text.replace("[array]", '[instruments.m2]\ndriver = "none"\naddress = "GPIB0::7::INSTR"\n[array]', 1)
    path.write_text(
        text.replace("[simulation.models]", '[simulation.models]\nm2 = "keithley7001"', 1), encoding="utf-8"
    )
    refused(path, "2 switch matrices", "matrix and m2")
