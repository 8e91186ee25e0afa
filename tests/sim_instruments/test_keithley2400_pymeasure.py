"""PyMeasure's own driver of the source-meter, unmodified, on the simulated one."""

import numpy as np
import pytest
from pymeasure.instruments.keithley import Keithley2400

ADDRESS = "GPIB0::24::INSTR"


@pytest.fixture
def driver(bench):
    bench.route(smu=0)
    smu = Keithley2400(ADDRESS, visa_library=bench.library)
    smu.reset()
    return smu


def test_a_sweep(bench, driver):
    driver.source_mode = "voltage"
    driver.source_voltage_range = 0.2
    driver.compliance_current = 1e-3
    driver.current_nplc = 0.1
    driver.source_enabled = True
    amps = []
    for volts in np.linspace(-0.1, 0.1, 11):
        driver.source_voltage = volts
        amps.append(driver.measure_all()["current"])
    assert driver.check_errors() == []
    assert np.diff(amps).min() > 0
    ohms = 0.2 / (amps[-1] - amps[0])
    cells = bench.world.array
    assert ohms == pytest.approx(1 / cells.conductance(cells.states, np.full(64, 0.1))[:8].sum(), rel=0.05)
    driver.shutdown()
    assert bench.smu.query(":OUTP?") == "0\n"


@pytest.mark.parametrize("points", [2, 50])
def test_its_buffered_acquisition(bench, driver, points):
    driver.source_mode = "voltage"
    driver.compliance_current = 1e-3
    driver.source_voltage = 0.05
    driver.source_enabled = True
    driver.config_buffer(points)
    driver.start_buffer()
    driver.wait_for_buffer(interval=0.0)
    data = driver.buffer_data.reshape(points, 5)
    np.testing.assert_allclose(data[:, 1], bench.world.point().amps["smu"], rtol=1e-3)
    assert driver.mean_current == pytest.approx(data[:, 1].mean(), rel=1e-5)
    assert driver.check_errors() == []
    driver.reset_buffer()
    assert driver.check_errors() == []


def test_a_bus_trigger(driver):
    driver.source_enabled = True
    driver.trigger_on_bus()
    driver.config_buffer(3)
    driver.start_buffer()
    driver.trigger()
    assert driver.buffer_data.shape == (15,)
    assert driver.check_errors() == []


def test_its_current_property_resets_the_compliance_as_on_the_real_one(driver):
    driver.compliance_current = 1e-6
    assert driver.compliance_current == pytest.approx(1e-6)
    driver.source_voltage = 0.01
    assert driver.current is not None
    assert driver.compliance_current == pytest.approx(105e-6)
    assert driver.source_enabled


def test_every_property_can_be_read(driver):
    quiet = {"mean", "max", "min", "std"}  # of an empty buffer
    for name in dir(Keithley2400):
        attribute = getattr(Keithley2400, name)
        old = "deprecated" in (attribute.__doc__ or "").lower()
        if not isinstance(attribute, property) or old or name.split("_")[0].rstrip("s") in quiet:
            continue
        if name not in ("means", "maximums", "minimums", "standard_devs", "buffer_data", "options"):
            getattr(driver, name)
    assert driver.check_errors() == []
